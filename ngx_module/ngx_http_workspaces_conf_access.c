/*
 * ngx_http_workspaces_conf_access.c - "workspaces_access",
 * "workspaces_header" and "workspaces_cache".
 */

#include "ngx_http_workspaces_access.h"


#define NGX_HTTP_WORKSPACES_CACHE_MIN  262144
#define NGX_HTTP_WORKSPACES_STALE_MAX  3600000


static ngx_uint_t ngx_http_workspaces_is_header_name(ngx_str_t *name);
static void ngx_http_workspaces_check_partner(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf);
static ngx_uint_t ngx_http_workspaces_returns(ngx_conf_t *cf,
    void **loc_conf);
static char *ngx_http_workspaces_cache_param(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf, ngx_str_t *param);


/* workspaces_access on | off | <permission>; */

char *
ngx_http_workspaces_conf_access(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    ngx_str_t                        *value;
    ngx_http_workspaces_main_conf_t  *wmcf;

    if (wlcf->access != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->access = NULL;
        return NGX_CONF_OK;
    }

    wlcf->access = ngx_http_workspaces_compile_value(cf, &value[1]);

    if (wlcf->access == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_workspaces_is_constant(wlcf->access)
        && ngx_strcmp(value[1].data, "on") != 0
        && !wsp_is_permission(ngx_http_workspaces_str(&value[1])))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"workspaces_access\": write "
                           "\"on\", \"off\", a permission like \"docs:read\" "
                           "or a variable that holds one of these", &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->access_file = cf->conf_file->file.name.data;
    wlcf->access_line = cf->conf_file->line;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_workspaces_module);

    ngx_http_workspaces_used(cf, wmcf, "workspaces_access");

    wmcf->access_used = 1;

    return NGX_CONF_OK;
}


/*
 * A "return" that stands first in a location, or in its server, ends each of
 * its requests before the access phase: the one case that can be told without
 * knowing the requests.  Asked where "workspaces_access" is written; where it
 * is inherited a "return" is a common thing.
 */

void
ngx_http_workspaces_check_access(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_srv_conf_t  *cscf;

    ngx_http_workspaces_check_partner(cf, wlcf);

    if (wlcf->access_file == NULL) {
        return;
    }

    ctx = cf->ctx;
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (!ngx_http_workspaces_returns(cf, ctx->loc_conf)
        && !ngx_http_workspaces_returns(cf, cscf->ctx->loc_conf))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"workspaces_access\" in %s:%ui never runs, for a "
                  "\"return\" answers before it: move the \"return\" to a "
                  "location with nothing to protect",
                  wlcf->access_file, wlcf->access_line);
}


/*
 * Entity requests need a key and a user.  What a server says is not judged:
 * each of its locations may say more.
 */

static void
ngx_http_workspaces_check_partner(ngx_conf_t *cf,
    ngx_http_workspaces_loc_conf_t *wlcf)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_workspaces_identity_t  *identity;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (wlcf->access == NULL
        || wlcf->access_errors != WSP_ERRORS_PARTNER
        || clcf->name.len == 0)
    {
        return;
    }

    identity = wlcf->identity;

    if (identity
        && identity->by_api_key
        && identity->traits[NGX_HTTP_WORKSPACES_USER])
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"workspaces_access_errors partner\" refuses every request "
                  "of location \"%V\": write \"workspaces_identity api_key "
                  "user=$http_x_ats_user_id;\" there", &clcf->name);
}


/*
 * nginx tells nobody what the rewrite module has for a location or a server:
 * its configuration begins with the array of its compiled code.
 */

static ngx_uint_t
ngx_http_workspaces_returns(ngx_conf_t *cf, void **loc_conf)
{
    ngx_uint_t                 i;
    ngx_array_t               *codes;
    ngx_http_script_code_pt   *code;

    for (i = 0; cf->cycle->modules[i]; i++) {

        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_http_rewrite_module")
            != 0)
        {
            continue;
        }

        codes = *(ngx_array_t **) loc_conf[cf->cycle->modules[i]->ctx_index];

        if (codes == NULL || codes->nelts < sizeof(ngx_http_script_code_pt)) {
            return 0;
        }

        code = codes->elts;

        return *code == ngx_http_script_return_code;
    }

    return 0;
}


/* workspaces_access_errors problem | partner; */

char *
ngx_http_workspaces_conf_access_errors(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->access_errors != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "problem") == 0) {
        wlcf->access_errors = WSP_ERRORS_PROBLEM;

    } else if (ngx_strcmp(value[1].data, "partner") == 0) {
        wlcf->access_errors = WSP_ERRORS_PARTNER;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"workspaces_access_errors\": "
                           "write \"problem\" or \"partner\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* workspaces_header id=<name> external=<name>; */

char *
ngx_http_workspaces_conf_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_loc_conf_t *wlcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (wlcf->id_header.data || wlcf->external_header.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "id=", 3) == 0) {
            name = &wlcf->id_header;
            value[i].data += 3;
            value[i].len -= 3;

        } else if (ngx_strncmp(value[i].data, "external=", 9) == 0) {
            name = &wlcf->external_header;
            value[i].data += 9;
            value[i].len -= 9;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter \"%V\" in "
                               "\"workspaces_header\": write "
                               "\"workspaces_header id=X-Workspace-ID "
                               "external=X-ATS-Client-ID;\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (name->data) {
            return "has a name twice";
        }

        if (!ngx_http_workspaces_is_header_name(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"workspaces_header\": "
                               "write the name of a header, of letters, "
                               "digits and dashes", &value[i]);
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* Those with "_" nginx leaves out unless it is told otherwise. */

static ngx_uint_t
ngx_http_workspaces_is_header_name(ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        ch = ngx_tolower(name->data[i]);

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '-'))
        {
            return 0;
        }
    }

    return name->len != 0;
}


/* workspaces_cache <size> [max_stale=1s] | off; */

char *
ngx_http_workspaces_conf_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (wmcf->cache_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"workspaces_cache off\" takes no \"%V\": "
                               "write \"workspaces_cache off;\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        wmcf->cache_size = 0;
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < NGX_HTTP_WORKSPACES_CACHE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"workspaces_cache\": "
                           "write one from 256k on, like \"16m\", or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    wmcf->cache_size = size;

    if (cf->args->nelts > 2) {
        return ngx_http_workspaces_cache_param(cf, wmcf, &value[2]);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_workspaces_cache_param(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf, ngx_str_t *param)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(param->data, "max_stale=", 10) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" in \"workspaces_cache\": "
                           "write \"workspaces_cache <size> "
                           "[max_stale=1s];\"", param);
        return NGX_CONF_ERROR;
    }

    s.data = param->data + 10;
    s.len = param->len - 10;

    n = ngx_parse_time(&s, 0);

    if (n == NGX_ERROR || n == 0 || n > NGX_HTTP_WORKSPACES_STALE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"workspaces_cache\": write a "
                           "time from 1ms to 1h, like \"1s\"", param);
        return NGX_CONF_ERROR;
    }

    wmcf->cache_max_stale = n;

    return NGX_CONF_OK;
}
