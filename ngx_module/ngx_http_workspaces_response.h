#ifndef _NGX_HTTP_WORKSPACES_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_RESPONSE_H_INCLUDED_


#include "ngx_http_workspaces_request.h"


/* Sends the response of the finished operation; for finalization. */
ngx_int_t ngx_http_workspaces_send(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx);

/* For a handler of GET and HEAD: refuses others, and reads no body.  NGX_OK,
 * or what the handler is to answer. */
ngx_int_t ngx_http_workspaces_only_reads(ngx_http_request_t *r);

/* Sends a text with 200; it is borrowed until the request ends. */
ngx_int_t ngx_http_workspaces_send_text(ngx_http_request_t *r,
    const wsp_str *type, const wsp_str *text);

/* Borrows name and value for as long as the request's pool lives. */
ngx_int_t ngx_http_workspaces_push_header(ngx_http_request_t *r,
    const wsp_header *header);

/* Called once for a configuration, after the other filters' own. */
void ngx_http_workspaces_filter_init(void);


#endif /* _NGX_HTTP_WORKSPACES_RESPONSE_H_INCLUDED_ */
