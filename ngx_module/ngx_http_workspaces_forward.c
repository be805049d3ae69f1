/*
 * ngx_http_workspaces_forward.c - "workspaces_forward": what the backend is
 * told in headers.
 *
 * The headers of the request are edited, so that every module that passes
 * them on (proxy, grpc, fastcgi, uwsgi, scgi) does so without a word of
 * configuration.  That is done after the access phase, whoever allowed the
 * request there, and before mirror and try_files, which come next.  The list
 * is replaced, not changed: decisions in other locations are about what the
 * client sent, and subrequests made before share it.
 */

#include "ngx_http_workspaces_access.h"


typedef struct {
    ngx_str_t   name;
    ngx_str_t   lowcase;
    size_t      offset;         /* of a wsp_decision */
} ngx_http_workspaces_forward_t;


static ngx_int_t ngx_http_workspaces_forward(ngx_http_request_t *r,
    ngx_http_workspaces_loc_conf_t *wlcf);
static void ngx_http_workspaces_keep(ngx_list_t *list,
    ngx_list_part_t *part, ngx_http_workspaces_loc_conf_t *wlcf);
static ngx_uint_t ngx_http_workspaces_is_ours(ngx_str_t *name,
    ngx_http_workspaces_loc_conf_t *wlcf);
static ngx_uint_t ngx_http_workspaces_same_name(ngx_str_t *name,
    ngx_str_t *ours);
static ngx_int_t ngx_http_workspaces_tell(ngx_http_request_t *r,
    ngx_list_t *list, ngx_http_workspaces_loc_conf_t *wlcf);
static ngx_int_t ngx_http_workspaces_tell_as(ngx_http_request_t *r,
    ngx_list_t *list, ngx_str_t *name, const wsp_str *value);
static void ngx_http_workspaces_add(ngx_list_t *list, ngx_str_t *name,
    ngx_str_t *lowcase, const wsp_str *value);


static ngx_http_workspaces_forward_t  ngx_http_workspaces_forwarded[] = {

    { ngx_string("X-Workspace-ID"),
      ngx_string("x-workspace-id"),
      offsetof(wsp_decision, workspace_id) },

    { ngx_string("X-ATS-Client-ID"),
      ngx_string("x-ats-client-id"),
      offsetof(wsp_decision, external_id) },

    { ngx_string("X-Workspace-Name"),
      ngx_string("x-workspace-name"),
      offsetof(wsp_decision, name) },

    { ngx_string("X-Workspace-Tenant"),
      ngx_string("x-workspace-tenant"),
      offsetof(wsp_decision, tenant) },

    { ngx_string("X-Workspace-User"),
      ngx_string("x-workspace-user"),
      offsetof(wsp_decision, user) },

    { ngx_string("X-Workspace-Roles"),
      ngx_string("x-workspace-roles"),
      offsetof(wsp_decision, roles) },

    { ngx_string("X-Workspace-Permissions"),
      ngx_string("x-workspace-permissions"),
      offsetof(wsp_decision, permissions) }
};


#define NGX_HTTP_WORKSPACES_FORWARDED                                         \
    (sizeof(ngx_http_workspaces_forwarded)                                    \
     / sizeof(ngx_http_workspaces_forward_t))

/* with the names of the two headers that "workspaces_header" can change, and
 * the user of entity requests */

#define NGX_HTTP_WORKSPACES_TELL_MAX  (NGX_HTTP_WORKSPACES_FORWARDED + 3)


/* a credential for this gateway */

static ngx_str_t  ngx_http_workspaces_api_key = ngx_string("X-API-Key");


/* who asks, where "workspaces_access_errors" is "partner" */

static ngx_http_workspaces_forward_t  ngx_http_workspaces_partner_user = {
    ngx_string("X-ATS-User-ID"),
    ngx_string("x-ats-user-id"),
    offsetof(wsp_decision, user)
};


ngx_int_t
ngx_http_workspaces_precontent_handler(ngx_http_request_t *r)
{
    ngx_http_workspaces_record_t    *record;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    if (r == r->main) {
        record = ngx_http_workspaces_find_record(r);

        /* admitted in spite of us: errors from here on are not ours */

        if (record && record->last) {
            record->last->refusal = 0;
        }
    }

    /* in a mount it is the core that reads them */

    if (!wlcf->forward || wlcf->dialect != NGX_CONF_UNSET) {
        return NGX_DECLINED;
    }

    if (ngx_http_workspaces_forward(r, wlcf) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_workspaces_forward(ngx_http_request_t *r,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_list_t                     list;
    ngx_uint_t                     n;
    ngx_list_part_t               *part;
    ngx_http_workspaces_record_t  *record;

    n = NGX_HTTP_WORKSPACES_TELL_MAX;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    /* all in one part: none is allocated while it is filled */

    if (ngx_list_init(&list, r->pool, n, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_workspaces_keep(&list, &r->headers_in.headers.part, wlcf);

    if (ngx_http_workspaces_tell(r, &list, wlcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r == r->main) {
        record = ngx_http_workspaces_get_record(r);
        if (record == NULL) {
            return NGX_ERROR;
        }

        if (!record->replaced) {
            record->headers = r->headers_in.headers.part;
            record->replaced = 1;
        }
    }

    r->headers_in.headers = list;
    r->headers_in.headers.last = &r->headers_in.headers.part;

    ngx_http_workspaces_flush_headers(r);

    return NGX_OK;
}


static void
ngx_http_workspaces_keep(ngx_list_t *list, ngx_list_part_t *part,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h, *kept;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_workspaces_is_ours(&h[i].key, wlcf)) {
                continue;
            }

            kept = ngx_list_push(list);
            *kept = h[i];
        }
    }
}


static ngx_uint_t
ngx_http_workspaces_is_ours(ngx_str_t *name,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WORKSPACES_FORWARDED; i++) {
        if (ngx_http_workspaces_same_name(name,
                                      &ngx_http_workspaces_forwarded[i].name))
        {
            return 1;
        }
    }

    if (wlcf->access_errors == WSP_ERRORS_PARTNER
        && ngx_http_workspaces_same_name(name,
                                       &ngx_http_workspaces_partner_user.name))
    {
        return 1;
    }

    return ngx_http_workspaces_same_name(name, &ngx_http_workspaces_api_key)
           || ngx_http_workspaces_same_name(name, &wlcf->id_header)
           || ngx_http_workspaces_same_name(name, &wlcf->external_header);
}


/*
 * Backends write headers in many ways (CGI: HTTP_X_WORKSPACE_ID), in which all
 * that is neither letter nor digit becomes the same.
 */

static ngx_uint_t
ngx_http_workspaces_same_name(ngx_str_t *name, ngx_str_t *ours)
{
    u_char  a, b;
    size_t  i;

    if (name->len != ours->len) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        a = ngx_tolower(name->data[i]);
        b = ngx_tolower(ours->data[i]);

        if (a == b) {
            continue;
        }

        if ((a >= 'a' && a <= 'z') || (a >= '0' && a <= '9')
            || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9'))
        {
            return 0;
        }
    }

    return 1;
}


/* Only of a request that was allowed. */

static ngx_int_t
ngx_http_workspaces_tell(ngx_http_request_t *r, ngx_list_t *list,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_uint_t                      i;
    const wsp_str                  *value;
    const wsp_decision             *decision;
    ngx_http_workspaces_forward_t  *f;

    decision = ngx_http_workspaces_decision(r);

    if (decision == NULL || decision->verdict != WSP_ALLOWED) {
        return NGX_OK;
    }

    f = ngx_http_workspaces_forwarded;

    for (i = 0; i < NGX_HTTP_WORKSPACES_FORWARDED; i++) {
        value = (const wsp_str *) ((char *) decision + f[i].offset);

        ngx_http_workspaces_add(list, &f[i].name, &f[i].lowcase, value);
    }

    if (wlcf->access_errors == WSP_ERRORS_PARTNER) {
        f = &ngx_http_workspaces_partner_user;
        value = (const wsp_str *) ((char *) decision + f->offset);

        ngx_http_workspaces_add(list, &f->name, &f->lowcase, value);
    }

    if (ngx_http_workspaces_tell_as(r, list, &wlcf->id_header,
                                    &decision->workspace_id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_workspaces_tell_as(r, list, &wlcf->external_header,
                                       &decision->external_id);
}


/* By the name that the configuration has for it, if that is another. */

static ngx_int_t
ngx_http_workspaces_tell_as(ngx_http_request_t *r, ngx_list_t *list,
    ngx_str_t *name, const wsp_str *value)
{
    ngx_str_t   lowcase;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WORKSPACES_FORWARDED; i++) {
        if (ngx_http_workspaces_same_name(name,
                                      &ngx_http_workspaces_forwarded[i].name))
        {
            return NGX_OK;
        }
    }

    lowcase.len = name->len;
    lowcase.data = ngx_pnalloc(r->pool, name->len);
    if (lowcase.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(lowcase.data, name->data, name->len);

    ngx_http_workspaces_add(list, name, &lowcase, value);

    return NGX_OK;
}


static void
ngx_http_workspaces_add(ngx_list_t *list, ngx_str_t *name, ngx_str_t *lowcase,
    const wsp_str *value)
{
    ngx_table_elt_t  *h;

    if (value->len == 0 || !ngx_http_workspaces_is_sendable(value)) {
        return;
    }

    h = ngx_list_push(list);

    /* since 1.23.0 there is a "next" too */

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = ngx_hash_key(lowcase->data, lowcase->len);
    h->key = *name;
    h->lowcase_key = lowcase->data;
    h->value.data = (u_char *) value->data;
    h->value.len = value->len;
}
