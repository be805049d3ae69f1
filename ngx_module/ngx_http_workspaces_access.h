#ifndef _NGX_HTTP_WORKSPACES_ACCESS_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_ACCESS_H_INCLUDED_


#include "ngx_http_workspaces_record.h"


ngx_int_t ngx_http_workspaces_access_handler(ngx_http_request_t *r);

/* The body of the error page that nginx is about to send for a refusal of
 * ours.  NULL: the page has another reason. */
const wsp_response *ngx_http_workspaces_refusal(ngx_http_request_t *r);

/* Edits what is proxied, as "workspaces_forward" says. */
ngx_int_t ngx_http_workspaces_precontent_handler(ngx_http_request_t *r);

/* The variables: declared, found among those in use, and computed anew when
 * there is a new decision. */
ngx_int_t ngx_http_workspaces_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_workspaces_find_variables(ngx_cycle_t *cycle,
    ngx_http_workspaces_main_conf_t *wmcf);
void ngx_http_workspaces_flush_variables(ngx_http_request_t *r);

/* $http_*, when the headers have been replaced. */
void ngx_http_workspaces_flush_headers(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_ACCESS_H_INCLUDED_ */
