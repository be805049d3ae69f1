/*
 * ngx_http_workspaces_driver.h - the driver of a worker's core: it owns the
 * core, its sockets and its timers, and tells requests when their operations
 * are finished.
 */

#ifndef _NGX_HTTP_WORKSPACES_DRIVER_H_INCLUDED_
#define _NGX_HTTP_WORKSPACES_DRIVER_H_INCLUDED_


#include "ngx_http_workspaces_module.h"


typedef struct ngx_http_workspaces_op_s  ngx_http_workspaces_op_t;

typedef void (*ngx_http_workspaces_op_pt)(ngx_http_workspaces_op_t *op);


/* Zeroed by its owner, who sets `handler` and `data`. */

struct ngx_http_workspaces_op_s {
    wsp_op                        *op;      /* owned; NULL: none */

    /* called once after NGX_AGAIN, unless the operation ended before; it may
     * end the operation, and start others */
    ngx_http_workspaces_op_pt      handler;
    void                          *data;

    ngx_http_workspaces_driver_t  *driver;  /* NULL: needs none */
    ngx_queue_t                    queue;   /* of the driver's waiting or
                                               finished operations */
    ngx_msec_t                     deadline;

    unsigned                       waiting:1;
};


/* Both belong to the process, neither to a request. */
ngx_http_workspaces_driver_t *ngx_http_workspaces_driver_create(
    ngx_cycle_t *cycle, ngx_http_workspaces_main_conf_t *wmcf);
void ngx_http_workspaces_driver_destroy(ngx_http_workspaces_driver_t *driver);

/* Sets the core's time; comes before anything else that is asked of it. */
void ngx_http_workspaces_enter(ngx_http_workspaces_driver_t *driver);

/* Has the core make its turn before this turn of the event loop ends. */
void ngx_http_workspaces_post(ngx_http_workspaces_driver_t *driver);

/*
 * NGX_OK: finished already.  NGX_AGAIN: the handler will be called, after the
 * deadline at the latest.  NGX_ERROR: out of memory, nothing was started.
 */
ngx_int_t ngx_http_workspaces_op_start(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, const wsp_request *request);

/* The same for an access decision. */
ngx_int_t ngx_http_workspaces_op_decide(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, const wsp_access_request *request);

/* An error response instead of an operation; a driver only counts it, and
 * may be NULL.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_workspaces_op_error(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, ngx_int_t dialect, ngx_uint_t status,
    wsp_str request_id);

void ngx_http_workspaces_random(ngx_http_workspaces_driver_t *driver,
    u_char *out, size_t len);

/* Cancels the operation, or frees its response.  May be called again. */
void ngx_http_workspaces_op_end(ngx_http_workspaces_op_t *op);


#endif /* _NGX_HTTP_WORKSPACES_DRIVER_H_INCLUDED_ */
