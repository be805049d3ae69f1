/*
 * ngx_http_workspaces_delivery.c - what libcurl is given of a webhook, what
 * it is let do, and what is taken of the answer.
 */

#include "ngx_http_workspaces_delivery.h"


static ngx_int_t ngx_http_workspaces_delivery_headers(
    ngx_http_workspaces_delivery_t *delivery);
static CURL *ngx_http_workspaces_delivery_easy(
    ngx_http_workspaces_delivery_t *delivery);
static int ngx_http_workspaces_delivery_lookup(void *resolver, void *reserved,
    void *data);
static curl_socket_t ngx_http_workspaces_delivery_open(void *data,
    curlsocktype purpose, struct curl_sockaddr *address);
static ngx_int_t ngx_http_workspaces_delivery_is_public(struct sockaddr *sa);
static size_t ngx_http_workspaces_delivery_header(char *line, size_t size,
    size_t n, void *data);
static size_t ngx_http_workspaces_delivery_body(char *bytes, size_t size,
    size_t n, void *data);


ngx_int_t
ngx_http_workspaces_delivery_post(ngx_http_workspaces_delivery_t *delivery)
{
    if (ngx_http_workspaces_delivery_headers(delivery) != NGX_OK) {
        return NGX_ERROR;
    }

    delivery->job.easy = ngx_http_workspaces_delivery_easy(delivery);

    if (delivery->job.easy == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_workspaces_job_start(&delivery->job);
}


static ngx_int_t
ngx_http_workspaces_delivery_headers(ngx_http_workspaces_delivery_t *delivery)
{
    size_t              i, len;
    u_char             *line, *last;
    const wsp_header   *header;
    struct curl_slist  *list;

    /* what libcurl would add of itself is left out */

    delivery->headers = curl_slist_append(NULL, "Expect:");

    if (delivery->headers == NULL) {
        return NGX_ERROR;
    }

    header = delivery->request.headers;

    for (i = 0; i < delivery->request.header_count; i++) {
        len = header[i].name.len + header[i].value.len + sizeof(": ");

        line = ngx_alloc(len, &delivery->hook->curl.log);
        if (line == NULL) {
            return NGX_ERROR;
        }

        last = ngx_snprintf(line, len - 1, "%*s: %*s", header[i].name.len,
                            header[i].name.data, header[i].value.len,
                            header[i].value.data);
        *last = '\0';

        list = curl_slist_append(delivery->headers, (const char *) line);

        ngx_free(line);

        if (list == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static CURL *
ngx_http_workspaces_delivery_easy(ngx_http_workspaces_delivery_t *delivery)
{
    CURL              *easy;
    ngx_uint_t         failed;
    const char        *protocols;
    wsp_http_request  *request;

    request = &delivery->request;

    easy = ngx_http_workspaces_job_easy(&delivery->job,
                                        &delivery->hook->conf->trusted);
    if (easy == NULL) {
        return NULL;
    }

    failed = 0;
    protocols = request->https ? "https" : "http";

    ngx_http_workspaces_setopt(CURLOPT_URL, request->url.data);
#if (LIBCURL_VERSION_NUM >= 0x075500)
    ngx_http_workspaces_setopt(CURLOPT_PROTOCOLS_STR, protocols);
#else
    ngx_http_workspaces_setopt(CURLOPT_PROTOCOLS,
                               (long) (request->https ? CURLPROTO_HTTPS
                                                      : CURLPROTO_HTTP));
#endif
    ngx_http_workspaces_setopt(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    ngx_http_workspaces_setopt(CURLOPT_FOLLOWLOCATION, 0L);
    ngx_http_workspaces_setopt(CURLOPT_FORBID_REUSE, 1L);
    ngx_http_workspaces_setopt(CURLOPT_HTTP_VERSION,
                               (long) CURL_HTTP_VERSION_1_1);
    ngx_http_workspaces_setopt(CURLOPT_SSLVERSION,
                               (long) CURL_SSLVERSION_TLSv1_2);
    ngx_http_workspaces_setopt(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    ngx_http_workspaces_setopt(CURLOPT_OPENSOCKETFUNCTION,
                               ngx_http_workspaces_delivery_open);
    ngx_http_workspaces_setopt(CURLOPT_OPENSOCKETDATA, delivery);

    if (delivery->resolved) {
        ngx_http_workspaces_setopt(CURLOPT_RESOLVE, delivery->resolved);
        ngx_http_workspaces_setopt(CURLOPT_RESOLVER_START_FUNCTION,
                                   ngx_http_workspaces_delivery_lookup);
    }

    ngx_http_workspaces_setopt(CURLOPT_POST, 1L);
    ngx_http_workspaces_setopt(CURLOPT_HTTPHEADER, delivery->headers);
    ngx_http_workspaces_setopt(CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) request->body.len);
    ngx_http_workspaces_setopt(CURLOPT_POSTFIELDS, request->body.data);
    ngx_http_workspaces_setopt(CURLOPT_HEADERFUNCTION,
                               ngx_http_workspaces_delivery_header);
    ngx_http_workspaces_setopt(CURLOPT_HEADERDATA, delivery);
    ngx_http_workspaces_setopt(CURLOPT_WRITEFUNCTION,
                               ngx_http_workspaces_delivery_body);
    ngx_http_workspaces_setopt(CURLOPT_WRITEDATA, delivery);

    if (failed) {
        curl_easy_cleanup(easy);
        return NULL;
    }

    return easy;
}


/* Called by libcurl where it does not know an address: it must not ask. */

static int
ngx_http_workspaces_delivery_lookup(void *resolver, void *reserved, void *data)
{
    return 1;
}


/* Called by libcurl with an address that it is about to connect to. */

static curl_socket_t
ngx_http_workspaces_delivery_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ngx_http_workspaces_delivery_t *delivery = data;

    if (!delivery->hook->conf->allow_private
        && ngx_http_workspaces_delivery_is_public(&address->addr) != NGX_OK)
    {
        delivery->refused = 1;
        return CURL_SOCKET_BAD;
    }

    return ngx_http_workspaces_curl_open(&delivery->hook->curl, purpose,
                                         address);
}


static ngx_int_t
ngx_http_workspaces_delivery_is_public(struct sockaddr *sa)
{
    const void  *addr;

    switch (sa->sa_family) {

    case AF_INET:
        addr = &((struct sockaddr_in *) sa)->sin_addr;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        addr = &((struct sockaddr_in6 *) sa)->sin6_addr;
        break;
#endif

    default:
        return NGX_DECLINED;
    }

    return wsp_is_public_address(sa->sa_family != AF_INET, addr)
           ? NGX_OK : NGX_DECLINED;
}


/* A line of an answer, or of an interim one (1xx) before it. */

static size_t
ngx_http_workspaces_delivery_header(char *line, size_t size, size_t n,
    void *data)
{
    ngx_http_workspaces_delivery_t *delivery = data;

    u_char  *p, *last;

    delivery->header_len += n;

    if (delivery->header_len > NGX_HTTP_WORKSPACES_WEBHOOK_HEADER) {
        return 0;
    }

    p = (u_char *) line;
    last = p + n;

    if (n >= 5 && ngx_strncmp(p, "HTTP/", 5) == 0) {
        delivery->after_len = 0;
        return n;
    }

    if (n < sizeof("Retry-After:") - 1
        || ngx_strncasecmp(p, (u_char *) "Retry-After:",
                           sizeof("Retry-After:") - 1)
           != 0)
    {
        return n;
    }

    p += sizeof("Retry-After:") - 1;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last && last[-1] <= ' ') {
        last--;
    }

    /* a value that is too long is none */

    if ((size_t) (last - p) <= NGX_HTTP_WORKSPACES_WEBHOOK_AFTER) {
        ngx_memcpy(delivery->after, p, last - p);
        delivery->after_len = last - p;
    }

    return n;
}


static size_t
ngx_http_workspaces_delivery_body(char *bytes, size_t size, size_t n,
    void *data)
{
    ngx_http_workspaces_delivery_t *delivery = data;

    size_t  len;

    if (delivery->body == NULL) {
        delivery->body = ngx_alloc(WSP_ANSWER_MAX,
                                   &delivery->hook->curl.log);
        if (delivery->body == NULL) {
            return 0;
        }
    }

    len = ngx_min(n, WSP_ANSWER_MAX - delivery->body_len);

    ngx_memcpy(delivery->body + delivery->body_len, bytes, len);
    delivery->body_len += len;

    if (len == n) {
        return n;
    }

    delivery->full = 1;

    return 0;
}
