/*
 * ngx_http_workspaces_request.c - the content handler: makes an operation of
 * a request, waits for it, has its response sent.
 */

#include "ngx_http_workspaces_request.h"
#include "ngx_http_workspaces_body.h"
#include "ngx_http_workspaces_path.h"
#include "ngx_http_workspaces_response.h"


static void ngx_http_workspaces_cancel(void *data);
static void ngx_http_workspaces_free(void *data);
static void ngx_http_workspaces_start(ngx_http_request_t *r);
static ngx_int_t ngx_http_workspaces_fill(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx);
static ngx_int_t ngx_http_workspaces_identify(ngx_http_request_t *r,
    wsp_identity *identity);
static ngx_int_t ngx_http_workspaces_headers(ngx_http_request_t *r,
    wsp_request *request);
static ngx_int_t ngx_http_workspaces_suspend(ngx_http_request_t *r);
static void ngx_http_workspaces_wake(ngx_http_workspaces_op_t *op);
static void ngx_http_workspaces_resume(ngx_http_request_t *r);


ngx_int_t
ngx_http_workspaces_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_str_t                        path;
    ngx_http_workspaces_ctx_t       *ctx;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    rc = ngx_http_workspaces_path(r, &wlcf->prefix, &path);

    if (rc == NGX_DECLINED) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_workspaces_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->request.path = ngx_http_workspaces_str(&path);

    if (ngx_http_workspaces_has_body(r)) {
        return ngx_http_workspaces_read_body(r, ngx_http_workspaces_start);
    }

    /* as reading a body does; given back when the request is finalized */

    r->main->count++;

    ngx_http_workspaces_start(r);

    return NGX_DONE;
}


/*
 * Two cleanups: a request that is terminated must not be woken any more,
 * but what was sent of a response may still be queued (in frames of HTTP/2)
 * and its headers are still to be logged, as long as the pool lives.
 */

ngx_http_workspaces_ctx_t *
ngx_http_workspaces_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t         *pcln;
    ngx_http_cleanup_t         *cln;
    ngx_http_workspaces_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    if (ctx) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_workspaces_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    pcln = ngx_pool_cleanup_add(r->pool, 0);
    if (pcln == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    pcln->handler = ngx_http_workspaces_free;
    pcln->data = ctx;

    cln->handler = ngx_http_workspaces_cancel;
    cln->data = ctx;

    ctx->op.handler = ngx_http_workspaces_wake;
    ctx->op.data = r;

    ngx_http_set_ctx(r, ctx, ngx_http_workspaces_module);

    return ctx;
}


static void
ngx_http_workspaces_cancel(void *data)
{
    ngx_http_workspaces_ctx_t *ctx = data;

    if (ctx->op.waiting) {
        ngx_http_workspaces_op_end(&ctx->op);
    }
}


static void
ngx_http_workspaces_free(void *data)
{
    ngx_http_workspaces_ctx_t *ctx = data;

    ngx_http_workspaces_op_end(&ctx->op);
    ngx_http_workspaces_free_body(ctx);
}


/* With its body read and a reference of its own, which finalization takes. */

static void
ngx_http_workspaces_start(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_http_workspaces_ctx_t        *ctx;
    ngx_http_workspaces_main_conf_t  *wmcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    if (wmcf->driver == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_SERVICE_UNAVAILABLE);
        return;
    }

    if (ngx_http_workspaces_fill(r, ctx) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_workspaces_op_start(wmcf->driver, &ctx->op, &ctx->request);

    if (rc == NGX_OK) {
        ngx_http_finalize_request(r, ngx_http_workspaces_send(r, ctx));
        return;
    }

    if (rc == NGX_ERROR || ngx_http_workspaces_suspend(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static ngx_int_t
ngx_http_workspaces_fill(ngx_http_request_t *r, ngx_http_workspaces_ctx_t *ctx)
{
    wsp_request                     *request;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    request = &ctx->request;

    request->size = sizeof(wsp_request);
    request->dialect = (int) wlcf->dialect;
    request->method = ngx_http_workspaces_str(&r->method_name);
    request->mount = ngx_http_workspaces_str(&wlcf->mount);
    request->query = ngx_http_workspaces_str(&r->args);
    request->body.data = (const char *) ctx->body;
    request->body.len = ctx->body_len;
    request->request_id = ngx_http_workspaces_request_id(r);

    if (ngx_http_workspaces_headers(r, request) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_workspaces_identify(r, &request->identity);
}


/* With nothing configured, or nothing in the variables, it is nobody. */

static ngx_int_t
ngx_http_workspaces_identify(ngx_http_request_t *r, wsp_identity *identity)
{
    ngx_str_t                        value;
    ngx_uint_t                       i;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    wsp_str  *traits[] = {
        &identity->tenant,              /* NGX_HTTP_WORKSPACES_TENANT */
        &identity->user,                /* NGX_HTTP_WORKSPACES_USER */
        &identity->email,               /* NGX_HTTP_WORKSPACES_EMAIL */
        &identity->name,                /* NGX_HTTP_WORKSPACES_NAME */
        &identity->roles,               /* NGX_HTTP_WORKSPACES_ROLES */
        &identity->permissions,         /* NGX_HTTP_WORKSPACES_PERMISSIONS */
        &identity->admin                /* NGX_HTTP_WORKSPACES_ADMIN */
    };

    ngx_memzero(identity, sizeof(wsp_identity));

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    if (wlcf->identity == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < NGX_HTTP_WORKSPACES_TRAITS; i++) {

        if (wlcf->identity->traits[i] == NULL) {
            continue;
        }

        if (ngx_http_complex_value(r, wlcf->identity->traits[i], &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        *traits[i] = ngx_http_workspaces_str(&value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_headers(ngx_http_request_t *r, wsp_request *request)
{
    ngx_uint_t        i, n;
    wsp_header       *header;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    if (n == 0) {
        request->headers = NULL;
        request->header_count = 0;
        return NGX_OK;
    }

    header = ngx_palloc(r->pool, n * sizeof(wsp_header));
    if (header == NULL) {
        return NGX_ERROR;
    }

    request->headers = header;
    request->header_count = n;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            header->name = ngx_http_workspaces_str(&h[i].key);
            header->value = ngx_http_workspaces_str(&h[i].value);
            header++;
        }
    }

    return NGX_OK;
}


wsp_str
ngx_http_workspaces_request_id(ngx_http_request_t *r)
{
    wsp_str                           str;
    ngx_http_variable_value_t        *vv;
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    vv = ngx_http_get_indexed_variable(r, wmcf->request_id);

    if (vv == NULL || vv->not_found) {
        str.data = "";
        str.len = 0;
        return str;
    }

    str.data = (const char *) vv->data;
    str.len = vv->len;

    return str;
}


/* Meanwhile a client that goes away is noticed, unless a body that nobody
 * wants is still being discarded, or there is no client any more. */

static ngx_int_t
ngx_http_workspaces_suspend(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    r->write_event_handler = ngx_http_workspaces_resume;

    if (r->discard_body || r->post_action) {
        return NGX_OK;
    }

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else {
        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_OK;
}


static void
ngx_http_workspaces_wake(ngx_http_workspaces_op_t *op)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_workspaces_ctx_t  *ctx;

    r = op->data;
    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    if (ctx) {
        ctx->done = 1;
    }

    /* the request may be gone before its posted requests are run */

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "workspaces wake: \"%V?%V\"", &r->uri, &r->args);

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


/* The write event handler while waiting: nginx calls it at other times too. */

static void
ngx_http_workspaces_resume(ngx_http_request_t *r)
{
    ngx_connection_t           *c;
    ngx_http_workspaces_ctx_t  *ctx;

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    if (ctx == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (!ctx->done) {
        if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    if (!r->discard_body) {
        if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        r->read_event_handler = ngx_http_block_reading;
    }

    ngx_http_finalize_request(r, ngx_http_workspaces_send(r, ctx));
}
