/*
 * ngx_http_workspaces_link.c - the sockets of the core's links.
 *
 * The core says when to open and to close one, and with what timeout; here is
 * only what a socket can tell.
 */

#include "ngx_http_workspaces_driver.h"
#include "ngx_http_workspaces_link.h"


#define NGX_HTTP_WORKSPACES_READ_SIZE   32768
#define NGX_HTTP_WORKSPACES_READ_TURNS  16


static void ngx_http_workspaces_link_up(ngx_http_workspaces_link_t *link);
static ngx_int_t ngx_http_workspaces_link_test(
    ngx_http_workspaces_link_t *link);
static void ngx_http_workspaces_link_failed(ngx_http_workspaces_link_t *link,
    const char *what, ngx_err_t err);
static void ngx_http_workspaces_link_lost(ngx_http_workspaces_link_t *link,
    const char *why);
static void ngx_http_workspaces_link_read_handler(ngx_event_t *rev);
static void ngx_http_workspaces_link_write_handler(ngx_event_t *wev);


/*
 * What becomes of a link is said by the core, not at every attempt, so nginx
 * is to say of its sockets only what is an alert.
 */

void
ngx_http_workspaces_link_init(ngx_http_workspaces_link_t *link, ngx_log_t *log)
{
    link->log = *log;

    if (!(link->log.log_level & NGX_LOG_DEBUG_ALL)) {
        link->log.log_level = ngx_min(link->log.log_level, NGX_LOG_ALERT);
    }
}


void
ngx_http_workspaces_link_connect(ngx_http_workspaces_link_t *link)
{
    ngx_int_t               rc;
    ngx_addr_t             *addr;
    ngx_connection_t       *c;
    ngx_peer_connection_t   peer;

    ngx_http_workspaces_link_close(link);

    if (link->tried) {
        link->address = (link->address + 1) % link->naddrs;
    }

    link->tried = 1;

    addr = &link->addrs[link->address];

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));

    peer.sockaddr = addr->sockaddr;
    peer.socklen = addr->socklen;
    peer.name = &addr->name;
    peer.get = ngx_event_get_peer;
    peer.log = &link->log;

    peer.log_error = NGX_ERROR_INFO;

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(&peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_http_workspaces_link_failed(link, "connect()", ngx_errno);
        return;
    }

    c = peer.connection;

    c->data = link;
    c->read->handler = ngx_http_workspaces_link_read_handler;
    c->write->handler = ngx_http_workspaces_link_write_handler;

    link->connection = c;

    /* batches are complete: waiting for more would only add latency */

    if (addr->sockaddr->sa_family != AF_UNIX) {
        (void) ngx_tcp_nodelay(c);
    }

    if (rc == NGX_OK) {
        ngx_http_workspaces_link_up(link);
    }
}


static void
ngx_http_workspaces_link_up(ngx_http_workspaces_link_t *link)
{
    link->tried = 0;
    link->connected = 1;

    wsp_link_connected(link->core, link->number);
}


/* NGX_OK: the connection stands.  NGX_ERROR: it does not, and is closed. */

static ngx_int_t
ngx_http_workspaces_link_test(ngx_http_workspaces_link_t *link)
{
    int        err;
    socklen_t  len;

    if (link->connected) {
        return NGX_OK;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(link->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_http_workspaces_link_failed(link, "connect()", err);
        return NGX_ERROR;
    }

    ngx_http_workspaces_link_up(link);

    return NGX_OK;
}


void
ngx_http_workspaces_link_close(ngx_http_workspaces_link_t *link)
{
    if (link->connection == NULL) {
        return;
    }

    ngx_close_connection(link->connection);

    link->connection = NULL;
    link->connected = 0;
}


static void
ngx_http_workspaces_link_failed(ngx_http_workspaces_link_t *link,
    const char *what, ngx_err_t err)
{
    u_char  *p, *last;
    u_char   why[NGX_MAX_ERROR_STR];

    last = why + sizeof(why) - 1;

    p = ngx_slprintf(why, last, "%s failed", what);

    if (err) {
        p = ngx_slprintf(p, last, " (%d: ", err);
        p = ngx_strerror(err, p, last - p);
        p = ngx_slprintf(p, last, ")");
    }

    *p = '\0';

    ngx_http_workspaces_link_lost(link, (const char *) why);
}


static void
ngx_http_workspaces_link_lost(ngx_http_workspaces_link_t *link,
    const char *why)
{
    wsp_str  str;

    ngx_http_workspaces_link_close(link);

    str.data = why;
    str.len = ngx_strlen(why);

    wsp_link_closed(link->core, link->number, str);

    ngx_http_workspaces_post(link->driver);
}


static void
ngx_http_workspaces_link_read_handler(ngx_event_t *rev)
{
    char                         buffer[NGX_HTTP_WORKSPACES_READ_SIZE];
    ssize_t                      n;
    ngx_uint_t                   turns;
    ngx_connection_t            *c;
    ngx_http_workspaces_link_t  *link;

    c = rev->data;
    link = c->data;

    ngx_http_workspaces_enter(link->driver);

    if (ngx_http_workspaces_link_test(link) != NGX_OK) {
        return;
    }

    ngx_http_workspaces_post(link->driver);

    for (turns = 0; turns < NGX_HTTP_WORKSPACES_READ_TURNS; turns++) {

        n = c->recv(c, (u_char *) buffer, NGX_HTTP_WORKSPACES_READ_SIZE);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0) {
            ngx_http_workspaces_link_lost(link, "Redis closed the connection");
            return;
        }

        if (n == NGX_ERROR) {
            ngx_http_workspaces_link_failed(link, "recv()", ngx_socket_errno);
            return;
        }

        wsp_link_input(link->core, link->number, buffer, (size_t) n);

        if (!rev->ready) {
            break;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_workspaces_link_lost(link, "its events failed");
        return;
    }

    /* let requests have their turn before there is more */

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
    }
}


static void
ngx_http_workspaces_link_write_handler(ngx_event_t *wev)
{
    ngx_connection_t            *c;
    ngx_http_workspaces_link_t  *link;

    c = wev->data;
    link = c->data;

    ngx_http_workspaces_enter(link->driver);

    if (ngx_http_workspaces_link_test(link) != NGX_OK) {
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_workspaces_link_lost(link, "its events failed");
        return;
    }

    ngx_http_workspaces_post(link->driver);
}


void
ngx_http_workspaces_link_write(ngx_http_workspaces_link_t *link)
{
    ssize_t            n;
    wsp_str            out;
    ngx_connection_t  *c;

    c = link->connection;

    if (c == NULL || !link->connected) {
        return;
    }

    while (c->write->ready
           && wsp_link_output(link->core, link->number, &out) == WSP_OK)
    {
        n = c->send(c, (u_char *) out.data, out.len);

        if (n == NGX_ERROR) {
            ngx_http_workspaces_link_failed(link, "send()", ngx_socket_errno);
            return;
        }

        if (n == NGX_AGAIN) {
            break;
        }

        wsp_link_written(link->core, link->number, (size_t) n);
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_workspaces_link_lost(link, "its events failed");
    }
}
