/*
 * ngx_http_workspaces_mail.c - carries the core's mails to the SMTP server.
 *
 * libcurl's multi interface opens the connection, encrypts it and logs in, on
 * the events of nginx; then the core speaks over it.  libcurl cannot be left
 * to send the mail: it waits, in the worker, for the reply after the message
 * and for the one to QUIT (smtp_done() and smtp_disconnect() of every version
 * so far), and completes a mail that is broken off.  With CURLOPT_CONNECT_ONLY
 * it does neither.
 *
 * The address was resolved when the configuration was read, so that libcurl
 * asks no name server and starts no thread.  The sockets are nginx's: libcurl
 * is given them, and gives them back.  It is told of readiness, not of
 * changes, so their events are level-triggered.
 *
 * To a worker that is shutting down a mail does not exist: what it leaves
 * behind is due again when its lease is over.
 */

#include <curl/curl.h>

#include "ngx_http_workspaces_mail.h"


/* a mail takes less than WSP_JOB_MS altogether, or is given up */

#define NGX_HTTP_WORKSPACES_MAIL_CONNECT  20000
#define NGX_HTTP_WORKSPACES_MAIL_TIMEOUT  45000

#define NGX_HTTP_WORKSPACES_MAIL_READ     1024


typedef struct {
    ngx_queue_t                      queue;
    ngx_http_workspaces_mail_t      *mail;
    ngx_connection_t                *connection;
} ngx_http_workspaces_socket_t;


typedef struct {
    ngx_queue_t                      queue;
    ngx_http_workspaces_mail_t      *mail;
    uint64_t                         number;

    CURL                            *easy;
    ngx_http_workspaces_socket_t    *socket;    /* NULL: not yet connected */

    ngx_event_t                      deadline;
    ngx_connection_t                 nobody;    /* the data of its event */

    char                             error[CURL_ERROR_SIZE];
} ngx_http_workspaces_transfer_t;


struct ngx_http_workspaces_mail_s {
    ngx_http_workspaces_driver_t    *driver;
    wsp_core                        *core;
    ngx_http_workspaces_smtp_t      *smtp;
    ngx_log_t                        log;       /* a quieter one */

    CURLM                           *multi;
    struct curl_slist               *resolved;  /* NULL: it is an address */

    ngx_event_t                      timer;     /* libcurl's */
    ngx_connection_t                 nobody;

    ngx_queue_t                      transfers;
    ngx_queue_t                      sockets;
};


static CURL *ngx_http_workspaces_mail_easy(
    ngx_http_workspaces_transfer_t *transfer);
static curl_socket_t ngx_http_workspaces_mail_open(void *data,
    curlsocktype purpose, struct curl_sockaddr *address);
static int ngx_http_workspaces_mail_close(void *data, curl_socket_t fd);
static ngx_http_workspaces_socket_t *ngx_http_workspaces_mail_find(
    ngx_http_workspaces_mail_t *mail, curl_socket_t fd);
static int ngx_http_workspaces_mail_watch(CURL *easy, curl_socket_t fd,
    int what, void *data, void *socket);
static ngx_int_t ngx_http_workspaces_mail_want(ngx_event_t *ev,
    ngx_uint_t wanted);
static int ngx_http_workspaces_mail_set_timer(CURLM *multi, long timeout,
    void *data);
static void ngx_http_workspaces_mail_timer_handler(ngx_event_t *ev);
static void ngx_http_workspaces_mail_event_handler(ngx_event_t *ev);
static void ngx_http_workspaces_mail_deadline_handler(ngx_event_t *ev);
static void ngx_http_workspaces_mail_act(ngx_http_workspaces_mail_t *mail,
    curl_socket_t fd, int mask);
static void ngx_http_workspaces_mail_connected(
    ngx_http_workspaces_transfer_t *transfer);
static void ngx_http_workspaces_mail_talk_handler(ngx_event_t *ev);
static void ngx_http_workspaces_mail_talk(
    ngx_http_workspaces_transfer_t *transfer);
static ngx_int_t ngx_http_workspaces_mail_write(
    ngx_http_workspaces_transfer_t *transfer);
static ngx_int_t ngx_http_workspaces_mail_read(
    ngx_http_workspaces_transfer_t *transfer);
static void ngx_http_workspaces_mail_end(
    ngx_http_workspaces_transfer_t *transfer, int outcome,
    const char *reason);
static void ngx_http_workspaces_mail_free(
    ngx_http_workspaces_transfer_t *transfer);


ngx_http_workspaces_mail_t *
ngx_http_workspaces_mail_create(ngx_http_workspaces_driver_t *driver,
    wsp_core *core, ngx_http_workspaces_smtp_t *smtp, ngx_log_t *log)
{
    ngx_http_workspaces_mail_t  *mail;

    mail = ngx_calloc(sizeof(ngx_http_workspaces_mail_t), log);
    if (mail == NULL) {
        return NULL;
    }

    mail->driver = driver;
    mail->core = core;
    mail->smtp = smtp;

    /* as for the links: what becomes of a mail is said by the core */

    mail->log = *log;

    if (!(mail->log.log_level & NGX_LOG_DEBUG_ALL)) {
        mail->log.log_level = ngx_min(mail->log.log_level, NGX_LOG_ALERT);
    }

    ngx_queue_init(&mail->transfers);
    ngx_queue_init(&mail->sockets);

    mail->nobody.fd = (ngx_socket_t) -1;
    mail->nobody.data = mail;

    mail->timer.data = &mail->nobody;
    mail->timer.handler = ngx_http_workspaces_mail_timer_handler;
    mail->timer.log = &mail->log;
    mail->timer.cancelable = 1;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "workspaces: libcurl could not be started");
        ngx_free(mail);
        return NULL;
    }

    mail->multi = curl_multi_init();

    if (smtp->resolved.len) {
        mail->resolved = curl_slist_append(NULL,
                                         (const char *) smtp->resolved.data);
    }

    if (mail->multi == NULL
        || (smtp->resolved.len && mail->resolved == NULL)
        || curl_multi_setopt(mail->multi, CURLMOPT_SOCKETFUNCTION,
                             ngx_http_workspaces_mail_watch)
        || curl_multi_setopt(mail->multi, CURLMOPT_SOCKETDATA, mail)
        || curl_multi_setopt(mail->multi, CURLMOPT_TIMERFUNCTION,
                             ngx_http_workspaces_mail_set_timer)
        || curl_multi_setopt(mail->multi, CURLMOPT_TIMERDATA, mail))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "workspaces: libcurl has no memory");
        ngx_http_workspaces_mail_destroy(mail);
        return NULL;
    }

    return mail;
}


void
ngx_http_workspaces_mail_destroy(ngx_http_workspaces_mail_t *mail)
{
    ngx_queue_t  *q;

    if (mail == NULL) {
        return;
    }

    while (!ngx_queue_empty(&mail->transfers)) {
        q = ngx_queue_head(&mail->transfers);

        ngx_http_workspaces_mail_free(
                   ngx_queue_data(q, ngx_http_workspaces_transfer_t, queue));
    }

    curl_multi_cleanup(mail->multi);
    curl_slist_free_all(mail->resolved);
    curl_global_cleanup();

    if (mail->timer.timer_set) {
        ngx_del_timer(&mail->timer);
    }

    ngx_free(mail);
}


void
ngx_http_workspaces_mail_send(ngx_http_workspaces_mail_t *mail,
    uint64_t number)
{
    wsp_str                          reason;
    ngx_http_workspaces_transfer_t  *transfer;

    transfer = ngx_calloc(sizeof(ngx_http_workspaces_transfer_t), &mail->log);

    if (transfer == NULL) {
        reason.data = "out of memory";
        reason.len = ngx_strlen(reason.data);

        wsp_job_done(mail->core, number, WSP_JOB_RETRY, reason, 0);
        return;
    }

    transfer->mail = mail;
    transfer->number = number;

    transfer->nobody.fd = (ngx_socket_t) -1;
    transfer->nobody.data = transfer;

    transfer->deadline.data = &transfer->nobody;
    transfer->deadline.handler = ngx_http_workspaces_mail_deadline_handler;
    transfer->deadline.log = &mail->log;
    transfer->deadline.cancelable = 1;

    ngx_queue_insert_tail(&mail->transfers, &transfer->queue);

    transfer->easy = ngx_http_workspaces_mail_easy(transfer);

    /* libcurl begins when its timer is due: nothing ends in here */

    if (transfer->easy == NULL
        || curl_multi_add_handle(mail->multi, transfer->easy) != CURLM_OK)
    {
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                     "libcurl has no memory");
        return;
    }

    ngx_add_timer(&transfer->deadline, NGX_HTTP_WORKSPACES_MAIL_TIMEOUT);
}


static CURL *
ngx_http_workspaces_mail_easy(ngx_http_workspaces_transfer_t *transfer)
{
    CURL                        *easy;
    ngx_uint_t                   failed;
    ngx_http_workspaces_mail_t  *mail;
    ngx_http_workspaces_smtp_t  *smtp;

    easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }

    mail = transfer->mail;
    smtp = mail->smtp;
    failed = 0;

#define ngx_http_workspaces_set(option, value)                                \
    failed |= (curl_easy_setopt(easy, option, value) != CURLE_OK)

    ngx_http_workspaces_set(CURLOPT_URL, (char *) smtp->url.data);
#if (LIBCURL_VERSION_NUM >= 0x075500)
    ngx_http_workspaces_set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
    ngx_http_workspaces_set(CURLOPT_PROTOCOLS,
                            (long) (CURLPROTO_SMTP|CURLPROTO_SMTPS));
#endif
    ngx_http_workspaces_set(CURLOPT_RESOLVE, mail->resolved);
    ngx_http_workspaces_set(CURLOPT_CONNECT_ONLY, 1L);
    ngx_http_workspaces_set(CURLOPT_FRESH_CONNECT, 1L);
    ngx_http_workspaces_set(CURLOPT_NOSIGNAL, 1L);
    ngx_http_workspaces_set(CURLOPT_CONNECTTIMEOUT_MS,
                            (long) NGX_HTTP_WORKSPACES_MAIL_CONNECT);
    ngx_http_workspaces_set(CURLOPT_ERRORBUFFER, transfer->error);
    ngx_http_workspaces_set(CURLOPT_PRIVATE, transfer);
    ngx_http_workspaces_set(CURLOPT_OPENSOCKETFUNCTION,
                            ngx_http_workspaces_mail_open);
    ngx_http_workspaces_set(CURLOPT_OPENSOCKETDATA, mail);
    ngx_http_workspaces_set(CURLOPT_CLOSESOCKETFUNCTION,
                            ngx_http_workspaces_mail_close);
    ngx_http_workspaces_set(CURLOPT_CLOSESOCKETDATA, mail);

    /* nothing of the environment, nor of a home directory, is looked at */

    ngx_http_workspaces_set(CURLOPT_PROXY, "");
    ngx_http_workspaces_set(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);

    ngx_http_workspaces_set(CURLOPT_USE_SSL,
                            (long) (smtp->starttls ? CURLUSESSL_ALL
                                                   : CURLUSESSL_NONE));
    ngx_http_workspaces_set(CURLOPT_SSL_VERIFYPEER, 1L);
    ngx_http_workspaces_set(CURLOPT_SSL_VERIFYHOST, 2L);

    if (smtp->trusted.len) {
        ngx_http_workspaces_set(CURLOPT_CAINFO, (char *) smtp->trusted.data);
    }

    /* those that need no third party: asking for a ticket would block */

    if (smtp->user.len) {
        ngx_http_workspaces_set(CURLOPT_LOGIN_OPTIONS,
                                "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
        ngx_http_workspaces_set(CURLOPT_USERNAME, (char *) smtp->user.data);
        ngx_http_workspaces_set(CURLOPT_PASSWORD,
                                (char *) smtp->password.data);
    }

#undef ngx_http_workspaces_set

    if (failed) {
        curl_easy_cleanup(easy);
        return NULL;
    }

    return easy;
}


/* A socket for libcurl, with a connection of nginx. */

static curl_socket_t
ngx_http_workspaces_mail_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_http_workspaces_mail_t *mail = data;

    ngx_socket_t                   fd;
    ngx_connection_t              *c;
    ngx_http_workspaces_socket_t  *s;

    s = ngx_alloc(sizeof(ngx_http_workspaces_socket_t), &mail->log);
    if (s == NULL) {
        return CURL_SOCKET_BAD;
    }

    fd = ngx_socket(address->family, address->socktype, address->protocol);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, &mail->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        goto failed;
    }

    c = ngx_get_connection(fd, &mail->log);

    if (c == NULL) {
        if (ngx_close_socket(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, &mail->log, ngx_socket_errno,
                          ngx_close_socket_n " failed");
        }

        goto failed;
    }

    s->mail = mail;
    s->connection = c;

    ngx_queue_insert_tail(&mail->sockets, &s->queue);

    c->data = s;
    c->log = &mail->log;
    c->log_error = NGX_ERROR_INFO;

    c->read->handler = ngx_http_workspaces_mail_event_handler;
    c->read->log = c->log;
    c->write->handler = ngx_http_workspaces_mail_event_handler;
    c->write->log = c->log;

    return fd;

failed:

    ngx_free(s);

    return CURL_SOCKET_BAD;
}


static int
ngx_http_workspaces_mail_close(void *data, curl_socket_t fd)
{
    ngx_http_workspaces_mail_t *mail = data;

    ngx_queue_t                     *q;
    ngx_http_workspaces_socket_t    *s;
    ngx_http_workspaces_transfer_t  *transfer;

    s = ngx_http_workspaces_mail_find(mail, fd);

    if (s == NULL) {
        return 0;
    }

    /* it may be one that is spoken over: the deadline is left */

    for (q = ngx_queue_head(&mail->transfers);
         q != ngx_queue_sentinel(&mail->transfers);
         q = ngx_queue_next(q))
    {
        transfer = ngx_queue_data(q, ngx_http_workspaces_transfer_t, queue);

        if (transfer->socket == s) {
            transfer->socket = NULL;
        }
    }

    ngx_close_connection(s->connection);
    ngx_queue_remove(&s->queue);
    ngx_free(s);

    return 0;
}


static ngx_http_workspaces_socket_t *
ngx_http_workspaces_mail_find(ngx_http_workspaces_mail_t *mail,
    curl_socket_t fd)
{
    ngx_queue_t                   *q;
    ngx_http_workspaces_socket_t  *s;

    for (q = ngx_queue_head(&mail->sockets);
         q != ngx_queue_sentinel(&mail->sockets);
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
ngx_http_workspaces_mail_watch(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket)
{
    ngx_http_workspaces_mail_t *mail = data;

    ngx_connection_t              *c;
    ngx_http_workspaces_socket_t  *s;

    s = ngx_http_workspaces_mail_find(mail, fd);

    if (s == NULL) {
        return 0;
    }

    c = s->connection;

    /* an error would end all transfers: this one ends by its deadline */

    (void) ngx_http_workspaces_mail_want(c->read, what == CURL_POLL_IN
                                                  || what == CURL_POLL_INOUT);
    (void) ngx_http_workspaces_mail_want(c->write, what == CURL_POLL_OUT
                                                  || what == CURL_POLL_INOUT);

    return 0;
}


static ngx_int_t
ngx_http_workspaces_mail_want(ngx_event_t *ev, ngx_uint_t wanted)
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
ngx_http_workspaces_mail_set_timer(CURLM *multi, long timeout, void *data)
{
    ngx_http_workspaces_mail_t *mail = data;

    if (mail->timer.timer_set) {
        ngx_del_timer(&mail->timer);
    }

    if (timeout >= 0) {
        ngx_add_timer(&mail->timer, (ngx_msec_t) ngx_max(timeout, 1));
    }

    return 0;
}


static void
ngx_http_workspaces_mail_timer_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_workspaces_mail_act(c->data, CURL_SOCKET_TIMEOUT, 0);
}


static void
ngx_http_workspaces_mail_event_handler(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_workspaces_socket_t  *s;

    c = ev->data;
    s = c->data;

    ngx_http_workspaces_mail_act(s->mail, c->fd,
                                 ev->write ? CURL_CSELECT_OUT
                                           : CURL_CSELECT_IN);
}


/* Lets libcurl go on, and looks what has come of it. */

static void
ngx_http_workspaces_mail_act(ngx_http_workspaces_mail_t *mail,
    curl_socket_t fd, int mask)
{
    int                              running, left;
    CURLMsg                         *message;
    ngx_http_workspaces_transfer_t  *transfer;

    ngx_http_workspaces_enter(mail->driver);

    (void) curl_multi_socket_action(mail->multi, fd, mask, &running);

    for ( ;; ) {
        message = curl_multi_info_read(mail->multi, &left);

        if (message == NULL) {
            break;
        }

        if (message->msg != CURLMSG_DONE
            || curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                                 &transfer)
               != CURLE_OK)
        {
            continue;
        }

        if (message->data.result == CURLE_OK) {
            ngx_http_workspaces_mail_connected(transfer);
            continue;
        }

        ngx_http_workspaces_mail_end(transfer, WSP_JOB_AWAY,
                              transfer->error[0]
                              ? transfer->error
                              : curl_easy_strerror(message->data.result));
    }
}


/* From here on the core speaks, and libcurl only encrypts. */

static void
ngx_http_workspaces_mail_connected(ngx_http_workspaces_transfer_t *transfer)
{
    curl_socket_t      fd;
    ngx_connection_t  *c;

    fd = CURL_SOCKET_BAD;

    (void) curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd);

    transfer->socket = ngx_http_workspaces_mail_find(transfer->mail, fd);

    if (transfer->socket == NULL) {
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_AWAY,
                                     "the connection was lost at once");
        return;
    }

    c = transfer->socket->connection;

    c->data = transfer;
    c->read->handler = ngx_http_workspaces_mail_talk_handler;
    c->write->handler = ngx_http_workspaces_mail_talk_handler;

    ngx_http_workspaces_mail_talk(transfer);
}


static void
ngx_http_workspaces_mail_talk_handler(ngx_event_t *ev)
{
    ngx_connection_t                *c;
    ngx_http_workspaces_transfer_t  *transfer;

    c = ev->data;
    transfer = c->data;

    ngx_http_workspaces_enter(transfer->mail->driver);

    ngx_http_workspaces_mail_talk(transfer);
}


static void
ngx_http_workspaces_mail_talk(ngx_http_workspaces_transfer_t *transfer)
{
    wsp_str            out;
    ngx_int_t          rc;
    ngx_uint_t         blocked;
    ngx_connection_t  *c;

    do {
        if (ngx_http_workspaces_mail_write(transfer) != NGX_OK) {
            ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                         "the connection was lost");
            return;
        }

        rc = ngx_http_workspaces_mail_read(transfer);

    } while (rc == NGX_OK);

    if (rc == NGX_DONE) {

        /* QUIT, as far as it goes */

        (void) ngx_http_workspaces_mail_write(transfer);
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY, "");
        return;
    }

    if (rc == NGX_ERROR || transfer->socket == NULL) {
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                     "the server closed the connection");
        return;
    }

    c = transfer->socket->connection;

    blocked = wsp_job_output(transfer->mail->core, transfer->number, &out)
              == WSP_OK;

    if (ngx_http_workspaces_mail_want(c->read, 1) != NGX_OK
        || ngx_http_workspaces_mail_want(c->write, blocked) != NGX_OK)
    {
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                     "the events of the connection failed");
    }
}


/* NGX_OK: all that the socket took. */

static ngx_int_t
ngx_http_workspaces_mail_write(ngx_http_workspaces_transfer_t *transfer)
{
    size_t     n;
    wsp_str    out;
    CURLcode   rc;
    wsp_core  *core;

    core = transfer->mail->core;

    while (wsp_job_output(core, transfer->number, &out) == WSP_OK) {

        rc = curl_easy_send(transfer->easy, out.data, out.len, &n);

        if (rc == CURLE_AGAIN || (rc == CURLE_OK && n == 0)) {
            break;
        }

        if (rc != CURLE_OK) {
            return NGX_ERROR;
        }

        wsp_job_written(core, transfer->number, n);
    }

    return NGX_OK;
}


/* NGX_OK: there may be more, and to write; NGX_AGAIN: there is none;
 * NGX_DONE: the dialog is over. */

static ngx_int_t
ngx_http_workspaces_mail_read(ngx_http_workspaces_transfer_t *transfer)
{
    char      buffer[NGX_HTTP_WORKSPACES_MAIL_READ];
    size_t    n;
    CURLcode  rc;

    rc = curl_easy_recv(transfer->easy, buffer, sizeof(buffer), &n);

    if (rc == CURLE_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != CURLE_OK || n == 0) {
        return NGX_ERROR;
    }

    if (wsp_job_input(transfer->mail->core, transfer->number, buffer, n)
        == WSP_OK)
    {
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
ngx_http_workspaces_mail_deadline_handler(ngx_event_t *ev)
{
    ngx_connection_t                *c;
    ngx_http_workspaces_transfer_t  *transfer;

    c = ev->data;
    transfer = c->data;

    ngx_http_workspaces_enter(transfer->mail->driver);

    ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                 "the server did not answer in time");
}


static void
ngx_http_workspaces_mail_end(ngx_http_workspaces_transfer_t *transfer,
    int outcome, const char *reason)
{
    wsp_str                      str;
    ngx_http_workspaces_mail_t  *mail;

    mail = transfer->mail;

    str.data = reason;
    str.len = ngx_strlen(reason);

    /* the reason may be the transfer's */

    wsp_job_done(mail->core, transfer->number, outcome, str, 0);

    ngx_http_workspaces_mail_free(transfer);

    ngx_http_workspaces_post(mail->driver);
}


static void
ngx_http_workspaces_mail_free(ngx_http_workspaces_transfer_t *transfer)
{
    if (transfer->deadline.timer_set) {
        ngx_del_timer(&transfer->deadline);
    }

    /* it closes the connection, which is not left to libcurl's cache */

    if (transfer->easy) {
        (void) curl_multi_remove_handle(transfer->mail->multi,
                                        transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }

    ngx_queue_remove(&transfer->queue);
    ngx_free(transfer);
}
