/*
 * ngx_http_workspaces_conf_api_key.c - "workspaces_identity api_key ...".
 */

#include "ngx_http_workspaces_module.h"


/* workspaces_identity api_key [key=<value>] [user=<value>]; */

char *
ngx_http_workspaces_conf_api_key(ngx_conf_t *cf,
    ngx_http_workspaces_identity_t *identity)
{
    ngx_str_t                     *value, text;
    ngx_uint_t                     i;
    ngx_http_workspaces_value_t  **given;

    identity->by_api_key = 1;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        text = value[i];

        if (ngx_strncmp(text.data, "key=", 4) == 0) {
            given = &identity->key;
            text.data += 4;
            text.len -= 4;

        } else if (ngx_strncmp(text.data, "user=", 5) == 0) {
            given = &identity->traits[NGX_HTTP_WORKSPACES_USER];
            text.data += 5;
            text.len -= 5;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter in \"workspaces_identity "
                               "api_key\": write \"workspaces_identity "
                               "api_key key=$http_x_api_key "
                               "user=$http_x_user;\"");
            return NGX_CONF_ERROR;
        }

        if (*given || text.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a parameter of \"workspaces_identity "
                               "api_key\" is empty or there twice: write "
                               "\"workspaces_identity api_key "
                               "key=$http_x_api_key user=$http_x_user;\"");
            return NGX_CONF_ERROR;
        }

        *given = ngx_http_workspaces_compile_value(cf, &text);

        if (*given == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
