#ifndef _NGX_HTTP_WORKSPACES_DOCS_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_DOCS_H_INCLUDED_


#include "ngx_http_workspaces_module.h"


/* workspaces_docs [assets=directory]; */
char *ngx_http_workspaces_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* With all of a server read, makes what depends on its mounts. */
char *ngx_http_workspaces_docs_init(ngx_conf_t *cf,
    ngx_http_workspaces_srv_conf_t *wscf);

ngx_int_t ngx_http_workspaces_docs_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_DOCS_H_INCLUDED_ */
