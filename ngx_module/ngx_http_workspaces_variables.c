/*
 * ngx_http_workspaces_variables.c - $workspace_*.
 *
 * nginx keeps a variable once it is computed, which makes its value the same
 * within a request, and an expression safe: length and text come from two
 * passes.  But what was computed before the decision, or before that of
 * another location, must not be kept: each decision has them computed anew.
 *
 * So must not $http_* when the headers of the request have been replaced: what
 * was asked for before is what the client sent.
 *
 * Nothing is copied: the values belong to the decision, which lives as long as
 * the request's pool.
 */

#include "ngx_http_workspaces_access.h"


static ngx_int_t ngx_http_workspaces_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_workspaces_variable_always(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_workspaces_variable_setting(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_workspaces_variable_decision(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_get_variable_pt ngx_http_workspaces_header_handler(
    ngx_http_core_main_conf_t *cmcf);
static void ngx_http_workspaces_forget(ngx_http_request_t *r,
    ngx_array_t *variables);
static void ngx_http_workspaces_set_variable(ngx_http_variable_value_t *v,
    const wsp_str *value);


/* What a refused user asked for is not to be taken for verified, so most are
 * empty then.  Who he is has been verified. */

static ngx_http_variable_t  ngx_http_workspaces_variables[] = {

    { ngx_string("workspace_id"), NULL,
      ngx_http_workspaces_variable,
      offsetof(wsp_decision, workspace_id), 0, 0 },

    { ngx_string("workspace_external_id"), NULL,
      ngx_http_workspaces_variable,
      offsetof(wsp_decision, external_id), 0, 0 },

    { ngx_string("workspace_name"), NULL,
      ngx_http_workspaces_variable,
      offsetof(wsp_decision, name), 0, 0 },

    { ngx_string("workspace_roles"), NULL,
      ngx_http_workspaces_variable,
      offsetof(wsp_decision, roles), 0, 0 },

    { ngx_string("workspace_permissions"), NULL,
      ngx_http_workspaces_variable,
      offsetof(wsp_decision, permissions), 0, 0 },

    { ngx_string("workspace_revision"), NULL,
      ngx_http_workspaces_variable,
      offsetof(wsp_decision, revision), 0, 0 },

    { ngx_string("workspace_tenant"), NULL,
      ngx_http_workspaces_variable_always,
      offsetof(wsp_decision, tenant), 0, 0 },

    { ngx_string("workspace_user"), NULL,
      ngx_http_workspaces_variable_always,
      offsetof(wsp_decision, user), 0, 0 },

    { ngx_string("workspace_reason"), NULL,
      ngx_http_workspaces_variable_always,
      offsetof(wsp_decision, reason), 0, 0 },

    { ngx_string("workspace_decision"), NULL,
      ngx_http_workspaces_variable_decision, 0, 0, 0 },

    { ngx_string("workspace_setting_"), NULL,
      ngx_http_workspaces_variable_setting, 0, NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_workspaces_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_workspaces_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* Called when nginx has given all variables in use their handlers. */

ngx_int_t
ngx_http_workspaces_find_variables(ngx_cycle_t *cycle,
    ngx_http_workspaces_main_conf_t *wmcf)
{
    ngx_uint_t                  i, *index;
    ngx_array_t                *variables;
    ngx_http_variable_t        *v;
    ngx_http_get_variable_pt    header;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    header = ngx_http_workspaces_header_handler(cmcf);

    if (ngx_array_init(&wmcf->variables, cycle->pool, 16, sizeof(ngx_uint_t))
        != NGX_OK
        || ngx_array_init(&wmcf->header_variables, cycle->pool, 16,
                          sizeof(ngx_uint_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        variables = &wmcf->variables;

        if (header && v[i].get_handler == header) {
            variables = &wmcf->header_variables;

        } else if (v[i].get_handler == ngx_http_workspaces_variable_setting) {
            wmcf->settings_used = 1;

        } else if (v[i].get_handler != ngx_http_workspaces_variable
                   && v[i].get_handler != ngx_http_workspaces_variable_always
                   && v[i].get_handler
                      != ngx_http_workspaces_variable_decision)
        {
            continue;
        }

        index = ngx_array_push(variables);
        if (index == NULL) {
            return NGX_ERROR;
        }

        *index = i;
    }

    return NGX_OK;
}


/* nginx exports none for headers that it has no field for, and has one. */

static ngx_http_get_variable_pt
ngx_http_workspaces_header_handler(ngx_http_core_main_conf_t *cmcf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *v;

    v = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {
        if (v[i].name.len == 5 && ngx_strncmp(v[i].name.data, "http_", 5) == 0)
        {
            return v[i].get_handler;
        }
    }

    return NULL;
}


void
ngx_http_workspaces_flush_variables(ngx_http_request_t *r)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    ngx_http_workspaces_forget(r, &wmcf->variables);
}


void
ngx_http_workspaces_flush_headers(ngx_http_request_t *r)
{
    ngx_http_workspaces_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    ngx_http_workspaces_forget(r, &wmcf->header_variables);
}


static void
ngx_http_workspaces_forget(ngx_http_request_t *r, ngx_array_t *variables)
{
    ngx_uint_t  i, *index;

    index = variables->elts;

    for (i = 0; i < variables->nelts; i++) {
        r->variables[index[i]].valid = 0;
        r->variables[index[i]].not_found = 0;
    }
}


static ngx_int_t
ngx_http_workspaces_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const wsp_decision  *decision;

    decision = ngx_http_workspaces_decision(r);

    if (decision == NULL || decision->verdict != WSP_ALLOWED) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_workspaces_set_variable(v,
                                 (wsp_str *) ((char *) decision + data));

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_variable_always(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const wsp_decision  *decision;

    decision = ngx_http_workspaces_decision(r);

    if (decision == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_workspaces_set_variable(v,
                                 (wsp_str *) ((char *) decision + data));

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_variable_setting(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *var = (ngx_str_t *) data;

    size_t                         prefix;
    wsp_str                        name, value;
    const wsp_decision            *decision;
    ngx_http_workspaces_record_t  *record;

    decision = ngx_http_workspaces_decision(r);

    if (decision == NULL || decision->verdict != WSP_ALLOWED) {
        v->not_found = 1;
        return NGX_OK;
    }

    prefix = sizeof("workspace_setting_") - 1;

    name.data = (const char *) var->data + prefix;
    name.len = var->len - prefix;

    record = ngx_http_workspaces_find_record(r);

    if (wsp_op_setting(record->last->op.op, name, &value) != WSP_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_workspaces_set_variable(v, &value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_workspaces_variable_decision(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    wsp_str              value;
    const wsp_decision  *decision;

    decision = ngx_http_workspaces_decision(r);

    if (decision == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (decision->verdict) {

    case WSP_ALLOWED:
        value.data = "allowed";
        break;

    case WSP_REFUSED:
        value.data = "refused";
        break;

    default:
        value.data = "undecided";
    }

    value.len = ngx_strlen(value.data);

    ngx_http_workspaces_set_variable(v, &value);

    return NGX_OK;
}


/* Variables get into headers, so one that cannot be there is none. */

static void
ngx_http_workspaces_set_variable(ngx_http_variable_value_t *v,
    const wsp_str *value)
{
    if (value->len == 0 || !ngx_http_workspaces_is_sendable(value)) {
        v->not_found = 1;
        return;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = value->len;
    v->data = (u_char *) value->data;
}
