/*
 * ngx_http_workspaces_webhook.c - carries the core's webhooks to the hosts
 * that partners named.
 *
 * Such a host is nobody's friend.  Its name is looked up once for each try,
 * by nginx's resolver, and libcurl (curl.c) is given the addresses; the one
 * that is connected to is asked about, so that a name which changes its mind
 * gains nothing.  The answer ends at its first WSP_ANSWER_MAX bytes, and
 * everything together after five seconds.  Redirects are not followed.
 *
 * A worker that is shutting down ends what it has begun: nobody needs to send
 * it again, and it is a matter of these seconds.
 */

#include "ngx_http_workspaces_delivery.h"


#define NGX_HTTP_WORKSPACES_WEBHOOK_TIMEOUT    5000

/* addresses of a name that are tried */
#define NGX_HTTP_WORKSPACES_WEBHOOK_ADDRS      8


static void ngx_http_workspaces_webhook_resolve(
    ngx_http_workspaces_delivery_t *delivery);
static void ngx_http_workspaces_webhook_resolve_handler(
    ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_http_workspaces_webhook_resolved(
    ngx_http_workspaces_delivery_t *delivery, ngx_resolver_ctx_t *ctx);
static void ngx_http_workspaces_webhook_start(
    ngx_http_workspaces_delivery_t *delivery);
static void ngx_http_workspaces_webhook_handler(
    ngx_http_workspaces_job_t *job, CURLcode code);
static void ngx_http_workspaces_webhook_deadline_handler(ngx_event_t *ev);
static void ngx_http_workspaces_webhook_fail(
    ngx_http_workspaces_delivery_t *delivery, const char *reason);
static void ngx_http_workspaces_webhook_end(
    ngx_http_workspaces_delivery_t *delivery, int outcome,
    const char *reason);
static void ngx_http_workspaces_webhook_free(
    ngx_http_workspaces_delivery_t *delivery);


ngx_http_workspaces_webhook_t *
ngx_http_workspaces_webhook_create(ngx_http_workspaces_driver_t *driver,
    wsp_core *core, ngx_http_workspaces_webhooks_conf_t *conf, ngx_log_t *log)
{
    ngx_http_workspaces_webhook_t  *hook;

    hook = ngx_calloc(sizeof(ngx_http_workspaces_webhook_t), log);
    if (hook == NULL) {
        return NULL;
    }

    hook->conf = conf;

    if (ngx_http_workspaces_curl_begin(&hook->curl, driver, core,
                                    ngx_http_workspaces_webhook_handler, log)
        != NGX_OK)
    {
        ngx_free(hook);
        return NULL;
    }

    return hook;
}


void
ngx_http_workspaces_webhook_destroy(ngx_http_workspaces_webhook_t *hook)
{
    ngx_queue_t                *q;
    ngx_http_workspaces_job_t  *job;

    if (hook == NULL) {
        return;
    }

    while (!ngx_queue_empty(&hook->curl.jobs)) {
        q = ngx_queue_head(&hook->curl.jobs);
        job = ngx_queue_data(q, ngx_http_workspaces_job_t, queue);

        ngx_http_workspaces_webhook_free(
                                     (ngx_http_workspaces_delivery_t *) job);
    }

    ngx_http_workspaces_curl_end(&hook->curl);
    ngx_free(hook);
}


void
ngx_http_workspaces_webhook_send(ngx_http_workspaces_webhook_t *hook,
    uint64_t number)
{
    ngx_http_workspaces_delivery_t  *delivery;

    delivery = ngx_http_workspaces_job_create(&hook->curl,
                                sizeof(ngx_http_workspaces_delivery_t),
                                number,
                                ngx_http_workspaces_webhook_deadline_handler);
    if (delivery == NULL) {
        return;
    }

    delivery->hook = hook;
    delivery->request.size = sizeof(wsp_http_request);

    if (wsp_job_request(hook->curl.core, number, &delivery->request)
        != WSP_OK)
    {
        ngx_http_workspaces_webhook_free(delivery);
        return;
    }

    ngx_add_timer(&delivery->job.deadline, NGX_HTTP_WORKSPACES_WEBHOOK_TIMEOUT);

    ngx_http_workspaces_webhook_resolve(delivery);
}


static void
ngx_http_workspaces_webhook_resolve(ngx_http_workspaces_delivery_t *delivery)
{
    u_char              *host;
    size_t               len;
    ngx_resolver_ctx_t  *ctx;
#if (NGX_HAVE_INET6)
    u_char               addr[16];
#endif

    host = (u_char *) delivery->request.host.data;
    len = delivery->request.host.len;

    if (ngx_inet_addr(host, len) != INADDR_NONE) {
        ngx_http_workspaces_webhook_start(delivery);
        return;
    }

#if (NGX_HAVE_INET6)
    if (ngx_inet6_addr(host, len, addr) == NGX_OK) {
        ngx_http_workspaces_webhook_start(delivery);
        return;
    }
#endif

    if (len > NGX_HTTP_WORKSPACES_WEBHOOK_HOST) {
        ngx_http_workspaces_webhook_fail(delivery, "the host is no name");
        return;
    }

    ctx = ngx_resolve_start(delivery->hook->conf->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_http_workspaces_webhook_fail(delivery,
                                         "the name cannot be looked up");
        return;
    }

    /* the resolver writes into it, as long as it is asked */

    ngx_memcpy(delivery->host, host, len);

    ctx->name.data = delivery->host;
    ctx->name.len = len;
    ctx->handler = ngx_http_workspaces_webhook_resolve_handler;
    ctx->data = delivery;
    ctx->timeout = NGX_HTTP_WORKSPACES_WEBHOOK_TIMEOUT;
    ctx->cancelable = 1;

    delivery->resolving = ctx;

    /* what it remembers it says at once: the delivery may be gone */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        delivery->resolving = NULL;
        ngx_http_workspaces_webhook_fail(delivery,
                                         "the name cannot be looked up");
    }
}


static void
ngx_http_workspaces_webhook_resolve_handler(ngx_resolver_ctx_t *ctx)
{
    ngx_http_workspaces_delivery_t *delivery = ctx->data;

    ngx_int_t  rc, state;

    ngx_http_workspaces_enter(delivery->job.curl->driver);

    state = ctx->state;
    rc = state ? NGX_DECLINED
               : ngx_http_workspaces_webhook_resolved(delivery, ctx);

    delivery->resolving = NULL;
    ngx_resolve_name_done(ctx);

    if (rc == NGX_DECLINED) {
        (void) ngx_snprintf((u_char *) delivery->job.error,
                            sizeof(delivery->job.error),
                            "the name cannot be looked up: %s%Z",
                            ngx_resolver_strerror(state));

        ngx_http_workspaces_webhook_fail(delivery, delivery->job.error);
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_workspaces_webhook_fail(delivery, "out of memory");
        return;
    }

    ngx_http_workspaces_webhook_start(delivery);
}


/* "+host:port:address,address", which libcurl forgets after a minute. */

static ngx_int_t
ngx_http_workspaces_webhook_resolved(ngx_http_workspaces_delivery_t *delivery,
    ngx_resolver_ctx_t *ctx)
{
    u_char           *p, *last;
    u_char            text[sizeof("+:65535:")
                           + NGX_HTTP_WORKSPACES_WEBHOOK_HOST
                           + NGX_HTTP_WORKSPACES_WEBHOOK_ADDRS
                             * (NGX_SOCKADDR_STRLEN + sizeof("[],"))];
    ngx_uint_t        i;
    struct sockaddr  *sa;

    last = text + sizeof(text) - 1;

    p = ngx_slprintf(text, last, "+%*s:%ud:", delivery->request.host.len,
                     delivery->request.host.data, delivery->request.port);

    for (i = 0;
         i < ctx->naddrs && i < NGX_HTTP_WORKSPACES_WEBHOOK_ADDRS;
         i++)
    {
        sa = ctx->addrs[i].sockaddr;

        if (i) {
            *p++ = ',';
        }

        if (sa->sa_family == AF_INET6) {
            *p++ = '[';
        }

        p += ngx_sock_ntop(sa, ctx->addrs[i].socklen, p, last - p, 0);

        if (sa->sa_family == AF_INET6) {
            *p++ = ']';
        }
    }

    *p = '\0';

    delivery->resolved = curl_slist_append(NULL, (const char *) text);

    return delivery->resolved ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_workspaces_webhook_start(ngx_http_workspaces_delivery_t *delivery)
{
    if (ngx_http_workspaces_delivery_post(delivery) != NGX_OK) {
        ngx_http_workspaces_webhook_fail(delivery, "libcurl has no memory");
    }
}


static void
ngx_http_workspaces_webhook_handler(ngx_http_workspaces_job_t *job,
    CURLcode code)
{
    long                             status;
    wsp_str                          after, body;
    ngx_http_workspaces_delivery_t  *delivery;

    delivery = (ngx_http_workspaces_delivery_t *) job;

    /* an answer that is cut off was an answer */

    if (code == CURLE_WRITE_ERROR && delivery->full) {
        code = CURLE_OK;
    }

    if (code == CURLE_OK
        && curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status)
           == CURLE_OK
        && status > 0)
    {
        after.data = (const char *) delivery->after;
        after.len = delivery->after_len;
        body.data = (const char *) delivery->body;
        body.len = delivery->body_len;

        wsp_job_response(job->curl->core, job->number, (unsigned) status,
                         after, body);

        ngx_http_workspaces_webhook_end(delivery, WSP_JOB_DONE, "");
        return;
    }

    if (code == CURLE_COULDNT_CONNECT && delivery->refused) {
        ngx_http_workspaces_webhook_fail(delivery,
                                         "the address is not public");
        return;
    }

    if (delivery->header_len > NGX_HTTP_WORKSPACES_WEBHOOK_HEADER) {
        ngx_http_workspaces_webhook_fail(delivery,
                                         "the answer's header is too large");
        return;
    }

    ngx_http_workspaces_webhook_fail(delivery,
                                     job->error[0] ? job->error
                                                   : curl_easy_strerror(code));
}


static void
ngx_http_workspaces_webhook_deadline_handler(ngx_event_t *ev)
{
    ngx_connection_t                *c;
    ngx_http_workspaces_delivery_t  *delivery;

    c = ev->data;
    delivery = c->data;

    ngx_http_workspaces_enter(delivery->job.curl->driver);

    ngx_http_workspaces_webhook_fail(delivery,
                                     "no whole answer within 5 seconds");
}


static void
ngx_http_workspaces_webhook_fail(ngx_http_workspaces_delivery_t *delivery,
    const char *reason)
{
    ngx_http_workspaces_webhook_end(delivery, WSP_JOB_RETRY, reason);
}


static void
ngx_http_workspaces_webhook_end(ngx_http_workspaces_delivery_t *delivery,
    int outcome, const char *reason)
{
    ngx_http_workspaces_job_end(&delivery->job, outcome, reason);
    ngx_http_workspaces_webhook_free(delivery);
}


static void
ngx_http_workspaces_webhook_free(ngx_http_workspaces_delivery_t *delivery)
{
    if (delivery->resolving) {
        ngx_resolve_name_done(delivery->resolving);
    }

    /* its transfer uses these */

    ngx_http_workspaces_job_stop(&delivery->job);

    curl_slist_free_all(delivery->headers);
    curl_slist_free_all(delivery->resolved);

    if (delivery->body) {
        ngx_free(delivery->body);
    }

    ngx_http_workspaces_job_free(&delivery->job);
}
