/*
 * ngx_http_workspaces_body.c - reads request bodies.
 *
 * A body may hold a secret, so it is read unbuffered, in pieces that go into
 * memory of our own: it never gets into a temporary file, and is wiped, here
 * and in nginx's buffers.
 */

#include "ngx_http_workspaces_body.h"

#include <sys/mman.h>


#define NGX_HTTP_WORKSPACES_BODY_MIN    4096    /* of unknown length */
#define NGX_HTTP_WORKSPACES_BODY_LARGE  131072


static void ngx_http_workspaces_body_handler(ngx_http_request_t *r);
static void ngx_http_workspaces_body_event_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_workspaces_take_body(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx);
static ngx_int_t ngx_http_workspaces_take_buf(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx, ngx_buf_t *b);
static ngx_int_t ngx_http_workspaces_grow_body(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx, size_t need);
static u_char *ngx_http_workspaces_alloc_body(size_t size, ngx_log_t *log);
static void ngx_http_workspaces_give_back(u_char *body, size_t used,
    size_t size);


ngx_uint_t
ngx_http_workspaces_has_body(ngx_http_request_t *r)
{
    if (r != r->main || r->request_body || r->discard_body) {

        /* read by another module before us, or never to be read */

        return r->request_body != NULL;
    }

    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


ngx_int_t
ngx_http_workspaces_read_body(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    ngx_int_t                   rc;
    ngx_http_workspaces_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    ctx->body_handler = handler;

    if (r == r->main && r->request_body == NULL) {

        if (r->headers_in.content_length_n > WSP_BODY_MAX) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }

        ctx->unbuffered = 1;

        r->request_body_no_buffering = 1;
        r->request_body_in_file_only = 0;
    }

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_workspaces_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* Called with the first piece, or with all of the body. */

static void
ngx_http_workspaces_body_handler(ngx_http_request_t *r)
{
    if (r->reading_body) {
        r->read_event_handler = ngx_http_workspaces_body_event_handler;
    }

    ngx_http_workspaces_body_event_handler(r);
}


static void
ngx_http_workspaces_body_event_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_workspaces_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    if (ctx == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    for ( ;; ) {
        rc = ngx_http_workspaces_take_body(r, ctx);

        if (rc != NGX_OK) {
            break;
        }

        if (!r->reading_body) {
            r->read_event_handler = ngx_http_block_reading;

            ctx->body_handler(r);
            return;
        }

        /* it sets the timer of client_body_timeout, and finds it expired */

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            break;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_workspaces_take_body(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        /* GET has none that means something, HEAD neither */

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
            rc = ngx_http_workspaces_take_buf(r, ctx, cl->buf);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        /* once taken, the room can be read into again */

        if (ctx->unbuffered && cl->buf->pos != cl->buf->last) {
            wsp_wipe(cl->buf->pos, cl->buf->last - cl->buf->pos);
            cl->buf->pos = cl->buf->last;
        }
    }

    if (ctx->unbuffered) {
        r->request_body->bufs = NULL;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_take_buf(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx, ngx_buf_t *b)
{
    off_t      size;
    ssize_t    n;
    ngx_int_t  rc;

    size = ngx_buf_size(b);

    if (size == 0) {
        return NGX_OK;
    }

    if (size > (off_t) (WSP_BODY_MAX - ctx->body_len)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "workspaces: client sent more than the %d bytes that "
                      "a body may have", WSP_BODY_MAX);
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    rc = ngx_http_workspaces_grow_body(r, ctx, ctx->body_len + (size_t) size);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(ctx->body + ctx->body_len, b->pos, (size_t) size);

    } else {

        /* another module had it read, and it was too large for memory */

        n = ngx_read_file(b->file, ctx->body + ctx->body_len, (size_t) size,
                          b->file_pos);

        if (n != (ssize_t) size) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx->body_len += (size_t) size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_grow_body(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx, size_t need)
{
    off_t    length;
    size_t   size;
    u_char  *body;

    if (need <= ctx->body_size) {
        return NGX_OK;
    }

    length = r->headers_in.content_length_n;

    if (!r->headers_in.chunked && length >= (off_t) need
        && length <= WSP_BODY_MAX)
    {
        size = (size_t) length;

    } else {
        size = ngx_max(ctx->body_size * 2, NGX_HTTP_WORKSPACES_BODY_MIN);
        size = ngx_max(size, need);
        size = ngx_min(size, WSP_BODY_MAX);
    }

    body = ngx_http_workspaces_alloc_body(size, r->connection->log);
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->body) {
        ngx_memcpy(body, ctx->body, ctx->body_len);
        ngx_http_workspaces_give_back(ctx->body, ctx->body_len,
                                      ctx->body_size);
    }

    ctx->body = body;
    ctx->body_size = size;

    return NGX_OK;
}


void
ngx_http_workspaces_free_body(ngx_http_workspaces_ctx_t *ctx)
{
    if (ctx->body == NULL) {
        return;
    }

    ngx_http_workspaces_give_back(ctx->body, ctx->body_len, ctx->body_size);

    ctx->body = NULL;
    ctx->body_len = 0;
    ctx->body_size = 0;
}


/*
 * Bodies last as long as clients like, so what is allocated meanwhile comes
 * to lie behind them, and the allocator cannot give back to the system the
 * holes that they leave.  A large one has pages of its own: else a worker
 * would keep the memory of the most bodies that ever came together.
 */

static u_char *
ngx_http_workspaces_alloc_body(size_t size, ngx_log_t *log)
{
    u_char  *body;

    if (size < NGX_HTTP_WORKSPACES_BODY_LARGE) {
        return ngx_alloc(size, log);
    }

    body = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_PRIVATE, -1, 0);

    if (body == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "mmap(MAP_ANON|MAP_PRIVATE, %uz) failed", size);
        return NULL;
    }

    return body;
}


static void
ngx_http_workspaces_give_back(u_char *body, size_t used, size_t size)
{
    wsp_wipe(body, used);

    if (size < NGX_HTTP_WORKSPACES_BODY_LARGE) {
        ngx_free(body);
        return;
    }

    if (munmap(body, size) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "munmap(%p, %uz) failed", body, size);
    }
}
