/*
 * ngx_http_workspaces_status.c - "workspaces_status": what the workers have
 * counted, as text for Prometheus.
 *
 * The core of each worker counts in a slot of its own, in memory that all of
 * them share.  It is taken once, before there is a worker, and its mutex is
 * never asked for again.  A reload keeps it, unless the number of workers or
 * the module itself has changed: nginx compares the size and the tag.
 */

#include "ngx_http_workspaces_status.h"
#include "ngx_http_workspaces_response.h"


static ngx_int_t ngx_http_workspaces_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_workspaces_status_text(ngx_http_request_t *r,
    wsp_str **out);
static void ngx_http_workspaces_status_free(void *data);
static char *ngx_http_workspaces_status_init_conf(ngx_cycle_t *cycle,
    void *conf);
static size_t ngx_http_workspaces_status_zone_size(size_t size);
static ngx_int_t ngx_http_workspaces_status_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);


static ngx_core_module_t  ngx_http_workspaces_status_module_ctx = {
    ngx_string("workspaces_status"),
    NULL,                                  /* create configuration */
    ngx_http_workspaces_status_init_conf   /* init configuration */
};


ngx_module_t  ngx_http_workspaces_status_module = {
    NGX_MODULE_V1,
    &ngx_http_workspaces_status_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


char *
ngx_http_workspaces_conf_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    char                             *rv;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_workspaces_main_conf_t  *wmcf;

    rv = ngx_http_workspaces_conf_content(cf, wlcf, "workspaces_status");

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_workspaces_module);

    wmcf->status_used = 1;

    clcf->handler = ngx_http_workspaces_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_workspaces_status_handler(ngx_http_request_t *r)
{
    wsp_str    *text, type;
    ngx_int_t   rc;
    ngx_str_t   name = ngx_string("text/plain; version=0.0.4; charset=utf-8");

    rc = ngx_http_workspaces_only_reads(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_workspaces_status_text(r, &text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    type = ngx_http_workspaces_str(&name);

    return ngx_http_workspaces_send_text(r, &type, text);
}


/* It lives as long as the request's pool. */

static ngx_int_t
ngx_http_workspaces_status_text(ngx_http_request_t *r, wsp_str **out)
{
    wsp_str                          *text;
    ngx_pool_cleanup_t               *cln;
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(wsp_str));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    text = cln->data;

    if (wsp_status_render(text, wmcf->status, (unsigned) wmcf->status_workers)
        != WSP_OK)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_workspaces_status_free;

    *out = text;

    return NGX_OK;
}


static void
ngx_http_workspaces_status_free(void *data)
{
    wsp_str *text = data;

    wsp_status_free(*text);
}


/* How large it has to be is not known before "worker_processes" is. */

ngx_int_t
ngx_http_workspaces_status_add_zone(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf)
{
    ngx_str_t        name = ngx_string("workspaces_status");
    ngx_shm_zone_t  *shm_zone;

    if (!wmcf->status_used) {
        return NGX_OK;
    }

    shm_zone = ngx_shared_memory_add(cf, &name, 0,
                                     &ngx_http_workspaces_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_workspaces_status_init_zone;
    shm_zone->data = wmcf;

    wmcf->status_zone = shm_zone;

    return NGX_OK;
}


static char *
ngx_http_workspaces_status_init_conf(ngx_cycle_t *cycle, void *conf)
{
    size_t                            size;
    ngx_core_conf_t                  *ccf;
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_workspaces_module);

    if (wmcf == NULL || wmcf->status_zone == NULL) {
        return NGX_CONF_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    wmcf->status_workers = ccf->master ? (ngx_uint_t) ccf->worker_processes
                                       : 1;

    size = wsp_status_size((unsigned) wmcf->status_workers);

    wmcf->status_zone->shm.size = ngx_http_workspaces_status_zone_size(size);

    return NGX_CONF_OK;
}


/* With what nginx keeps in a zone to give out pages of it. */

static size_t
ngx_http_workspaces_status_zone_size(size_t size)
{
    size_t  pages;

    pages = (size + ngx_pagesize - 1) / ngx_pagesize;
    size = (pages + 8) * (ngx_pagesize + sizeof(ngx_slab_page_t));

    return ngx_align(size, ngx_pagesize);
}


static ngx_int_t
ngx_http_workspaces_status_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_workspaces_main_conf_t *owmcf = data;

    ngx_slab_pool_t                  *shpool;
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = shm_zone->data;

    if (owmcf) {
        wmcf->status = owmcf->status;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        wmcf->status = shpool->data;
        return NGX_OK;
    }

    /* whole pages, so it is aligned for counters */

    wmcf->status = ngx_slab_calloc(shpool,
                             wsp_status_size((unsigned) wmcf->status_workers));
    if (wmcf->status == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "workspaces: no room for %ui workers in the zone of "
                      "\"workspaces_status\"", wmcf->status_workers);
        return NGX_ERROR;
    }

    shpool->data = wmcf->status;

    return NGX_OK;
}
