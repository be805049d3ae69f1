#ifndef _NGX_HTTP_WORKSPACES_WEBHOOK_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_WEBHOOK_H_INCLUDED_


#include "ngx_http_workspaces_driver.h"


typedef struct ngx_http_workspaces_webhook_s  ngx_http_workspaces_webhook_t;


/* Of a worker, with the driver's core; NULL: logged. */
ngx_http_workspaces_webhook_t *ngx_http_workspaces_webhook_create(
    ngx_http_workspaces_driver_t *driver, wsp_core *core,
    ngx_http_workspaces_webhooks_conf_t *conf, ngx_log_t *log);

/* What is under way is broken off.  NULL ok. */
void ngx_http_workspaces_webhook_destroy(ngx_http_workspaces_webhook_t *hook);

/* Carries out a job of HTTP, and tells the core what came of it. */
void ngx_http_workspaces_webhook_send(ngx_http_workspaces_webhook_t *hook,
    uint64_t number);


#endif /* _NGX_HTTP_WORKSPACES_WEBHOOK_H_INCLUDED_ */
