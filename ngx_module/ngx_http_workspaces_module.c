/*
 * ngx_http_workspaces_module.c - the module as nginx sees it: its
 * directives, its configuration, the start and the end of a worker.
 */

#include "ngx_http_workspaces_module.h"
#include "ngx_http_workspaces_access.h"
#include "ngx_http_workspaces_docs.h"
#include "ngx_http_workspaces_driver.h"
#include "ngx_http_workspaces_log.h"
#include "ngx_http_workspaces_request.h"
#include "ngx_http_workspaces_response.h"
#include "ngx_http_workspaces_status.h"


static void *ngx_http_workspaces_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_workspaces_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_workspaces_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_workspaces_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_workspaces_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_workspaces_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_workspaces_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_workspaces_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_workspaces_add_handler(ngx_conf_t *cf,
    ngx_http_phases phase, ngx_http_handler_pt handler);
static ngx_int_t ngx_http_workspaces_init_process(ngx_cycle_t *cycle);
static void ngx_http_workspaces_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_workspaces_commands[] = {

    /* "if" and "limit_except" are named so that they can be refused with a
     * sentence that helps */

    { ngx_string("workspaces"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_workspaces_conf_mount,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_identity"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_workspaces_conf_identity,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_workspaces_conf_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_seal_keys"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_workspaces_conf_seal_keys,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_invitation_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_workspaces_conf_invitation_ttl,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_smtp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_workspaces_conf_smtp,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_invitation_url"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_workspaces_main_conf_t, invitation_url),
      NULL },

    { ngx_string("workspaces_webhooks"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_workspaces_conf_webhooks,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_workspaces_conf_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_access"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_workspaces_conf_access,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_access_log_only"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_workspaces_loc_conf_t, access_log_only),
      NULL },

    { ngx_string("workspaces_access_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_workspaces_conf_access_errors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_header"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_workspaces_conf_header,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_forward"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_workspaces_loc_conf_t, forward),
      NULL },

    { ngx_string("workspaces_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_workspaces_conf_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("workspaces_docs"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_HTTP_LMT_CONF
                       |NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_workspaces_conf_docs,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_workspaces_module_ctx = {
    ngx_http_workspaces_preconfiguration,  /* preconfiguration */
    ngx_http_workspaces_postconfiguration, /* postconfiguration */

    ngx_http_workspaces_create_main_conf,  /* create main configuration */
    ngx_http_workspaces_init_main_conf,    /* init main configuration */

    ngx_http_workspaces_create_srv_conf,   /* create server configuration */
    ngx_http_workspaces_merge_srv_conf,    /* merge server configuration */

    ngx_http_workspaces_create_loc_conf,   /* create location configuration */
    ngx_http_workspaces_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_workspaces_module = {
    NGX_MODULE_V1,
    &ngx_http_workspaces_module_ctx,       /* module context */
    ngx_http_workspaces_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_workspaces_init_process,      /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_workspaces_exit_process,      /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_workspaces_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_workspaces_main_conf_t));
    if (wmcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     wmcf->redis = { NULL, ... };
     *     wmcf->keyring = NULL;
     *     wmcf->smtp = { NULL, ... };
     *     wmcf->invitation_url = { 0, NULL };
     *     wmcf->webhooks = { NULL, ... };
     *     wmcf->used = NULL;
     *     wmcf->variables = { NULL, ... };
     *     wmcf->header_variables = { NULL, ... };
     *     wmcf->access_used = 0;
     *     wmcf->forward_used = 0;
     *     wmcf->status_used = 0;
     *     wmcf->status_zone = NULL;
     *     wmcf->status = NULL;
     *     wmcf->status_workers = 0;
     *     wmcf->driver = NULL;
     */

    wmcf->request_id = NGX_CONF_UNSET;
    wmcf->cache_size = NGX_CONF_UNSET_SIZE;
    wmcf->cache_max_stale = NGX_CONF_UNSET_MSEC;
    wmcf->invitation_ttl = NGX_CONF_UNSET;

    return wmcf;
}


static char *
ngx_http_workspaces_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    ngx_conf_init_size_value(wmcf->cache_size, 16 * 1024 * 1024);
    ngx_conf_init_msec_value(wmcf->cache_max_stale, 1000);
    ngx_conf_init_value(wmcf->invitation_ttl, 7 * 24 * 60 * 60);

    if (wmcf->used && wmcf->redis.url == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" needs to know its Redis: write "
                      "\"workspaces_redis unix:/path/to/socket;\" or "
                      "\"workspaces_redis redis://host:port;\" in the "
                      "\"http\" block; used in %s:%ui",
                      wmcf->used, wmcf->used_file, wmcf->used_line);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_workspaces_init_smtp(cf, wmcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_workspaces_init_webhooks(cf, wmcf);
}


static void *
ngx_http_workspaces_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_workspaces_srv_conf_t  *wscf;

    wscf = ngx_palloc(cf->pool, sizeof(ngx_http_workspaces_srv_conf_t));
    if (wscf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&wscf->mounts, cf->pool, 4,
                       sizeof(ngx_http_workspaces_mount_t))
        != NGX_OK
        || ngx_array_init(&wscf->docs, cf->pool, 1,
                          sizeof(ngx_http_workspaces_docs_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return wscf;
}


/* Nothing is inherited, but all locations of the server have been read. */

static char *
ngx_http_workspaces_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    return ngx_http_workspaces_docs_init(cf, child);
}


static void *
ngx_http_workspaces_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_workspaces_loc_conf_t  *wlcf;

    wlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_workspaces_loc_conf_t));
    if (wlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     wlcf->prefix = { 0, NULL };
     *     wlcf->mount = { 0, NULL };
     *     wlcf->mount_file = NULL;
     *     wlcf->access_file = NULL;
     *     wlcf->id_header = { 0, NULL };
     *     wlcf->external_header = { 0, NULL };
     *     wlcf->content = NULL;
     *     wlcf->docs = NULL;
     */

    wlcf->dialect = NGX_CONF_UNSET;
    wlcf->identity = NGX_CONF_UNSET_PTR;
    wlcf->access = NGX_CONF_UNSET_PTR;
    wlcf->access_log_only = NGX_CONF_UNSET;
    wlcf->access_errors = NGX_CONF_UNSET_UINT;
    wlcf->forward = NGX_CONF_UNSET;

    return wlcf;
}


static char *
ngx_http_workspaces_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_workspaces_loc_conf_t *prev = parent;
    ngx_http_workspaces_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_workspaces_main_conf_t  *wmcf;

    ngx_conf_merge_ptr_value(conf->identity, prev->identity, NULL);
    ngx_conf_merge_ptr_value(conf->access, prev->access, NULL);
    ngx_conf_merge_value(conf->access_log_only, prev->access_log_only, 0);
    ngx_conf_merge_uint_value(conf->access_errors, prev->access_errors,
                              WSP_ERRORS_PROBLEM);
    ngx_conf_merge_value(conf->forward, prev->forward, 0);

    ngx_conf_merge_str_value(conf->id_header, prev->id_header,
                             "X-Workspace-ID");
    ngx_conf_merge_str_value(conf->external_header, prev->external_header,
                             "X-ATS-Client-ID");

    ngx_http_workspaces_check_access(cf, conf);

    if (ngx_http_workspaces_check_mount(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->forward) {
        wmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_workspaces_module);
        wmcf->forward_used = 1;
    }

    /*
     * What a location serves is not inherited by the locations inside of it,
     * but an "if" or a "limit_except" there is still that same location.
     */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && conf->dialect == NGX_CONF_UNSET) {
        conf->dialect = prev->dialect;
        conf->prefix = prev->prefix;
        conf->mount = prev->mount;
        conf->docs = prev->docs;
    }

    if (clcf->lmt_excpt
        && clcf->handler == NULL
        && conf->dialect != NGX_CONF_UNSET)
    {
        clcf->handler = ngx_http_workspaces_handler;
    }

    if (clcf->lmt_excpt && clcf->handler == NULL && conf->docs) {
        clcf->handler = ngx_http_workspaces_docs_handler;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_workspaces_preconfiguration(ngx_conf_t *cf)
{
    if (wsp_abi_version() != WSP_ABI_VERSION) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the workspaces core has ABI version %d, this "
                           "module needs %d: build both from one source",
                           wsp_abi_version(), WSP_ABI_VERSION);
        return NGX_ERROR;
    }

    return ngx_http_workspaces_add_variables(cf);
}


static ngx_int_t
ngx_http_workspaces_postconfiguration(ngx_conf_t *cf)
{
    ngx_str_t                         name = ngx_string("request_id");
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_workspaces_module);

    if (ngx_http_workspaces_status_add_zone(cf, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (wmcf->access_used
        && ngx_http_workspaces_add_handler(cf, NGX_HTTP_ACCESS_PHASE,
                                           ngx_http_workspaces_access_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((wmcf->access_used || wmcf->forward_used)
        && ngx_http_workspaces_add_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                       ngx_http_workspaces_precontent_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* nginx may complain of a body before it comes to any later phase */

    if (wmcf->before_secret.len
        && ngx_http_workspaces_add_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                           ngx_http_workspaces_log_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wmcf->used == NULL) {
        return NGX_OK;
    }

    wmcf->request_id = ngx_http_get_variable_index(cf, &name);
    if (wmcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_workspaces_filter_init();

    return NGX_OK;
}


/*
 * nginx calls the handlers of a phase from the last to the first.  Access is
 * decided after all others have refused or verified: who is asking may come
 * from auth_request.  Headers are replaced before the others copy them.
 */

static ngx_int_t
ngx_http_workspaces_add_handler(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_uint_t                  n;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    if (phase == NGX_HTTP_ACCESS_PHASE) {
        h = cmcf->phases[phase].handlers.elts;
        n = cmcf->phases[phase].handlers.nelts;

        ngx_memmove(h + 1, h, (n - 1) * sizeof(ngx_http_handler_pt));
    }

    *h = handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_init_process(ngx_cycle_t *cycle)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    /* the cache manager and loader come along here too */

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_workspaces_module);

    if (wmcf == NULL || wmcf->used == NULL) {
        return NGX_OK;
    }

    if (ngx_http_workspaces_find_variables(cycle, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    wmcf->driver = ngx_http_workspaces_driver_create(cycle, wmcf);
    if (wmcf->driver == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_workspaces_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_workspaces_module);

    if (wmcf == NULL || wmcf->driver == NULL) {
        return;
    }

    ngx_http_workspaces_driver_destroy(wmcf->driver);
    wmcf->driver = NULL;
}
