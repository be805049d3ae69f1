#include "mails.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "check.h"
#include "driver_links.h"
#include "redis.h"

const struct answer *invite(struct driver *d, const char *workspace,
                            const char *body) {
    char path[64];
    snprintf(path, sizeof path, "/%s", workspace);
    return driver_ask(d, (struct ask) { .method = "PUT", .path = path,
                                        .user = "owner", .body = body });
}

int any_job_of(struct driver *d, int kind, uint64_t *number) {
    wsp_job job = { .size = sizeof job };
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + 80;
    for (int i = 0; i < 25 || clock_ms(CLOCK_MONOTONIC) < until; i++) {
        driver_turn(d, i < 20 ? 1 : 5);
        int rc = wsp_next_job(d->core, &job);
        if (rc == WSP_OK) {
            assert_int_equal(job.kind, kind);
            *number = job.number;
            return WSP_OK;
        }
        assert_int_equal(rc, WSP_AGAIN);
    }
    return WSP_AGAIN;
}

int any_job(struct driver *d, uint64_t *number) {
    return any_job_of(d, WSP_JOB_MAIL, number);
}

uint64_t next_job_of(struct driver *d, int kind) {
    uint64_t number = 0;
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    while (any_job_of(d, kind, &number) != WSP_OK) {
        if (clock_ms(CLOCK_MONOTONIC) > until) {
            fail_msg("there is no job; log:\n%s",
                     d->log.data ? d->log.data : "");
        }
        if (d->stopped_clock) {
            d->monotonic_ms += 600;
        }
    }
    return number;
}

uint64_t job_of(struct driver *d) {
    return next_job_of(d, WSP_JOB_MAIL);
}

const char *smtp_reads(struct driver *d, uint64_t number) {
    static struct bytes text;
    wsp_str out;
    bytes_clear(&text);
    alloc_paused++;
    bytes_puts(&text, "");
    while (wsp_job_output(d->core, number, &out) == WSP_OK) {
        size_t len = d->write_piece != 0 && out.len > d->write_piece
                         ? d->write_piece
                         : out.len;
        bytes_put(&text, out.data, len);
        wsp_job_written(d->core, number, len);
    }
    alloc_paused--;
    return text.data;
}

const char *smtp_says(struct driver *d, uint64_t number, const char *reply) {
    size_t len = strlen(reply);
    size_t step = d->piece != 0 ? d->piece : len;
    for (size_t at = 0; at < len; at += step) {
        size_t now = len - at < step ? len - at : step;
        wsp_job_input(d->core, number, reply + at, now);
    }
    return smtp_reads(d, number);
}

char *smtp_takes(struct driver *d, uint64_t number) {
    smtp_reads(d, number);
    smtp_says(d, number, "250 sender ok\r\n");
    smtp_says(d, number, "250-recipient\r\n250 ok\r\n");
    char *message = strdup(smtp_says(d, number, "354 go on\r\n"));
    assert_string_equal(smtp_says(d, number, "250 taken\r\n"), "QUIT\r\n");
    return message;
}

char *mail_part(const char *from, const char *type) {
    const char *part = strstr(from, type);
    assert_non_null(part);
    part = strstr(part, "\r\n\r\n") + 4;
    const char *end = strstr(part, "\r\n--=_");
    assert_non_null(end);
    char *out = calloc(1, (size_t) (end - part) + 1);
    size_t len;
    assert_int_equal(sodium_base642bin((unsigned char *) out,
                                       (size_t) (end - part), part,
                                       (size_t) (end - part), "\r\n", &len,
                                       NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    return out;
}

void job_ends(struct driver *d, uint64_t number, int outcome,
              const char *reason) {
    wsp_job_done(d->core, number, outcome, str(reason), 0);
    driver_turn(d, 0);
}

void until_number(struct driver *d, long long wanted, const char *format,
                  ...) {
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    uint64_t until = clock_ms(CLOCK_MONOTONIC) + PATIENCE_MS;
    long long got;
    while ((got = redis_number(command)) != wanted) {
        driver_turn(d, 2);
        if (clock_ms(CLOCK_MONOTONIC) > until) {
            fail_msg("%s: %lld, not %lld; log:\n%s", command, got, wanted,
                     d->log.data ? d->log.data : "");
        }
    }
}

void time_passes(struct driver *d, uint64_t ms) {
    assert_true(d->stopped_clock);
    d->monotonic_ms += ms;
    d->wall_ms += (int64_t) ms;
    driver_turn(d, 0);
}
