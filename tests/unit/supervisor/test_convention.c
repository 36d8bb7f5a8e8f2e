/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/convention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/acmed-convention-XXXXXX";

static const struct convention_record record = {.identifier = "a.example",
                                                .token = "tok",
                                                .target = "",
                                                .name = "_acme-challenge.a.example",
                                                .value = "val"};

/* The words of the call, joined by blanks, and its input; or the error. The caller frees. */
static char *call(const char *value, const struct convention_record *r)
{
    char *config, *text, *input, *joined = NULL;
    struct config_messages m = {0};
    struct config_file file = {"t.conf", NULL, 0};
    struct strv argv = {0};
    struct config *c;
    struct err e;

    assert_true(
        asprintf(&config, "[acmed]\nagree_terms = yes\n[certificate a.example]\ndns_hook = %s\n", value) > 0);
    file.text = config;
    file.len = strlen(config);
    c = config_parse(&file, 1, NULL, &m);
    assert_non_null(c);
    if (convention_words(&c->certificates[0].dns_hook, r, geteuid(), dir, &argv, &input, &e)) {
        joined = strv_join(&argv, " ");
        assert_true(
            asprintf(&text, "%s%s%s", joined, input != NULL ? " < " : "", input != NULL ? input : "") > 0);
        free(joined);
        free(input);
    } else {
        text = strdup(e.text);
    }
    strv_clear(&argv);
    config_messages_clear(&m);
    config_free(c);
    free(config);
    return text;
}

static void check(const char *value, const struct convention_record *r, const char *expected)
{
    char *text = call(value, r);

    assert_string_equal(text, expected);
    free(text);
}

static void test_programs(void **state)
{
    struct convention_record r = record;

    (void)state;
    check("exec:/bin/x 'a b'", &r, "/bin/x a b present _acme-challenge.a.example val");
    check("lego:/bin/x", &r, "/bin/x present _acme-challenge.a.example. val");
    check("dehydrated:/bin/x", &r, "/bin/x deploy_challenge a.example tok val");
    r.cleanup = true;
    check("exec:/bin/x", &r, "/bin/x cleanup _acme-challenge.a.example val");
    check("lego:/bin/x", &r, "/bin/x cleanup _acme-challenge.a.example. val");
    check("dehydrated:/bin/x", &r, "/bin/x clean_challenge a.example tok val");
}

static void test_aliases(void **state)
{
    struct convention_record r = record;

    (void)state;
    r.target = "b.other.example";
    check("exec:/bin/x", &r, "/bin/x present b.other.example val");
    check("lego:/bin/x", &r, "/bin/x present b.other.example. val");
    check("dehydrated:/bin/x", &r, "/bin/x deploy_challenge a.example tok val");
    r.target = "_acme-challenge.b.example";
    check("dehydrated:/bin/x", &r, "/bin/x deploy_challenge b.example tok val");
}

static void test_updates(void **state)
{
    struct convention_record r = record;

    (void)state;
    check(
        "rfc2136:NS.example /etc/k", &r,
        "/usr/bin/nsupdate -k /etc/k -t 60 < server ns.example 53\nupdate add _acme-challenge.a.example. 60 "
        "TXT \"val\"\nsend\n");
    r.cleanup = true;
    r.target = "b.example";
    check("rfc2136:[::1]:5353 /etc//k", &r,
          "/usr/bin/nsupdate -k /etc/k -t 60 < server ::1 5353\nupdate delete b.example. 60 TXT "
          "\"val\"\nsend\n");
    check("rfc2136:192.0.2.1:1 /etc/k", &r,
          "/usr/bin/nsupdate -k /etc/k -t 60 < server 192.0.2.1 1\nupdate delete b.example. 60 TXT "
          "\"val\"\nsend\n");
}

static void make(const char *name, bool directory)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (directory) {
        assert_int_equal(mkdir(path, 0755), 0);
        return;
    }
    f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

/* The tests' own program has no ../libexec/acmed/: everything up to there. */
static void test_acme_sh(void **state)
{
    char *text;

    (void)state;
    text = call("acme.sh:dns_x", &record);
    assert_non_null(strstr(text, "acme.sh is neither in /tmp/acmed-convention-"));
    free(text);
    make(".acme.sh", true);
    make(".acme.sh/acme.sh", false);
    make(".acme.sh/dnsapi", true);
    text = call("acme.sh:dns_x", &record);
    assert_non_null(strstr(text, "dns_x.sh: No such file"));
    free(text);
    make(".acme.sh/dnsapi/dns_x.sh", false);
    make(".acme.sh/account.conf", false);
    text = call("acme.sh:dns_x", &record);
    assert_non_null(strstr(text, "acme.sh-dnsapi"));
    free(text);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : 1;
}

static int teardown(void **state)
{
    char command[200];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_acme_sh),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
