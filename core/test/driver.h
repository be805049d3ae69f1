/*
 * driver.h - a small blocking driver of the core, for tests.
 *
 * It owns the socket of link 0 and the clock, and does what workspaces.h
 * asks of a driver, turn by turn.  Several operations may run at once.  The
 * test may stop the clock, split the input, and break the connection at a
 * chosen moment; with `manual` there is no socket at all, and the test plays
 * Redis itself (fake.h helps).
 */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "workspaces.h"

enum { ASK_HEADERS = 6 };

/* A request.  Absent: GET "" as user ann of tenant acme. */
struct ask {
    const char *method;
    const char *path;
    const char *query;
    const char *body;
    size_t body_len;            /* 0: as long as the text */
    const char *tenant;
    const char *user;
    size_t user_len;            /* 0: as long as the text */
    const char *admin;          /* "1": a tenant admin */
    const char *email;
    const char *request_id;
    bool nobody;                /* no identity at all */
    const char *headers[2 * ASK_HEADERS + 1];   /* name, value, ..., NULL */
};

struct answer {
    unsigned status;
    char *body;                 /* a NUL follows */
    size_t len;
    char *headers;              /* "name: value\n" each */
    char *content_type;
    bool secret;
    char label[32];
};

struct flight {                 /* one operation under way */
    struct driver *driver;
    wsp_op *op;                 /* NULL when it has ended */
    bool done;
    bool no_memory;             /* wsp_op_new said so: there is no answer */
    struct answer answer;
    wsp_request request;
    wsp_header headers[ASK_HEADERS];
    char *kept[32];             /* copies of the strings, each of its size */
    unsigned kept_count;
    struct flight *next;
};

struct driver {
    struct driver *next;
    wsp_core *core;
    wsp_redis *redis;
    wsp_keyring *keys;
    struct flight *flights;
    struct bytes log;           /* "level text\n" each */

    /* the link */
    int fd;                     /* -1: none */
    bool connecting;
    unsigned connects;          /* how often asked for */
    unsigned closes;

    /* the clock: real, unless stopped */
    bool stopped_clock;
    int64_t wall_ms;
    uint64_t monotonic_ms;

    /* what goes wrong */
    size_t piece;               /* input in pieces of so many bytes; 0: all */
    size_t write_piece;         /* output the same */
    int cut_input;              /* n > 0: the n-th input from now on is lost,
                                   and with it the connection */
    bool refuse;                /* connections are refused */
    bool hang;                  /* connections stand and stay silent */

    /* manual: no socket */
    bool manual;
    bool wants_connect;
    struct bytes sent;          /* what the core wrote and nobody took */
};

struct driver_options {
    const char *url;            /* absent: the test's own Redis (redis.h) */
    const char *keys;           /* the key file's text; absent: test_keys */
    bool no_keys;
    bool manual;                /* stops the clock, too */
    uint32_t timeout_ms;        /* absent: 5000 */
    uint32_t connect_timeout_ms;
    uint32_t queue;             /* absent: 128 */
    bool may_lack_memory;       /* returns NULL then, else fails the test */
    unsigned char seed;
};

extern const char test_keys[];

struct driver *driver_new(struct driver_options options);
void driver_free(struct driver *d);     /* cancels what runs; NULL ok */

/* The answer lives until driver_free, or driver_forget. */
const struct answer *driver_ask(struct driver *d, struct ask ask);
struct flight *driver_start(struct driver *d, struct ask ask);
const struct answer *driver_wait(struct driver *d, struct flight *flight);
void driver_cancel(struct flight *flight);
void driver_expire(struct flight *flight);
void driver_forget(struct driver *d);   /* all that ended */

/* One turn; waits for at most so long when nothing happens. */
void driver_turn(struct driver *d, int wait_ms);
/* Turns until the link has done its handshake (or 5 s have passed). */
void driver_until_log(struct driver *d, const char *text);
void driver_cut(struct driver *d);      /* the connection is lost now */
bool driver_logged(const struct driver *d, const char *text);

/* manual: the connection stands; bytes come; time passes */
void driver_connected(struct driver *d);
void driver_feed(struct driver *d, const char *data, size_t len);
void driver_feeds(struct driver *d, const char *text);
void driver_lose(struct driver *d);
void driver_pass(struct driver *d, uint64_t ms);

/* the value of a header, NULL when it is not there; until the next call */
const char *answer_header(const struct answer *answer, const char *name);

#define assert_status(given, wanted)                                         \
    do {                                                                     \
        const struct answer *answer_ = (given);                              \
        if (answer_->status != (wanted)) {                                   \
            print_error("answered %u: %s\n", answer_->status,                \
                        answer_->body ? answer_->body : "(no body)");        \
        }                                                                    \
        assert_int_equal(answer_->status, (wanted));                         \
    } while (0)

/* "message" or "field" of an error, byte by byte */
#define assert_body(given, text) assert_string_equal((given)->body, text)

#define assert_holds(text, part)                                             \
    do {                                                                     \
        if (strstr((text), (part)) == NULL) {                                \
            fail_msg("\"%s\" is not in: %s", (part), (text));                \
        }                                                                    \
    } while (0)

#define assert_lacks(text, part)                                             \
    do {                                                                     \
        if (strstr((text), (part)) != NULL) {                                \
            fail_msg("\"%s\" is in: %s", (part), (text));                    \
        }                                                                    \
    } while (0)

#endif /* TEST_DRIVER_H */
