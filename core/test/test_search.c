/* /all: filters, fields, pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "redis.h"

enum { COUNT = 640 };

static struct driver *d;

static int many_workspaces(void **state) {
    (void) state;
    redis_flush();
    redis_do("SET wsp:partitions 64");
    d = driver_new((struct driver_options) { .queue = 4096 });
    driver_until_log(d, "ready");
    /* one after the other: the ids are their numbers */
    for (int i = 1; i <= COUNT; i++) {
        char body[256];
        char user[16];
        snprintf(body, sizeof body,
                 "{\"name\":\"Team %d %s\",\"labels\":[\"all\",\"mod%d\"%s]}",
                 i, i % 2 ? "odd" : "EVEN", i % 7,
                 i == 300 ? ",\"a b+c|d\",\"x:{y}\"" : "");
        snprintf(user, sizeof user, "u%d", i % 5);
        assert_status(driver_ask(d, (struct ask) { .method = "POST",
                                                   .user = user,
                                                   .body = body }),
                      200);
        driver_forget(d);
    }
    assert_status(driver_ask(d, (struct ask) {
                      .method = "PUT", .path = "/17", .user = "u2",
                      .body = "{\"invites\":[{\"email\":\"Zoe@ex.org\","
                              "\"name\":\"Zo\xc3\xab (new)\"}]}" }),
                  200);
    /* another tenant is never found */
    assert_status(driver_ask(d, (struct ask) {
                      .method = "POST", .tenant = "globex", .user = "u1",
                      .body = "{\"name\":\"Team 1 odd\",\"labels\":"
                              "[\"all\"]}" }),
                  200);
    return 0;
}

static int end(void **state) {
    (void) state;
    driver_free(d);
    return 0;
}

static const struct answer *find(const char *query) {
    const struct answer *got = driver_ask(
        d, (struct ask) { .path = "/all", .user = "root", .admin = "1",
                          .query = query });
    if (got->status != 200) {
        fail_msg("%s: %u %s", query, got->status, got->body);
    }
    return got;
}

/* The ids of an answer; how many they are. */
static size_t ids_of(const struct answer *got, int *ids, size_t most) {
    size_t count = 0;
    const char *at = got->body;
    while ((at = strstr(at, "{\"_id\":\"")) != NULL) {
        assert_true(count < most);
        ids[count++] = atoi(at + 8);
        at += 8;
    }
    return count;
}

static const char *next_query(const struct answer *got) {
    static char query[4096];
    const char *link = answer_header(got, "Link");
    if (link == NULL) {
        return NULL;
    }
    if (sscanf(link, "</api/workspaces/all?%4000[^>]>; rel=\"next\"",
               query) != 1) {
        fail_msg("Link: %s", link);
    }
    return query;
}

static bool any(int id) { return id > 0; }
static bool odd(int id) { return id % 2 == 1; }
static bool mod3(int id) { return id % 7 == 3; }
static bool mod3or5(int id) { return id % 7 == 3 || id % 7 == 5; }
static bool of_u2(int id) { return id % 5 == 2; }
static bool of_u2_mod3(int id) { return of_u2(id) && mod3(id); }
static bool of_u2_mod3_odd(int id) { return of_u2_mod3(id) && odd(id); }
static bool ends_in_7(int id) { return id % 10 == 7; }
static bool the_17th(int id) { return id == 17; }
static bool the_300th(int id) { return id == 300; }
static bool a_few(int id) { return id == 5 || id == 12 || id == 640; }
static bool a_few_even(int id) { return id == 12 || id == 640; }
static bool none(int id) { return id < 0; }

/* Walks all pages of a query and compares with what it should find. */
static void walk(const char *query, bool (*wanted)(int), size_t limit) {
    static int seen[COUNT + 1];
    size_t count = 0;
    int pages = 0;
    char now[4096];
    snprintf(now, sizeof now, "%s%slimit=%zu", query, *query ? "&" : "",
             limit);
    for (;;) {
        const struct answer *got = find(now);
        size_t found = ids_of(got, seen + count, COUNT + 1 - count);
        assert_true(found <= limit);
        count += found;
        const char *next = next_query(got);
        if (next == NULL) {
            break;
        }
        snprintf(now, sizeof now, "%s", next);
        driver_forget(d);
        assert_true(++pages < COUNT + 2);
    }
    size_t at = 0;
    for (int id = 1; id <= COUNT; id++) {
        if (wanted(id)) {
            if (at == count || seen[at] != id) {
                fail_msg("%s (limit %zu): %d is not where it should be",
                         query, limit, id);
            }
            at++;
        }
    }
    if (at != count) {
        fail_msg("%s (limit %zu): %d should not be there", query, limit,
                 seen[at]);
    }
}

static void each_filter_finds_all_that_it_should(void **state) {
    (void) state;
    static const struct {
        const char *query;
        bool (*wanted)(int);
    } cases[] = {
        { "", any },
        { "labels=all", any },
        { "labels=mod3", mod3 },
        { "labels=mod3,mod5,nothing", mod3or5 },
        { "labels=mod3&labels=mod5", mod3or5 },
        { "labels=Mod3", none },
        { "labels=a+b%2Bc%7Cd", the_300th },
        { "labels=a%20b%2Bc|d,none", the_300th },
        { "labels=x:{y}", the_300th },
        { "labels=", none },
        { "members.user=u2", of_u2 },
        { "members.user=u2,nobody", of_u2 },
        { "members.user=nobody", none },
        { "members.user=u2&labels=mod3", of_u2_mod3 },
        { "members.user=u2&labels=mod3&name=odd", of_u2_mod3_odd },
        { "name=ODD", odd },
        { "name=^team \\d*7 |^$", ends_in_7 },
        { "name=^team+%5Cd*7+", ends_in_7 },
        { "name=EVEN$&labels=nothing", none },
        { "name=xyzzy", none },
        { "q=7 o", ends_in_7 },
        { "q=7+O", ends_in_7 },
        { "q=zoe@EX", the_17th },
        { "q=(NEW)", the_17th },
        { "q=.*", none },
        { "_id=12,5,640,5,9999,x", a_few },
        { "_id=12&_id=5,640", a_few },
        { "_id=12,5,640&name=even", a_few_even },
        { "_id=12,5,640&labels=mod4", none },
        { "_id=12,5,640&members.user=u0,u2&labels=all", a_few },
        { "_id=", none },
    };
    static const size_t limits[] = { 1000, 100, 7 };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t l = 0; l < COUNT_OF(limits); l++) {
            walk(cases[i].query, cases[i].wanted, limits[l]);
            driver_forget(d);
        }
    }
    walk("", any, COUNT);
    walk("", any, COUNT - 1);
    walk("_id=12,5,640", a_few, 1);
    walk("members.user=u2&labels=mod3", of_u2_mod3, 1);
}

static void a_page_has_a_hundred_and_a_link_to_the_next(void **state) {
    (void) state;
    int ids[COUNT];
    const struct answer *got =
        find("name=.&select=name,%6cabels&x=a+b&after=3");
    assert_int_equal(ids_of(got, ids, COUNT), 100);
    assert_int_equal(ids[0], 4);
    assert_int_equal(ids[99], 103);
    /* encoded again, whatever it was */
    assert_string_equal(answer_header(got, "Link"),
                        "</api/workspaces/all?name=.&select=name%2Clabels"
                        "&x=a%20b&after=103>; rel=\"next\"");
    got = find("limit=1000");
    assert_null(answer_header(got, "Link"));
    got = find("after=640");
    assert_body(got, "[]");
    assert_null(answer_header(got, "Link"));
}

/* `name` looks at 5000 candidates and then says where to go on. */
static void a_scan_is_bounded(void **state) {
    (void) state;
    enum { MORE = 6000 };
    redis_save();
    redis_do("EVAL %s 0",
             "local k = 'wsp:{62}:acme:' "
             "for i = 641, 6640 do "
             "  redis.call('ZADD', k .. 'ws', i, i) "
             "  redis.call('HSET', k .. 'w:' .. i, 'rev', 1, 'name', "
             "    'Bulk ' .. i, 'logo', '', 'labels', '[]', 'owner', 'x', "
             "    'created', 1, 'updated', 1) "
             "end");
    const struct answer *got = find("name=Bulk%206640&select=name");
    assert_body(got, "[]");
    const char *next = next_query(got);
    assert_non_null(next);
    int after = atoi(strstr(next, "after=") + 6);
    assert_in_range(after, 5000, 5300);
    char again[256];
    snprintf(again, sizeof again, "%s", next);
    got = find(again);
    assert_body(got, "[{\"_id\":\"6640\",\"name\":\"Bulk 6640\"}]");
    assert_null(answer_header(got, "Link"));
    redis_restore();
}

static void select_shows_what_is_asked_and_nothing_else(void **state) {
    (void) state;
    assert_body(find("_id=17&select=_id"), "[{\"_id\":\"17\"}]");
    assert_body(find("_id=17&select="), "[{\"_id\":\"17\"}]");
    assert_body(find("_id=17"),
                "[{\"_id\":\"17\",\"name\":\"Team 17 odd\",\"logo\":null,"
                "\"tenant\":\"acme\",\"labels\":[\"all\",\"mod3\"]}]");
    assert_body(find("_id=17&select=owner,tenant&select=logo"),
                "[{\"_id\":\"17\",\"logo\":null,\"tenant\":\"acme\","
                "\"owner\":\"u2\"}]");
    const struct answer *got = find(
        "_id=17&select=_id,name,logo,tenant,labels,members,invites,owner,"
        "created,updated");
    assert_holds(got->body, "\"members\":[{\"user\":\"u2\"");
    assert_holds(got->body, "\"invites\":[{\"email\":\"Zoe@ex.org\"");
    assert_lacks(got->body, "seal");
    assert_lacks(got->body, "rev");
}

static void regular_expressions_are_linear(void **state) {
    (void) state;
    static const char *const bombs[] = {
        "name=(a*)*$", "name=(a|aa)%2B$", "name=(.*){1,30}x",
        "name=(x%2Bx%2B)%2By", "name=^(([a-z])%2B.)%2B[A-Z]([a-z])%2B$",
    };
    redis_do("HSET wsp:{62}:acme:w:1 name %s",
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        /* the driver gives up after its patience */
        find(bombs[i]);
    }
    redis_do("HSET wsp:{62}:acme:w:1 name %s", "Team 1 odd");
}

/* An index that points to what is gone, or a record without an index. */
static void dangling_entries_are_skipped(void **state) {
    (void) state;
    redis_save();
    redis_do("DEL wsp:{62}:acme:w:2");
    redis_do("ZADD wsp:{62}:acme:ws 0 x 1e9 y");
    assert_body(find("_id=1,2&select=_id"), "[{\"_id\":\"1\"}]");
    assert_body(find("limit=1&after=1&select=_id"), "[{\"_id\":\"3\"}]");
    redis_restore();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_filter_finds_all_that_it_should),
        cmocka_unit_test(a_page_has_a_hundred_and_a_link_to_the_next),
        cmocka_unit_test(a_scan_is_bounded),
        cmocka_unit_test(select_shows_what_is_asked_and_nothing_else),
        cmocka_unit_test(regular_expressions_are_linear),
        cmocka_unit_test(dangling_entries_are_skipped),
    };
    return cmocka_run_group_tests(tests, many_workspaces, end);
}
