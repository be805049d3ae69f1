/*
 * driver.h - a small blocking driver of the core, for tests.
 *
 * It owns the sockets of the links and the clock, and does what workspaces.h
 * asks of a driver, turn by turn.  Several operations may run at once.  The
 * test may stop the clock, split the input, and freeze or break each
 * connection at a chosen moment; with `manual` there is no socket at all, and
 * the test plays Redis itself (fake.h helps).
 */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "workspaces.h"

enum {
    ASK_HEADERS = 6,
    ASK_SETTINGS = 6,
    KEPT_MAX = 40
};

/* A request.  Absent: GET "" as user ann of tenant acme. */
struct ask {
    int dialect;                /* enum wsp_dialect; platform unless given */
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
    const char *name;
    const char *permissions;    /* of the tenant */
    const char *request_id;
    const char *api_key;        /* instead of a tenant; with a user or not */
    const char *sign_with;      /* X-Webhook-Signature by this secret, of now,
                                   behind the headers below */
    bool nobody;                /* no identity at all */
    const char *headers[2 * ASK_HEADERS + 1];   /* name, value, ..., NULL */

    bool access;                /* a decision (wsp_access_new); then also: */
    int errors;                 /* enum wsp_access_errors */
    const char *permission;
    const char *id_header;
    const char *external_header;
    const char *settings[ASK_SETTINGS + 1];     /* asked of wsp_op_setting */
};

/* What was decided, as texts; of settings "name=value" or "name" each. */
struct decided {
    int verdict;                /* 0: it was no access operation */
    char reason[32];
    char workspace_id[24];
    char external_id[64];
    char name[64];
    char tenant[64];
    char user[64];
    char roles[64];
    char permissions[128];
    char revision[24];
    char settings[512];
};

struct answer {
    unsigned status;
    char *body;                 /* a NUL follows */
    size_t len;
    char *headers;              /* "name: value\n" each */
    char *content_type;
    bool secret;
    char label[32];
    struct decided decided;
};

struct flight {                 /* one operation under way */
    struct driver *driver;
    wsp_op *op;                 /* NULL when it has ended */
    bool done;
    bool no_memory;             /* wsp_op_new said so: there is no answer */
    struct answer answer;
    struct ask ask;
    wsp_request request;
    wsp_access_request access;
    wsp_header headers[ASK_HEADERS];
    char *kept[KEPT_MAX];       /* copies of the strings, each of its size */
    unsigned kept_count;
    struct flight *next;
};

struct wire {                   /* the connection of one link */
    unsigned link;
    int fd;                     /* -1: none */
    bool connecting;
    unsigned connects;          /* how often asked for */
    unsigned closes;
    bool frozen;                /* it stands, and nothing goes over it */
    bool refuse;                /* this link's connections are refused */
    struct bytes heard;         /* tracking: what came, while driver_hear()
                                   listens */
    bool listens;

    /* manual: no socket */
    bool wants_connect;
    struct bytes sent;          /* what the core wrote and nobody took */
};

struct driver {
    struct driver *next;
    wsp_core *core;
    wsp_redis *redis;
    wsp_keyring *keys;
    wsp_mail *mail;
    wsp_webhooks *webhooks;
    struct flight *flights;
    struct bytes log;           /* "level text\n" each */

    struct wire data;
    struct wire tracking;
    void *status;               /* of one worker, when asked for */

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
    bool manual;
};

struct driver_options {
    const char *url;            /* absent: the test's own Redis (redis.h) */
    const char *keys;           /* the key file's text; absent: test_keys */
    bool no_keys;
    bool mails;                 /* jobs of mail are carried out */
    const char *mail_from;      /* absent: "Sender <from@example.com>" */
    bool posts;                 /* jobs of HTTP are carried out */
    const char *retry;          /* absent: the core's own */
    bool allow_http;
    bool works;                 /* takes part in long work */
    bool manual;                /* stops the clock, too */
    uint32_t timeout_ms;        /* absent: 5000, or 20000 with a real Redis */
    uint32_t connect_timeout_ms;
    uint32_t queue;             /* absent: 128 */
    size_t cache_size;          /* absent: no cache, and no tracking link */
    uint32_t max_stale_ms;      /* absent: 1000 */
    uint32_t invitation_ttl_s;  /* absent: the core's own */
    bool with_status;
    bool may_lack_memory;       /* returns NULL then, else fails the test */
    unsigned char seed;
};

extern const char test_keys[];

struct driver *driver_new(struct driver_options options);
void driver_free(struct driver *d);     /* cancels what runs; NULL ok */

/* The answer lives until driver_free, or driver_forget.  driver_access asks
 * for a decision. */
const struct answer *driver_ask(struct driver *d, struct ask ask);
const struct answer *driver_access(struct driver *d, struct ask ask);
struct flight *driver_start(struct driver *d, struct ask ask);
const struct answer *driver_wait(struct driver *d, struct flight *flight);
void driver_cancel(struct flight *flight);
void driver_expire(struct flight *flight);
void driver_forget(struct driver *d);   /* all that ended */

/* One turn; waits for at most so long when nothing happens. */
void driver_turn(struct driver *d, int wait_ms);
/* Turns until all that Redis has pushed so far has come. */
void driver_hear(struct driver *d);
/* Turns until the link has done its handshake (or 5 s have passed). */
void driver_until_log(struct driver *d, const char *text);
void driver_cut(struct driver *d);      /* the data connection is lost now */
void driver_cut_wire(struct driver *d, struct wire *wire);
bool driver_logged(const struct driver *d, const char *text);
/* A value of the metrics (wsp_status_render), -1 when it is not there. */
double driver_metric(struct driver *d, const char *name);

/* manual: the connection stands; bytes come; time passes */
void driver_connected(struct driver *d);
void driver_feed(struct driver *d, const char *data, size_t len);
void driver_feeds(struct driver *d, const char *text);
void driver_lose(struct driver *d);
void driver_pass(struct driver *d, uint64_t ms);
/* the same of one wire */
void wire_connected(struct driver *d, struct wire *wire);
void wire_feed(struct driver *d, struct wire *wire, const char *data,
               size_t len);
void wire_feeds(struct driver *d, struct wire *wire, const char *text);
void wire_lose(struct driver *d, struct wire *wire);

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
