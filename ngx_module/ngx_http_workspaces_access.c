/*
 * ngx_http_workspaces_access.c - the access phase: asks the core whether this
 * user may act in this workspace, waits, and lets the request pass or not.
 *
 * The handler is the last of the phase (see postconfiguration), so that an
 * identity can be taken from the other modules: by the time it is called they
 * have refused or verified.  Refusals are left to nginx: satisfy, auth_delay
 * and error_page work as for its own modules, and a page that nobody has
 * configured gets the core's body on its way out.
 */

#include "ngx_http_workspaces_access.h"
#include "ngx_http_workspaces_identity.h"
#include "ngx_http_workspaces_wait.h"


#define NGX_HTTP_WORKSPACES_LOG_VALUE  128      /* bytes of a value */


static ngx_int_t ngx_http_workspaces_needed(ngx_http_request_t *r,
    ngx_http_workspaces_loc_conf_t *wlcf, ngx_str_t *permission);
static ngx_http_workspaces_access_t *ngx_http_workspaces_ask(
    ngx_http_request_t *r, ngx_http_workspaces_loc_conf_t *wlcf,
    ngx_str_t *permission);
static void ngx_http_workspaces_access_wake(ngx_http_workspaces_op_t *op);
static ngx_int_t ngx_http_workspaces_judge(ngx_http_request_t *r,
    ngx_http_workspaces_record_t *record);
static ngx_int_t ngx_http_workspaces_refuse(ngx_http_request_t *r,
    ngx_http_workspaces_access_t *access);
static ngx_int_t ngx_http_workspaces_fail(ngx_http_request_t *r,
    ngx_int_t status);
static void ngx_http_workspaces_log_decision(ngx_http_request_t *r,
    const wsp_decision *decision, ngx_uint_t log_only);
static u_char *ngx_http_workspaces_log_value(u_char *p, u_char *last,
    const char *label, const wsp_str *value);
static void ngx_http_workspaces_asked(ngx_http_request_t *r, ngx_str_t *name,
    wsp_str *value);


ngx_int_t
ngx_http_workspaces_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_str_t                         permission;
    ngx_http_workspaces_access_t     *access;
    ngx_http_workspaces_record_t     *record;
    ngx_http_workspaces_loc_conf_t   *wlcf;
    ngx_http_workspaces_main_conf_t  *wmcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    if (wlcf->access == NULL) {
        return NGX_DECLINED;
    }

    /* the phase is run again whenever there is an event */

    record = ngx_http_workspaces_find_record(r);

    if (record && record->pending && record->pending->pass == r->uri_changes) {

        if (record->pending->op.waiting) {
            return NGX_AGAIN;
        }

        if (ngx_http_workspaces_unwatch(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_workspaces_judge(r, record);
    }

    rc = ngx_http_workspaces_needed(r, wlcf, &permission);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return ngx_http_workspaces_fail(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    if (wmcf->driver == NULL) {
        return ngx_http_workspaces_fail(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    record = ngx_http_workspaces_get_record(r);
    if (record == NULL) {
        return ngx_http_workspaces_fail(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    if (record->pending) {

        /* asked for a location that the request has left */

        ngx_http_workspaces_op_end(&record->pending->op);
    }

    access = ngx_http_workspaces_ask(r, wlcf, &permission);
    record->pending = access;

    if (access == NULL) {
        return ngx_http_workspaces_fail(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    rc = ngx_http_workspaces_op_decide(wmcf->driver, &access->op,
                                       &access->request);

    if (rc == NGX_OK) {
        return ngx_http_workspaces_judge(r, record);
    }

    if (rc == NGX_AGAIN && ngx_http_workspaces_watch(r) == NGX_OK) {
        return NGX_AGAIN;
    }

    ngx_http_workspaces_op_end(&access->op);
    record->pending = NULL;

    return ngx_http_workspaces_fail(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
}


/* NGX_DECLINED: nothing is asked for.  NGX_ERROR: nobody knows what. */

static ngx_int_t
ngx_http_workspaces_needed(ngx_http_request_t *r,
    ngx_http_workspaces_loc_conf_t *wlcf, ngx_str_t *permission)
{
    u_char     text[4 * NGX_HTTP_WORKSPACES_LOG_VALUE];
    u_char    *p;
    wsp_str    str;
    ngx_str_t  value;

    if (ngx_http_workspaces_value(r, wlcf->access, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value.len == 0
        || (value.len == 2 && ngx_strncmp(value.data, "on", 2) == 0))
    {
        ngx_str_null(permission);
        return NGX_OK;
    }

    if (value.len == 3 && ngx_strncmp(value.data, "off", 3) == 0) {
        return NGX_DECLINED;
    }

    str = ngx_http_workspaces_str(&value);

    if (!wsp_is_permission(str)) {
        p = ngx_http_workspaces_log_value(text, text + sizeof(text), "", &str);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "workspaces: \"workspaces_access\" has become%*s, which "
                      "is none of on, off and a permission like \"docs:read\"",
                      (size_t) (p - text), text);
        return NGX_ERROR;
    }

    *permission = value;

    return NGX_OK;
}


static ngx_http_workspaces_access_t *
ngx_http_workspaces_ask(ngx_http_request_t *r,
    ngx_http_workspaces_loc_conf_t *wlcf, ngx_str_t *permission)
{
    wsp_access_request               *request;
    ngx_http_workspaces_access_t     *access;
    ngx_http_workspaces_main_conf_t  *wmcf;

    access = ngx_pcalloc(r->pool, sizeof(ngx_http_workspaces_access_t));
    if (access == NULL) {
        return NULL;
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_workspaces_module);

    access->op.handler = ngx_http_workspaces_access_wake;
    access->op.data = r;
    access->pass = r->uri_changes;

    request = &access->request;

    request->size = sizeof(wsp_access_request);
    request->errors = wlcf->access_errors;
    request->id_header = ngx_http_workspaces_str(&wlcf->id_header);
    request->external_header = ngx_http_workspaces_str(&wlcf->external_header);
    request->permission = ngx_http_workspaces_str(permission);
    request->with_settings = wmcf->settings_used;

    if (ngx_http_workspaces_headers(r, &request->headers,
                                    &request->header_count)
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_workspaces_identify(r, &request->identity) != NGX_OK) {
        return NULL;
    }

    return access;
}


/* Through the phases, as the write event handler does; or whoever has taken
 * its place. */

static void
ngx_http_workspaces_access_wake(ngx_http_workspaces_op_t *op)
{
    ngx_http_workspaces_run(op->data);
}


static ngx_int_t
ngx_http_workspaces_judge(ngx_http_request_t *r,
    ngx_http_workspaces_record_t *record)
{
    const wsp_decision              *decision;
    ngx_http_workspaces_access_t    *access;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    access = record->pending;
    record->pending = NULL;

    if (access->op.op == NULL) {

        /* the core is gone */

        return ngx_http_workspaces_fail(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    access->previous = record->last;
    record->last = access;

    ngx_http_workspaces_flush_variables(r);

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);
    decision = wsp_op_decision(access->op.op);

    ngx_http_workspaces_log_decision(r, decision, wlcf->access_log_only);

    if (wlcf->access_log_only) {

        /* whom this would admit, "satisfy any" must not admit for it */

        return NGX_DECLINED;
    }

    if (decision && decision->verdict == WSP_ALLOWED) {
        return NGX_OK;
    }

    return ngx_http_workspaces_refuse(r, access);
}


/*
 * With "satisfy any" nginx remembers 401 and 403, and answers them when nobody
 * has allowed the request.  We are the last, so nobody can after us, and other
 * statuses may be final; except that a module which has asked for credentials
 * goes first: with them the request would pass.
 */

static ngx_int_t
ngx_http_workspaces_refuse(ngx_http_request_t *r,
    ngx_http_workspaces_access_t *access)
{
    ngx_int_t                  status;
    ngx_http_core_loc_conf_t  *clcf;

    status = wsp_op_response(access->op.op)->status;

    if (status < NGX_HTTP_BAD_REQUEST) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY
        && r->access_code == NGX_HTTP_UNAUTHORIZED
        && status != NGX_HTTP_UNAUTHORIZED)
    {
        return NGX_HTTP_FORBIDDEN;
    }

    access->refusal = status;

    return status;
}


/* Without a decision the request is refused all the same. */

static ngx_int_t
ngx_http_workspaces_fail(ngx_http_request_t *r, ngx_int_t status)
{
    ngx_http_workspaces_loc_conf_t  *wlcf;

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "workspaces: access could not be decided%s",
                  wlcf->access_log_only ? ", not enforced" : "");

    return wlcf->access_log_only ? NGX_DECLINED : status;
}


/*
 * An error page that another location serves is none of ours: there the
 * request has a pass of its own, with or without a decision.
 */

const wsp_response *
ngx_http_workspaces_refusal(ngx_http_request_t *r)
{
    ngx_http_workspaces_access_t  *access;
    ngx_http_workspaces_record_t  *record;

    if (r != r->main) {
        return NULL;
    }

    record = ngx_http_workspaces_find_record(r);

    if (record == NULL) {
        return NULL;
    }

    access = record->last;

    if (access == NULL
        || access->op.op == NULL
        || access->refusal == 0
        || access->refusal != (ngx_int_t) r->err_status
        || access->pass != r->uri_changes)
    {
        return NULL;
    }

    return wsp_op_response(access->op.op);
}


/*
 * One line.  What a client made up is quoted and escaped; headers that hold a
 * secret are not among it.
 */

static void
ngx_http_workspaces_log_decision(ngx_http_request_t *r,
    const wsp_decision *decision, ngx_uint_t log_only)
{
    u_char                          *p, *last;
    u_char                           line[NGX_MAX_ERROR_STR];
    wsp_str                          asked;
    ngx_uint_t                       level;
    const char                      *what;
    ngx_http_workspaces_loc_conf_t  *wlcf;

    if (decision == NULL) {
        (void) ngx_http_workspaces_fail(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    switch (decision->verdict) {

    case WSP_ALLOWED:
        level = NGX_LOG_INFO;
        what = "allowed";
        break;

    case WSP_REFUSED:
        level = log_only ? NGX_LOG_WARN : NGX_LOG_INFO;
        what = "refused";
        break;

    default:
        level = NGX_LOG_ERR;
        what = "undecided";
    }

    if (r->connection->log->log_level < level) {
        return;
    }

    wlcf = ngx_http_get_module_loc_conf(r, ngx_http_workspaces_module);

    p = line;
    last = line + sizeof(line);

    p = ngx_http_workspaces_log_value(p, last, "reason", &decision->reason);
    p = ngx_http_workspaces_log_value(p, last, ", tenant", &decision->tenant);
    p = ngx_http_workspaces_log_value(p, last, ", user", &decision->user);

    if (decision->workspace_id.len) {
        p = ngx_http_workspaces_log_value(p, last, ", workspace",
                                          &decision->workspace_id);

    } else {
        ngx_http_workspaces_asked(r, &wlcf->id_header, &asked);
        p = ngx_http_workspaces_log_value(p, last, ", workspace", &asked);

        ngx_http_workspaces_asked(r, &wlcf->external_header, &asked);

        if (asked.len) {
            p = ngx_http_workspaces_log_value(p, last, ", external", &asked);
        }
    }

    ngx_log_error(level, r->connection->log, 0,
                  "workspaces: access %s%s: %*s", what,
                  log_only ? ", not enforced" : "", (size_t) (p - line), line);
}


static u_char *
ngx_http_workspaces_log_value(u_char *p, u_char *last, const char *label,
    const wsp_str *value)
{
    u_char  ch;
    size_t  i;

    p = ngx_slprintf(p, last, "%s \"", label);

    for (i = 0; i < value->len; i++) {

        if (i == NGX_HTTP_WORKSPACES_LOG_VALUE || last - p < 8) {
            p = ngx_slprintf(p, last, "...");
            break;
        }

        ch = (u_char) value->data[i];

        if (ch < 0x20 || ch > 0x7e || ch == '"' || ch == '\\') {
            p = ngx_slprintf(p, last, "\\x%02Xd", (int) ch);

        } else {
            *p++ = ch;
        }
    }

    return ngx_slprintf(p, last, "\"");
}


/* What the first header of the name asks for; for the log only. */

static void
ngx_http_workspaces_asked(ngx_http_request_t *r, ngx_str_t *name,
    wsp_str *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    value->data = "";
    value->len = 0;

    for (part = ngx_http_workspaces_client_headers(r); part; part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                *value = ngx_http_workspaces_str(&h[i].value);
                return;
            }
        }
    }
}
