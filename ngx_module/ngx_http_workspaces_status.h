#ifndef _NGX_HTTP_WORKSPACES_STATUS_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_STATUS_H_INCLUDED_


#include "ngx_http_workspaces_module.h"


/* workspaces_status; */
char *ngx_http_workspaces_conf_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* With all of "http" read, adds the zone if it will be needed. */
ngx_int_t ngx_http_workspaces_status_add_zone(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf);


/*
 * A module of nginx's core, beside ours of http: only such a one is called
 * when all of the configuration has been read.
 */
extern ngx_module_t  ngx_http_workspaces_status_module;


#endif /* _NGX_HTTP_WORKSPACES_STATUS_H_INCLUDED_ */
