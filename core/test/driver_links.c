#include "driver_links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "redis.h"

uint64_t clock_ms(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

void tell_time(struct driver *d) {
    if (!d->stopped_clock) {
        d->wall_ms = (int64_t) clock_ms(CLOCK_REALTIME);
        d->monotonic_ms = clock_ms(CLOCK_MONOTONIC);
    }
    wsp_core_time(d->core, d->wall_ms, d->monotonic_ms);
}

static struct wire *wire_of(struct driver *d, unsigned link) {
    assert_in_range(link, 0, WSP_LINKS - 1);
    return link == 0 ? &d->data : &d->tracking;
}

/* -- connections ---------------------------------------------------------- */

static void hang_up(struct wire *wire) {
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    wire->fd = -1;
    wire->connecting = false;
}

void links_free(struct driver *d) {
    for (unsigned i = 0; i < WSP_LINKS; i++) {
        hang_up(wire_of(d, i));
        bytes_free(&wire_of(d, i)->sent);
        bytes_free(&wire_of(d, i)->heard);
    }
}

static void lost(struct driver *d, struct wire *wire, const char *why) {
    hang_up(wire);
    wsp_link_closed(d->core, wire->link, str(why));
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
        struct wire *wire = wire_of(d, action.link);
        if (action.type == WSP_CLOSE) {
            wire->closes++;
            hang_up(wire);
            bytes_clear(&wire->sent);
            continue;
        }
        assert_int_equal(action.type, WSP_CONNECT);
        wire->connects++;
        if (d->manual) {
            wire->wants_connect = true;
            continue;
        }
        assert_int_equal(wire->fd, -1);
        wsp_redis_address to;
        wsp_redis_get_address(d->redis, &to);
        wire->fd = d->refuse || wire->refuse ? -1 : connect_to(&to);
        wire->connecting = true;
        if (wire->fd < 0) {
            lost(d, wire, "connection refused");
        }
    }
}

static void do_output(struct driver *d, struct wire *wire) {
    wsp_str out;
    while (!wire->frozen &&
           (d->manual || (wire->fd >= 0 && !wire->connecting)) &&
           wsp_link_output(d->core, wire->link, &out) == WSP_OK) {
        size_t len = out.len;
        if (d->write_piece != 0 && len > d->write_piece) {
            len = d->write_piece;
        }
        if (d->manual) {
            bytes_put(&wire->sent, out.data, len);
        } else if (!d->hang) {
            ssize_t done = send(wire->fd, out.data, len, MSG_NOSIGNAL);
            if (done < 0) {
                if (errno != EAGAIN) {
                    lost(d, wire, strerror(errno));
                }
                return;
            }
            len = (size_t) done;
        }
        wsp_link_written(d->core, wire->link, len);
    }
}

static void feed(struct driver *d, struct wire *wire, const char *data,
                 size_t len) {
    size_t step = d->piece != 0 ? d->piece : len;
    for (size_t at = 0; at < len; at += step) {
        size_t now = len - at < step ? len - at : step;
        /* a copy of its size: reading past it is seen */
        alloc_paused++;
        char *copy = malloc(now);
        alloc_paused--;
        memcpy(copy, data + at, now);
        wsp_link_input(d->core, wire->link, copy, now);
        free(copy);
    }
}

static void do_input(struct driver *d, struct wire *wire) {
    static char data[1 << 16];
    ssize_t len = recv(wire->fd, data, sizeof data, 0);
    if (len <= 0) {
        if (len == 0 || errno != EAGAIN) {
            lost(d, wire, len == 0 ? "Redis closed it" : strerror(errno));
        }
        return;
    }
    if (wire == &d->data && d->cut_input > 0 && --d->cut_input == 0) {
        lost(d, wire, "cut by the test");
        return;
    }
    if (wire->listens) {
        bytes_put(&wire->heard, data, (size_t) len);
    }
    feed(d, wire, data, (size_t) len);
}

static void finish_connect(struct driver *d, struct wire *wire) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    wire->connecting = false;
    if (error != 0) {
        lost(d, wire, strerror(error));
    } else {
        wsp_link_connected(d->core, wire->link);
    }
}

/* -- turns ---------------------------------------------------------------- */

void links_settle(struct driver *d) {
    /* a done operation may start nothing, but an action may:  */
    for (int i = 0; i < 3; i++) {
        do_actions(d);
        do_output(d, &d->data);
        do_output(d, &d->tracking);
        take_done(d);
    }
}

static short events_of(struct driver *d, struct wire *wire) {
    wsp_str out;
    bool writes = wire->connecting ||
                  wsp_link_output(d->core, wire->link, &out) == WSP_OK;
    return (short) (writes && !d->hang ? POLLIN | POLLOUT : POLLIN);
}

static void wait_for_links(struct driver *d, int wait_ms) {
    uint64_t timer = wsp_next_timer(d->core);
    if (timer != UINT64_MAX && timer < d->monotonic_ms + (uint64_t) wait_ms) {
        wait_ms = timer <= d->monotonic_ms ? 0
                                           : (int) (timer - d->monotonic_ms);
    }
    struct pollfd set[WSP_LINKS];
    for (unsigned i = 0; i < WSP_LINKS; i++) {
        struct wire *wire = wire_of(d, i);
        /* one less than 0 is passed over */
        set[i].fd = wire->frozen ? -1 : wire->fd;
        set[i].events = wire->fd < 0 ? 0 : events_of(d, wire);
        set[i].revents = 0;
    }
    if (poll(set, WSP_LINKS, wait_ms) <= 0) {
        return;
    }
    tell_time(d);
    for (unsigned i = 0; i < WSP_LINKS; i++) {
        struct wire *wire = wire_of(d, i);
        if (set[i].revents == 0 || wire->fd != set[i].fd) {
            continue;
        }
        if (wire->connecting) {
            finish_connect(d, wire);
        } else if (set[i].revents & (POLLIN | POLLHUP | POLLERR)) {
            do_input(d, wire);
        }
    }
}

void driver_turn(struct driver *d, int wait_ms) {
    tell_time(d);
    links_settle(d);
    if (!d->manual) {
        wait_for_links(d, wait_ms);
        tell_time(d);
    }
    if (d->monotonic_ms >= wsp_next_timer(d->core)) {
        wsp_core_tick(d->core);
    }
    links_settle(d);
}

/*
 * A write is acknowledged before, beside or after its invalidation is there to
 * be read.  But they come in order: behind that of a mark are none older.
 */
void driver_hear(struct driver *d) {
    static unsigned count;
    char mark[32];
    struct wire *wire = &d->tracking;
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    bool heard = false;
    snprintf(mark, sizeof mark, "wsp:mark-%u-", ++count);
    wire->listens = true;
    while (!heard) {
        redis_do("EVAL %s 1 %s",
                 "redis.call('SET', KEYS[1], '') "
                 "return redis.call('DEL', KEYS[1])", mark);
        for (int i = 0; i < 4 && !heard; i++) {
            driver_turn(d, 10);
            heard = wire->heard.len != 0 &&
                    strstr(wire->heard.data, mark) != NULL;
        }
        if (clock_ms(CLOCK_MONOTONIC) > until) {
            fail_msg("nothing is heard; log:\n%s",
                     d->log.data ? d->log.data : "");
        }
    }
    wire->listens = false;
    bytes_clear(&wire->heard);
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

void driver_cut_wire(struct driver *d, struct wire *wire) {
    if (wire->fd >= 0) {
        tell_time(d);
        lost(d, wire, "cut by the test");
        links_settle(d);
    }
}

void driver_cut(struct driver *d) {
    driver_cut_wire(d, &d->data);
}

bool driver_logged(const struct driver *d, const char *text) {
    return d->log.data != NULL && strstr(d->log.data, text) != NULL;
}

/* -- manual --------------------------------------------------------------- */

void wire_connected(struct driver *d, struct wire *wire) {
    assert_true(wire->wants_connect);
    wire->wants_connect = false;
    bytes_clear(&wire->sent);
    tell_time(d);
    wsp_link_connected(d->core, wire->link);
    links_settle(d);
}

void wire_feed(struct driver *d, struct wire *wire, const char *data,
               size_t len) {
    tell_time(d);
    feed(d, wire, data, len);
    links_settle(d);
}

void wire_feeds(struct driver *d, struct wire *wire, const char *text) {
    wire_feed(d, wire, text, strlen(text));
}

void wire_lose(struct driver *d, struct wire *wire) {
    tell_time(d);
    bytes_clear(&wire->sent);
    wsp_link_closed(d->core, wire->link, str("lost by the test"));
    links_settle(d);
}

void driver_connected(struct driver *d) {
    wire_connected(d, &d->data);
}

void driver_feed(struct driver *d, const char *data, size_t len) {
    wire_feed(d, &d->data, data, len);
}

void driver_feeds(struct driver *d, const char *text) {
    wire_feed(d, &d->data, text, strlen(text));
}

void driver_lose(struct driver *d) {
    wire_lose(d, &d->data);
}

void driver_pass(struct driver *d, uint64_t ms) {
    d->monotonic_ms += ms;
    d->wall_ms += (int64_t) ms;
    driver_turn(d, 0);
}
