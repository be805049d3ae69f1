#include "hearing.h"

#include <string.h>

#include "check.h"
#include "fake.h"

void hearing_hold(struct driver *d, struct bytes *replies) {
    fake_serve(&d->data.sent, replies);
}

void hearing_give(struct driver *d, struct bytes *replies) {
    struct bytes now = *replies;
    *replies = (struct bytes) { 0 };
    driver_feed(d, now.data, now.len);
    bytes_free(&now);
}

void hearing_serve(struct driver *d) {
    struct bytes replies = { 0 };
    for (;;) {
        hearing_hold(d, &replies);
        if (replies.len == 0) {
            break;
        }
        hearing_give(d, &replies);
    }
    bytes_free(&replies);
}

unsigned hearing_asked(const struct wire *wire, const char *name) {
    struct fake_command c;
    unsigned count = 0;
    size_t at = 0;
    while (at < wire->sent.len &&
           fake_parse(wire->sent.data + at, wire->sent.len - at, &c)) {
        count += fake_is(&c, 0, name);
        at += c.size;
    }
    return count;
}

void hearing_pong(struct driver *d) {
    assert_int_equal(hearing_asked(&d->tracking, "PING"), 1);
    bytes_clear(&d->tracking.sent);
    wire_feeds(d, &d->tracking, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

/* What comes before the tracking: the name, and which Redis it is. */
static void hearing_begin(struct driver *d) {
    struct bytes replies = { 0 };
    bytes_printf(&replies, "+OK\r\n$%zu\r\n%s\r\n", strlen(fake_info),
                 fake_info);
    wire_feed(d, &d->tracking, replies.data, replies.len);
    bytes_free(&replies);
}

void hearing_connect(struct driver *d) {
    wire_connected(d, &d->tracking);
    assert_holds(d->tracking.sent.data, "test-tracking");
    assert_holds(d->tracking.sent.data, "INFO");
    bytes_clear(&d->tracking.sent);
    hearing_begin(d);
    wire_feeds(d, &d->tracking, ":5\r\n");
    assert_holds(d->tracking.sent.data, "$8\r\nREDIRECT\r\n$1\r\n5\r\n");
    assert_holds(d->tracking.sent.data, "$5\r\nBCAST\r\n");
    bytes_clear(&d->tracking.sent);
    wire_feeds(d, &d->tracking,
               "+OK\r\n*3\r\n$9\r\nsubscribe\r\n"
               "$20\r\n__redis__:invalidate\r\n:1\r\n");
}

void hearing_changed(struct driver *d, const char *key) {
    struct bytes message = { 0 };
    bytes_printf(&message,
                 "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"
                 "*1\r\n$%zu\r\n%s\r\n",
                 strlen(key), key);
    wire_feed(d, &d->tracking, message.data, message.len);
    bytes_free(&message);
}

void hearing_flushed(struct driver *d) {
    wire_feeds(d, &d->tracking,
               "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"
               "*-1\r\n");
}

struct driver *hearing_new(void) {
    struct driver *d = driver_new((struct driver_options) {
        .url = "redis://h", .manual = true, .cache_size = 1 << 20,
        .max_stale_ms = 1000, .with_status = true, .seed = 1 });
    driver_connected(d);
    hearing_serve(d);
    hearing_connect(d);
    hearing_pong(d);
    assert_int_equal(d->data.sent.len, 0);
    return d;
}

struct ask may(const char *user) {
    return (struct ask) { .access = true, .user = user,
                          .headers = { "X-Workspace-ID", "7" } };
}
