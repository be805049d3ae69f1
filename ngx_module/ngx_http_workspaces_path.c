/*
 * ngx_http_workspaces_path.c - the path below a mount, as the core wants it.
 *
 * nginx chose the location, and with it the rules of access, by r->uri: the
 * path decoded, with "//", "/./" and "/../" resolved.  An id with a slash in
 * it cannot be told from two segments there, so the path as the client sent
 * it is better, but only where it says the same as r->uri: when decoding is
 * all that lies between them.
 */

#include "ngx_http_workspaces_path.h"


static ngx_int_t ngx_http_workspaces_raw_path(ngx_http_request_t *r,
    size_t prefix, ngx_str_t *path);
static ngx_int_t ngx_http_workspaces_unhex(u_char ch);
static ngx_uint_t ngx_http_workspaces_encodes_path(ngx_str_t *uri);


ngx_int_t
ngx_http_workspaces_path(ngx_http_request_t *r, ngx_str_t *prefix,
    ngx_str_t *path)
{
    ngx_str_t  rest;

    /* a rewrite may have led anywhere */

    if (r->uri.len < prefix->len
        || ngx_memcmp(r->uri.data, prefix->data, prefix->len) != 0)
    {
        return NGX_DECLINED;
    }

    rest.data = r->uri.data + prefix->len;
    rest.len = r->uri.len - prefix->len;

    /* "location /api/workspaces" is also asked for "/api/workspacesfoo" */

    if (rest.len && rest.data[0] != '/') {
        return NGX_DECLINED;
    }

    /* the flag is cleared by rewrites, internal redirects and subrequests */

    if (r->valid_unparsed_uri) {

        /* nginx had nothing to decode */

        if (r->uri.data == r->unparsed_uri.data) {
            *path = rest;
            return NGX_OK;
        }

        if (ngx_http_workspaces_raw_path(r, prefix->len, path) == NGX_OK) {
            return NGX_OK;
        }

        /* what an encoded id was resolved to is not what was asked for */

        if (ngx_http_workspaces_encodes_path(&r->unparsed_uri)) {
            return NGX_DECLINED;
        }
    }

    return ngx_http_workspaces_escape_path(r->pool, &rest, path);
}


/*
 * What of the unparsed URI comes after the first `prefix` bytes of r->uri.
 * NGX_DECLINED: it is not just an encoding of r->uri.
 */

static ngx_int_t
ngx_http_workspaces_raw_path(ngx_http_request_t *r, size_t prefix,
    ngx_str_t *path)
{
    u_char     *p, *last, *u, *end, *rest;
    u_char      ch;
    ngx_int_t   high, low;

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    u = r->uri.data;
    end = u + r->uri.len;

    rest = NULL;

    for ( ;; ) {

        if (u == r->uri.data + prefix) {
            rest = p;
        }

        if (p == last || *p == '?' || *p == '#') {
            break;
        }

        ch = *p++;

        if (ch == '%') {
            if (last - p < 2) {
                return NGX_DECLINED;
            }

            high = ngx_http_workspaces_unhex(*p++);
            low = ngx_http_workspaces_unhex(*p++);

            if (high == NGX_ERROR || low == NGX_ERROR) {
                return NGX_DECLINED;
            }

            ch = (u_char) ((high << 4) + low);
        }

        if (u == end || *u++ != ch) {
            return NGX_DECLINED;
        }
    }

    if (u != end || rest == NULL) {
        return NGX_DECLINED;
    }

    /* "/api/workspaces%2F17" has its slash in the wrong place */

    if (rest != p && *rest != '/') {
        return NGX_DECLINED;
    }

    path->data = rest;
    path->len = p - rest;

    return NGX_OK;
}


/* Whether there is an encoded dot or slash. */

static ngx_uint_t
ngx_http_workspaces_encodes_path(ngx_str_t *uri)
{
    u_char  *p, *last;

    last = uri->data + uri->len;

    for (p = uri->data; last - p >= 3 && *p != '?' && *p != '#'; p++) {

        if (p[0] == '%' && p[1] == '2'
            && ((p[2] | 0x20) == 'e' || (p[2] | 0x20) == 'f'))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_workspaces_unhex(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch = (u_char) (ch | 0x20);

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_workspaces_escape_path(ngx_pool_t *pool, ngx_str_t *src,
    ngx_str_t *dst)
{
    size_t      size;
    u_char     *p, *s, *last, *slash;

    /* slashes are counted as well, which does not hurt */

    size = src->len + 2 * ngx_escape_uri(NULL, src->data, src->len,
                                         NGX_ESCAPE_URI_COMPONENT);

    dst->len = 0;
    dst->data = ngx_pnalloc(pool, size ? size : 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    p = dst->data;
    s = src->data;
    last = s + src->len;

    while (s < last) {

        if (*s == '/') {
            *p++ = *s++;
            continue;
        }

        slash = ngx_strlchr(s, last, '/');
        if (slash == NULL) {
            slash = last;
        }

        p = (u_char *) ngx_escape_uri(p, s, slash - s,
                                      NGX_ESCAPE_URI_COMPONENT);
        s = slash;
    }

    dst->len = p - dst->data;

    return NGX_OK;
}
