/*
 * ngx_http_workspaces_wait.c - requests that wait for their operation.
 */

#include "ngx_http_workspaces_wait.h"


ngx_int_t
ngx_http_workspaces_watch(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    if (r->discard_body || r->post_action) {
        return NGX_OK;
    }

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else {
        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_OK;
}


ngx_int_t
ngx_http_workspaces_unwatch(ngx_http_request_t *r)
{
    if (r->discard_body || r->post_action) {
        return NGX_OK;
    }

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_block_reading;

    return NGX_OK;
}


void
ngx_http_workspaces_run(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    /* the request may be gone before its posted requests are run */

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "workspaces wake: \"%V?%V\"", &r->uri, &r->args);

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}
