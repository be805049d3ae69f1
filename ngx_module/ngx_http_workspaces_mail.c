/*
 * ngx_http_workspaces_mail.c - carries the core's mails to the SMTP server.
 *
 * libcurl opens the connection, encrypts it and logs in (curl.c); then the
 * core speaks over it.  libcurl cannot be left to send the mail: it waits, in
 * the worker, for the reply after the message and for the one to QUIT
 * (smtp_done() and smtp_disconnect() of every version so far), and completes a
 * mail that is broken off.  With CURLOPT_CONNECT_ONLY it does neither.
 *
 * The address was resolved when the configuration was read, so that libcurl
 * asks no name server and starts no thread.
 *
 * To a worker that is shutting down a mail does not exist: what it leaves
 * behind is due again when its lease is over.
 */

#include "ngx_http_workspaces_curl.h"
#include "ngx_http_workspaces_mail.h"


/* a mail takes less than WSP_JOB_MS altogether, or is given up */

#define NGX_HTTP_WORKSPACES_MAIL_CONNECT  20000
#define NGX_HTTP_WORKSPACES_MAIL_TIMEOUT  45000

#define NGX_HTTP_WORKSPACES_MAIL_READ     1024


typedef struct {
    ngx_http_workspaces_job_t        job;
    ngx_http_workspaces_mail_t      *mail;
    ngx_http_workspaces_socket_t    *socket;    /* NULL: not yet connected */
} ngx_http_workspaces_transfer_t;


struct ngx_http_workspaces_mail_s {
    ngx_http_workspaces_curl_t       curl;
    ngx_http_workspaces_smtp_t      *smtp;
    struct curl_slist               *resolved;  /* NULL: it is an address */
};


static CURL *ngx_http_workspaces_mail_easy(
    ngx_http_workspaces_transfer_t *transfer);
static void ngx_http_workspaces_mail_handler(ngx_http_workspaces_job_t *job,
    CURLcode code);
static void ngx_http_workspaces_mail_deadline_handler(ngx_event_t *ev);
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


ngx_http_workspaces_mail_t *
ngx_http_workspaces_mail_create(ngx_http_workspaces_driver_t *driver,
    wsp_core *core, ngx_http_workspaces_smtp_t *smtp, ngx_log_t *log)
{
    ngx_http_workspaces_mail_t  *mail;

    mail = ngx_calloc(sizeof(ngx_http_workspaces_mail_t), log);
    if (mail == NULL) {
        return NULL;
    }

    mail->smtp = smtp;

    if (ngx_http_workspaces_curl_begin(&mail->curl, driver, core,
                                       ngx_http_workspaces_mail_handler, log)
        != NGX_OK)
    {
        ngx_free(mail);
        return NULL;
    }

    if (smtp->resolved.len) {
        mail->resolved = curl_slist_append(NULL,
                                         (const char *) smtp->resolved.data);

        if (mail->resolved == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "workspaces: libcurl has no memory");
            ngx_http_workspaces_mail_destroy(mail);
            return NULL;
        }
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

    while (!ngx_queue_empty(&mail->curl.jobs)) {
        q = ngx_queue_head(&mail->curl.jobs);

        ngx_http_workspaces_job_free(
                        ngx_queue_data(q, ngx_http_workspaces_job_t, queue));
    }

    curl_slist_free_all(mail->resolved);
    ngx_http_workspaces_curl_end(&mail->curl);
    ngx_free(mail);
}


void
ngx_http_workspaces_mail_send(ngx_http_workspaces_mail_t *mail,
    uint64_t number)
{
    ngx_http_workspaces_transfer_t  *transfer;

    transfer = ngx_http_workspaces_job_create(&mail->curl,
                                   sizeof(ngx_http_workspaces_transfer_t),
                                   number,
                                   ngx_http_workspaces_mail_deadline_handler);
    if (transfer == NULL) {
        return;
    }

    transfer->mail = mail;
    transfer->job.deadline.cancelable = 1;
    transfer->job.easy = ngx_http_workspaces_mail_easy(transfer);

    if (transfer->job.easy == NULL
        || ngx_http_workspaces_job_start(&transfer->job) != NGX_OK)
    {
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                     "libcurl has no memory");
        return;
    }

    ngx_add_timer(&transfer->job.deadline, NGX_HTTP_WORKSPACES_MAIL_TIMEOUT);
}


static CURL *
ngx_http_workspaces_mail_easy(ngx_http_workspaces_transfer_t *transfer)
{
    CURL                        *easy;
    ngx_uint_t                   failed;
    ngx_http_workspaces_mail_t  *mail;
    ngx_http_workspaces_smtp_t  *smtp;

    mail = transfer->mail;
    smtp = mail->smtp;

    easy = ngx_http_workspaces_job_easy(&transfer->job, &smtp->trusted);
    if (easy == NULL) {
        return NULL;
    }

    failed = 0;

    ngx_http_workspaces_setopt(CURLOPT_URL, (char *) smtp->url.data);
#if (LIBCURL_VERSION_NUM >= 0x075500)
    ngx_http_workspaces_setopt(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
    ngx_http_workspaces_setopt(CURLOPT_PROTOCOLS,
                               (long) (CURLPROTO_SMTP|CURLPROTO_SMTPS));
#endif
    ngx_http_workspaces_setopt(CURLOPT_RESOLVE, mail->resolved);
    ngx_http_workspaces_setopt(CURLOPT_CONNECT_ONLY, 1L);
    ngx_http_workspaces_setopt(CURLOPT_CONNECTTIMEOUT_MS,
                               (long) NGX_HTTP_WORKSPACES_MAIL_CONNECT);
    ngx_http_workspaces_setopt(CURLOPT_USE_SSL,
                               (long) (smtp->starttls ? CURLUSESSL_ALL
                                                      : CURLUSESSL_NONE));

    /* those that need no third party: asking for a ticket would block */

    if (smtp->user.len) {
        ngx_http_workspaces_setopt(CURLOPT_LOGIN_OPTIONS,
                                   "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
        ngx_http_workspaces_setopt(CURLOPT_USERNAME,
                                   (char *) smtp->user.data);
        ngx_http_workspaces_setopt(CURLOPT_PASSWORD,
                                   (char *) smtp->password.data);
    }

    if (failed) {
        curl_easy_cleanup(easy);
        return NULL;
    }

    return easy;
}


static void
ngx_http_workspaces_mail_handler(ngx_http_workspaces_job_t *job, CURLcode code)
{
    ngx_http_workspaces_transfer_t  *transfer;

    transfer = (ngx_http_workspaces_transfer_t *) job;

    if (code == CURLE_OK) {
        ngx_http_workspaces_mail_connected(transfer);
        return;
    }

    ngx_http_workspaces_mail_end(transfer, WSP_JOB_AWAY,
                                 job->error[0] ? job->error
                                               : curl_easy_strerror(code));
}


/* From here on the core speaks, and libcurl only encrypts. */

static void
ngx_http_workspaces_mail_connected(ngx_http_workspaces_transfer_t *transfer)
{
    curl_socket_t      fd;
    ngx_connection_t  *c;

    fd = CURL_SOCKET_BAD;

    (void) curl_easy_getinfo(transfer->job.easy, CURLINFO_ACTIVESOCKET, &fd);

    transfer->socket = ngx_http_workspaces_curl_find(&transfer->mail->curl,
                                                     fd);

    if (transfer->socket == NULL) {
        ngx_http_workspaces_mail_end(transfer, WSP_JOB_AWAY,
                                     "the connection was lost at once");
        return;
    }

    transfer->socket->holder = &transfer->socket;

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

    ngx_http_workspaces_enter(transfer->job.curl->driver);

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

    blocked = wsp_job_output(transfer->job.curl->core, transfer->job.number,
                             &out)
              == WSP_OK;

    if (ngx_http_workspaces_curl_want(c->read, 1) != NGX_OK
        || ngx_http_workspaces_curl_want(c->write, blocked) != NGX_OK)
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

    core = transfer->job.curl->core;

    while (wsp_job_output(core, transfer->job.number, &out) == WSP_OK) {

        rc = curl_easy_send(transfer->job.easy, out.data, out.len, &n);

        if (rc == CURLE_AGAIN || (rc == CURLE_OK && n == 0)) {
            break;
        }

        if (rc != CURLE_OK) {
            return NGX_ERROR;
        }

        wsp_job_written(core, transfer->job.number, n);
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

    rc = curl_easy_recv(transfer->job.easy, buffer, sizeof(buffer), &n);

    if (rc == CURLE_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != CURLE_OK || n == 0) {
        return NGX_ERROR;
    }

    if (wsp_job_input(transfer->job.curl->core, transfer->job.number, buffer,
                      n)
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

    ngx_http_workspaces_enter(transfer->job.curl->driver);

    ngx_http_workspaces_mail_end(transfer, WSP_JOB_RETRY,
                                 "the server did not answer in time");
}


static void
ngx_http_workspaces_mail_end(ngx_http_workspaces_transfer_t *transfer,
    int outcome, const char *reason)
{
    ngx_http_workspaces_job_end(&transfer->job, outcome, reason);
    ngx_http_workspaces_job_free(&transfer->job);
}
