#ifndef _NGX_HTTP_WORKSPACES_REQUEST_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_REQUEST_H_INCLUDED_


#include "ngx_http_workspaces_driver.h"


typedef struct {
    ngx_http_workspaces_op_t         op;

    /*
     * What the operation borrows.  All but the body lives in the request's
     * pool or in its headers, which outlive the operation.
     */
    wsp_request                      request;

    u_char                          *body;      /* owned; NULL: none yet */
    size_t                           body_len;
    size_t                           body_size; /* allocated */
    ngx_http_client_body_handler_pt  body_handler;

    const wsp_response              *error;     /* sent instead of nginx's
                                                   page; NULL: none */

    unsigned                         unbuffered:1;  /* we read the body */
    unsigned                         done:1;        /* may be answered */
    unsigned                         answered:1;    /* the response is ours */
    unsigned                         error_sent:1;
} ngx_http_workspaces_ctx_t;


ngx_int_t ngx_http_workspaces_handler(ngx_http_request_t *r);

/* The context of the request, made when there is none. */
ngx_http_workspaces_ctx_t *ngx_http_workspaces_get_ctx(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_REQUEST_H_INCLUDED_ */
