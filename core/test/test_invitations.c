/* Invitations: what each call answers, and what a token is good for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

#define LIST "/workspace/invitations"

static const int64_t today = 1735689600000;     /* 2025-01-01T00:00:00Z */
static const int64_t week = 7LL * 24 * 3600 * 1000;

static struct driver *d;

static int open_driver(void **state) {
    (void) state;
    d = driver_new((struct driver_options) { 0 });
    driver_until_log(d, "ready");
    d->stopped_clock = true;
    return 0;
}

static int close_driver(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

/* Workspace 1, "Shop" of ann; bea is an admin of it, max a member. */
static int shop(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    driver_forget(d);
    bytes_clear(&d->log);
    d->wall_ms = today;
    make_workspace(d, "ann", "{\"name\":\"Shop\"}");
    add_member(d, "1", "ann", "bea", "[\"admin\"]");
    add_member(d, "1", "ann", "max", "[\"member\"]");
    return 0;
}

/* In workspace 1. */
static struct ask here(const char *method, const char *path,
                       const char *user, const char *body) {
    return (struct ask) { .dialect = WSP_LOCATION, .method = method,
                          .path = path, .user = user, .body = body,
                          .headers = { "X-Workspace-ID", "1" } };
}

static const struct answer *call(const char *method, const char *path,
                                 const char *user, const char *body) {
    return driver_ask(d, here(method, path, user, body));
}

struct sent {
    char id[24];
    char token[64];
};

static struct sent taken(const struct answer *got, unsigned status) {
    struct sent made;
    assert_status(got, status);
    take_value(got, "id", made.id, sizeof made.id);
    take_value(got, "token", made.token, sizeof made.token);
    return made;
}

static struct sent invited(const char *by, const char *body) {
    return taken(call("POST", LIST, by, body), 201);
}

static const char *path_to(const struct sent *sent, const char *rest) {
    static char paths[8][128];
    static unsigned which;
    char *path = paths[which++ % 8];
    snprintf(path, sizeof paths[0], "/invitations/%s%s", sent->token, rest);
    return path;
}

static const char *path_of_id(const struct sent *sent, const char *rest) {
    static char paths[8][128];
    static unsigned which;
    char *path = paths[which++ % 8];
    snprintf(path, sizeof paths[0], LIST "/%s%s", sent->id, rest);
    return path;
}

static struct ask answering(const struct sent *sent, const char *how,
                            const char *user, const char *email) {
    return (struct ask) { .dialect = WSP_LOCATION, .method = "POST",
                          .path = path_to(sent, how), .user = user,
                          .email = email };
}

static const struct answer *accept(const struct sent *sent, const char *user,
                                   const char *email) {
    return driver_ask(d, answering(sent, "/accept", user, email));
}

static const struct answer *decline(const struct sent *sent,
                                    const char *user, const char *email) {
    return driver_ask(d, answering(sent, "/decline", user, email));
}

/* What anybody is told of a token. */
static const struct answer *look(const struct sent *sent) {
    return driver_ask(d, (struct ask) { .dialect = WSP_LOCATION,
                                        .path = path_to(sent, ""),
                                        .nobody = true });
}

static void assert_error(const struct answer *got, unsigned status,
                         const char *message) {
    char body[256];
    assert_status(got, status);
    snprintf(body, sizeof body, "{\"message\":\"%s\"}", message);
    assert_body(got, body);
}

static void assert_field(const struct answer *got, const char *field,
                         const char *message) {
    char body[512];
    assert_status(got, 422);
    snprintf(body, sizeof body,
             "{\"message\":\"%s\",\"errors\":{\"%s\":[\"%s\"]}}", message,
             field, message);
    assert_body(got, body);
}

static void assert_unknown(const struct sent *sent) {
    assert_error(look(sent), 404, "invitation not found");
    assert_error(accept(sent, "zoe", "zoe@example.com"), 404,
                 "invitation not found");
    assert_error(decline(sent, "zoe", "zoe@example.com"), 404,
                 "invitation not found");
}

static const char zoe[] = "{\"email\":\"Zoe@example.com\"}";

static void sending_answers_the_token(void **state) {
    (void) state;
    const struct answer *got = call("POST", LIST, "ann", zoe);
    struct sent sent = taken(got, 201);
    assert_int_equal(strlen(sent.token), 43);
    assert_int_equal(strspn(sent.token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "abcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_"), 43);
    char body[512];
    snprintf(body, sizeof body,
             "{\"data\":{\"id\":1,\"email\":\"Zoe@example.com\","
             "\"role\":\"member\",\"token\":\"%s\","
             "\"expires_at\":\"2025-01-08T00:00:00Z\"},"
             "\"message\":\"Invitation sent successfully.\"}", sent.token);
    assert_body(got, body);
    assert_true(got->secret);
    assert_string_equal(answer_header(got, "Cache-Control"), "no-store");
    assert_string_equal(answer_header(got, "Workspace-Revision"), "4");
    assert_string_equal(got->label, "invitation.send");
}

static void a_token_is_shown_once(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    struct sent again = taken(
        call("POST", path_of_id(&sent, "/resend"), "ann", NULL), 200);
    struct sent *both[] = { &sent, &again };
    look(&again);
    accept(&again, "eve", "eve@example.com");
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        const char *token = both[i]->token;
        assert_lacks(call("GET", LIST, "ann", NULL)->body, token);
        assert_lacks(look(both[i])->body, token);
        assert_lacks(driver_ask(d, (struct ask) { .path = "/1",
                                                  .user = "ann" })->body,
                     token);
        assert_int_equal(redis_mentions(token, strlen(token)), 0);
        assert_false(driver_logged(d, token));
    }
    /* nor its hash */
    redisReply *keys = redis_run("KEYS wsp:i:*");
    assert_int_equal(keys->elements, 2);
    for (size_t i = 0; i < keys->elements; i++) {
        const char *hash = keys->element[i]->str + 6;
        assert_int_equal(strlen(hash), 64);
        assert_lacks(call("GET", LIST, "ann", NULL)->body, hash);
        assert_lacks(driver_ask(d, (struct ask) { .path = "/1",
                                                  .user = "ann" })->body,
                     hash);
        assert_lacks(driver_ask(d, (struct ask) {
                         .path = "/all", .query = "select=invites",
                         .admin = "1" })->body, hash);
        assert_false(driver_logged(d, hash));
    }
    freeReplyObject(keys);
}

static void wrong_fields_are_named(void **state) {
    (void) state;
    static const char email[] = "email must be a valid e-mail address";
    static const char role[] = "role must be the name of a role";
    static const char no_role[] = "the workspace has no role of this name";
    static const struct {
        const char *body, *field, *message;
    } cases[] = {
        { "{}", "email", "email is required" },
        { "{\"email\":null}", "email", "email is required" },
        { "{\"email\":\"\"}", "email", email },
        { "{\"email\":1}", "email", email },
        { "{\"email\":[\"a@b.c\"]}", "email", email },
        { "{\"email\":\"a\"}", "email", email },
        { "{\"email\":\"a@b\\r\\nBcc: c@d\"}", "email", email },
        { "{\"email\":\"a@b@c\"}", "email", email },
        { "{\"email\":\"a@b.c\",\"role\":1}", "role", role },
        { "{\"email\":\"a@b.c\",\"role\":\"\"}", "role", role },
        { "{\"email\":\"a@b.c\",\"role\":\"a,admin\"}", "role", role },
        { "{\"email\":\"a@b.c\",\"role\":[\"admin\"]}", "role", role },
        { "{\"email\":\"a@b.c\",\"role\":\"owner\"}", "role", no_role },
        { "{\"email\":\"a@b.c\",\"role\":\"nobody_made_it\"}", "role",
          no_role },
    };
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_field(call("POST", LIST, "ann", cases[i].body),
                     cases[i].field, cases[i].message);
    }
    assert_status(call("POST", LIST, "ann", "["), 400);
    assert_status(call("POST", LIST, "ann", "[]"), 400);
    assert_string_equal(before, redis_digest());
    invited("ann", "{\"email\":\"a@b.c\",\"role\":null}");
    invited("ann", "{\"email\":\"b@b.c\",\"role\":\"admin\"}");
}

static void an_address_has_one_pending_invitation(void **state) {
    (void) state;
    static const char message[] =
        "the address has a pending invitation already";
    struct sent first = invited("ann", zoe);
    assert_field(call("POST", LIST, "bea", zoe), "email", message);
    assert_field(call("POST", LIST, "bea",
                      "{\"email\":\"zOE@EXAMPLE.com\"}"),
                 "email", message);
    d->wall_ms += week - 1;
    assert_field(call("POST", LIST, "bea", zoe), "email", message);
    /* in another workspace it has another */
    make_workspace(d, "ann", "{\"name\":\"Other\"}");
    struct ask other = here("POST", LIST, "ann", zoe);
    other.headers[1] = "2";
    assert_status(driver_ask(d, other), 201);
    /* an expired one makes room, and its token is nobody's any more */
    d->wall_ms += 1;
    struct sent second = invited("bea", zoe);
    assert_string_not_equal(first.id, second.id);
    assert_unknown(&first);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:i"), 1);
    assert_status(accept(&second, "zoe", "zoe@example.com"), 200);
}

static void a_member_is_not_invited(void **state) {
    (void) state;
    static const char message[] = "the address is a member's already";
    /* max says who he is when he does something */
    struct ask switches = {
        .dialect = WSP_LOCATION, .method = "PATCH", .user = "max",
        .path = "/workspace-context/1", .email = "Max@example.com" };
    assert_status(driver_ask(d, switches), 200);
    assert_field(call("POST", LIST, "ann",
                      "{\"email\":\"mAX@example.com\"}"),
                 "email", message);
    struct sent sent = invited("ann", zoe);
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    assert_field(call("POST", LIST, "ann", zoe), "email", message);
    /* who is no member any more can be */
    assert_status(call("DELETE", "/workspace/members/zoe", "ann", NULL), 200);
    invited("ann", zoe);
}

/* Max says who he is when he does something. */
static void max_is(const char *email) {
    struct ask switches = {
        .dialect = WSP_LOCATION, .method = "PATCH", .user = "max",
        .path = "/workspace-context/1", .email = email };
    assert_status(driver_ask(d, switches), 200);
    switches.path = "/workspace-context";
    switches.method = "DELETE";
    assert_status(driver_ask(d, switches), 200);
}

static void an_address_is_whose_it_was_last(void **state) {
    (void) state;
    max_is("max@example.com");
    max_is("other@example.com");
    assert_status(call("POST", LIST, "ann",
                       "{\"email\":\"other@example.com\"}"), 422);
    invited("ann", "{\"email\":\"max@example.com\"}");
    max_is("zoe@example.com");
    assert_status(call("POST", LIST, "ann", zoe), 422);
}

/* Many users of the tenant had the address: the last of them is a member. */
static void many_users_addresses_are_known(void **state) {
    (void) state;
    for (int i = 0; i < 1203; i++) {
        redis_do("SADD wsp:{62}:acme:a:zoe%%40example.com u%d", i);
        redis_do("HSET wsp:{62}:acme:u:u%d:p email Zoe@Example.com", i);
    }
    invited("ann", zoe);
    redis_do("DEL wsp:{62}:acme:w:1:i");
    redis_do("HSET wsp:{62}:acme:w:1:m u1202 %s", "1700000000000 x");
    assert_status(call("POST", LIST, "ann", zoe), 422);
    redis_do("DEL wsp:{62}:acme:u:u1202:p");
    invited("ann", zoe);
}

static void a_workspace_has_a_hundred_at_most(void **state) {
    (void) state;
    char body[64];
    for (int i = 0; i < 99; i++) {
        redis_do("HSET wsp:{62}:acme:w:1:i a%d@b.c {}", i);
    }
    struct sent last = invited("ann", "{\"email\":\"a99@b.c\"}");
    assert_error(call("POST", LIST, "ann", zoe), 422,
                 "a workspace has at most 100 invitations");
    /* one that has expired is replaced */
    d->wall_ms += week;
    snprintf(body, sizeof body, "{\"email\":\"A99@b.c\"}");
    invited("ann", body);
    assert_unknown(&last);
    redis_do("HDEL wsp:{62}:acme:w:1:i a0@b.c");
    invited("ann", zoe);
}

static void the_list_shows_what_waits(void **state) {
    (void) state;
    assert_body(call("GET", LIST, "ann", NULL), "{\"data\":[]}");
    struct sent first = invited("ann", zoe);
    d->wall_ms += 1000;
    invited("bea", "{\"email\":\"abe@example.com\",\"role\":\"viewer\"}");
    d->wall_ms = today + week;
    assert_body(
        call("GET", LIST, "bea", NULL),
        "{\"data\":[{\"id\":2,\"email\":\"abe@example.com\",\"role\":"
        "\"viewer\",\"status\":\"pending\","
        "\"created_at\":\"2025-01-01T00:00:01Z\","
        "\"expires_at\":\"2025-01-08T00:00:01Z\"},"
        "{\"id\":1,\"email\":\"Zoe@example.com\",\"role\":\"member\","
        "\"status\":\"expired\",\"created_at\":\"2025-01-01T00:00:00Z\","
        "\"expires_at\":\"2025-01-08T00:00:00Z\"}]}");
    assert_status(call("GET", LIST, "max", NULL), 403);
    assert_status(call("POST", LIST, "max", zoe), 403);
    assert_status(call("DELETE", path_of_id(&first, ""), "max", NULL), 403);
    assert_status(call("POST", path_of_id(&first, "/resend"), "max", NULL),
                  403);
}

static void anybody_may_look_at_a_token(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    const struct answer *got = look(&sent);
    assert_status(got, 200);
    assert_body(got, "{\"data\":{\"email\":\"Zoe@example.com\","
                     "\"role\":\"member\",\"workspace_name\":\"Shop\","
                     "\"expires_at\":\"2025-01-08T00:00:00Z\","
                     "\"status\":\"pending\"}}");
    assert_string_equal(answer_header(got, "Cache-Control"), "no-store");
    assert_null(answer_header(got, "ETag"));
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    assert_body(look(&sent), "{\"data\":{\"email\":\"Zoe@example.com\","
                             "\"role\":\"member\",\"workspace_name\":"
                             "\"Shop\",\"expires_at\":"
                             "\"2025-01-08T00:00:00Z\","
                             "\"status\":\"accepted\"}}");
    struct sent other = invited("ann", "{\"email\":\"a@b.c\"}");
    assert_status(decline(&other, "abe", "a@b.c"), 200);
    assert_holds(look(&other)->body, "\"status\":\"declined\"");
    struct sent third = invited("ann", "{\"email\":\"a@b.c\"}");
    d->wall_ms += week;
    assert_holds(look(&third)->body, "\"status\":\"expired\"");
}

static void what_is_no_token_is_unknown(void **state) {
    (void) state;
    static const char *const tokens[] = {
        "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "%00", "..%2f..", "%7Bx%7D", "*",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%0A",
    };
    struct sent sent = invited("ann", zoe);
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        struct sent wrong;
        snprintf(wrong.token, sizeof wrong.token, "%s", tokens[i]);
        assert_unknown(&wrong);
    }
    struct sent close = sent;
    close.token[42] = close.token[42] == 'A' ? 'Q' : 'A';
    assert_unknown(&close);
    close = sent;
    close.token[0] ^= 0x20;
    assert_unknown(&close);
    close = sent;
    close.token[42] = '\0';
    assert_unknown(&close);
    strcpy(close.token, sent.token);
    strcat(close.token, "A");
    assert_unknown(&close);
    assert_string_equal(before, redis_digest());
}

static void accepting_makes_a_member(void **state) {
    (void) state;
    struct sent sent =
        invited("ann", "{\"email\":\"Zoe@example.com\",\"role\":\"viewer\"}");
    d->wall_ms += 1000;
    const struct answer *got = accept(&sent, "zoe", "zOe@EXAMPLE.com");
    assert_status(got, 200);
    assert_body(got, "{\"data\":{\"workspace\":{\"id\":1,\"name\":\"Shop\"},"
                     "\"role\":\"viewer\"},"
                     "\"message\":\"Invitation accepted.\"}");
    assert_string_equal(answer_header(got, "Workspace-Revision"), "5");
    assert_string_equal(redis_text("HGET wsp:{62}:acme:w:1:m zoe"),
                        "1735689601000 viewer");
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n viewer"), 1);
    assert_int_equal(redis_number("ZSCORE wsp:{62}:acme:u:zoe:w 1"), 1);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:zoe:p email"),
                        "zOe@EXAMPLE.com");
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:1:i"), 0);
    assert_body(call("GET", LIST, "ann", NULL), "{\"data\":[]}");
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 409,
                 "the invitation was accepted already");
    assert_error(decline(&sent, "zoe", "zoe@example.com"), 409,
                 "the invitation was accepted already");
    assert_error(accept(&sent, "eve", "zoe@example.com"), 409,
                 "the invitation was accepted already");
    assert_status(call("GET", "/workspaces/1", "eve", NULL), 404);
    /* who leaves does not come back by it */
    assert_status(call("DELETE", "/workspace/members/zoe", "ann", NULL), 200);
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 409);
    assert_status(call("GET", "/workspaces/1", "zoe", NULL), 404);
}

static void it_becomes_current_for_who_had_none(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:zoe active"), "1");
    assert_int_equal(redis_number("SISMEMBER wsp:{62}:acme:w:1:c zoe"), 1);
    assert_status(driver_ask(d, (struct ask) {
                      .dialect = WSP_LOCATION, .method = "POST",
                      .path = "/workspaces", .user = "abe",
                      .body = "{\"name\":\"Abe's\"}" }), 201);
    sent = invited("ann", "{\"email\":\"a@b.c\"}");
    assert_status(accept(&sent, "abe", "a@b.c"), 200);
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:abe active"), "2");
    assert_int_equal(redis_number("SISMEMBER wsp:{62}:acme:w:1:c abe"), 0);
}

static void the_name_of_the_invitation_is_that_of_its_guest(void **state) {
    (void) state;
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = "/1", .user = "ann",
                      .body = "{\"invites\":[{\"email\":\"zoe@example.com\","
                              "\"name\":\"Zoe Z\",\"roles\":[\"viewer\","
                              "\"x-y\"]}]}" }), 200);
    struct sent sent = { .id = "1" };
    sent = taken(call("POST", path_of_id(&sent, "/resend"), "ann", NULL),
                 200);
    assert_holds(accept(&sent, "zoe", "zoe@example.com")->body,
                 "\"role\":\"viewer\"");
    assert_string_equal(redis_text("HGET wsp:{62}:acme:u:zoe:p name"),
                        "Zoe Z");
    assert_string_equal(redis_text("HGET wsp:{62}:acme:w:1:m zoe"),
                        "1735689600000 viewer,x-y");
}

static void only_who_has_the_address_answers(void **state) {
    (void) state;
    static const char *const emails[] = {
        NULL, "", "eve@example.com", "zoe@example.com.evil.org",
        "zoe@example.co", "Zoe@example.com,eve@example.com", " " };
    struct sent sent = invited("ann", zoe);
    const char *before = redis_digest();
    for (size_t i = 0; i < COUNT_OF(emails); i++) {
        assert_error(accept(&sent, "eve", emails[i]), 403,
                     "This action is unauthorized.");
        assert_error(decline(&sent, "eve", emails[i]), 403,
                     "This action is unauthorized.");
    }
    assert_string_equal(before, redis_digest());
    struct ask nobody = answering(&sent, "/accept", NULL, NULL);
    nobody.nobody = true;
    assert_status(driver_ask(d, nobody), 401);
    /* the same people elsewhere: the token is unknown there */
    struct ask foreign = answering(&sent, "/accept", "zoe",
                                   "zoe@example.com");
    foreign.tenant = "globex";
    assert_error(driver_ask(d, foreign), 404, "invitation not found");
    foreign.path = path_to(&sent, "/decline");
    assert_error(driver_ask(d, foreign), 404, "invitation not found");
    foreign.admin = "1";
    assert_error(driver_ask(d, foreign), 404, "invitation not found");
    assert_string_equal(before, redis_digest());
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
}

static void a_member_does_not_accept(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    add_member(d, "1", "ann", "zoe", "[\"viewer\"]");
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 409,
                 "already a member");
    assert_string_equal(redis_text("HGET wsp:{62}:acme:w:1:m zoe"),
                        "1735689600000 viewer");
    assert_holds(look(&sent)->body, "\"status\":\"pending\"");
    assert_status(decline(&sent, "zoe", "zoe@example.com"), 200);
}

static void declining_ends_it(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    const struct answer *got = decline(&sent, "zoe", "zoe@example.com");
    assert_status(got, 200);
    assert_body(got, "{\"message\":\"Invitation declined.\"}");
    assert_error(decline(&sent, "zoe", "zoe@example.com"), 409,
                 "the invitation was declined");
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 409,
                 "the invitation was declined");
    assert_int_equal(redis_number("HEXISTS wsp:{62}:acme:w:1:m zoe"), 0);
    assert_body(call("GET", LIST, "ann", NULL), "{\"data\":[]}");
    /* and makes room for another */
    sent = invited("ann", zoe);
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
}

static void it_holds_until_its_time(void **state) {
    (void) state;
    static const struct {
        int64_t after;
        unsigned status;
    } cases[] = {
        { -1000, 200 }, { -1, 200 }, { 0, 410 }, { 1, 410 }, { 1000, 410 },
        { 29LL * 24 * 3600 * 1000, 410 },
    };
    struct sent sent = invited("ann", zoe);
    redis_save();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int declines = 0; declines < 2; declines++) {
            redis_restore();
            d->wall_ms = today + week + cases[i].after;
            const struct answer *got =
                declines ? decline(&sent, "zoe", "zoe@example.com")
                         : accept(&sent, "zoe", "zoe@example.com");
            assert_status(got, cases[i].status);
            if (cases[i].status == 410) {
                assert_body(got,
                            "{\"message\":\"the invitation has expired\"}");
                assert_holds(look(&sent)->body, "\"status\":\"expired\"");
            }
        }
    }
}

/* Redis forgets it by itself, and long after its time. */
static void what_is_left_passes(void **state) {
    (void) state;
    invited("ann", zoe);
    static const char *const patterns[] = { "wsp:{62}:acme:v:*",
                                            "wsp:i:*" };
    const int64_t most = week + 30LL * 24 * 3600 * 1000;
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        redisReply *keys = redis_run("KEYS %s", patterns[i]);
        assert_int_equal(keys->elements, 1);
        assert_in_range(redis_number("PTTL %s", keys->element[0]->str),
                        most - 60000, most);
        freeReplyObject(keys);
    }
}

static void sending_again_makes_the_old_token_unknown(void **state) {
    (void) state;
    struct sent first = invited("ann", zoe);
    d->wall_ms += 3600 * 1000;
    const struct answer *got =
        call("POST", path_of_id(&first, "/resend"), "bea", NULL);
    struct sent second = taken(got, 200);
    char body[512];
    snprintf(body, sizeof body,
             "{\"data\":{\"id\":1,\"email\":\"Zoe@example.com\","
             "\"role\":\"member\",\"token\":\"%s\","
             "\"expires_at\":\"2025-01-08T01:00:00Z\"},"
             "\"message\":\"Invitation resent successfully.\"}",
             second.token);
    assert_body(got, body);
    assert_true(got->secret);
    assert_string_not_equal(first.token, second.token);
    assert_unknown(&first);
    assert_holds(call("GET", LIST, "ann", NULL)->body,
                 "\"created_at\":\"2025-01-01T00:00:00Z\","
                 "\"expires_at\":\"2025-01-08T01:00:00Z\"");
    /* an expired one is good again */
    d->wall_ms += 2 * week;
    assert_status(accept(&second, "zoe", "zoe@example.com"), 410);
    struct sent third = taken(
        call("POST", path_of_id(&first, "/resend"), "bea", NULL), 200);
    assert_unknown(&second);
    assert_status(accept(&third, "zoe", "zoe@example.com"), 200);
    assert_error(call("POST", path_of_id(&first, "/resend"), "bea", NULL),
                 404, "invitation not found");
}

static void what_is_revoked_is_unknown(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    invited("ann", "{\"email\":\"a@b.c\"}");
    const struct answer *got =
        call("DELETE", path_of_id(&sent, ""), "bea", NULL);
    assert_status(got, 200);
    assert_body(got, "{\"message\":\"Invitation revoked.\"}");
    assert_unknown(&sent);
    assert_error(call("DELETE", path_of_id(&sent, ""), "bea", NULL), 404,
                 "invitation not found");
    assert_lacks(call("GET", LIST, "ann", NULL)->body, "Zoe");
    assert_holds(call("GET", LIST, "ann", NULL)->body, "a@b.c");
}

static void an_id_of_another_workspace_is_unknown(void **state) {
    (void) state;
    static const char *const ids[] = { "0", "-1", "01", "x", "1%20",
                                       "99999999999999999999" };
    make_workspace(d, "max", "{\"name\":\"Other\"}");
    struct sent sent = invited("ann", zoe);
    const char *before = redis_digest();
    struct ask ask = here("DELETE", path_of_id(&sent, ""), "max", NULL);
    ask.headers[1] = "2";
    assert_error(driver_ask(d, ask), 404, "invitation not found");
    ask.method = "POST";
    ask.path = path_of_id(&sent, "/resend");
    assert_error(driver_ask(d, ask), 404, "invitation not found");
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        snprintf(sent.id, sizeof sent.id, "%s", ids[i]);
        assert_error(call("DELETE", path_of_id(&sent, ""), "ann", NULL), 404,
                     "invitation not found");
        assert_error(call("POST", path_of_id(&sent, "/resend"), "ann", NULL),
                     404, "invitation not found");
    }
    assert_string_equal(before, redis_digest());
}

static const char not_any_more[] =
    "who sent the invitation may not invite any more";

static void it_rests_on_what_its_sender_may_do(void **state) {
    (void) state;
    struct sent sent =
        invited("bea", "{\"email\":\"zoe@example.com\",\"role\":\"admin\"}");
    /* demoted */
    assert_status(call("PATCH", "/workspace/members/bea/role", "ann",
                       "{\"role\":\"member\"}"), 200);
    const char *before = redis_digest();
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 410, not_any_more);
    assert_string_equal(before, redis_digest());
    /* an admin again */
    assert_status(call("PATCH", "/workspace/members/bea/role", "ann",
                       "{\"role\":\"admin\"}"), 200);
    redis_save();
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    redis_restore();
    /* removed */
    assert_status(call("DELETE", "/workspace/members/bea", "ann", NULL), 200);
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 410, not_any_more);
    /* another answers for it now */
    sent = taken(call("POST", path_of_id(&sent, "/resend"), "ann", NULL),
                 200);
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    /* the last word is the sender's place, not the workspace's revision */
    assert_int_equal(redis_number("HGET wsp:{62}:acme:w:1:n admin"), 2);
}

static void a_tenant_admin_needs_no_membership_to_invite(void **state) {
    (void) state;
    struct ask ask = here("POST", LIST, "root", zoe);
    ask.admin = "1";
    struct sent sent = taken(driver_ask(d, ask), 201);
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
}

static void the_owner_invites_without_a_role(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    redis_do("HSET wsp:{62}:acme:w:1:m ann %s", "1700000000000 user");
    redis_save();
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    redis_restore();
    redis_do("HSET wsp:{62}:acme:w:1 owner bea");
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 410, not_any_more);
}

static void with_the_workspace_goes_the_invitation(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    struct sent used = invited("ann", "{\"email\":\"a@b.c\"}");
    assert_status(accept(&used, "abe", "a@b.c"), 200);
    assert_status(driver_ask(d, (struct ask) { .method = "DELETE",
                                               .path = "/1",
                                               .user = "ann" }), 200);
    assert_unknown(&sent);
    assert_unknown(&used);
    /* nothing tells of who waited */
    assert_int_equal(redis_mentions("oe@example.com", 14), 0);
    assert_int_equal(redis_number("EXISTS wsp:{62}:acme:w:1"), 0);
}

static void a_role_that_waits_is_in_use(void **state) {
    (void) state;
    char path[64];
    char id[24];
    const struct answer *made =
        call("POST", "/workspace/roles", "ann",
             "{\"name\":\"sales\",\"display_name\":\"Sales\","
             "\"permissions\":[\"invoices:view\"]}");
    assert_status(made, 201);
    take_value(made, "id", id, sizeof id);
    snprintf(path, sizeof path, "/workspace/roles/%s", id);
    struct sent sent =
        invited("ann", "{\"email\":\"zoe@example.com\",\"role\":\"sales\"}");
    const struct answer *got = call("DELETE", path, "ann", NULL);
    assert_status(got, 422);
    assert_holds(got->body, "\"errors\":{\"role\":[");
    assert_holds(look(&sent)->body, "\"role\":\"sales\"");
    struct ask moves = here("DELETE", path, "ann", NULL);
    moves.query = "reassign_to=viewer";
    assert_status(driver_ask(d, moves), 200);
    assert_holds(look(&sent)->body, "\"role\":\"viewer\"");
    assert_holds(accept(&sent, "zoe", "zoe@example.com")->body,
                 "\"role\":\"viewer\"");
    assert_string_equal(redis_text("HGET wsp:{62}:acme:w:1:m zoe"),
                        "1735689600000 viewer");
}

static const struct answer *put_invites(const char *body) {
    const struct answer *got = driver_ask(
        d, (struct ask) { .method = "PUT", .path = "/1", .user = "bea",
                          .body = body });
    assert_status(got, 200);
    return got;
}

static void platform_keeps_who_stays_on_its_list(void **state) {
    (void) state;
    struct sent stays = invited("ann", zoe);
    struct sent goes = invited("ann", "{\"email\":\"a@b.c\"}");
    d->wall_ms += 1000;
    const struct answer *got = put_invites(
        "{\"invites\":[{\"email\":\"zoe@Example.com\",\"name\":\"Z\"},"
        "{\"email\":\"b@b.c\",\"roles\":[\"x\",\"y-z\"]}]}");
    assert_holds(got->body,
                 "\"invites\":[{\"email\":\"b@b.c\",\"roles\":[\"x\","
                 "\"y-z\"],\"created\":\"2025-01-01T00:00:01.000Z\"},"
                 "{\"email\":\"zoe@Example.com\",\"name\":\"Z\",\"roles\":"
                 "[\"member\"],\"created\":\"2025-01-01T00:00:00.000Z\"}]}");
    assert_string_equal(
        got->body, driver_ask(d, (struct ask) { .path = "/1",
                                                .user = "bea" })->body);
    assert_unknown(&goes);
    assert_holds(call("GET", LIST, "ann", NULL)->body,
                 "{\"data\":[{\"id\":3,\"email\":\"b@b.c\",\"role\":\"x\"");
    /* the sender of what stays is still ann */
    assert_status(driver_ask(d, (struct ask) {
                      .method = "DELETE", .path = "/1/members/bea",
                      .user = "ann" }), 200);
    assert_status(accept(&stays, "zoe", "zoe@example.com"), 200);
}

static void who_changes_the_roles_answers_for_them(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    put_invites("{\"invites\":[{\"email\":\"zoe@example.com\","
                "\"roles\":[\"admin\"]}]}");
    assert_status(driver_ask(d, (struct ask) {
                      .method = "DELETE", .path = "/1/members/bea",
                      .user = "ann" }), 200);
    assert_error(accept(&sent, "zoe", "zoe@example.com"), 410, not_any_more);
}

static void platform_clears_its_list(void **state) {
    (void) state;
    struct sent sent = invited("ann", zoe);
    assert_holds(put_invites("{\"invites\":[]}")->body, "\"invites\":[]");
    assert_unknown(&sent);
    redisReply *keys = redis_run("KEYS wsp:{62}:acme:v:*");
    assert_int_equal(keys->elements, 0);
    freeReplyObject(keys);
}

static void a_repeat_gets_the_first_answer(void **state) {
    (void) state;
    struct ask ask = here("POST", LIST, "ann", zoe);
    ask.headers[2] = "Idempotency-Key";
    ask.headers[3] = "k-1";
    const struct answer *first = driver_ask(d, ask);
    struct sent sent = taken(first, 201);
    const struct answer *again = driver_ask(d, ask);
    assert_status(again, 201);
    assert_string_equal(first->body, again->body);
    assert_true(again->secret);
    assert_int_equal(redis_mentions(sent.token, strlen(sent.token)), 0);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:i"), 1);
    struct ask accepts =
        answering(&sent, "/accept", "zoe", "zoe@example.com");
    accepts.headers[0] = "Idempotency-Key";
    accepts.headers[1] = "k-2";
    first = driver_ask(d, accepts);
    assert_status(first, 200);
    again = driver_ask(d, accepts);
    assert_status(again, 200);
    assert_string_equal(first->body, again->body);
    assert_string_equal(first->headers, again->headers);
    assert_int_equal(redis_mentions(sent.token, strlen(sent.token)), 0);
}

/* Without a key ring there is nothing to seal the answer with. */
static void a_token_is_not_kept_in_the_clear(void **state) {
    (void) state;
    struct driver *bare = driver_new((struct driver_options) {
        .no_keys = true });
    driver_until_log(bare, "ready");
    struct ask ask = here("POST", LIST, "ann", zoe);
    ask.headers[2] = "Idempotency-Key";
    ask.headers[3] = "k-1";
    struct sent sent = taken(driver_ask(bare, ask), 201);
    assert_int_equal(redis_mentions(sent.token, strlen(sent.token)), 0);
    assert_status(driver_ask(bare, ask), 409);
    assert_int_equal(redis_number("HLEN wsp:{62}:acme:w:1:i"), 1);
    driver_free(bare);
}

static void another_time_can_be_set(void **state) {
    (void) state;
    struct driver *brief = driver_new((struct driver_options) {
        .invitation_ttl_s = 60 });
    driver_until_log(brief, "ready");
    brief->stopped_clock = true;
    brief->wall_ms = today;
    const struct answer *got =
        driver_ask(brief, here("POST", LIST, "ann", zoe));
    struct sent sent = taken(got, 201);
    assert_holds(got->body, "\"expires_at\":\"2025-01-01T00:01:00Z\"");
    d->wall_ms = today + 60000;
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 410);
    d->wall_ms = today + 59999;
    assert_status(accept(&sent, "zoe", "zoe@example.com"), 200);
    driver_free(brief);
}

int main(void) {
#define test(name) cmocka_unit_test_setup(name, shop)
    const struct CMUnitTest tests[] = {
        test(sending_answers_the_token),
        test(a_token_is_shown_once),
        test(wrong_fields_are_named),
        test(an_address_has_one_pending_invitation),
        test(a_member_is_not_invited),
        test(an_address_is_whose_it_was_last),
        test(many_users_addresses_are_known),
        test(a_workspace_has_a_hundred_at_most),
        test(the_list_shows_what_waits),
        test(anybody_may_look_at_a_token),
        test(what_is_no_token_is_unknown),
        test(accepting_makes_a_member),
        test(it_becomes_current_for_who_had_none),
        test(the_name_of_the_invitation_is_that_of_its_guest),
        test(only_who_has_the_address_answers),
        test(a_member_does_not_accept),
        test(declining_ends_it),
        test(it_holds_until_its_time),
        test(what_is_left_passes),
        test(sending_again_makes_the_old_token_unknown),
        test(what_is_revoked_is_unknown),
        test(an_id_of_another_workspace_is_unknown),
        test(it_rests_on_what_its_sender_may_do),
        test(a_tenant_admin_needs_no_membership_to_invite),
        test(the_owner_invites_without_a_role),
        test(with_the_workspace_goes_the_invitation),
        test(a_role_that_waits_is_in_use),
        test(platform_keeps_who_stays_on_its_list),
        test(who_changes_the_roles_answers_for_them),
        test(platform_clears_its_list),
        test(a_repeat_gets_the_first_answer),
        test(a_token_is_not_kept_in_the_clear),
        test(another_time_can_be_set),
    };
    return cmocka_run_group_tests(tests, open_driver, close_driver);
}
