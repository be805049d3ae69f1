/*
 * ngx_http_workspaces_driver.c - moves bytes and time between nginx and the
 * core (workspaces.h: "One turn of a driver").
 *
 * Whatever touches the core during a turn of the event loop posts one event
 * that makes the core's own turn: so all requests and replies of that turn
 * share one write, and operations are never finished below the request that
 * starts them.
 *
 * To a worker that is shutting down the links do not exist: they are neither
 * idle nor reusable, and their timer is cancelable.  What keeps the worker is
 * the deadline of the requests that wait.
 */

#include "ngx_http_workspaces_driver.h"
#include "ngx_http_workspaces_link.h"
#include "ngx_http_workspaces_mail.h"
#include "ngx_http_workspaces_webhook.h"


struct ngx_http_workspaces_driver_s {
    wsp_core                         *core;
    ngx_log_t                        *log;
    ngx_msec_t                        timeout;      /* of an operation */

    ngx_http_workspaces_link_t        links[WSP_LINKS];
    ngx_http_workspaces_mail_t       *mail;         /* NULL: none is sent */
    ngx_http_workspaces_webhook_t    *hook;         /* the same */

    /* milliseconds, counted in 64 bits also where ngx_msec_t has 32 */
    uint64_t                          clock;
    ngx_msec_t                        clock_msec;

    /* the data of events without a socket: nginx logs their fd */
    ngx_connection_t                  nobody;

    ngx_event_t                       turn;         /* posted */
    ngx_event_t                       timer;        /* the core's */
    ngx_event_t                       deadline;     /* of waiting operations */

    ngx_queue_t                       waiting;      /* the oldest first */
    ngx_queue_t                       finished;     /* sent, not yet ended */

    unsigned                          draining:1;
};


static void ngx_http_workspaces_event(ngx_http_workspaces_driver_t *driver,
    ngx_event_t *ev, ngx_event_handler_pt handler);
static void ngx_http_workspaces_turn_handler(ngx_event_t *ev);
static void ngx_http_workspaces_turn(ngx_http_workspaces_driver_t *driver);
static void ngx_http_workspaces_timer(ngx_http_workspaces_driver_t *driver);
static void ngx_http_workspaces_timer_handler(ngx_event_t *ev);
static void ngx_http_workspaces_deadline_handler(ngx_event_t *ev);
static void ngx_http_workspaces_finish(ngx_http_workspaces_op_t *op);
static void ngx_http_workspaces_log(ngx_http_workspaces_driver_t *driver);
static ngx_int_t ngx_http_workspaces_started(
    ngx_http_workspaces_driver_t *driver, ngx_http_workspaces_op_t *op, int rc);


ngx_http_workspaces_driver_t *
ngx_http_workspaces_driver_create(ngx_cycle_t *cycle,
    ngx_http_workspaces_main_conf_t *wmcf)
{
    int                            rc;
    u_char                        *p;
    u_char                         name[sizeof("ngx_workspaces-")
                                        + NGX_INT64_LEN];
    ngx_uint_t                     i;
    wsp_core_options               options;
    ngx_http_workspaces_driver_t  *driver;

    driver = ngx_calloc(sizeof(ngx_http_workspaces_driver_t), cycle->log);
    if (driver == NULL) {
        return NULL;
    }

    driver->log = cycle->log;
    driver->timeout = wmcf->redis.timeout;
    driver->clock_msec = ngx_current_msec;
    driver->nobody.fd = (ngx_socket_t) -1;

    ngx_queue_init(&driver->waiting);
    ngx_queue_init(&driver->finished);

    ngx_http_workspaces_event(driver, &driver->turn,
                              ngx_http_workspaces_turn_handler);
    ngx_http_workspaces_event(driver, &driver->timer,
                              ngx_http_workspaces_timer_handler);
    ngx_http_workspaces_event(driver, &driver->deadline,
                              ngx_http_workspaces_deadline_handler);

    driver->timer.cancelable = 1;
    driver->deadline.cancelable = 1;

    ngx_memzero(&options, sizeof(wsp_core_options));

    p = ngx_snprintf(name, sizeof(name), "ngx_workspaces-%P", ngx_pid);

    options.size = sizeof(wsp_core_options);
    options.redis = wmcf->redis.url;
    options.keyring = wmcf->keyring;
    options.timeout_ms = (uint32_t) wmcf->redis.timeout;
    options.connect_timeout_ms = (uint32_t) wmcf->redis.connect_timeout;
    options.queue = (uint32_t) wmcf->redis.queue;
    options.cache_size = wmcf->cache_size;
    options.max_stale_ms = (uint32_t) wmcf->cache_max_stale;
    options.mail = wmcf->smtp.mail;
    options.webhooks = wmcf->webhooks.webhooks;
    options.works = wmcf->works;
    options.invitation_ttl_s = (uint32_t) wmcf->invitation_ttl;
    options.client_name.data = (const char *) name;
    options.client_name.len = p - name;
    options.status = wmcf->status;
    options.worker = (unsigned) ngx_worker;

    wsp_seed(options.seed);

    rc = wsp_core_new(&driver->core, &options);

    wsp_wipe(options.seed, sizeof(options.seed));

    if (rc != WSP_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "workspaces: the core could not be made: %d", rc);
        ngx_free(driver);
        return NULL;
    }

    if (wmcf->smtp.mail) {
        driver->mail = ngx_http_workspaces_mail_create(driver, driver->core,
                                                       &wmcf->smtp,
                                                       driver->log);
        if (driver->mail == NULL) {
            goto failed;
        }
    }

    if (wmcf->webhooks.webhooks) {
        driver->hook = ngx_http_workspaces_webhook_create(driver, driver->core,
                                                          &wmcf->webhooks,
                                                          driver->log);
        if (driver->hook == NULL) {
            goto failed;
        }
    }

    for (i = 0; i < WSP_LINKS; i++) {
        driver->links[i].driver = driver;
        driver->links[i].core = driver->core;
        driver->links[i].number = (unsigned) i;
        driver->links[i].addrs = wmcf->redis.addrs;
        driver->links[i].naddrs = wmcf->redis.naddrs;

        ngx_http_workspaces_link_init(&driver->links[i], driver->log);
    }

    ngx_http_workspaces_enter(driver);

    /* what is posted now waits for the first event of the worker */

    ngx_add_timer(&driver->timer, 1);

    return driver;

failed:

    ngx_http_workspaces_mail_destroy(driver->mail);
    wsp_core_free(driver->core);
    ngx_free(driver);

    return NULL;
}


static void
ngx_http_workspaces_event(ngx_http_workspaces_driver_t *driver,
    ngx_event_t *ev, ngx_event_handler_pt handler)
{
    driver->nobody.data = driver;

    ev->data = &driver->nobody;
    ev->handler = handler;
    ev->log = driver->log;
}


/* The worker ends, perhaps with requests under way. */

void
ngx_http_workspaces_driver_destroy(ngx_http_workspaces_driver_t *driver)
{
    ngx_uint_t                 i;
    ngx_queue_t               *q;
    ngx_http_workspaces_op_t  *op;

    ngx_queue_add(&driver->waiting, &driver->finished);
    ngx_queue_init(&driver->finished);

    while (!ngx_queue_empty(&driver->waiting)) {
        q = ngx_queue_head(&driver->waiting);
        op = ngx_queue_data(q, ngx_http_workspaces_op_t, queue);

        ngx_http_workspaces_op_end(op);
    }

    ngx_http_workspaces_mail_destroy(driver->mail);
    ngx_http_workspaces_webhook_destroy(driver->hook);

    ngx_http_workspaces_log(driver);

    for (i = 0; i < WSP_LINKS; i++) {
        ngx_http_workspaces_link_close(&driver->links[i]);
    }

    if (driver->turn.posted) {
        ngx_delete_posted_event(&driver->turn);
    }

    if (driver->timer.timer_set) {
        ngx_del_timer(&driver->timer);
    }

    if (driver->deadline.timer_set) {
        ngx_del_timer(&driver->deadline);
    }

    wsp_core_free(driver->core);
    ngx_free(driver);
}


void
ngx_http_workspaces_enter(ngx_http_workspaces_driver_t *driver)
{
    int64_t      wall;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    wall = (int64_t) tp->sec * 1000 + tp->msec;

    driver->clock += (ngx_msec_t) (ngx_current_msec - driver->clock_msec);
    driver->clock_msec = ngx_current_msec;

    wsp_core_time(driver->core, wall, driver->clock);

    if (!driver->draining && (ngx_exiting || ngx_quit)) {
        driver->draining = 1;
        wsp_core_drain(driver->core);
    }
}


void
ngx_http_workspaces_post(ngx_http_workspaces_driver_t *driver)
{
    ngx_post_event(&driver->turn, &ngx_posted_events);
}


static void
ngx_http_workspaces_turn_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_workspaces_turn(c->data);
}


static void
ngx_http_workspaces_turn(ngx_http_workspaces_driver_t *driver)
{
    wsp_op                      *op;
    wsp_job                      job;
    ngx_uint_t                   i;
    wsp_action                   action;
    ngx_http_workspaces_link_t  *link;

    ngx_http_workspaces_enter(driver);

    if (wsp_next_timer(driver->core) <= driver->clock) {
        wsp_core_tick(driver->core);
    }

    while (wsp_next_action(driver->core, &action) == WSP_OK) {
        link = &driver->links[action.link];

        if (action.type == WSP_CONNECT) {
            ngx_http_workspaces_link_connect(link);

        } else {
            ngx_http_workspaces_link_close(link);
        }
    }

    for (i = 0; i < WSP_LINKS; i++) {
        ngx_http_workspaces_link_write(&driver->links[i]);
    }

    for ( ;; ) {
        op = wsp_next_done(driver->core);

        if (op == NULL) {
            break;
        }

        ngx_http_workspaces_finish(wsp_op_data(op));
    }

    job.size = sizeof(wsp_job);

    while (wsp_next_job(driver->core, &job) == WSP_OK) {
        if (job.kind == WSP_JOB_HTTP) {
            ngx_http_workspaces_webhook_send(driver->hook, job.number);

        } else {
            ngx_http_workspaces_mail_send(driver->mail, job.number);
        }
    }

    ngx_http_workspaces_log(driver);
    ngx_http_workspaces_timer(driver);
}


/*
 * An earlier timer than needed is left alone: it only finds that it is not
 * yet time, and under load the time moves on with every reply.
 */

static void
ngx_http_workspaces_timer(ngx_http_workspaces_driver_t *driver)
{
    uint64_t     next;
    ngx_msec_t   delay;

    next = wsp_next_timer(driver->core);

    if (next == UINT64_MAX) {
        if (driver->timer.timer_set) {
            ngx_del_timer(&driver->timer);
        }

        return;
    }

    delay = 1;

    if (next > driver->clock) {
        delay = (ngx_msec_t) ngx_min(next - driver->clock,
                                     NGX_MAX_INT32_VALUE);
    }

    if (driver->timer.timer_set) {

        if ((ngx_msec_int_t) (driver->timer.timer.key - driver->clock_msec)
            <= (ngx_msec_int_t) delay)
        {
            return;
        }

        /* ngx_add_timer() would keep one that is a little late */

        ngx_del_timer(&driver->timer);
    }

    ngx_add_timer(&driver->timer, delay);
}


static void
ngx_http_workspaces_timer_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_workspaces_post(c->data);
}


/*
 * All operations have the same time, so one timer serves the oldest: it is
 * never set later than that one's deadline.  It must not be cancelable while
 * there is one, or a worker would exit before the answer.
 */

static void
ngx_http_workspaces_deadline_handler(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_msec_int_t                 left;
    ngx_connection_t              *c;
    ngx_http_workspaces_op_t      *op;
    ngx_http_workspaces_driver_t  *driver;

    c = ev->data;
    driver = c->data;

    /* a reply that came in this turn of the event loop is in time */

    ngx_http_workspaces_turn(driver);

    while (!ngx_queue_empty(&driver->waiting)) {
        q = ngx_queue_head(&driver->waiting);
        op = ngx_queue_data(q, ngx_http_workspaces_op_t, queue);

        left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);

        if (left > 0) {

            /* an operation started meanwhile may have set it */

            if (ev->timer_set) {
                ngx_del_timer(ev);
            }

            ngx_add_timer(ev, (ngx_msec_t) left);
            break;
        }

        wsp_op_expire(op->op);
        ngx_http_workspaces_finish(op);
    }

    ngx_http_workspaces_post(driver);
}


static void
ngx_http_workspaces_finish(ngx_http_workspaces_op_t *op)
{
    ngx_http_workspaces_driver_t  *driver;

    driver = op->driver;

    op->waiting = 0;

    ngx_queue_remove(&op->queue);
    ngx_queue_insert_tail(&driver->finished, &op->queue);

    driver->deadline.cancelable = ngx_queue_empty(&driver->waiting);

    op->handler(op);
}


static void
ngx_http_workspaces_log(ngx_http_workspaces_driver_t *driver)
{
    wsp_log  line;

    while (wsp_next_log(driver->core, &line) == WSP_OK) {

        /* nginx counts from one, syslog from zero */

        ngx_log_error((ngx_uint_t) line.level + 1, driver->log, 0,
                      "workspaces: %*s", line.text.len, line.text.data);
    }
}


void
ngx_http_workspaces_random(ngx_http_workspaces_driver_t *driver, u_char *out,
    size_t len)
{
    wsp_core_random(driver->core, out, len);
}


ngx_int_t
ngx_http_workspaces_op_start(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, const wsp_request *request)
{
    int  rc;

    ngx_http_workspaces_enter(driver);

    rc = wsp_op_new(&op->op, driver->core, request, op);

    return ngx_http_workspaces_started(driver, op, rc);
}


ngx_int_t
ngx_http_workspaces_op_decide(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, const wsp_access_request *request)
{
    int  rc;

    ngx_http_workspaces_enter(driver);

    rc = wsp_access_new(&op->op, driver->core, request, op);

    return ngx_http_workspaces_started(driver, op, rc);
}


static ngx_int_t
ngx_http_workspaces_started(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, int rc)
{
    ngx_http_workspaces_post(driver);

    if (rc != WSP_OK && rc != WSP_AGAIN) {
        op->op = NULL;
        return NGX_ERROR;
    }

    op->driver = driver;

    if (rc == WSP_OK) {
        ngx_queue_insert_tail(&driver->finished, &op->queue);
        return NGX_OK;
    }

    op->waiting = 1;
    op->deadline = ngx_current_msec + driver->timeout;

    ngx_queue_insert_tail(&driver->waiting, &op->queue);

    driver->deadline.cancelable = 0;

    if (!driver->deadline.timer_set) {
        ngx_add_timer(&driver->deadline, driver->timeout);
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_workspaces_op_error(ngx_http_workspaces_driver_t *driver,
    ngx_http_workspaces_op_t *op, ngx_int_t dialect, ngx_uint_t status,
    wsp_str request_id)
{
    if (wsp_op_new_error(&op->op, driver ? driver->core : NULL, (int) dialect,
                         (unsigned) status, request_id)
        != WSP_OK)
    {
        op->op = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_workspaces_op_end(ngx_http_workspaces_op_t *op)
{
    if (op->op == NULL) {
        return;
    }

    wsp_op_free(op->op);

    op->op = NULL;

    if (op->driver) {
        ngx_queue_remove(&op->queue);

        op->driver->deadline.cancelable =
                                      ngx_queue_empty(&op->driver->waiting);
        op->waiting = 0;
        op->driver = NULL;
    }
}
