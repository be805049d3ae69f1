#ifndef _NGX_HTTP_WORKSPACES_WAIT_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_WAIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * A request that waits for its operation, in either phase.
 *
 * From watch to unwatch a client that goes away is noticed, unless a body that
 * nobody wants is still being discarded, or there is no client any more.
 * Nothing of a body is read.
 */
ngx_int_t ngx_http_workspaces_watch(ngx_http_request_t *r);
ngx_int_t ngx_http_workspaces_unwatch(ngx_http_request_t *r);

/* Calls the write event handler; the request may be gone after. */
void ngx_http_workspaces_run(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_WAIT_H_INCLUDED_ */
