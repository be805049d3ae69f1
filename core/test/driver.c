#include "driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "redis.h"

enum { PATIENCE_MS = 20000 };

const char test_keys[] =
    "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

static uint64_t clock_ms(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void tell_time(struct driver *d) {
    if (!d->stopped_clock) {
        d->wall_ms = (int64_t) clock_ms(CLOCK_REALTIME);
        d->monotonic_ms = clock_ms(CLOCK_MONOTONIC);
    }
    wsp_core_time(d->core, d->wall_ms, d->monotonic_ms);
}

static wsp_str str(const char *text) {
    return (wsp_str) { text, text == NULL ? 0 : strlen(text) };
}

/* A test that fails leaves its drivers behind: no leak of the core's. */
static struct driver *alive;

static void free_all(void) {
    while (alive != NULL) {
        driver_free(alive);
    }
}

struct driver *driver_new(struct driver_options options) {
    static bool at_exit;
    if (!at_exit) {
        at_exit = true;
        atexit(free_all);
    }
    char error[WSP_ERROR_SIZE] = "";
    alloc_paused++;
    struct driver *d = calloc(1, sizeof *d);
    alloc_paused--;
    d->next = alive;
    alive = d;
    d->fd = -1;
    d->manual = options.manual;
    d->stopped_clock = options.manual;
    d->wall_ms = 1767225600000;
    d->monotonic_ms = 1000000;
    const char *url = options.url != NULL ? options.url : redis_url();
    const char *keys = options.keys != NULL ? options.keys : test_keys;
    int rc = wsp_redis_parse(&d->redis, str(url), error);
    if (rc == WSP_OK && !options.no_keys) {
        rc = wsp_keyring_parse(&d->keys, str(keys), error);
    }
    if (rc == WSP_OK) {
        wsp_core_options made = {
            .size = sizeof made,
            .redis = d->redis,
            .keyring = d->keys,
            .timeout_ms = options.timeout_ms ? options.timeout_ms : 5000,
            .connect_timeout_ms =
                options.connect_timeout_ms ? options.connect_timeout_ms
                                           : 5000,
            .queue = options.queue ? options.queue : 128,
            .client_name = str("test"),
        };
        memset(made.seed, options.seed, sizeof made.seed);
        if (!options.manual && options.seed == 0) {
            wsp_seed(made.seed);    /* two workers draw other tokens */
        }
        rc = wsp_core_new(&d->core, &made);
    }
    if (rc != WSP_OK) {
        d->core = NULL;
        driver_free(d);
        if (rc == WSP_NOMEM && options.may_lack_memory) {
            return NULL;
        }
        fail_msg("no core: %d %s", rc, error);
    }
    tell_time(d);
    if (d->manual) {
        driver_turn(d, 0);
    }
    return d;
}

static void end_flight(struct flight *flight) {
    wsp_op_free(flight->op);
    flight->op = NULL;
    for (unsigned i = 0; i < flight->kept_count; i++) {
        free(flight->kept[i]);
    }
    flight->kept_count = 0;
}

static void free_flight(struct flight *flight) {
    end_flight(flight);
    free(flight->answer.body);
    free(flight->answer.headers);
    free(flight->answer.content_type);
    free(flight);
}

void driver_free(struct driver *d) {
    if (d == NULL) {
        return;
    }
    struct driver **at = &alive;
    while (*at != d) {
        at = &(*at)->next;
    }
    *at = d->next;
    while (d->flights != NULL) {
        struct flight *next = d->flights->next;
        free_flight(d->flights);
        d->flights = next;
    }
    wsp_core_free(d->core);
    wsp_redis_free(d->redis);
    wsp_keyring_free(d->keys);
    if (d->fd >= 0) {
        close(d->fd);
    }
    bytes_free(&d->log);
    bytes_free(&d->sent);
    free(d);
}

void driver_forget(struct driver *d) {
    struct flight **at = &d->flights;
    while (*at != NULL) {
        struct flight *each = *at;
        if (each->done) {
            *at = each->next;
            free_flight(each);
        } else {
            at = &each->next;
        }
    }
}

/* -- the link ------------------------------------------------------------- */

static void hang_up(struct driver *d) {
    if (d->fd >= 0) {
        close(d->fd);
    }
    d->fd = -1;
    d->connecting = false;
}

static void lost(struct driver *d, const char *why) {
    hang_up(d);
    wsp_link_closed(d->core, 0, str(why));
}

static int connect_to(const wsp_redis_address *to) {
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    struct sockaddr_in inet = { .sin_family = AF_INET };
    const struct sockaddr *address = (const struct sockaddr *) &local;
    socklen_t size = sizeof local;
    if (to->path.len != 0) {
        memcpy(local.sun_path, to->path.data, to->path.len);
    } else {
        inet.sin_port = htons((uint16_t) to->port);
        inet_pton(AF_INET, to->host.data, &inet.sin_addr);
        address = (const struct sockaddr *) &inet;
        size = sizeof inet;
    }
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, address, size) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void do_actions(struct driver *d) {
    wsp_action action;
    while (wsp_next_action(d->core, &action) == WSP_OK) {
        assert_int_equal(action.link, 0);
        if (action.type == WSP_CLOSE) {
            d->closes++;
            hang_up(d);
            bytes_clear(&d->sent);
            continue;
        }
        assert_int_equal(action.type, WSP_CONNECT);
        d->connects++;
        if (d->manual) {
            d->wants_connect = true;
            continue;
        }
        assert_int_equal(d->fd, -1);
        wsp_redis_address to;
        wsp_redis_get_address(d->redis, &to);
        d->fd = d->refuse ? -1 : connect_to(&to);
        d->connecting = true;
        if (d->fd < 0) {
            lost(d, "connection refused");
        }
    }
}

static void do_output(struct driver *d) {
    wsp_str out;
    while ((d->manual || (d->fd >= 0 && !d->connecting)) &&
           wsp_link_output(d->core, 0, &out) == WSP_OK) {
        size_t len = out.len;
        if (d->write_piece != 0 && len > d->write_piece) {
            len = d->write_piece;
        }
        if (d->manual) {
            bytes_put(&d->sent, out.data, len);
        } else if (!d->hang) {
            ssize_t done = send(d->fd, out.data, len, MSG_NOSIGNAL);
            if (done < 0) {
                if (errno != EAGAIN) {
                    lost(d, strerror(errno));
                }
                return;
            }
            len = (size_t) done;
        }
        wsp_link_written(d->core, 0, len);
    }
}

static void feed(struct driver *d, const char *data, size_t len) {
    size_t step = d->piece != 0 ? d->piece : len;
    for (size_t at = 0; at < len; at += step) {
        size_t now = len - at < step ? len - at : step;
        /* a copy of its size: reading past it is seen */
        alloc_paused++;
        char *copy = malloc(now);
        alloc_paused--;
        memcpy(copy, data + at, now);
        wsp_link_input(d->core, 0, copy, now);
        free(copy);
    }
}

static void do_input(struct driver *d) {
    static char data[1 << 16];
    ssize_t len = recv(d->fd, data, sizeof data, 0);
    if (len <= 0) {
        if (len == 0 || errno != EAGAIN) {
            lost(d, len == 0 ? "Redis closed it" : strerror(errno));
        }
        return;
    }
    if (d->cut_input > 0 && --d->cut_input == 0) {
        lost(d, "cut by the test");
        return;
    }
    feed(d, data, (size_t) len);
}

/* -- operations ----------------------------------------------------------- */

static wsp_str keep(struct flight *flight, const char *text, size_t len) {
    if (text == NULL) {
        return (wsp_str) { NULL, 0 };
    }
    if (len == 0) {
        len = strlen(text);
    }
    char *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, text, len);
    assert_true(flight->kept_count < 32);
    flight->kept[flight->kept_count++] = copy;
    return (wsp_str) { copy, len };
}

static char *copy_of(wsp_str text) {
    char *copy = malloc(text.len + 1);
    if (text.len != 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

static void take_answer(struct flight *flight) {
    const wsp_response *got = wsp_op_response(flight->op);
    struct answer *into = &flight->answer;
    struct bytes headers = { 0 };
    alloc_paused++;
    into->status = got->status;
    into->body = copy_of(got->body);
    into->len = got->body.len;
    into->content_type = copy_of(got->content_type);
    into->secret = got->secret != 0;
    wsp_str label = wsp_op_label(flight->op);
    snprintf(into->label, sizeof into->label, "%.*s", (int) label.len,
             label.data);
    bytes_puts(&headers, "");
    for (size_t i = 0; i < got->header_count; i++) {
        bytes_put(&headers, got->headers[i].name.data,
                  got->headers[i].name.len);
        bytes_puts(&headers, ": ");
        bytes_put(&headers, got->headers[i].value.data,
                  got->headers[i].value.len);
        bytes_puts(&headers, "\n");
    }
    into->headers = headers.data;
    alloc_paused--;
    flight->done = true;
    end_flight(flight);
}

static void take_done(struct driver *d) {
    wsp_op *op;
    wsp_log line;
    while ((op = wsp_next_done(d->core)) != NULL) {
        struct flight *flight = wsp_op_data(op);
        assert_ptr_equal(flight->op, op);
        assert_false(flight->done);
        take_answer(flight);
    }
    while (wsp_next_log(d->core, &line) == WSP_OK) {
        bytes_printf(&d->log, "%d %.*s\n", line.level, (int) line.text.len,
                     line.text.data);
    }
}

static void settle(struct driver *d) {
    /* a done operation may start nothing, but an action may:  */
    for (int i = 0; i < 3; i++) {
        do_actions(d);
        do_output(d);
        take_done(d);
    }
}

static const char *or_else(const char *text, const char *otherwise) {
    return text != NULL ? text : otherwise;
}

struct flight *driver_start(struct driver *d, struct ask ask) {
    alloc_paused++;
    struct flight *flight = calloc(1, sizeof *flight);
    flight->driver = d;
    flight->next = d->flights;
    d->flights = flight;
    wsp_request *r = &flight->request;
    r->size = sizeof *r;
    r->dialect = WSP_PLATFORM;
    r->method = keep(flight, or_else(ask.method, "GET"), 0);
    r->path = keep(flight, or_else(ask.path, ""), 0);
    r->mount = keep(flight, "/api/workspaces", 0);
    r->query = keep(flight, ask.query, 0);
    r->body = keep(flight, ask.body, ask.body_len);
    r->request_id = keep(flight, or_else(ask.request_id, "rid-1"), 0);
    if (!ask.nobody) {
        r->identity.tenant = keep(flight, or_else(ask.tenant, "acme"), 0);
        r->identity.user = keep(flight, or_else(ask.user, "ann"),
                                ask.user_len);
        r->identity.admin = keep(flight, ask.admin, 0);
        r->identity.email = keep(flight, ask.email, 0);
    }
    for (size_t i = 0; i < ASK_HEADERS && ask.headers[2 * i] != NULL; i++) {
        flight->headers[i].name = keep(flight, ask.headers[2 * i], 0);
        flight->headers[i].value = keep(flight, ask.headers[2 * i + 1], 0);
        r->header_count++;
    }
    r->headers = flight->headers;
    alloc_paused--;

    tell_time(d);
    int rc = wsp_op_new(&flight->op, d->core, r, flight);
    if (rc == WSP_NOMEM) {
        flight->op = NULL;
        flight->done = true;
        flight->no_memory = true;
        flight->answer.status = 503;
        end_flight(flight);
        return flight;
    }
    assert_true(rc == WSP_OK || rc == WSP_AGAIN);
    assert_ptr_equal(wsp_op_data(flight->op), flight);
    if (rc == WSP_OK) {
        take_answer(flight);
    }
    if (d->manual) {
        settle(d);
    }
    return flight;
}

const struct answer *driver_wait(struct driver *d, struct flight *flight) {
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    while (!flight->done) {
        driver_turn(d, 100);
        if (clock_ms(CLOCK_MONOTONIC) > until) {
            fail_msg("the operation hangs; log:\n%s",
                     d->log.data ? d->log.data : "");
        }
    }
    return &flight->answer;
}

const struct answer *driver_ask(struct driver *d, struct ask ask) {
    return driver_wait(d, driver_start(d, ask));
}

void driver_cancel(struct flight *flight) {
    end_flight(flight);
    flight->done = true;
}

void driver_expire(struct flight *flight) {
    if (flight->op != NULL) {
        wsp_op_expire(flight->op);
        take_answer(flight);
    }
}

/* -- turns ---------------------------------------------------------------- */

void driver_turn(struct driver *d, int wait_ms) {
    tell_time(d);
    settle(d);
    if (!d->manual) {
        uint64_t timer = wsp_next_timer(d->core);
        if (timer != UINT64_MAX &&
            timer < d->monotonic_ms + (uint64_t) wait_ms)
        {
            wait_ms = timer <= d->monotonic_ms
                          ? 0
                          : (int) (timer - d->monotonic_ms);
        }
        struct pollfd set = { .fd = d->fd };
        wsp_str out;
        bool writes = d->connecting ||
                      wsp_link_output(d->core, 0, &out) == WSP_OK;
        set.events = (short) (writes && !d->hang ? POLLIN | POLLOUT : POLLIN);
        if (poll(&set, d->fd >= 0 ? 1 : 0, wait_ms) > 0 && d->fd >= 0) {
            if (d->connecting) {
                int error = 0;
                socklen_t size = sizeof error;
                getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &size);
                d->connecting = false;
                if (error != 0) {
                    lost(d, strerror(error));
                } else {
                    wsp_link_connected(d->core, 0);
                }
            } else if (set.revents & (POLLIN | POLLHUP | POLLERR)) {
                do_input(d);
            }
        }
        tell_time(d);
    }
    if (d->monotonic_ms >= wsp_next_timer(d->core)) {
        wsp_core_tick(d->core);
    }
    settle(d);
}

void driver_until_log(struct driver *d, const char *text) {
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    while (!driver_logged(d, text)) {
        driver_turn(d, 50);
        if (clock_ms(CLOCK_MONOTONIC) > until) {
            fail_msg("never logged: %s; log:\n%s", text,
                     d->log.data ? d->log.data : "");
        }
    }
}

void driver_cut(struct driver *d) {
    if (d->fd >= 0) {
        lost(d, "cut by the test");
        settle(d);
    }
}

bool driver_logged(const struct driver *d, const char *text) {
    return d->log.data != NULL && strstr(d->log.data, text) != NULL;
}

/* -- manual --------------------------------------------------------------- */

void driver_connected(struct driver *d) {
    assert_true(d->wants_connect);
    d->wants_connect = false;
    bytes_clear(&d->sent);
    tell_time(d);
    wsp_link_connected(d->core, 0);
    settle(d);
}

void driver_feed(struct driver *d, const char *data, size_t len) {
    tell_time(d);
    feed(d, data, len);
    settle(d);
}

void driver_feeds(struct driver *d, const char *text) {
    driver_feed(d, text, strlen(text));
}

void driver_lose(struct driver *d) {
    tell_time(d);
    bytes_clear(&d->sent);
    wsp_link_closed(d->core, 0, str("lost by the test"));
    settle(d);
}

void driver_pass(struct driver *d, uint64_t ms) {
    d->monotonic_ms += ms;
    d->wall_ms += (int64_t) ms;
    driver_turn(d, 0);
}

const char *answer_header(const struct answer *answer, const char *name) {
    static char value[1 << 16];
    size_t size = strlen(name);
    const char *line = answer->headers;
    while (line != NULL && *line != '\0') {
        const char *end = strchr(line, '\n');
        if (strncasecmp(line, name, size) == 0 &&
            strncmp(line + size, ": ", 2) == 0) {
            snprintf(value, sizeof value, "%.*s",
                     (int) (end - line - (long) size - 2), line + size + 2);
            return value;
        }
        line = end + 1;
    }
    return NULL;
}
