#ifndef _NGX_HTTP_WORKSPACES_PATH_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_PATH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * The percent-encoded path of the request below `prefix`: empty, or beginning
 * with a slash.  NGX_DECLINED: the request is not below it.
 */
ngx_int_t ngx_http_workspaces_path(ngx_http_request_t *r, ngx_str_t *prefix,
    ngx_str_t *path);

/* Escapes all but unreserved characters and slashes. */
ngx_int_t ngx_http_workspaces_escape_path(ngx_pool_t *pool, ngx_str_t *src,
    ngx_str_t *dst);


#endif /* _NGX_HTTP_WORKSPACES_PATH_H_INCLUDED_ */
