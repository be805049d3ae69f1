/*
 * ngx_http_workspaces_response.c - sends responses, and gives the errors that
 * nginx itself answers within a mount the dialect's shape.
 *
 * Nothing is copied: all of a response belongs to its operation, which lives
 * as long as the request's pool.
 */

#include "ngx_http_workspaces_response.h"
#include "ngx_http_workspaces_access.h"
#include "ngx_http_workspaces_identity.h"


static ngx_int_t ngx_http_workspaces_set_headers(ngx_http_request_t *r,
    const wsp_response *response);
static ngx_uint_t ngx_http_workspaces_is_challenged(ngx_http_request_t *r,
    const wsp_header *header);
static void ngx_http_workspaces_set_content_type(ngx_http_request_t *r,
    const wsp_str *type);
static ngx_int_t ngx_http_workspaces_send_body(ngx_http_request_t *r,
    const wsp_str *body, ngx_http_output_body_filter_pt send);
static ngx_int_t ngx_http_workspaces_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_workspaces_set_request_id(ngx_http_request_t *r);
static const wsp_response *ngx_http_workspaces_error(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx, ngx_int_t dialect);
static ngx_int_t ngx_http_workspaces_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_workspaces_send(ngx_http_request_t *r, ngx_http_workspaces_ctx_t *ctx)
{
    ngx_int_t            rc;
    const wsp_response  *response;

    response = wsp_op_response(ctx->op.op);

    ctx->answered = 1;

    r->headers_out.status = response->status;

    if (ngx_http_workspaces_set_headers(r, response) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the core has judged If-Match and If-None-Match; nginx would answer 412
     * where the write has been done */

    r->disable_not_modified = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (response->body.len == 0) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    return ngx_http_workspaces_send_body(r, &response->body,
                                         ngx_http_output_filter);
}


ngx_int_t
ngx_http_workspaces_only_reads(ngx_http_request_t *r)
{
    ngx_str_t   name = ngx_string("Allow");
    ngx_str_t   value = ngx_string("GET, HEAD");
    wsp_header  allow;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return ngx_http_discard_request_body(r);
    }

    allow.name = ngx_http_workspaces_str(&name);
    allow.value = ngx_http_workspaces_str(&value);

    if (ngx_http_workspaces_push_header(r, &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_NOT_ALLOWED;
}


ngx_int_t
ngx_http_workspaces_send_text(ngx_http_request_t *r, const wsp_str *type,
    const wsp_str *text)
{
    ngx_int_t  rc;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = text->len;

    ngx_http_workspaces_set_content_type(r, type);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_workspaces_send_body(r, text, ngx_http_output_filter);
}


static ngx_int_t
ngx_http_workspaces_set_headers(ngx_http_request_t *r,
    const wsp_response *response)
{
    size_t             i;
    const wsp_header  *header;

    for (i = 0; i < response->header_count; i++) {
        header = &response->headers[i];

        if (ngx_http_workspaces_is_challenged(r, header)) {
            continue;
        }

        if (ngx_http_workspaces_push_header(r, header) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_workspaces_set_content_type(r, &response->content_type);

    if (response->content_type.len) {
        r->headers_out.content_length_n = response->body.len;
    }

    return NGX_OK;
}


/* A module that refused with 401 has said what it wants; one is enough. */

static ngx_uint_t
ngx_http_workspaces_is_challenged(ngx_http_request_t *r,
    const wsp_header *header)
{
    size_t            len;
    ngx_table_elt_t  *h;

    h = r->headers_out.www_authenticate;
    len = sizeof("WWW-Authenticate") - 1;

    return h && h->hash && header->name.len == len
           && ngx_strncasecmp((u_char *) header->name.data,
                              (u_char *) "WWW-Authenticate", len) == 0;
}


/*
 * The charset is told apart, so that types can be compared (gzip_types) and
 * the charset filter does not add a second one.
 */

static void
ngx_http_workspaces_set_content_type(ngx_http_request_t *r,
    const wsp_str *type)
{
    u_char  *p, *last;

    static ngx_str_t  charset = ngx_string("; charset=");

    r->headers_out.content_type.data = (u_char *) type->data;
    r->headers_out.content_type.len = type->len;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_str_null(&r->headers_out.charset);

    if (type->len == 0) {
        return;
    }

    p = memchr(type->data, ';', type->len);

    if (p == NULL) {
        return;
    }

    last = (u_char *) type->data + type->len;

    r->headers_out.content_type_len = p - r->headers_out.content_type.data;

    while (p && (size_t) (last - p) > charset.len) {

        if (ngx_memcmp(p, charset.data, charset.len) == 0) {
            r->headers_out.charset.data = p + charset.len;
            r->headers_out.charset.len = last - r->headers_out.charset.data;
            return;
        }

        p = memchr(p + 1, ';', last - p - 1);
    }
}


/*
 * The one place that adds a response header.  None is told to nginx by a
 * pointer: an "ETag" known to it would be weakened by gzip, and then match no
 * If-Match.
 */

ngx_int_t
ngx_http_workspaces_push_header(ngx_http_request_t *r,
    const wsp_header *header)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /* since 1.23.0 there is a "next" too */

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) header->name.data;
    h->key.len = header->name.len;
    h->value.data = (u_char *) header->value.data;
    h->value.len = header->value.len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_send_body(ngx_http_request_t *r,
    const wsp_str *body, ngx_http_output_body_filter_pt send)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) body->data;
    b->last = b->pos + body->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return send(r, &out);
}


/*
 * The error pages of nginx: those of our refusals in the access phase, and in
 * a mount of a body that is too large, of "deny", of limit_req and the like,
 * and of our own handler's refusals.  A page that is configured by error_page
 * is served by another location; a text given to "return" sets no err_status.
 */

static ngx_int_t
ngx_http_workspaces_header_filter(ngx_http_request_t *r)
{
    const wsp_response              *refusal;
    ngx_http_workspaces_ctx_t       *ctx;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    if (r->err_status < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_next_header_filter(r);
    }

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);
    refusal = ngx_http_workspaces_refusal(r);

    if (refusal == NULL && wlcf->dialect == NGX_CONF_UNSET) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_workspaces_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->answered) {
        return ngx_http_next_header_filter(r);
    }

    ctx->error = refusal;

    if (ctx->error == NULL) {
        ctx->error = ngx_http_workspaces_error(r, ctx, wlcf->dialect);
    }

    if (ctx->error == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_workspaces_set_headers(r, ctx->error) != NGX_OK) {
        return NGX_ERROR;
    }

    if (refusal && ngx_http_workspaces_set_request_id(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->answered = 1;

    return ngx_http_next_header_filter(r);
}


/* An access decision does without: its id is made for refusals only. */

static ngx_int_t
ngx_http_workspaces_set_request_id(ngx_http_request_t *r)
{
    wsp_header  header;

    static ngx_str_t  name = ngx_string("X-Request-ID");

    header.name = ngx_http_workspaces_str(&name);
    header.value = ngx_http_workspaces_request_id(r);

    return ngx_http_workspaces_push_header(r, &header);
}


/* The dialect's own.  NULL: out of memory. */

static const wsp_response *
ngx_http_workspaces_error(ngx_http_request_t *r,
    ngx_http_workspaces_ctx_t *ctx, ngx_int_t dialect)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    /* an operation that has come to nothing */

    ngx_http_workspaces_op_end(&ctx->op);

    if (ngx_http_workspaces_op_error(wmcf->driver, &ctx->op, dialect,
                                     r->headers_out.status,
                                     ngx_http_workspaces_request_id(r))
        != NGX_OK)
    {
        return NULL;
    }

    return wsp_op_response(ctx->op.op);
}


static ngx_int_t
ngx_http_workspaces_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t                *cl;
    ngx_http_workspaces_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_workspaces_module);

    if (ctx == NULL || ctx->error == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    /* nginx's page is taken as sent */

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    if (ctx->error_sent) {
        return ngx_http_next_body_filter(r, NULL);
    }

    ctx->error_sent = 1;

    return ngx_http_workspaces_send_body(r, &ctx->error->body,
                                         ngx_http_next_body_filter);
}


void
ngx_http_workspaces_filter_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_workspaces_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_workspaces_body_filter;
}
