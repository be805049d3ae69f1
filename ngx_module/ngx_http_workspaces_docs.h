#ifndef _NGX_HTTP_WORKSPACES_DOCS_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_DOCS_H_INCLUDED_


#include "ngx_http_workspaces_module.h"


#define NGX_HTTP_WORKSPACES_JS    "application/javascript; charset=utf-8"


typedef struct {
    ngx_str_t     name;         /* below the location: "/x.js"; "": the page */
    wsp_str       type;
    wsp_str       text;
    wsp_str       dialect;      /* of a document; empty of all others */
    time_t        modified;     /* -1: made, not read */
} ngx_http_workspaces_docs_file_t;


struct ngx_http_workspaces_docs_s {
    ngx_str_t     prefix;       /* the location, as of a mount */
    ngx_str_t     escaped;
    ngx_array_t   files;        /* ngx_http_workspaces_docs_file_t */

    u_char       *conf_file;
    ngx_uint_t    conf_line;
};


/* workspaces_docs [assets=directory]; */
char *ngx_http_workspaces_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* A file more, with a name and a type so far; or NULL. */
ngx_http_workspaces_docs_file_t *ngx_http_workspaces_docs_add(
    ngx_http_workspaces_docs_t *docs, const char *name, const char *type);

/* With all of a server read, makes what depends on its mounts. */
char *ngx_http_workspaces_docs_init(ngx_conf_t *cf,
    ngx_http_workspaces_srv_conf_t *wscf);

ngx_int_t ngx_http_workspaces_docs_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WORKSPACES_DOCS_H_INCLUDED_ */
