/* Which addresses are public. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "workspaces.h"

static int is_public(const char *text) {
    unsigned char bytes[16];
    int v6 = strchr(text, ':') != NULL;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) != 1) {
        fail_msg("no address: %s", text);
    }
    return wsp_is_public_address(v6, bytes);
}

static void expect(const char *const *all, size_t count, int wanted) {
    for (size_t i = 0; i < count; i++) {
        if (is_public(all[i]) != wanted) {
            fail_msg("%s: not %d", all[i], wanted);
        }
    }
}

static void what_is_not_public(void **state) {
    (void) state;
    static const char *const all[] = {
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.0.0.1",
        "127.255.255.255", "169.254.0.0", "169.254.169.254",
        "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
        "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.1",
        "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
        "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255",
        "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254",
        "255.255.255.255",
        "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8",
        "::ffff:0.0.0.0", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
        "::ffff:192.168.0.1", "::ffff:169.254.169.254",
        "::ffff:100.64.0.1", "::ffff:224.0.0.1", "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::8.8.8.8", "64:ff9b:0:0:0:1:8.8.8.8",
        "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1",
        "2002:a9fe:a9fe::", "2002:6440::", "2002::",
        "2001::", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::",
        "2001:db8::", "2001:db8:ffff::1", "3fff::", "3fff:fff::1",
        "100::1", "1fff:ffff::", "4000::", "5f00::1", "fc00::", "fd00::1",
        "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
        "ffff::",
    };
    expect(all, COUNT_OF(all), 0);
}

static void what_is_public(void **state) {
    (void) state;
    static const char *const all[] = {
        "1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
        "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
        "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255",
        "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255",
        "203.0.114.0", "223.255.255.255",
        "2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1",
        "2001:db9::1", "2606:4700:4700::1111", "2a00::1", "3ffe:ffff::1",
        "3fff:1000::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
        "2002:808:808::1", "2003::1",
    };
    expect(all, COUNT_OF(all), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_public),
        cmocka_unit_test(what_is_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
