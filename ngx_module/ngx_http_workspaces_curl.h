/*
 * ngx_http_workspaces_curl.h - libcurl's multi interface on the events of
 * nginx: what mail and webhooks have in common.
 */

#ifndef _NGX_HTTP_WORKSPACES_CURL_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_CURL_H_INCLUDED_


#include <curl/curl.h>

#include "ngx_http_workspaces_driver.h"


typedef struct ngx_http_workspaces_curl_s  ngx_http_workspaces_curl_t;
typedef struct ngx_http_workspaces_socket_s  ngx_http_workspaces_socket_t;

/* A transfer came to its end, and may be freed: `private` is its
 * CURLOPT_PRIVATE. */
typedef void (*ngx_http_workspaces_curl_pt)(void *private, CURLcode code);


struct ngx_http_workspaces_socket_s {
    ngx_queue_t                      queue;
    ngx_http_workspaces_curl_t      *curl;
    ngx_connection_t                *connection;

    /* who uses it beside libcurl; emptied when it is closed; or NULL */
    ngx_http_workspaces_socket_t   **holder;
};


struct ngx_http_workspaces_curl_s {
    ngx_http_workspaces_driver_t    *driver;
    ngx_http_workspaces_curl_pt      handler;
    ngx_log_t                        log;       /* a quieter one */

    CURLM                           *multi;     /* NULL: not begun */

    ngx_event_t                      timer;     /* libcurl's */
    ngx_connection_t                 nobody;

    ngx_queue_t                      sockets;
};


/* Of a handle `easy`; what libcurl refuses is noted in `failed`. */
#define ngx_http_workspaces_setopt(option, value)                             \
    failed |= (curl_easy_setopt(easy, option, value) != CURLE_OK)


/* NGX_ERROR: logged, and there is nothing to end.  `curl` must stay where it
 * is. */
ngx_int_t ngx_http_workspaces_curl_begin(ngx_http_workspaces_curl_t *curl,
    ngx_http_workspaces_driver_t *driver, ngx_http_workspaces_curl_pt handler,
    ngx_log_t *log);

/* No transfer is left. */
void ngx_http_workspaces_curl_end(ngx_http_workspaces_curl_t *curl);

/* A handle that looks at nothing of the environment, nor of a home directory,
 * and verifies servers, by the certificates in `trusted` or, where that is
 * empty, by the system's; `error` has CURL_ERROR_SIZE bytes.  Or NULL. */
CURL *ngx_http_workspaces_curl_easy(ngx_http_workspaces_curl_t *curl,
    void *private, ngx_str_t *trusted, char *error);

/* The transfer begins when libcurl's timer is due: nothing ends in here. */
ngx_int_t ngx_http_workspaces_curl_add(ngx_http_workspaces_curl_t *curl,
    CURL *easy);

/* At any time but in a function that libcurl calls, closes the connection.
 * NULL ok. */
void ngx_http_workspaces_curl_free(ngx_http_workspaces_curl_t *curl,
    CURL *easy);

/* The CURLOPT_OPENSOCKETFUNCTION of those handles. */
curl_socket_t ngx_http_workspaces_curl_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);

ngx_http_workspaces_socket_t *ngx_http_workspaces_curl_find(
    ngx_http_workspaces_curl_t *curl, curl_socket_t fd);

/* Has an event of a socket watched, or no longer. */
ngx_int_t ngx_http_workspaces_curl_want(ngx_event_t *ev, ngx_uint_t wanted);


#endif /* _NGX_HTTP_WORKSPACES_CURL_H_INCLUDED_ */
