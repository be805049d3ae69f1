#include "fake.h"

#include <string.h>

static bool read_number(const char **at, const char *end, char kind,
                        size_t *out) {
    const char *p = *at;
    if (p == end || *p++ != kind) {
        return false;
    }
    size_t value = 0;
    while (p < end && *p >= '0' && *p <= '9') {
        value = value * 10 + (size_t) (*p++ - '0');
    }
    if (end - p < 2 || p[0] != '\r') {
        return false;
    }
    *at = p + 2;
    *out = value;
    return true;
}

bool fake_parse(const char *data, size_t len, struct fake_command *out) {
    const char *at = data;
    const char *end = data + len;
    if (!read_number(&at, end, '*', &out->count)) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        size_t size;
        if (!read_number(&at, end, '$', &size) ||
            (size_t) (end - at) < size + 2) {
            return false;
        }
        if (i < FAKE_WORDS) {
            out->word[i] = at;
            out->len[i] = size;
        }
        at += size + 2;
    }
    out->size = (size_t) (at - data);
    return true;
}

bool fake_is(const struct fake_command *command, size_t word,
             const char *text) {
    return word < command->count && word < FAKE_WORDS &&
           command->len[word] == strlen(text) &&
           memcmp(command->word[word], text, strlen(text)) == 0;
}

static bool ends(const struct fake_command *command, size_t word,
                 const char *with) {
    size_t len = strlen(with);
    return word < command->count && command->len[word] >= len &&
           memcmp(command->word[word] + command->len[word] - len, with,
                  len) == 0;
}

static void bulk(struct bytes *into, const char *text) {
    bytes_printf(into, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void bulks(struct bytes *into, size_t count,
                  const char *const *texts) {
    bytes_printf(into, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        bulk(into, texts[i]);
    }
}

#define BULKS(into, ...)                                                     \
    bulks((into), sizeof((const char *const[]) { __VA_ARGS__ }) /            \
                      sizeof(const char *),                                  \
          (const char *const[]) { __VA_ARGS__ })

/* A partner's. */
static bool is_api_key(const struct fake_command *command) {
    static const char prefix[] = "wsp:k:";
    const size_t len = sizeof prefix - 1;
    return command->count > 1 && command->len[1] > len &&
           memcmp(command->word[1], prefix, len) == 0;
}

static bool is_there(const struct fake_command *command) {
    return ends(command, 1, ":w:7") || ends(command, 1, ":w:8") ||
           ends(command, 1, ":w:9");
}

static void answer_hash(const struct fake_command *c, struct bytes *into) {
    if (fake_is(c, 0, "HMGET")) {
        if (is_api_key(c)) {
            BULKS(into, "acme", "ann", "0", "1");
        } else if (is_there(c)) {
            BULKS(into, "3", "Fake", "", "[\"red\"]", "ann",
                  "1700000000000", "1700000000001");
        } else {
            bytes_puts(into, "*7\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"
                             "$-1\r\n$-1\r\n");
        }
    } else if (fake_is(c, 0, "HGETALL")) {
        if (ends(c, 1, ":m")) {
            BULKS(into, "ann", "1700000000000 admin,user", "bob",
                  "1700000000001 member");
        } else {
            BULKS(into, "guest@example.com",
                  "{\"email\":\"guest@example.com\",\"roles\":[\"member\"],"
                  "\"created\":\"2025-01-01T00:00:00.000Z\"}");
        }
    } else if (ends(c, 1, ":n") && fake_is(c, 2, "admin")) {
        bulk(into, "2");
    } else if (fake_is(c, 2, "active")) {
        bulk(into, "8");
    } else if (fake_is(c, 2, "settings") && is_there(c)) {
        bulk(into, "{\"features\":{\"a\":1},\"x\":[1,2.5]}");
    } else if (ends(c, 1, ":m") && fake_is(c, 2, "ann")) {
        bulk(into, "1700000000000 admin,user");
    } else if (ends(c, 1, ":m") && fake_is(c, 2, "bob")) {
        bulk(into, "1700000000001 member");
    } else {
        bytes_puts(into, "$-1\r\n");
    }
}

const char *fake_info = FAKE_INFO;

void fake_answer(const struct fake_command *c, struct bytes *into) {
    if (fake_is(c, 0, "SCRIPT")) {
        bulk(into, "0123456789abcdef0123456789abcdef01234567");
    } else if (fake_is(c, 0, "GET")) {
        if (fake_is(c, 1, "wsp:partitions")) {
            bulk(into, "64");
        } else if (ends(c, 1, ":e:acme-corp")) {
            bulk(into, "7");
        } else {
            bytes_puts(into, "$-1\r\n");
        }
    } else if (fake_is(c, 0, "INFO")) {
        bulk(into, fake_info);
    } else if (fake_is(c, 0, "PING")) {
        bytes_puts(into, "+PONG\r\n");
    } else if (fake_is(c, 0, "HMGET") || fake_is(c, 0, "HGET") ||
               fake_is(c, 0, "HGETALL")) {
        answer_hash(c, into);
    } else if (fake_is(c, 0, "HEXISTS") || fake_is(c, 0, "HLEN")) {
        bytes_puts(into, ":0\r\n");
    } else if (fake_is(c, 0, "INCR")) {
        bytes_puts(into, ":10\r\n");
    } else if (fake_is(c, 0, "INCRBY")) {
        bytes_puts(into, ":110\r\n");
    } else if (fake_is(c, 0, "ZRANGE") || fake_is(c, 0, "ZRANGEBYSCORE")) {
        if (fake_is(c, 0, "ZRANGEBYSCORE") && !fake_is(c, 2, "(0")) {
            bytes_puts(into, "*0\r\n");
        } else {
            BULKS(into, "7", "8", "9");
        }
    } else if (fake_is(c, 0, "ZMSCORE")) {
        bytes_printf(into, "*%zu\r\n", c->count - 2);
        for (size_t i = 2; i < c->count; i++) {
            bytes_puts(into, i % 2 != 0 ? "$-1\r\n" : "$1\r\n7\r\n");
        }
    } else if (fake_is(c, 0, "EVALSHA") || fake_is(c, 0, "EVAL")) {
        bytes_puts(into, "*2\r\n:1\r\n:4\r\n");
    } else {
        bytes_puts(into, "+OK\r\n");
    }
}

size_t fake_serve(struct bytes *sent, struct bytes *into) {
    struct fake_command command;
    size_t count = 0;
    size_t at = 0;
    while (fake_parse(sent->data + at, sent->len - at, &command)) {
        fake_answer(&command, into);
        at += command.size;
        count++;
    }
    bytes_drop(sent, at);
    return count;
}
