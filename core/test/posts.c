#include "posts.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "driver_links.h"
#include "fixture.h"
#include "mails.h"
#include "redis.h"

struct driver *poster(struct driver_options options) {
    options.posts = true;
    options.with_status = true;
    struct driver *d = driver_new(options);
    driver_until_log(d, "Redis link is ready");
    d->stopped_clock = true;
    return d;
}

static const struct answer *operate(struct driver *d, const char *method,
                                    const char *path, const char *body) {
    return driver_ask(d, (struct ask) { .dialect = WSP_OPERATOR,
                                        .method = method, .path = path,
                                        .nobody = true, .body = body });
}

static char *secret_in(const struct answer *from) {
    static char secrets[4][128];
    static unsigned next;
    char *into = secrets[next++ % 4];
    take_value(from, "outgoing_secret", into, sizeof secrets[0]);
    return into;
}

const char *partner_made(struct driver *d, const char *id, const char *url) {
    char body[512];
    int len = snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"Some\"",
                       id);
    if (url != NULL) {
        len += snprintf(body + len, sizeof body - (size_t) len,
                        ",\"webhook_url\":\"%s\"", url);
    }
    snprintf(body + len, sizeof body - (size_t) len, "}");
    const struct answer *made = operate(d, "POST", "/partners", body);
    assert_status(made, 201);
    return secret_in(made);
}

void partner_patched(struct driver *d, const char *id, const char *body) {
    char path[64];
    snprintf(path, sizeof path, "/partners/%s", id);
    assert_status(operate(d, "PATCH", path, body), 200);
}

const char *secret_rotated(struct driver *d, const char *id,
                           unsigned grace_s) {
    char path[64];
    char body[64];
    snprintf(path, sizeof path, "/partners/%s/secrets/outgoing", id);
    snprintf(body, sizeof body, "{\"grace\":%u}", grace_s);
    const struct answer *made = operate(d, "POST", path, body);
    assert_status(made, 200);
    return secret_in(made);
}

void event_queued(struct driver *d, const char *partner, const char *client,
                  const char *event_id) {
    redis_do("EVAL %s 0 %s %s %s %lld",
             "local p, t = 'wsp:{62}::', 'wsp:{62}:' .. ARGV[1] .. ':' "
             "local lane = ARGV[1] .. '/' .. ARGV[2] "
             "local id = string.sub(redis.sha1hex(ARGV[3] .. ARGV[4]), 1, 32) "
             "redis.call('HSET', t .. 'y:' .. ARGV[3], 'event', "
             "  'workspace.provisioned', 'reference', 'ref-' .. ARGV[3], "
             "  'client', ARGV[2], 'state', 'pending', 'created', ARGV[4], "
             "  'tries', '0', 'job', id, 'body', "
             "  '{\"event_id\":\"' .. ARGV[3] .. '\"}') "
             "redis.call('ZADD', t .. 'ys', 0, ARGV[3]) "
             "redis.call('HSET', p .. 'j:' .. id, 'kind', 'webhook', "
             "  'tenant', ARGV[1], 'lane', lane, 'created', ARGV[4], "
             "  'tries', '0', 'payload', ARGV[3]) "
             "redis.call('HINCRBY', p .. 'jobs', 'webhook', 1) "
             "redis.call('RPUSH', p .. 'o:' .. lane, id) "
             "redis.call('ZADD', p .. 'q:webhook', 'NX', ARGV[4], lane)",
             partner, client, event_id, (long long) d->wall_ms);
}

static void keep(char *into, size_t size, wsp_str text) {
    assert_in_range(text.len, 0, size - 1);
    assert_int_equal(text.data[text.len], '\0');
    assert_int_equal(strlen(text.data), text.len);
    memcpy(into, text.data, text.len + 1);
}

static struct post read_post(struct driver *d, uint64_t number) {
    struct post out = { .number = number };
    wsp_http_request request = { .size = sizeof request };
    assert_int_equal(wsp_job_request(d->core, number, &request), WSP_OK);
    keep(out.url, sizeof out.url, request.url);
    keep(out.host, sizeof out.host, request.host);
    keep(out.body, sizeof out.body, request.body);
    out.port = request.port;
    out.https = request.https != 0;
    size_t len = 0;
    for (size_t i = 0; i < request.header_count; i++) {
        char value[512];
        keep(value, sizeof value, request.headers[i].value);
        if (strcmp(request.headers[i].name.data, "X-Webhook-Signature") == 0) {
            snprintf(out.signature, sizeof out.signature, "%s", value);
            continue;
        }
        len += (size_t) snprintf(out.headers + len, sizeof out.headers - len,
                                 "%s: %s\n", request.headers[i].name.data,
                                 value);
    }
    sscanf(out.body, "{\"event_id\":\"%63[^\"]", out.event_id);
    return out;
}

struct post next_post(struct driver *d) {
    return read_post(d, next_job_of(d, WSP_JOB_HTTP));
}

bool any_post(struct driver *d, struct post *out) {
    uint64_t number;
    if (any_job_of(d, WSP_JOB_HTTP, &number) != WSP_OK) {
        return false;
    }
    *out = read_post(d, number);
    return true;
}

void answers_with(struct driver *d, const struct post *to, unsigned status,
                  const char *retry_after, const char *body, size_t len) {
    wsp_job_response(d->core, to->number, status, str(retry_after),
                     (wsp_str) { body, len });
    job_ends(d, to->number, WSP_JOB_DONE, "the driver's word");
}

void answers(struct driver *d, const struct post *to, unsigned status) {
    answers_with(d, to, status, "", "", 0);
}

void fails(struct driver *d, const struct post *to, int outcome,
           const char *reason) {
    job_ends(d, to->number, outcome, reason);
}

/* Looks at the queues as time goes by. */
static void until_field(struct driver *d, const char *event_id,
                        const char *field, const char *wanted) {
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    for (;;) {
        const char *now = redis_text("HGET " RECORD "y:%s %s", event_id,
                                     field);
        if (now != NULL && strcmp(now, wanted) == 0) {
            return;
        }
        if (clock_ms(CLOCK_MONOTONIC) > until) {
            fail_msg("%s: %s is %s, not %s; log:\n%s", event_id, field,
                     now == NULL ? "not there" : now, wanted,
                     d->log.data ? d->log.data : "");
        }
        d->monotonic_ms += 20;
        driver_turn(d, 5);
    }
}

void until_state(struct driver *d, const char *event_id, const char *state) {
    until_field(d, event_id, "state", state);
}

void until_tries(struct driver *d, const char *event_id, unsigned tries) {
    char wanted[16];
    snprintf(wanted, sizeof wanted, "%u", tries);
    until_field(d, event_id, "tries", wanted);
}

long long lane_due(const char *client) {
    return redis_number("ZSCORE " POSTS "q:webhook " PARTNER "/%s", client);
}
