/*
 * ngx_http_workspaces_identity.c - what an operation is told of its request:
 * who asks, with which headers, under which id.
 */

#include "ngx_http_workspaces_driver.h"
#include "ngx_http_workspaces_identity.h"
#include "ngx_http_workspaces_record.h"


/* in bytes, as many as nginx's has */
#define NGX_HTTP_WORKSPACES_REQUEST_ID  16


static ngx_int_t ngx_http_workspaces_identify_trusted(ngx_http_request_t *r,
    ngx_http_workspaces_identity_t *given, wsp_identity *identity);
static void ngx_http_workspaces_identify_bearer(ngx_http_request_t *r,
    ngx_http_workspaces_identity_t *given, wsp_identity *identity);
static ngx_int_t ngx_http_workspaces_identify_api_key(ngx_http_request_t *r,
    ngx_http_workspaces_identity_t *given, wsp_identity *identity);
static wsp_str ngx_http_workspaces_make_request_id(ngx_http_request_t *r,
    ngx_http_workspaces_driver_t *driver, ngx_http_variable_value_t *vv);
static void ngx_http_workspaces_credential(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *none, wsp_str *value);


ngx_int_t
ngx_http_workspaces_identify(ngx_http_request_t *r, wsp_identity *identity)
{
    ngx_http_workspaces_loc_conf_t  *wlcf;

    ngx_memzero(identity, sizeof(wsp_identity));

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    if (wlcf->identity == NULL) {
        return NGX_OK;
    }

    if (wlcf->identity->jwt) {
        ngx_http_workspaces_identify_bearer(r, wlcf->identity, identity);
        return NGX_OK;
    }

    if (wlcf->identity->by_api_key) {
        return ngx_http_workspaces_identify_api_key(r, wlcf->identity,
                                                    identity);
    }

    return ngx_http_workspaces_identify_trusted(r, wlcf->identity, identity);
}


static ngx_int_t
ngx_http_workspaces_identify_trusted(ngx_http_request_t *r,
    ngx_http_workspaces_identity_t *given, wsp_identity *identity)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    wsp_str  *traits[] = {
        &identity->tenant,              /* NGX_HTTP_WORKSPACES_TENANT */
        &identity->user,                /* NGX_HTTP_WORKSPACES_USER */
        &identity->email,               /* NGX_HTTP_WORKSPACES_EMAIL */
        &identity->name,                /* NGX_HTTP_WORKSPACES_NAME */
        &identity->roles,               /* NGX_HTTP_WORKSPACES_ROLES */
        &identity->permissions,         /* NGX_HTTP_WORKSPACES_PERMISSIONS */
        &identity->admin                /* NGX_HTTP_WORKSPACES_ADMIN */
    };

    for (i = 0; i < NGX_HTTP_WORKSPACES_TRAITS; i++) {

        if (given->traits[i] == NULL) {
            continue;
        }

        if (ngx_http_workspaces_value(r, given->traits[i], &value) != NGX_OK) {
            return NGX_ERROR;
        }

        *traits[i] = ngx_http_workspaces_str(&value);
    }

    return NGX_OK;
}


static void
ngx_http_workspaces_identify_bearer(ngx_http_request_t *r,
    ngx_http_workspaces_identity_t *given, wsp_identity *identity)
{
    static ngx_str_t  name = ngx_string("authorization");
    static ngx_str_t  none = ngx_string("Bearer");

    identity->jwt = given->jwt;

    ngx_http_workspaces_credential(r, &name, &none, &identity->authorization);
}


/* The user that the source names acts, if it names one. */

static ngx_int_t
ngx_http_workspaces_identify_api_key(ngx_http_request_t *r,
    ngx_http_workspaces_identity_t *given, wsp_identity *identity)
{
    ngx_str_t  value;

    static ngx_str_t  name = ngx_string("x-api-key");
    static ngx_str_t  none = ngx_string(",");

    if (given->key) {

        if (ngx_http_workspaces_value(r, given->key, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        identity->api_key = ngx_http_workspaces_str(&value);

    } else {
        ngx_http_workspaces_credential(r, &name, &none, &identity->api_key);
    }

    if (identity->api_key.data == NULL) {

        /* an API key is asked for, and there is none */

        identity->api_key.data = "";
        identity->api_key.len = 0;
    }

    return ngx_http_workspaces_identify_trusted(r, given, identity);
}


/*
 * Two credentials may be those of two people, and nginx knows only one of
 * them: the core is given one that is none, and refuses it.
 */

static void
ngx_http_workspaces_credential(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *none, wsp_str *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = ngx_http_workspaces_client_headers(r); part; part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != name->len
                || ngx_strncasecmp(h[i].key.data, name->data, name->len) != 0)
            {
                continue;
            }

            *value = ngx_http_workspaces_str(&h[i].value);
            n++;
        }
    }

    if (n > 1) {
        *value = ngx_http_workspaces_str(none);
    }
}


ngx_int_t
ngx_http_workspaces_headers(ngx_http_request_t *r, const wsp_header **headers,
    size_t *count)
{
    size_t            n;
    ngx_uint_t        i;
    wsp_header       *header;
    ngx_list_part_t  *first, *part;
    ngx_table_elt_t  *h;

    first = ngx_http_workspaces_client_headers(r);

    n = 0;

    for (part = first; part; part = part->next) {
        n += part->nelts;
    }

    *headers = NULL;
    *count = n;

    if (n == 0) {
        return NGX_OK;
    }

    header = ngx_palloc(r->pool, n * sizeof(wsp_header));
    if (header == NULL) {
        return NGX_ERROR;
    }

    *headers = header;

    for (part = first; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            header->name = ngx_http_workspaces_str(&h[i].key);
            header->value = ngx_http_workspaces_str(&h[i].value);
            header++;
        }
    }

    return NGX_OK;
}


/*
 * What nginx would make for $request_id when it is first asked for, with the
 * core's random bytes: OpenSSL's cost as much as half of the rest of a
 * request.
 */

static wsp_str
ngx_http_workspaces_make_request_id(ngx_http_request_t *r,
    ngx_http_workspaces_driver_t *driver, ngx_http_variable_value_t *vv)
{
    u_char   *id;
    wsp_str   str;
    u_char    random[NGX_HTTP_WORKSPACES_REQUEST_ID];

    str.data = "";
    str.len = 0;

    id = ngx_pnalloc(r->pool, 2 * NGX_HTTP_WORKSPACES_REQUEST_ID);
    if (id == NULL) {
        return str;
    }

    ngx_http_workspaces_random(driver, random, sizeof(random));

    ngx_hex_dump(id, random, sizeof(random));

    vv->valid = 1;
    vv->no_cacheable = 0;
    vv->not_found = 0;
    vv->data = id;
    vv->len = 2 * NGX_HTTP_WORKSPACES_REQUEST_ID;

    str.data = (const char *) id;
    str.len = vv->len;

    return str;
}


wsp_str
ngx_http_workspaces_request_id(ngx_http_request_t *r)
{
    wsp_str                           str;
    ngx_http_variable_value_t        *vv;
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    vv = &r->variables[wmcf->request_id];

    if (!vv->valid && wmcf->driver) {
        return ngx_http_workspaces_make_request_id(r, wmcf->driver, vv);
    }

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
