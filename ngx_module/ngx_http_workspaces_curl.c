/*
 * ngx_http_workspaces_curl.c - libcurl's multi interface on the events of
 * nginx.
 *
 * The sockets are nginx's: libcurl is given them, and gives them back.  It is
 * told of readiness, not of changes, so their events are level-triggered.
 *
 * libcurl shall ask no name server, for it starts threads to do that: who
 * uses this gives it the addresses.
 */

#include "ngx_http_workspaces_curl.h"


static ngx_uint_t ngx_http_workspaces_curl_has_bundle(void);
static int ngx_http_workspaces_curl_close(void *data, curl_socket_t fd);
static int ngx_http_workspaces_curl_watch(CURL *easy, curl_socket_t fd,
    int what, void *data, void *socket);
static int ngx_http_workspaces_curl_set_timer(CURLM *multi, long timeout,
    void *data);
static void ngx_http_workspaces_curl_timer_handler(ngx_event_t *ev);
static void ngx_http_workspaces_curl_event_handler(ngx_event_t *ev);
static void ngx_http_workspaces_curl_act(ngx_http_workspaces_curl_t *curl,
    curl_socket_t fd, int mask);


ngx_int_t
ngx_http_workspaces_curl_begin(ngx_http_workspaces_curl_t *curl,
    ngx_http_workspaces_driver_t *driver, wsp_core *core,
    ngx_http_workspaces_curl_pt handler, ngx_log_t *log)
{
    ngx_memzero(curl, sizeof(ngx_http_workspaces_curl_t));

    curl->driver = driver;
    curl->core = core;
    curl->handler = handler;

    /* as for the links: what becomes of a transfer is said by the core */

    curl->log = *log;

    if (!(curl->log.log_level & NGX_LOG_DEBUG_ALL)) {
        curl->log.log_level = ngx_min(curl->log.log_level, NGX_LOG_ALERT);
    }

    ngx_queue_init(&curl->sockets);
    ngx_queue_init(&curl->jobs);

    curl->nobody.fd = (ngx_socket_t) -1;
    curl->nobody.data = curl;

    curl->timer.data = &curl->nobody;
    curl->timer.handler = ngx_http_workspaces_curl_timer_handler;
    curl->timer.log = &curl->log;
    curl->timer.cancelable = 1;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "workspaces: libcurl could not be started");
        return NGX_ERROR;
    }

    curl->multi = curl_multi_init();

    if (curl->multi == NULL
        || curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION,
                             ngx_http_workspaces_curl_watch)
        || curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl)
        || curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION,
                             ngx_http_workspaces_curl_set_timer)
        || curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "workspaces: libcurl has no memory");
        ngx_http_workspaces_curl_end(curl);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_workspaces_curl_end(ngx_http_workspaces_curl_t *curl)
{
    curl_multi_cleanup(curl->multi);
    curl_global_cleanup();

    if (curl->timer.timer_set) {
        ngx_del_timer(&curl->timer);
    }
}


void *
ngx_http_workspaces_job_create(ngx_http_workspaces_curl_t *curl, size_t size,
    uint64_t number, ngx_event_handler_pt deadline)
{
    wsp_str                     reason;
    ngx_http_workspaces_job_t  *job;

    job = ngx_calloc(size, &curl->log);

    if (job == NULL) {
        reason.data = "out of memory";
        reason.len = ngx_strlen(reason.data);

        wsp_job_done(curl->core, number, WSP_JOB_RETRY, reason, 0);
        return NULL;
    }

    job->curl = curl;
    job->number = number;

    job->nobody.fd = (ngx_socket_t) -1;
    job->nobody.data = job;

    job->deadline.data = &job->nobody;
    job->deadline.handler = deadline;
    job->deadline.log = &curl->log;

    ngx_queue_insert_tail(&curl->jobs, &job->queue);

    return job;
}


CURL *
ngx_http_workspaces_job_easy(ngx_http_workspaces_job_t *job,
    ngx_str_t *trusted)
{
    CURL        *easy;
    ngx_uint_t   failed;

    easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }

    failed = 0;

    ngx_http_workspaces_setopt(CURLOPT_PRIVATE, job);
    ngx_http_workspaces_setopt(CURLOPT_ERRORBUFFER, job->error);
    ngx_http_workspaces_setopt(CURLOPT_FRESH_CONNECT, 1L);
    ngx_http_workspaces_setopt(CURLOPT_NOSIGNAL, 1L);
    ngx_http_workspaces_setopt(CURLOPT_OPENSOCKETFUNCTION,
                               ngx_http_workspaces_curl_open);
    ngx_http_workspaces_setopt(CURLOPT_OPENSOCKETDATA, job->curl);
    ngx_http_workspaces_setopt(CURLOPT_CLOSESOCKETFUNCTION,
                               ngx_http_workspaces_curl_close);
    ngx_http_workspaces_setopt(CURLOPT_CLOSESOCKETDATA, job->curl);
    ngx_http_workspaces_setopt(CURLOPT_PROXY, "");
    ngx_http_workspaces_setopt(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    ngx_http_workspaces_setopt(CURLOPT_SSL_VERIFYPEER, 1L);
    ngx_http_workspaces_setopt(CURLOPT_SSL_VERIFYHOST, 2L);

    if (trusted->len) {
        ngx_http_workspaces_setopt(CURLOPT_CAINFO, (char *) trusted->data);
    }

    /*
     * A directory of certificates would be trusted besides the file, and the
     * file be read again for each connection: without one libcurl remembers
     * what it has read, until the configuration is.
     */

    if (trusted->len || ngx_http_workspaces_curl_has_bundle()) {
        ngx_http_workspaces_setopt(CURLOPT_CAPATH, NULL);
#if (LIBCURL_VERSION_NUM >= 0x075700)
        ngx_http_workspaces_setopt(CURLOPT_CA_CACHE_TIMEOUT, -1L);
#endif
    }

    if (failed) {
        curl_easy_cleanup(easy);
        return NULL;
    }

    return easy;
}


/* Whether libcurl was built with a file of the system's certificates. */

static ngx_uint_t
ngx_http_workspaces_curl_has_bundle(void)
{
#if (LIBCURL_VERSION_NUM >= 0x074600)
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);

    return info->age >= CURLVERSION_SEVENTH && info->cainfo != NULL;
#else
    return 0;
#endif
}


ngx_int_t
ngx_http_workspaces_job_start(ngx_http_workspaces_job_t *job)
{
    return curl_multi_add_handle(job->curl->multi, job->easy) == CURLM_OK
           ? NGX_OK : NGX_ERROR;
}


void
ngx_http_workspaces_job_stop(ngx_http_workspaces_job_t *job)
{
    if (job->easy == NULL) {
        return;
    }

    /* it closes the connection, which is not left to libcurl's cache */

    (void) curl_multi_remove_handle(job->curl->multi, job->easy);
    curl_easy_cleanup(job->easy);

    job->easy = NULL;
}


void
ngx_http_workspaces_job_end(ngx_http_workspaces_job_t *job, int outcome,
    const char *reason)
{
    wsp_str  str;

    ngx_http_workspaces_job_stop(job);

    str.data = reason;
    str.len = ngx_strlen(reason);

    wsp_job_done(job->curl->core, job->number, outcome, str, 0);

    ngx_http_workspaces_post(job->curl->driver);
}


void
ngx_http_workspaces_job_free(ngx_http_workspaces_job_t *job)
{
    ngx_http_workspaces_job_stop(job);

    if (job->deadline.timer_set) {
        ngx_del_timer(&job->deadline);
    }

    ngx_queue_remove(&job->queue);
    ngx_free(job);
}


/* A socket for libcurl, with a connection of nginx. */

curl_socket_t
ngx_http_workspaces_curl_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_http_workspaces_curl_t *curl = data;

    ngx_socket_t                   fd;
    ngx_connection_t              *c;
    ngx_http_workspaces_socket_t  *s;

    s = ngx_alloc(sizeof(ngx_http_workspaces_socket_t), &curl->log);
    if (s == NULL) {
        return CURL_SOCKET_BAD;
    }

    fd = ngx_socket(address->family, address->socktype, address->protocol);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, &curl->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        goto failed;
    }

    c = ngx_get_connection(fd, &curl->log);

    if (c == NULL) {
        if (ngx_close_socket(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, &curl->log, ngx_socket_errno,
                          ngx_close_socket_n " failed");
        }

        goto failed;
    }

    s->curl = curl;
    s->connection = c;
    s->holder = NULL;

    ngx_queue_insert_tail(&curl->sockets, &s->queue);

    c->data = s;
    c->log = &curl->log;
    c->log_error = NGX_ERROR_INFO;

    c->read->handler = ngx_http_workspaces_curl_event_handler;
    c->read->log = c->log;
    c->write->handler = ngx_http_workspaces_curl_event_handler;
    c->write->log = c->log;

    return fd;

failed:

    ngx_free(s);

    return CURL_SOCKET_BAD;
}


static int
ngx_http_workspaces_curl_close(void *data, curl_socket_t fd)
{
    ngx_http_workspaces_curl_t *curl = data;

    ngx_http_workspaces_socket_t  *s;

    s = ngx_http_workspaces_curl_find(curl, fd);

    if (s == NULL) {
        return 0;
    }

    if (s->holder) {
        *s->holder = NULL;
    }

    ngx_close_connection(s->connection);
    ngx_queue_remove(&s->queue);
    ngx_free(s);

    return 0;
}


ngx_http_workspaces_socket_t *
ngx_http_workspaces_curl_find(ngx_http_workspaces_curl_t *curl,
    curl_socket_t fd)
{
    ngx_queue_t                   *q;
    ngx_http_workspaces_socket_t  *s;

    for (q = ngx_queue_head(&curl->sockets);
         q != ngx_queue_sentinel(&curl->sockets);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_workspaces_socket_t, queue);

        if (s->connection->fd == fd) {
            return s;
        }
    }

    return NULL;
}


/* Called by libcurl: what it waits for on a socket. */

static int
ngx_http_workspaces_curl_watch(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket)
{
    ngx_http_workspaces_curl_t *curl = data;

    ngx_connection_t              *c;
    ngx_http_workspaces_socket_t  *s;

    s = ngx_http_workspaces_curl_find(curl, fd);

    if (s == NULL) {
        return 0;
    }

    c = s->connection;

    /* an error would end all transfers: this one ends by its deadline */

    (void) ngx_http_workspaces_curl_want(c->read, what == CURL_POLL_IN
                                                  || what == CURL_POLL_INOUT);
    (void) ngx_http_workspaces_curl_want(c->write, what == CURL_POLL_OUT
                                                  || what == CURL_POLL_INOUT);

    return 0;
}


ngx_int_t
ngx_http_workspaces_curl_want(ngx_event_t *ev, ngx_uint_t wanted)
{
    ngx_int_t  event;

    event = ev->write ? NGX_WRITE_EVENT : NGX_READ_EVENT;

    if (wanted && !ev->active) {
        return ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    if (!wanted && ev->active) {
        return ngx_del_event(ev, event, 0);
    }

    return NGX_OK;
}


/* Called by libcurl, which must not be called back in here. */

static int
ngx_http_workspaces_curl_set_timer(CURLM *multi, long timeout, void *data)
{
    ngx_http_workspaces_curl_t *curl = data;

    if (curl->timer.timer_set) {
        ngx_del_timer(&curl->timer);
    }

    if (timeout >= 0) {
        ngx_add_timer(&curl->timer, (ngx_msec_t) ngx_max(timeout, 1));
    }

    return 0;
}


static void
ngx_http_workspaces_curl_timer_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_workspaces_curl_act(c->data, CURL_SOCKET_TIMEOUT, 0);
}


static void
ngx_http_workspaces_curl_event_handler(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_workspaces_socket_t  *s;

    c = ev->data;
    s = c->data;

    ngx_http_workspaces_curl_act(s->curl, c->fd,
                                 ev->write ? CURL_CSELECT_OUT
                                           : CURL_CSELECT_IN);
}


/* Lets libcurl go on, and looks what has come of it. */

static void
ngx_http_workspaces_curl_act(ngx_http_workspaces_curl_t *curl,
    curl_socket_t fd, int mask)
{
    int         running, left;
    char       *job;
    CURLcode    code;
    CURLMsg    *message;

    ngx_http_workspaces_enter(curl->driver);

    (void) curl_multi_socket_action(curl->multi, fd, mask, &running);

    for ( ;; ) {
        message = curl_multi_info_read(curl->multi, &left);

        if (message == NULL) {
            break;
        }

        if (message->msg != CURLMSG_DONE
            || curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job)
               != CURLE_OK)
        {
            continue;
        }

        /* the message goes with its handle */

        code = message->data.result;

        curl->handler((ngx_http_workspaces_job_t *) job, code);
    }
}
