#ifndef _NGX_HTTP_WORKSPACES_IDENTITY_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_IDENTITY_H_INCLUDED_


#include "ngx_http_workspaces_module.h"


/*
 * What an operation is told of its request, by location.  Everything lives in
 * the request's pool or in its headers, which outlive the operation.
 */

/* Who is asking.  With nothing configured, or nothing in the variables, it is
 * nobody. */
ngx_int_t ngx_http_workspaces_identify(ngx_http_request_t *r,
    wsp_identity *identity);

/* The headers as the client sent them, whatever was forwarded meanwhile. */
ngx_int_t ngx_http_workspaces_headers(ngx_http_request_t *r,
    const wsp_header **headers, size_t *count);

/* $request_id */
wsp_str ngx_http_workspaces_request_id(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_IDENTITY_H_INCLUDED_ */
