#ifndef _NGX_HTTP_WORKSPACES_RECORD_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_RECORD_H_INCLUDED_


#include "ngx_http_workspaces_driver.h"


typedef struct ngx_http_workspaces_access_s  ngx_http_workspaces_access_t;


/*
 * One decision.  Each redirected location makes its own.  None is freed before
 * the request's pool: variables, log lines and headers point into them.
 */

struct ngx_http_workspaces_access_s {
    ngx_http_workspaces_op_t       op;
    wsp_access_request             request;     /* borrowed by the operation */

    ngx_http_workspaces_access_t  *previous;

    ngx_uint_t                     pass;        /* r->uri_changes then */
    ngx_int_t                      refusal;     /* status given to nginx, or 0 */
};


/*
 * What is known of a request apart from its contexts, which internal redirects
 * wipe: one for the main request and its subrequests.
 */

typedef struct {
    ngx_http_workspaces_access_t  *last;        /* the last decision made */
    ngx_http_workspaces_access_t  *pending;     /* the one to come */

    ngx_list_part_t                headers;     /* as the client sent them */
    unsigned                       replaced:1;  /* those of the request are
                                                   ours now */
} ngx_http_workspaces_record_t;


/* NULL: there is none. */
ngx_http_workspaces_record_t *ngx_http_workspaces_find_record(
    ngx_http_request_t *r);

/* Made when there is none; NULL: out of memory. */
ngx_http_workspaces_record_t *ngx_http_workspaces_get_record(
    ngx_http_request_t *r);

/* What was last decided of the request, in whatever location. */
const wsp_decision *ngx_http_workspaces_decision(ngx_http_request_t *r);

/* The list of what the client sent, as far as r was not given another. */
ngx_list_part_t *ngx_http_workspaces_client_headers(ngx_http_request_t *r);

/* May it be the value of a header? */
ngx_uint_t ngx_http_workspaces_is_sendable(const wsp_str *value);


#endif /* _NGX_HTTP_WORKSPACES_RECORD_H_INCLUDED_ */
