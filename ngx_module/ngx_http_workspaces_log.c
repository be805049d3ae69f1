/*
 * ngx_http_workspaces_log.c - the error log has the request and its referrer
 * beside what is wrong, and some paths have a secret in them.
 */

#include "ngx_http_workspaces_log.h"
#include "ngx_http_workspaces_module.h"


/* a number that names something is no secret, and shorter */
#define NGX_HTTP_WORKSPACES_SECRET_MIN  20


static u_char *ngx_http_workspaces_log_request(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);
static u_char *ngx_http_workspaces_segment_end(u_char *p, u_char *last);


/* nginx's own, which writes it all */
static ngx_http_log_handler_pt  ngx_http_workspaces_next_log_handler;


ngx_str_t
ngx_http_workspaces_before_secret(ngx_int_t dialect)
{
    u_char     *p;
    size_t      i;
    ngx_str_t   before;
    wsp_route   route;

    ngx_str_null(&before);

    for (i = 0; wsp_route_get(&route, (int) dialect, i) == WSP_OK; i++) {
        p = ngx_strnstr((u_char *) route.pattern.data, "{token}",
                        route.pattern.len);
        if (p) {
            before.data = (u_char *) route.pattern.data;
            before.len = p - before.data;
            break;
        }
    }

    return before;
}


ngx_int_t
ngx_http_workspaces_log_handler(ngx_http_request_t *r)
{
    if (ngx_http_workspaces_next_log_handler == NULL) {
        ngx_http_workspaces_next_log_handler = r->log_handler;
    }

    if (r->log_handler == ngx_http_workspaces_next_log_handler) {
        r->log_handler = ngx_http_workspaces_log_request;
    }

    return NGX_DECLINED;
}


static u_char *
ngx_http_workspaces_log_request(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                           *p, *end, *last;
    ngx_str_t                        *before;
    ngx_http_workspaces_main_conf_t  *wmcf;

    last = ngx_http_workspaces_next_log_handler(r, sr, buf, len);

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);
    before = &wmcf->before_secret;

    for (p = buf; p + before->len < last; p++) {

        if (ngx_memcmp(p, before->data, before->len) != 0) {
            continue;
        }

        p += before->len;
        end = ngx_http_workspaces_segment_end(p, last);

        /* nginx cuts what is too long: this may be the beginning of one */

        if (end == last || end - p >= NGX_HTTP_WORKSPACES_SECRET_MIN) {
            ngx_memset(p, '*', end - p);
        }

        p = end - 1;
    }

    return last;
}


static u_char *
ngx_http_workspaces_segment_end(u_char *p, u_char *last)
{
    while (p < last && *p != '/' && *p != '?' && *p != '"' && *p > ' ') {
        p++;
    }

    return p;
}
