#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "driver_links.h"
#include "redis.h"

const char test_keys[] =
    "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

wsp_str str(const char *text) {
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
    d->data.fd = -1;
    d->tracking.fd = -1;
    d->tracking.link = 1;
    d->manual = options.manual;
    d->stopped_clock = options.manual;
    d->wall_ms = 1767225600000;
    d->monotonic_ms = 1000000;
    const char *url = options.url != NULL ? options.url : redis_url();
    const char *keys = options.keys != NULL ? options.keys : test_keys;
    if (options.with_status) {
        alloc_paused++;
        d->status = calloc(1, wsp_status_size(1));
        alloc_paused--;
    }
    int rc = wsp_redis_parse(&d->redis, str(url), error);
    if (rc == WSP_OK && !options.no_keys) {
        rc = wsp_keyring_parse(&d->keys, str(keys), error);
    }
    if (rc == WSP_OK && options.posts) {
        wsp_webhooks_options webhooks = {
            .size = sizeof webhooks,
            .allow_http = options.allow_http
        };
        if (options.retry != NULL) {
            webhooks.retry = str(options.retry);
        }
        rc = wsp_webhooks_new(&d->webhooks, &webhooks, error);
    }
    if (rc == WSP_OK && options.mails) {
        const char *from = options.mail_from;
        rc = wsp_mail_parse(&d->mail,
                            str(from ? from : "Sender <from@example.com>"),
                            str("https://example.com/i?a=1&t={token}"),
                            error);
    }
    if (rc == WSP_OK) {
        /* a real Redis may be slow on a busy machine */
        uint32_t usual = options.manual ? 5000 : 20000;
        wsp_core_options made = {
            .size = sizeof made,
            .redis = d->redis,
            .keyring = d->keys,
            .mail = d->mail,
            .webhooks = d->webhooks,
            .timeout_ms = options.timeout_ms ? options.timeout_ms : usual,
            .connect_timeout_ms =
                options.connect_timeout_ms ? options.connect_timeout_ms
                                           : usual,
            .queue = options.queue ? options.queue : 128,
            .client_name = str("test"),
            .cache_size = options.cache_size,
            .max_stale_ms = options.max_stale_ms ? options.max_stale_ms
                                                 : 1000,
            .status = d->status,
            .invitation_ttl_s = options.invitation_ttl_s,
            .works = options.works,
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
    wsp_mail_free(d->mail);
    wsp_webhooks_free(d->webhooks);
    links_free(d);
    bytes_free(&d->log);
    free(d->status);
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
    assert_true(flight->kept_count < KEPT_MAX);
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

static void put_text(char *to, size_t size, wsp_str from) {
    snprintf(to, size, "%.*s", (int) from.len, from.data);
}

static void take_settings(struct flight *flight, struct decided *into) {
    char *at = into->settings;
    for (const char **name = flight->ask.settings; *name != NULL; name++) {
        wsp_str value;
        int rc = wsp_op_setting(flight->op, str(*name), &value);
        if (rc == WSP_NOMEM) {
            break;
        }
        at += sprintf(at, "%s%s", at == into->settings ? "" : " ", *name);
        if (rc == WSP_OK) {
            at += sprintf(at, "=%.*s", (int) value.len, value.data);
        }
    }
}

static void take_decision(struct flight *flight, struct decided *into) {
    const wsp_decision *got = wsp_op_decision(flight->op);
    assert_int_equal(got != NULL, flight->ask.access);
    if (got == NULL) {
        return;
    }
    into->verdict = got->verdict;
#define PUT(field) put_text(into->field, sizeof into->field, got->field)
    PUT(reason);
    PUT(workspace_id);
    PUT(external_id);
    PUT(name);
    PUT(tenant);
    PUT(user);
    PUT(roles);
    PUT(permissions);
    PUT(revision);
#undef PUT
    take_settings(flight, into);
}

static void take_answer(struct flight *flight) {
    take_decision(flight, &flight->answer.decided);
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

void take_done(struct driver *d) {
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

static const char *or_else(const char *text, const char *otherwise) {
    return text != NULL ? text : otherwise;
}

struct flight *driver_start(struct driver *d, struct ask ask) {
    tell_time(d);
    alloc_paused++;
    struct flight *flight = calloc(1, sizeof *flight);
    flight->driver = d;
    flight->ask = ask;
    flight->next = d->flights;
    d->flights = flight;
    wsp_request *r = &flight->request;
    r->size = sizeof *r;
    r->dialect = ask.dialect;
    r->method = keep(flight, or_else(ask.method, "GET"), 0);
    r->path = keep(flight, or_else(ask.path, ""), 0);
    r->mount = keep(flight, ask.dialect == WSP_PLATFORM ? "/api/workspaces"
                                                        : "/api/v1", 0);
    r->query = keep(flight, ask.query, 0);
    r->body = keep(flight, ask.body, ask.body_len);
    r->request_id = keep(flight, or_else(ask.request_id, "rid-1"), 0);
    if (ask.api_key != NULL) {
        r->identity.api_key = keep(flight, ask.api_key, 0);
        r->identity.user = keep(flight, ask.user, ask.user_len);
    } else if (!ask.nobody) {
        r->identity.tenant = keep(flight, or_else(ask.tenant, "acme"), 0);
        r->identity.user = keep(flight, or_else(ask.user, "ann"),
                                ask.user_len);
        r->identity.admin = keep(flight, ask.admin, 0);
        r->identity.email = keep(flight, ask.email, 0);
        r->identity.name = keep(flight, ask.name, 0);
        r->identity.permissions = keep(flight, ask.permissions, 0);
    }
    for (size_t i = 0; i < ASK_HEADERS && ask.headers[2 * i] != NULL; i++) {
        flight->headers[i].name = keep(flight, ask.headers[2 * i], 0);
        flight->headers[i].value = keep(flight, ask.headers[2 * i + 1], 0);
        r->header_count++;
    }
    if (ask.sign_with != NULL) {
        char signature[WSP_SIGNATURE_SIZE];
        assert_true(r->header_count < ASK_HEADERS);
        wsp_webhook_sign(signature, str(ask.sign_with), d->wall_ms / 1000,
                         r->body);
        wsp_header *header = &flight->headers[r->header_count++];
        header->name = keep(flight, "X-Webhook-Signature", 0);
        header->value = keep(flight, signature, 0);
    }
    r->headers = flight->headers;
    wsp_access_request *a = &flight->access;
    a->size = sizeof *a;
    a->errors = ask.errors;
    a->identity = r->identity;
    a->headers = r->headers;
    a->header_count = r->header_count;
    a->id_header = keep(flight, ask.id_header, 0);
    a->external_header = keep(flight, ask.external_header, 0);
    a->permission = keep(flight, ask.permission, 0);
    a->request_id = r->request_id;
    a->with_settings = ask.settings[0] != NULL;
    alloc_paused--;

    int rc = ask.access
                 ? wsp_access_new(&flight->op, d->core, a, flight)
                 : wsp_op_new(&flight->op, d->core, r, flight);
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
        links_settle(d);
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

const struct answer *driver_access(struct driver *d, struct ask ask) {
    ask.access = true;
    return driver_ask(d, ask);
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

double driver_metric(struct driver *d, const char *name) {
    wsp_str text;
    double value = -1;
    size_t size = strlen(name);
    assert_int_equal(wsp_status_render(&text, d->status, 1), WSP_OK);
    char *all = copy_of(text);
    wsp_status_free(text);
    for (char *line = all; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, size) == 0 && line[size] == ' ') {
            value = strtod(line + size, NULL);
            break;
        }
    }
    free(all);
    return value;
}
