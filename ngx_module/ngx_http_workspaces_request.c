/*
 * ngx_http_workspaces_request.c - the content handler: makes an operation of
 * a request, waits for it, has its response sent.
 */

#include "ngx_http_workspaces_request.h"
#include "ngx_http_workspaces_body.h"
#include "ngx_http_workspaces_identity.h"
#include "ngx_http_workspaces_path.h"
#include "ngx_http_workspaces_response.h"
#include "ngx_http_workspaces_wait.h"


static void ngx_http_workspaces_cancel(void *data);
static void ngx_http_workspaces_free(void *data);
static void ngx_http_workspaces_start(ngx_http_request_t *r);
static ngx_int_t ngx_http_workspaces_fill(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx);
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

    if (ngx_http_workspaces_headers(r, &request->headers,
                                    &request->header_count)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_workspaces_identify(r, &request->identity);
}


static ngx_int_t
ngx_http_workspaces_suspend(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_workspaces_resume;

    return ngx_http_workspaces_watch(r);
}


static void
ngx_http_workspaces_wake(ngx_http_workspaces_op_t *op)
{
    ngx_http_request_t         *r;
    ngx_http_workspaces_ctx_t  *ctx;

    r = op->data;
    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    if (ctx) {
        ctx->done = 1;
    }

    ngx_http_workspaces_run(r);
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

    if (ngx_http_workspaces_unwatch(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_finalize_request(r, ngx_http_workspaces_send(r, ctx));
}
