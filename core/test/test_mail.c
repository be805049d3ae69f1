/* What an invitation's mail says, and what names cannot do to it. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "driver.h"
#include "fixture.h"
#include "mails.h"
#include "redis.h"

struct mail {
    char *raw;          /* as it was written, without the dot at its end */
    char *head;         /* unfolded, "\n" between the fields */
    char *text;
    char *html;
};

static void drop(struct mail *m) {
    free(m->raw);
    free(m->head);
    free(m->text);
    free(m->html);
}

/* Only fields that a mail has, once each; every line is short ASCII. */
static void check_form(const char *raw) {
    static const char *const known[] = {
        "From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ",
        "Auto-Submitted: auto-generated\r\n", "MIME-Version: 1.0\r\n",
        "Content-Type: multipart/alternative; boundary=\"=_"
    };
    unsigned seen[COUNT_OF(known)] = { 0 };
    const char *line = raw;
    bool head = true;
    while (*line != '\0') {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_in_range(end - line, 0, 320);
        for (const char *at = line; at < end; at++) {
            assert_in_range((unsigned char) *at, ' ', '~');
        }
        head = head && end != line;
        if (head && *line != ' ') {
            size_t i = 0;
            while (i < COUNT_OF(known) &&
                   strncmp(line, known[i], strlen(known[i])) != 0) {
                i++;
            }
            if (i == COUNT_OF(known)) {
                fail_msg("a header: %.*s", (int) (end - line), line);
            }
            seen[i]++;
        }
        line = end + 2;
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        assert_int_equal(seen[i], 1);
    }
}

static char *unfolded(const char *raw) {
    size_t len = (size_t) (strstr(raw, "\r\n\r\n") - raw);
    char *out = calloc(1, len + 1);
    char *to = out;
    for (const char *at = raw; at < raw + len; at++) {
        if (at[0] == '\r') {
            at++;
            if (at[1] != ' ') {
                *to++ = '\n';
            }
        } else {
            *to++ = *at;
        }
    }
    return out;
}

/* The mail that `body` makes, sent by that user in a workspace of that name. */
static struct mail mail_of(const char *workspace, const char *user,
                           const char *name, const char *body) {
    redis_flush();
    redis_do("SET wsp:partitions 64");
    struct driver *d = driver_new((struct driver_options) {
        .mails = true, .mail_from = "\"S\" <from@mail.example.com>" });
    char create[2048];
    char path[32];
    snprintf(create, sizeof create, "{\"name\":\"%s\"}", workspace);
    snprintf(path, sizeof path, "/%s", make_workspace(d, user, create));
    assert_status(driver_ask(d, (struct ask) { .method = "PUT", .path = path,
                                               .user = user, .name = name,
                                               .body = body }),
                  200);
    uint64_t number = job_of(d);
    struct mail m = { .raw = smtp_takes(d, number) };
    driver_free(d);
    char *end = strstr(m.raw, "\r\n.\r\n");
    assert_non_null(end);
    assert_string_equal(end, "\r\n.\r\n");
    end[2] = '\0';
    check_form(m.raw);
    m.head = unfolded(m.raw);
    m.text = mail_part(m.raw, "Content-Type: text/plain; charset=utf-8\r\n");
    m.html = mail_part(m.raw, "Content-Type: text/html; charset=utf-8\r\n");
    return m;
}

static void a_plain_invitation(void **state) {
    (void) state;
    struct mail m = mail_of("Berlin", "ann", "Ann Example",
                            "{\"invites\":[{\"email\":\"bob@example.com\","
                            "\"name\":\"Bob\",\"roles\":[\"member\"]}]}");
    assert_holds(m.head, "From: \"\\\"S\\\"\" <from@mail.example.com>\n");
    assert_holds(m.head, "\nTo: \"Bob\" <bob@example.com>\n");
    assert_holds(m.head, "\nSubject: Invitation to Berlin\n");
    assert_holds(m.head, "@mail.example.com>\n");
    assert_holds(m.text, "Hello Bob,\r\n\r\nAnn Example invites you to the "
                         "workspace \"Berlin\" as member.\r\n");
    assert_holds(m.text, "\r\nhttps://example.com/i?a=1&t=");
    assert_holds(m.html, "<a href=\"https://example.com/i?a=1&amp;t=");
    assert_holds(m.text, "This invitation is valid until 20");
    drop(&m);
}

static void names_are_text_and_nothing_else(void **state) {
    (void) state;
    struct mail m = mail_of(
        "<img src=x onerror=alert(1)> & \\\"'", "a&b<i>", NULL,
        "{\"invites\":[{\"email\":\"bob@example.com\",\"roles\":[\"member\"],"
        "\"name\":\"\\\"Bob\\\\\\\" <evil@example.com>, \"}]}");
    assert_holds(m.head, "\nTo: \"\\\"Bob\\\\\\\" <evil@example.com>, \" "
                         "<bob@example.com>\n");
    assert_holds(m.html, "a&amp;b&lt;i&gt; invites");
    assert_holds(m.html, "&lt;img src=x onerror=alert(1)&gt; &amp; "
                         "&quot;&#39;");
    assert_lacks(m.html, "<img");
    assert_lacks(m.html, "<i>");
    assert_holds(m.text, "<img src=x onerror=alert(1)> & \"'");
    drop(&m);
}

static void what_is_not_ascii_is_encoded(void **state) {
    (void) state;
    struct mail m = mail_of(
        "=?UTF-8?Q?plain?=", "ann", "\xc3\x84nn",
        "{\"invites\":[{\"email\":\"bob@example.com\",\"roles\":[\"member\"],"
        "\"name\":\"B\xc3\xb6" "b \xf0\x9f\x8e\x89\"}]}");
    assert_holds(m.head, "\nTo: =?UTF-8?B?QsO2YiDwn46J?= <bob@example.com>\n");
    /* what looks encoded, and is not, is */
    assert_holds(m.head, "\nSubject: =?UTF-8?B?");
    assert_lacks(m.head, "plain");
    assert_holds(m.text, "\xc3\x84nn invites");
    assert_holds(m.html, "B\xc3\xb6" "b \xf0\x9f\x8e\x89");
    drop(&m);
}

static void long_names_are_folded_between_characters(void **state) {
    (void) state;
    char name[1200] = "";
    for (int i = 0; i < 250; i++) {
        strcat(name, i % 2 == 0 ? "\xe2\x82\xac" : "x");
    }
    char body[2048];
    snprintf(body, sizeof body,
             "{\"invites\":[{\"email\":\"bob@example.com\","
             "\"roles\":[\"member\"],\"name\":\"%s\"}]}", name);
    struct mail m = mail_of(name, "ann", NULL, body);
    assert_holds(m.text, name);
    /* each word by itself is UTF-8 */
    const char *at = m.raw;
    unsigned words = 0;
    while ((at = strstr(at, "=?UTF-8?B?")) != NULL) {
        unsigned char part[64];
        size_t len;
        const char *end;
        at += 10;
        assert_int_equal(
            sodium_base642bin(part, sizeof part, at, 64, NULL, &len, &end,
                              sodium_base64_VARIANT_ORIGINAL), 0);
        assert_int_equal(memcmp(end, "?=", 2), 0);
        assert_true((part[0] & 0xc0) != 0x80);
        words++;
    }
    assert_in_range(words, 20, 60);
    drop(&m);
}

static void addresses_that_mail_cannot_reach_are_refused(void **state) {
    (void) state;
    static const char *const wrong[] = {
        "b\xc3\xb6z@example.com", "bob@ex\xc3\xa4mple.com", "bob@-example.com",
        "bob@example..com", ".bob@example.com", "bob.@example.com",
        "bob@example.com.", "bob@exa_mple.com", "bo b@example.com",
        "bob@[127.0.0.1]"
    };
    redis_flush();
    redis_do("SET wsp:partitions 64");
    struct driver *d = driver_new((struct driver_options) { .mails = true });
    const char *id = make_workspace(d, "owner", "{\"name\":\"W\"}");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char body[256];
        snprintf(body, sizeof body,
                 "{\"invites\":[{\"email\":\"%s\",\"roles\":[\"member\"]}]}",
                 wrong[i]);
        assert_status(invite(d, id, body), 400);
    }
    assert_int_equal(redis_number("EXISTS " OUTBOX "q:mail"), 0);
    driver_free(d);
}

static void senders_and_links_are_checked(void **state) {
    (void) state;
    static const char good_link[] = "https://example.com/{token}";
    static const struct {
        const char *from;
        const char *link;
        bool right;
    } cases[] = {
        { "a@example.com", good_link, true },
        { "  A B <a@example.com> ", "http://h:8080/x#{token}", true },
        { "<a@example.com>", "https://[::1]/i?t={token}", true },
        { "", good_link, false },
        { "a", good_link, false },
        { "A <a@example.com", good_link, false },
        { "A\r\nBcc: b@example.com <a@example.com>", good_link, false },
        { "a@example.com\r\nBcc: b@example.com", good_link, false },
        { "\xff <a@example.com>", good_link, false },
        { "a@example.com", "", false },
        { "a@example.com", "https://example.com/", false },
        { "a@example.com", "https://{token}/", false },
        { "a@example.com", "https://example.com{token}", false },
        { "a@example.com", "https:///{token}", false },
        { "a@example.com", "https://example.com/{token}/{token}", false },
        { "a@example.com", "javascript:alert('/{token}')", false },
        { "a@example.com", "https://example.com/\"><b>{token}", false },
        { "a@example.com", "https://example.com/ {token}", false },
        { "a@example.com", "https://example.com/\n{token}", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char error[WSP_ERROR_SIZE] = "";
        wsp_mail *mail = NULL;
        int rc = wsp_mail_parse(
            &mail, (wsp_str) { cases[i].from, strlen(cases[i].from) },
            (wsp_str) { cases[i].link, strlen(cases[i].link) }, error);
        if (rc != (cases[i].right ? WSP_OK : WSP_INVALID)) {
            fail_msg("case %zu: %d %s", i, rc, error);
        }
        assert_true(cases[i].right || strstr(error, "write") != NULL);
        wsp_mail_free(mail);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_invitation),
        cmocka_unit_test(names_are_text_and_nothing_else),
        cmocka_unit_test(what_is_not_ascii_is_encoded),
        cmocka_unit_test(long_names_are_folded_between_characters),
        cmocka_unit_test(addresses_that_mail_cannot_reach_are_refused),
        cmocka_unit_test(senders_and_links_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
