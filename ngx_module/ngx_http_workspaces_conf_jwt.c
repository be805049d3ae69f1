/*
 * ngx_http_workspaces_conf_jwt.c - "workspaces_identity jwt".
 */

#include "ngx_http_workspaces_module.h"


typedef struct {
    ngx_str_t   name;
    int         type;           /* enum wsp_jwt_key_type; 0: of no key */
    size_t      offset;         /* of wsp_jwt_options, else */
} ngx_http_workspaces_jwt_param_t;


static ngx_int_t ngx_http_workspaces_jwt_param(ngx_conf_t *cf,
    wsp_jwt_options *options, ngx_array_t *keys, ngx_str_t *param);
static ngx_int_t ngx_http_workspaces_jwt_key(ngx_conf_t *cf,
    ngx_array_t *keys, int type, ngx_str_t *name);
static ngx_int_t ngx_http_workspaces_jwt_leeway(ngx_conf_t *cf,
    wsp_jwt_options *options, ngx_str_t *value);
static ngx_int_t ngx_http_workspaces_jwt_check(ngx_conf_t *cf,
    wsp_jwt_options *options);
static void ngx_http_workspaces_jwt_cleanup(void *data);


static ngx_http_workspaces_jwt_param_t  ngx_http_workspaces_jwt_params[] = {

    { ngx_string("key="), WSP_JWT_KEY, 0 },
    { ngx_string("secret="), WSP_JWT_SECRET, 0 },
    { ngx_string("jwks="), WSP_JWT_JWKS, 0 },

    { ngx_string("issuer="), 0,
      offsetof(wsp_jwt_options, issuer) },
    { ngx_string("audience="), 0,
      offsetof(wsp_jwt_options, audience) },
    { ngx_string("tenant_claim="), 0,
      offsetof(wsp_jwt_options, tenant_claim) },
    { ngx_string("user_claim="), 0,
      offsetof(wsp_jwt_options, user_claim) },
    { ngx_string("roles_claim="), 0,
      offsetof(wsp_jwt_options, roles_claim) },
    { ngx_string("permissions_claim="), 0,
      offsetof(wsp_jwt_options, permissions_claim) },
    { ngx_string("email_claim="), 0,
      offsetof(wsp_jwt_options, email_claim) },
    { ngx_string("name_claim="), 0,
      offsetof(wsp_jwt_options, name_claim) },
    { ngx_string("admin_claim="), 0,
      offsetof(wsp_jwt_options, admin_claim) },

    { ngx_null_string, 0, 0 }
};


/*
 * workspaces_identity jwt key=<file> | secret=<file> | jwks=<file> ...
 *                         issuer=... audience=... [..._claim=] [leeway=30s];
 */

char *
ngx_http_workspaces_conf_jwt(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity)
{
    int                   rc;
    char                  error[WSP_ERROR_SIZE];
    ngx_str_t            *value;
    ngx_int_t             ok;
    ngx_uint_t            i;
    ngx_array_t           keys;
    wsp_jwt_key          *key;
    wsp_jwt_options       options;
    ngx_pool_cleanup_t   *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&keys, cf->temp_pool, 4, sizeof(wsp_jwt_key))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&options, sizeof(wsp_jwt_options));

    options.size = sizeof(wsp_jwt_options);
    options.leeway_s = 30;

    ok = NGX_OK;
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts && ok == NGX_OK; i++) {
        ok = ngx_http_workspaces_jwt_param(cf, &options, &keys, &value[i]);
    }

    options.keys = keys.elts;
    options.key_count = keys.nelts;

    if (ok == NGX_OK) {
        ok = ngx_http_workspaces_jwt_check(cf, &options);
    }

    if (ok == NGX_OK) {
        error[0] = '\0';

        rc = wsp_jwt_new(&identity->jwt, &options, error);

        if (rc == WSP_OK) {
            cln->handler = ngx_http_workspaces_jwt_cleanup;
            cln->data = identity->jwt;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"workspaces_identity jwt\": %s",
                               error[0] ? error : "out of memory");
            ok = NGX_ERROR;
        }
    }

    key = keys.elts;

    for (i = 0; i < keys.nelts; i++) {
        ngx_http_workspaces_free_text(&key[i].text);
    }

    return ok == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_workspaces_jwt_param(ngx_conf_t *cf, wsp_jwt_options *options,
    ngx_array_t *keys, ngx_str_t *param)
{
    wsp_str                          *field;
    ngx_str_t                         value;
    ngx_http_workspaces_jwt_param_t  *p;

    if (ngx_strncmp(param->data, "leeway=", 7) == 0) {
        value.data = param->data + 7;
        value.len = param->len - 7;

        return ngx_http_workspaces_jwt_leeway(cf, options, &value);
    }

    for (p = ngx_http_workspaces_jwt_params; p->name.len; p++) {
        if (ngx_strncmp(param->data, p->name.data, p->name.len) == 0) {
            break;
        }
    }

    if (p->name.len == 0) {

        /* it may be a secret: not repeated */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity jwt\" has an unknown "
                           "parameter: write key=, secret= or jwks= with a "
                           "file, issuer=, audience= and perhaps "
                           "tenant_claim=, user_claim=, roles_claim=, "
                           "permissions_claim=, email_claim=, name_claim=, "
                           "admin_claim=, leeway=");
        return NGX_ERROR;
    }

    value.data = param->data + p->name.len;
    value.len = param->len - p->name.len;

    if (value.len == 0 || ngx_strlchr(value.data, value.data + value.len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"workspaces_identity jwt\": "
                           "write a value without variables", &p->name);
        return NGX_ERROR;
    }

    if (p->type) {
        return ngx_http_workspaces_jwt_key(cf, keys, p->type, &value);
    }

    field = (wsp_str *) ((char *) options + p->offset);

    if (field->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity jwt\" has \"%V\" twice: "
                           "write it once", &p->name);
        return NGX_ERROR;
    }

    *field = ngx_http_workspaces_str(&value);

    return NGX_OK;
}


/*
 * Only the secret is secret.  Editors and echo end its file with a line break,
 * which is no part of it.
 */

static ngx_int_t
ngx_http_workspaces_jwt_key(ngx_conf_t *cf, ngx_array_t *keys, int type,
    ngx_str_t *name)
{
    wsp_str       text;
    ngx_uint_t    secret;
    wsp_jwt_key  *key;

    secret = (type == WSP_JWT_SECRET);

    if (ngx_http_workspaces_read_file(cf, "workspaces_identity jwt", name,
                                      secret, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (secret && text.len && text.data[text.len - 1] == '\n') {
        text.len--;
    }

    key = ngx_array_push(keys);
    if (key == NULL) {
        ngx_http_workspaces_free_text(&text);
        return NGX_ERROR;
    }

    key->type = type;
    key->text = text;

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_jwt_leeway(ngx_conf_t *cf, wsp_jwt_options *options,
    ngx_str_t *value)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 1);

    if (n == NGX_ERROR || n > 3600) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"leeway=%V\" in \"workspaces_identity "
                           "jwt\": write a time from 0 to 1h, like \"30s\"",
                           value);
        return NGX_ERROR;
    }

    options->leeway_s = (uint32_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_jwt_check(ngx_conf_t *cf, wsp_jwt_options *options)
{
    const char  *missing;

    missing = NULL;

    if (options->key_count == 0) {
        missing = "a key: write key=<file>, secret=<file> or jwks=<file>";

    } else if (options->issuer.len == 0) {
        missing = "an issuer: write issuer=<the iss of its tokens>";

    } else if (options->audience.len == 0) {
        missing = "an audience: write audience=<the aud of its tokens>";
    }

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity jwt\" needs %s", missing);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_workspaces_jwt_cleanup(void *data)
{
    wsp_jwt_free(data);
}
