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
typedef struct ngx_http_workspaces_job_s  ngx_http_workspaces_job_t;

/* The transfer of a job came to its end, and the job may be freed. */
typedef void (*ngx_http_workspaces_curl_pt)(ngx_http_workspaces_job_t *job,
    CURLcode code);


struct ngx_http_workspaces_socket_s {
    ngx_queue_t                      queue;
    ngx_http_workspaces_curl_t      *curl;
    ngx_connection_t                *connection;

    /* who uses it beside libcurl; emptied when it is closed; or NULL */
    ngx_http_workspaces_socket_t   **holder;
};


/* A job of the core's and its transfer: the head of what is known of it. */

struct ngx_http_workspaces_job_s {
    ngx_queue_t                      queue;
    ngx_http_workspaces_curl_t      *curl;
    uint64_t                         number;

    CURL                            *easy;      /* NULL: not begun */

    ngx_event_t                      deadline;
    ngx_connection_t                 nobody;    /* the data of its event */

    char                             error[CURL_ERROR_SIZE];
};


struct ngx_http_workspaces_curl_s {
    ngx_http_workspaces_driver_t    *driver;
    wsp_core                        *core;
    ngx_http_workspaces_curl_pt      handler;
    ngx_log_t                        log;       /* a quieter one */

    CURLM                           *multi;     /* NULL: not begun */

    ngx_event_t                      timer;     /* libcurl's */
    ngx_connection_t                 nobody;

    ngx_queue_t                      sockets;
    ngx_queue_t                      jobs;
};


/* Of a handle `easy`; what libcurl refuses is noted in `failed`. */
#define ngx_http_workspaces_setopt(option, value)                             \
    failed |= (curl_easy_setopt(easy, option, value) != CURLE_OK)


/* NGX_ERROR: logged, and there is nothing to end.  `curl` must stay where it
 * is. */
ngx_int_t ngx_http_workspaces_curl_begin(ngx_http_workspaces_curl_t *curl,
    ngx_http_workspaces_driver_t *driver, wsp_core *core,
    ngx_http_workspaces_curl_pt handler, ngx_log_t *log);

/* No job is left. */
void ngx_http_workspaces_curl_end(ngx_http_workspaces_curl_t *curl);

/* `size` bytes with a job at their head, all others zero.  The deadline is not
 * yet set; the data of its event is `nobody`, whose data is the job.  NULL:
 * the core was told. */
void *ngx_http_workspaces_job_create(ngx_http_workspaces_curl_t *curl,
    size_t size, uint64_t number, ngx_event_handler_pt deadline);

/* A handle that looks at nothing of the environment, nor of a home directory,
 * and verifies servers, by the certificates in `trusted` or, where that is
 * empty, by the system's.  Or NULL. */
CURL *ngx_http_workspaces_job_easy(ngx_http_workspaces_job_t *job,
    ngx_str_t *trusted);

/* The transfer begins when libcurl's timer is due: nothing ends in here. */
ngx_int_t ngx_http_workspaces_job_start(ngx_http_workspaces_job_t *job);

/* At any time but in a function that libcurl calls: closes the connection. */
void ngx_http_workspaces_job_stop(ngx_http_workspaces_job_t *job);

/* Stops it, and tells the core what came of it: what it gave for the job is
 * gone.  The reason may be the job's `error`. */
void ngx_http_workspaces_job_end(ngx_http_workspaces_job_t *job, int outcome,
    const char *reason);

/* Stops it. */
void ngx_http_workspaces_job_free(ngx_http_workspaces_job_t *job);

/* The CURLOPT_OPENSOCKETFUNCTION of those handles. */
curl_socket_t ngx_http_workspaces_curl_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);

ngx_http_workspaces_socket_t *ngx_http_workspaces_curl_find(
    ngx_http_workspaces_curl_t *curl, curl_socket_t fd);

/* Has an event of a socket watched, or no longer. */
ngx_int_t ngx_http_workspaces_curl_want(ngx_event_t *ev, ngx_uint_t wanted);


#endif /* _NGX_HTTP_WORKSPACES_CURL_H_INCLUDED_ */
