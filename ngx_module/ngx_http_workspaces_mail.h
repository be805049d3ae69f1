#ifndef _NGX_HTTP_WORKSPACES_MAIL_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_MAIL_H_INCLUDED_


#include "ngx_http_workspaces_driver.h"


typedef struct ngx_http_workspaces_mail_s  ngx_http_workspaces_mail_t;


/* Of a worker, with the driver's core; NULL: logged. */
ngx_http_workspaces_mail_t *ngx_http_workspaces_mail_create(
    ngx_http_workspaces_driver_t *driver, wsp_core *core,
    ngx_http_workspaces_smtp_t *smtp, ngx_log_t *log);

/* What is under way is broken off.  NULL ok. */
void ngx_http_workspaces_mail_destroy(ngx_http_workspaces_mail_t *mail);

/* Carries out a job of mail, and tells the core what came of it. */
void ngx_http_workspaces_mail_send(ngx_http_workspaces_mail_t *mail,
    uint64_t number);


#endif /* _NGX_HTTP_WORKSPACES_MAIL_H_INCLUDED_ */
