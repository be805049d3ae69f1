#ifndef _NGX_HTTP_WORKSPACES_BODY_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_BODY_H_INCLUDED_


#include "ngx_http_workspaces_request.h"


ngx_uint_t ngx_http_workspaces_has_body(ngx_http_request_t *r);

/*
 * Reads the body into the context of the request and calls `handler`; a
 * request that fails meanwhile is finalized.  Like
 * ngx_http_read_client_request_body() it takes a reference to the request
 * and returns what a content handler returns.
 */
ngx_int_t ngx_http_workspaces_read_body(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler);

/* Wipes and frees the body.  May be called again. */
void ngx_http_workspaces_free_body(ngx_http_workspaces_ctx_t *ctx);


#endif /* _NGX_HTTP_WORKSPACES_BODY_H_INCLUDED_ */
