/*
 * ngx_http_workspaces_conf_webhooks.c - "workspaces_webhooks".
 */

#include "ngx_http_workspaces_module.h"


#define NGX_HTTP_WORKSPACES_WEBHOOKS                                          \
    "\"workspaces_webhooks [allow_http] [allow_private] "                     \
    "[retry=0s,5s,5m,...] "                                                   \
    "[trusted_certificate=file];\" or \"workspaces_webhooks off;\""


static char *ngx_http_workspaces_webhooks_param(ngx_conf_t *cf,
    ngx_http_workspaces_webhooks_conf_t *webhooks, ngx_str_t *param);
static void ngx_http_workspaces_webhooks_cleanup(void *data);


/* workspaces_webhooks [allow_http] [allow_private] [retry=<times>]
 * [trusted_certificate=<file>]; or off */

char *
ngx_http_workspaces_conf_webhooks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    ngx_str_t                            *value;
    ngx_uint_t                            i;
    ngx_http_workspaces_webhooks_conf_t  *webhooks;

    webhooks = &wmcf->webhooks;

    if (webhooks->given) {
        return "is duplicate";
    }

    webhooks->given = 1;

    value = cf->args->elts;

    if (cf->args->nelts > 1 && ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts > 2) {
            return "is \"off\", and takes nothing else";
        }

        webhooks->off = 1;
        return NGX_CONF_OK;
    }

    ngx_http_workspaces_used(cf, wmcf, "workspaces_webhooks");

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_workspaces_webhooks_param(cf, webhooks, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_workspaces_webhooks_param(ngx_conf_t *cf,
    ngx_http_workspaces_webhooks_conf_t *webhooks, ngx_str_t *param)
{
    size_t      len;
    ngx_str_t  *to;

    if (ngx_strcmp(param->data, "allow_http") == 0 && !webhooks->allow_http) {
        webhooks->allow_http = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(param->data, "allow_private") == 0
        && !webhooks->allow_private)
    {
        webhooks->allow_private = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(param->data, "retry=", 6) == 0) {
        len = 6;
        to = &webhooks->retry;

    } else if (ngx_strncmp(param->data, "trusted_certificate=", 20) == 0) {
        len = 20;
        to = &webhooks->trusted;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_webhooks\" has an unknown parameter, "
                           "or one twice: \"%V\": write "
                           NGX_HTTP_WORKSPACES_WEBHOOKS, param);
        return NGX_CONF_ERROR;
    }

    if (to->len || param->len == len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_webhooks\" has \"%*s\" twice, or "
                           "with nothing behind it: write it once", len,
                           param->data);
        return NGX_CONF_ERROR;
    }

    /* arguments of directives end with a NUL */

    to->data = param->data + len;
    to->len = param->len - len;

    if (to == &webhooks->trusted) {
        return ngx_http_workspaces_check_certificates(cf,
                                                      "workspaces_webhooks",
                                                      "trusted_certificate",
                                                      to);
    }

    return NGX_CONF_OK;
}


/* Makes of it what the core takes, when all directives were read. */

char *
ngx_http_workspaces_init_webhooks(ngx_conf_t *cf,
    ngx_http_workspaces_main_conf_t *wmcf)
{
    char                                  error[WSP_ERROR_SIZE];
    ngx_pool_cleanup_t                   *cln;
    wsp_webhooks_options                  options;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_workspaces_webhooks_conf_t  *webhooks;

    webhooks = &wmcf->webhooks;

    if (!webhooks->given || webhooks->off) {
        return NGX_CONF_OK;
    }

    if (wmcf->keyring == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces_webhooks\" needs a key ring, for the "
                      "secrets that sign are stored sealed: write "
                      "\"workspaces_seal_keys file;\" in the \"http\" block");
        return NGX_CONF_ERROR;
    }

    /* nginx makes one without name servers where there is no directive */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    webhooks->resolver = clcf->resolver;

    if (webhooks->resolver == NULL
        || webhooks->resolver->connections.nelts == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"workspaces_webhooks\" needs name servers: write "
                      "\"resolver address;\" in the \"http\" block");
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&options, sizeof(wsp_webhooks_options));

    options.size = sizeof(wsp_webhooks_options);
    options.retry = ngx_http_workspaces_str(&webhooks->retry);
    options.allow_http = webhooks->allow_http;

    error[0] = '\0';

    if (wsp_webhooks_new(&webhooks->webhooks, &options, error) != WSP_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"workspaces_webhooks\": %s",
                      error[0] ? error : "out of memory");
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_workspaces_webhooks_cleanup;
    cln->data = webhooks->webhooks;

    return NGX_CONF_OK;
}


static void
ngx_http_workspaces_webhooks_cleanup(void *data)
{
    wsp_webhooks_free(data);
}
