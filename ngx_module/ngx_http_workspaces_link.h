#ifndef _NGX_HTTP_WORKSPACES_LINK_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_LINK_H_INCLUDED_


#include "ngx_http_workspaces_module.h"


typedef struct {
    ngx_http_workspaces_driver_t  *driver;
    wsp_core                      *core;        /* the driver's */
    unsigned                       number;      /* what the core calls it */

    ngx_addr_t                    *addrs;       /* the configuration's */
    ngx_uint_t                     naddrs;

    ngx_uint_t                     address;     /* the one in use */
    ngx_connection_t              *connection;  /* NULL: closed */

    ngx_log_t                      log;         /* a quieter one */

    unsigned                       tried:1;     /* the address has failed */
    unsigned                       connected:1;
} ngx_http_workspaces_link_t;


/* The fields down to `naddrs` are the driver's to set. */
void ngx_http_workspaces_link_init(ngx_http_workspaces_link_t *link,
    ngx_log_t *log);

/* Tells the core what comes of it. */
void ngx_http_workspaces_link_connect(ngx_http_workspaces_link_t *link);

/* Writes what the core has for it, as far as the socket takes it. */
void ngx_http_workspaces_link_write(ngx_http_workspaces_link_t *link);

/* Without telling the core.  A closed link stays closed. */
void ngx_http_workspaces_link_close(ngx_http_workspaces_link_t *link);


#endif /* _NGX_HTTP_WORKSPACES_LINK_H_INCLUDED_ */
