/*
 * ngx_http_workspaces_conf.c - "workspaces", "workspaces_identity" and
 * "workspaces_invitation_ttl".
 *
 * Whatever is refused is refused with a sentence that says what to write
 * instead, and that never repeats a password or a key.
 */

#include "ngx_http_workspaces_module.h"
#include "ngx_http_workspaces_log.h"
#include "ngx_http_workspaces_path.h"
#include "ngx_http_workspaces_request.h"


#define NGX_HTTP_WORKSPACES_TTL_MIN  60                     /* 1m, seconds */
#define NGX_HTTP_WORKSPACES_TTL_MAX  (365 * 24 * 60 * 60)   /* 1y */


static ngx_int_t ngx_http_workspaces_conf_dialect(ngx_conf_t *cf,
    ngx_str_t *name);
static char *ngx_http_workspaces_identity_trusted(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity);
static char *ngx_http_workspaces_identity_param(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity, ngx_str_t *param);


/* in the order of ngx_http_workspaces_trait_e */

static ngx_str_t  ngx_http_workspaces_trait_names[] = {
    ngx_string("tenant="),
    ngx_string("user="),
    ngx_string("email="),
    ngx_string("name="),
    ngx_string("roles="),
    ngx_string("permissions="),
    ngx_string("admin=")
};


/* workspaces <dialect>; */

char *
ngx_http_workspaces_conf_mount(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    char                             *rv;
    ngx_str_t                        *value;
    const char                       *where;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_workspaces_mount_t      *mount;
    ngx_http_workspaces_srv_conf_t   *wscf;
    ngx_http_workspaces_main_conf_t  *wmcf;

    rv = ngx_http_workspaces_conf_content(cf, wlcf, "workspaces");

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    where = ngx_http_workspaces_misplaced(cf, clcf);

    if (where) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces\" cannot be used in %s: write it in "
                           "a prefix or an exact location, like \"location "
                           "/api/workspaces { workspaces platform; }\"",
                           where);
        return NGX_CONF_ERROR;
    }

    wlcf->dialect = ngx_http_workspaces_conf_dialect(cf, &value[1]);
    if (wlcf->dialect == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    wlcf->mount_file = cf->conf_file->file.name.data;
    wlcf->mount_line = cf->conf_file->line;

    wlcf->prefix = clcf->name;

    if (wlcf->prefix.len && wlcf->prefix.data[wlcf->prefix.len - 1] == '/') {
        wlcf->prefix.len--;

        if (wlcf->prefix.len) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "requests for \"%V\" itself do not come to "
                               "\"workspaces\" in location \"%V/\": write "
                               "\"location %V\"", &wlcf->prefix,
                               &wlcf->prefix, &wlcf->prefix);
        }
    }

    if (ngx_http_workspaces_escape_path(cf->pool, &wlcf->prefix, &wlcf->mount)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_workspaces_module);

    mount = ngx_array_push(&wscf->mounts);
    if (mount == NULL) {
        return NGX_CONF_ERROR;
    }

    mount->dialect = wlcf->dialect;
    mount->path = wlcf->mount;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_workspaces_module);

    ngx_http_workspaces_used(cf, wmcf, "workspaces");

    /* what is begun there in the background is also done here */

    wmcf->works = 1;

    if (wmcf->before_secret.len == 0) {
        wmcf->before_secret =
            ngx_http_workspaces_before_secret(wlcf->dialect);
    }

    clcf->handler = ngx_http_workspaces_handler;

    return NGX_CONF_OK;
}


/* When all was read: a partner is known by its key, and by its secrets. */

char *
ngx_http_workspaces_check_mount(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    if (wlcf->mount_file == NULL || wlcf->dialect != WSP_PARTNER) {
        return NGX_CONF_OK;
    }

    if (wlcf->identity == NULL || !wlcf->identity->by_api_key) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces partner\" in %s:%ui knows who asks by "
                      "API keys alone: write \"workspaces_identity api_key "
                      "user=$http_x_ats_user_id;\"",
                      wlcf->mount_file, wlcf->mount_line);
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_workspaces_module);

    if (wmcf->keyring == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces partner\" in %s:%ui needs a key ring, for "
                      "the secrets of partners are sealed: write "
                      "\"workspaces_seal_keys file;\" in the \"http\" block",
                      wlcf->mount_file, wlcf->mount_line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_workspaces_conf_content(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf, const char *directive)
{
    if (wlcf->content == NULL) {
        wlcf->content = directive;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(wlcf->content, directive) == 0) {
        return "is duplicate";
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s\" cannot be used beside \"%s\": write it in a "
                       "location of its own", directive, wlcf->content);

    return NGX_CONF_ERROR;
}


void
ngx_http_workspaces_used(ngx_conf_t *cf, ngx_http_workspaces_main_conf_t *wmcf,
    const char *directive)
{
    if (wmcf->used == NULL) {
        wmcf->used = directive;
        wmcf->used_file = cf->conf_file->file.name.data;
        wmcf->used_line = cf->conf_file->line;
    }
}


/*
 * Below a mount comes a path, so the mount's own path must be known: a
 * regular expression or a name has none.
 */

const char *
ngx_http_workspaces_misplaced(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf)
{
    if (cf->cmd_type == NGX_HTTP_LIF_CONF) {
        return "\"if\"";
    }

    if (cf->cmd_type == NGX_HTTP_LMT_CONF) {
        return "\"limit_except\"";
    }

#if (NGX_PCRE)
    if (clcf->regex) {
        return "a location given by a regular expression";
    }
#endif

    if (clcf->named) {
        return "a named location";
    }

    return NULL;
}


static ngx_int_t
ngx_http_workspaces_conf_dialect(ngx_conf_t *cf, ngx_str_t *name)
{
    int         dialect;
    u_char     *p, *last;
    u_char      known[256];
    wsp_str     str;

    p = known;
    last = known + sizeof(known);

    for (dialect = 0; dialect < WSP_DIALECTS; dialect++) {
        str = wsp_dialect_name(dialect);

        if (str.len == name->len
            && ngx_memcmp(str.data, name->data, str.len) == 0)
        {
            return dialect;
        }

        p = ngx_slprintf(p, last, "%s%*s", dialect ? ", " : "", str.len,
                         str.data);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown dialect \"%V\" in \"workspaces\": write one "
                       "of (%*s)", name, (size_t) (p - known), known);

    return NGX_ERROR;
}


/* workspaces_identity off | trusted tenant=$t user=$u ... | jwt ... |
 * api_key ...; */

char *
ngx_http_workspaces_conf_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    ngx_str_t                       *value;
    ngx_http_workspaces_identity_t  *identity;

    if (wlcf->identity != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        wlcf->identity = NULL;
        return NGX_CONF_OK;
    }

    identity = ngx_pcalloc(cf->pool, sizeof(ngx_http_workspaces_identity_t));
    if (identity == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->identity = identity;

    if (ngx_strcmp(value[1].data, "trusted") == 0) {
        return ngx_http_workspaces_identity_trusted(cf, identity);
    }

    if (ngx_strcmp(value[1].data, "jwt") == 0) {
        return ngx_http_workspaces_conf_jwt(cf, identity);
    }

    if (ngx_strcmp(value[1].data, "api_key") == 0) {
        return ngx_http_workspaces_conf_api_key(cf, identity);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"workspaces_identity %V\": write "
                       "\"workspaces_identity trusted tenant=$tenant "
                       "user=$user;\", \"workspaces_identity jwt key=<file> "
                       "issuer=... audience=...;\", "
                       "\"workspaces_identity api_key;\" or "
                       "\"workspaces_identity off;\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_workspaces_identity_trusted(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_workspaces_identity_param(cf, identity, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (identity->traits[NGX_HTTP_WORKSPACES_TENANT] == NULL
        || identity->traits[NGX_HTTP_WORKSPACES_USER] == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity trusted\" needs a tenant "
                           "and a user: write \"workspaces_identity trusted "
                           "tenant=$tenant user=$user;\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_workspaces_identity_param(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity, ngx_str_t *param)
{
    ngx_str_t    value, *name;
    ngx_uint_t   i;

    name = ngx_http_workspaces_trait_names;

    for (i = 0; i < NGX_HTTP_WORKSPACES_TRAITS; i++) {
        if (ngx_strncmp(param->data, name[i].data, name[i].len) == 0) {
            break;
        }
    }

    if (i == NGX_HTTP_WORKSPACES_TRAITS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" in "
                           "\"workspaces_identity\": write one of (tenant=, "
                           "user=, email=, name=, roles=, permissions=, "
                           "admin=)", param);
        return NGX_CONF_ERROR;
    }

    if (identity->traits[i]) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_identity\" has \"%V\" twice: write "
                           "it once", &name[i]);
        return NGX_CONF_ERROR;
    }

    value.data = param->data + name[i].len;
    value.len = param->len - name[i].len;

    if (value.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"workspaces_identity\" has no value: "
                           "write a variable, like \"%V$my_variable\"",
                           param, param);
        return NGX_CONF_ERROR;
    }

    identity->traits[i] = ngx_http_workspaces_compile_value(cf, &value);

    if (identity->traits[i] == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* workspaces_invitation_ttl <time>; */

char *
ngx_http_workspaces_conf_invitation_ttl(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    time_t      ttl;
    ngx_str_t  *value;

    if (wmcf->invitation_ttl != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ttl = ngx_parse_time(&value[1], 1);

    if (ttl == (time_t) NGX_ERROR
        || ttl < NGX_HTTP_WORKSPACES_TTL_MIN
        || ttl > NGX_HTTP_WORKSPACES_TTL_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in "
                           "\"workspaces_invitation_ttl\": write one from 1m "
                           "to 1y, like \"7d\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    wmcf->invitation_ttl = ttl;

    return NGX_CONF_OK;
}
