/*
 * ngx_http_workspaces_conf_keys.c - "workspaces_seal_keys".
 */

#include "ngx_http_workspaces_module.h"


static void ngx_http_workspaces_keyring_cleanup(void *data);


/* workspaces_seal_keys <file>; */

char *
ngx_http_workspaces_conf_seal_keys(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_workspaces_main_conf_t *wmcf = conf;

    int                  rc;
    char                 error[WSP_ERROR_SIZE];
    wsp_str              text;
    ngx_str_t           *value, name;
    ngx_pool_cleanup_t  *cln;

    if (wmcf->keyring) {
        return "is duplicate";
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_http_workspaces_read_file(cf, "workspaces_seal_keys", &name, 1,
                                      &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    error[0] = '\0';

    rc = wsp_keyring_parse(&wmcf->keyring, text, error);

    ngx_http_workspaces_free_text(&text);

    if (rc != WSP_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"workspaces_seal_keys\": \"%V\": %s", &name,
                           error[0] ? error : "out of memory");
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_workspaces_keyring_cleanup;
    cln->data = wmcf->keyring;

    return NGX_CONF_OK;
}


static void
ngx_http_workspaces_keyring_cleanup(void *data)
{
    wsp_keyring_free(data);
}
