/*
 * ngx_http_workspaces_delivery.h - one try to deliver a webhook.
 */

#ifndef _NGX_HTTP_WORKSPACES_DELIVERY_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_DELIVERY_H_INCLUDED_


#include "ngx_http_workspaces_curl.h"
#include "ngx_http_workspaces_webhook.h"


/* all header fields of an answer */
#define NGX_HTTP_WORKSPACES_WEBHOOK_HEADER     65536

/* a name has 255 bytes at most (RFC 1035) */
#define NGX_HTTP_WORKSPACES_WEBHOOK_HOST       255

#define NGX_HTTP_WORKSPACES_WEBHOOK_AFTER      64


typedef struct {
    ngx_http_workspaces_job_t        job;
    ngx_http_workspaces_webhook_t   *hook;

    wsp_http_request                 request;   /* the core's */

    ngx_resolver_ctx_t              *resolving; /* NULL: not, or no longer */
    struct curl_slist               *resolved;  /* NULL: it is an address */
    struct curl_slist               *headers;

    /* what was answered */
    size_t                           header_len;
    size_t                           after_len;
    size_t                           body_len;
    u_char                          *body;      /* NULL: nothing yet */

    unsigned                         refused:1; /* an address was */
    unsigned                         full:1;    /* the rest is not read */

    u_char                           after[NGX_HTTP_WORKSPACES_WEBHOOK_AFTER];
    u_char                           host[NGX_HTTP_WORKSPACES_WEBHOOK_HOST];
} ngx_http_workspaces_delivery_t;


struct ngx_http_workspaces_webhook_s {
    ngx_http_workspaces_curl_t            curl;
    ngx_http_workspaces_webhooks_conf_t  *conf;
};


/* Has its request sent, once its host's addresses are known. */
ngx_int_t ngx_http_workspaces_delivery_post(
    ngx_http_workspaces_delivery_t *delivery);


#endif /* _NGX_HTTP_WORKSPACES_DELIVERY_H_INCLUDED_ */
