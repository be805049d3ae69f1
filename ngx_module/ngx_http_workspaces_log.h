#ifndef _NGX_HTTP_WORKSPACES_LOG_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * What stands before a secret in the paths of a dialect; empty where there is
 * none.
 */
ngx_str_t ngx_http_workspaces_before_secret(ngx_int_t dialect);

/*
 * Of the server rewrite phase: what nginx says of the request in the error
 * log is said without the secrets in paths.
 */
ngx_int_t ngx_http_workspaces_log_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_LOG_H_INCLUDED_ */
