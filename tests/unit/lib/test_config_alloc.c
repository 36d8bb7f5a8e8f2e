/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/config.h"
#include "tests/unit/alloc_fail.h"

#include <string.h>

static const char good[] =
    "[acmed]\nagree_terms = yes\ncontact = a@example.com\nuser = acmed\ncontrol_group = adm\n"
    "dns_resolver = 127.0.0.1:53\n"
    "http_listen = 127.0.0.1:80 unix:/run/h.sock systemd\n"
    "[ca x]\ndirectory = https://ca.example/dir\nca_file = /etc/x.pem\ncontact = b@example.com\n"
    "[defaults]\nreload = nginx\nwebroot = /srv/www\nowner = www\ngroup = www\n"
    "[certificate a.example]\ndomains = a.example \\\n www.a.example\nca = x\n"
    "copy = fullchain:/etc/a.pem privkey:/etc/a.key\nhook = /bin/x 'a b' \"c\"\n"
    "hook_user = u\nverify = localhost:443\n"
    "[certificate b.example]\n"
    "[certificate books]\ndomains = bücher.example xn--fa-hia.de 192.0.2.1 2001:db8::1\nca = x\n";

static const char bad[] =
    "[acmed]\ncontact = nobody\nmax_order = 3\n[certificate a]\ncopy = cert:/x cert:/x\nmode = 7\n"
    "[certificate a]\nhook = /bin/sh | x\n[certificate c]\ndomains = *.c.example bücher.de xn--bcher-kva.de "
    "i❤.ws\n"
    "[certificate b.example]\nca = none\n[wrong]\nx\n";

static void assert_clean_failure(const struct config *c, const struct config_messages *m)
{
    assert_null(c);
    assert_true(m->errors > 0);
    for (size_t i = 0; i < m->n; i++) {
        assert_non_null(m->v[i].file);
        assert_non_null(m->v[i].text);
    }
}

/* arm: alloc_fail_at or alloc_fail_from. */
static size_t try_all(const char *text, bool is_good, void (*arm)(size_t nth))
{
    struct config_file file = {"t.conf", text, strlen(text)};
    struct config_messages m;
    struct config *c;

    for (size_t n = 1;; n++) {
        m = (struct config_messages){0};
        arm(n);
        c = config_parse(&file, 1, NULL, &m);
        if (!alloc_fail_end()) {
            assert_true((c != NULL) == is_good);
            config_free(c);
            config_messages_clear(&m);
            return n;
        }
        assert_clean_failure(c, &m);
        config_messages_clear(&m);
    }
}

static void test_good(void **state)
{
    (void)state;
    assert_true(try_all(good, true, alloc_fail_at) > 50);
    (void)try_all(good, true, alloc_fail_from);
}

static void test_bad(void **state)
{
    (void)state;
    assert_true(try_all(bad, false, alloc_fail_at) > 20);
    (void)try_all(bad, false, alloc_fail_from);
}

/* One lost allocation is still told: the message about it needs memory too, and gets it. */
static void test_message_says_so(void **state)
{
    struct config_file file = {"t.conf", good, strlen(good)};
    struct config_messages m = {0};

    (void)state;
    alloc_fail_at(5);
    assert_null(config_parse(&file, 1, NULL, &m));
    assert_true(alloc_fail_end());
    assert_int_equal(m.n, 1);
    assert_non_null(strstr(m.v[0].text, "out of memory"));
    config_messages_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_message_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
