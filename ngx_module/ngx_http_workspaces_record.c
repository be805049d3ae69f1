/*
 * ngx_http_workspaces_record.c - what has been decided of a request, found
 * again after internal redirects.
 */

#include "ngx_http_workspaces_record.h"


static void ngx_http_workspaces_record_cancel(void *data);
static void ngx_http_workspaces_record_free(void *data);


/*
 * The contexts of modules are wiped by internal redirects, the list of the
 * pool's cleanups is not, and it is short.  Subrequests share the pool.
 */

ngx_http_workspaces_record_t *
ngx_http_workspaces_find_record(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_workspaces_record_free) {
            return cln->data;
        }
    }

    return NULL;
}


/*
 * Two cleanups, as for the content phase: who is terminated must not be woken
 * any more, but what was decided is still to be logged.
 */

ngx_http_workspaces_record_t *
ngx_http_workspaces_get_record(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *pcln;
    ngx_http_cleanup_t            *cln;
    ngx_http_workspaces_record_t  *record;

    record = ngx_http_workspaces_find_record(r);

    if (record) {
        return record;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    pcln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_workspaces_record_t));
    if (pcln == NULL) {
        return NULL;
    }

    record = pcln->data;

    ngx_memzero(record, sizeof(ngx_http_workspaces_record_t));

    pcln->handler = ngx_http_workspaces_record_free;

    cln->handler = ngx_http_workspaces_record_cancel;
    cln->data = record;

    return record;
}


static void
ngx_http_workspaces_record_cancel(void *data)
{
    ngx_http_workspaces_record_t *record = data;

    if (record->pending && record->pending->op.waiting) {
        ngx_http_workspaces_op_end(&record->pending->op);
    }
}


static void
ngx_http_workspaces_record_free(void *data)
{
    ngx_http_workspaces_record_t *record = data;

    ngx_http_workspaces_access_t  *access;

    if (record->pending) {
        ngx_http_workspaces_op_end(&record->pending->op);
    }

    for (access = record->last; access; access = access->previous) {
        ngx_http_workspaces_op_end(&access->op);
    }
}


const wsp_decision *
ngx_http_workspaces_decision(ngx_http_request_t *r)
{
    ngx_http_workspaces_record_t  *record;

    record = ngx_http_workspaces_find_record(r);

    if (record == NULL || record->last == NULL || record->last->op.op == NULL)
    {
        return NULL;
    }

    return wsp_op_decision(record->last->op.op);
}


ngx_list_part_t *
ngx_http_workspaces_client_headers(ngx_http_request_t *r)
{
    ngx_http_workspaces_record_t  *record;

    record = ngx_http_workspaces_find_record(r);

    if (record && record->replaced) {
        return &record->headers;
    }

    return &r->headers_in.headers.part;
}


ngx_uint_t
ngx_http_workspaces_is_sendable(const wsp_str *value)
{
    size_t  i;

    /* who reads it takes no blanks around it for a part of it */

    if (value->len
        && (value->data[0] == ' ' || value->data[value->len - 1] == ' '))
    {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        if ((u_char) value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}
