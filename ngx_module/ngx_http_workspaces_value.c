/*
 * ngx_http_workspaces_value.c - texts in the configuration that may hold
 * variables.
 *
 * One that is a variable and nothing else, like "$http_x_user", is the rule:
 * its value is taken as it is, where nginx would run a script and copy it.
 */

#include "ngx_http_workspaces_module.h"


static ngx_uint_t ngx_http_workspaces_is_variable(const ngx_str_t *text,
    ngx_str_t *name);


ngx_http_workspaces_value_t *
ngx_http_workspaces_compile_value(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_str_t                          name;
    ngx_http_workspaces_value_t       *value;
    ngx_http_compile_complex_value_t   ccv;

    value = ngx_pcalloc(cf->pool, sizeof(ngx_http_workspaces_value_t));
    if (value == NULL) {
        return NULL;
    }

    value->variable = NGX_ERROR;

    if (ngx_http_workspaces_is_variable(text, &name)) {
        value->variable = ngx_http_get_variable_index(cf, &name);

        return value->variable == NGX_ERROR ? NULL : value;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = &value->complex;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NULL;
    }

    return value;
}


/* "$name"; "$1" is none, it belongs to a regular expression. */

static ngx_uint_t
ngx_http_workspaces_is_variable(const ngx_str_t *text, ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    if (text->len < 2 || text->data[0] != '$'
        || (text->data[1] >= '0' && text->data[1] <= '9'))
    {
        return 0;
    }

    for (i = 1; i < text->len; i++) {
        ch = (u_char) (text->data[i] | 0x20);

        if (!((ch >= 'a' && ch <= 'z')
              || (text->data[i] >= '0' && text->data[i] <= '9')
              || text->data[i] == '_'))
        {
            return 0;
        }
    }

    name->data = text->data + 1;
    name->len = text->len - 1;

    return 1;
}


ngx_uint_t
ngx_http_workspaces_is_constant(const ngx_http_workspaces_value_t *value)
{
    return value->variable == NGX_ERROR && value->complex.lengths == NULL;
}


ngx_int_t
ngx_http_workspaces_value(ngx_http_request_t *r,
    ngx_http_workspaces_value_t *value, ngx_str_t *text)
{
    ngx_http_variable_value_t  *vv;

    if (value->variable == NGX_ERROR) {
        return ngx_http_complex_value(r, &value->complex, text);
    }

    vv = ngx_http_get_flushed_variable(r, (ngx_uint_t) value->variable);

    if (vv == NULL || vv->not_found) {
        ngx_str_null(text);
        return NGX_OK;
    }

    text->data = vv->data;
    text->len = vv->len;

    return NGX_OK;
}
