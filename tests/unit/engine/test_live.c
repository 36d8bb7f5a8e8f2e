/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/live.h"
#include "lib/act.h"
#include "lib/revoked.h"

#include <sys/stat.h>

struct rig {
    char *dir;
    struct live live;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct err e;

    assert_non_null(r);
    r->dir = rig_dir();
    assert_int_equal(mkdir(rig_path(r->dir, "live"), 0755), 0);
    assert_int_equal(mkdir(rig_path(r->dir, "certs"), 0755), 0);
    assert_true(live_open(&r->live, r->dir, &e));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    live_close(&r->live);
    live_close(&r->live);
    rig_dir_free(r->dir);
    free(r);
    return 0;
}

/* certs/<lineage>/<number>/cert.pem with the fixture's text; live/<lineage> -> target. */
static void install(struct rig *r, const char *lineage, const char *number, const char *fixture)
{
    char name[256];
    char *text = rig_slurp(rig_path(TEST_DATA "/crypto", fixture));

    assert_non_null(text);
    (void)snprintf(name, sizeof name, "certs/%s", lineage);
    (void)mkdir(rig_path(r->dir, name), 0755);
    (void)snprintf(name, sizeof name, "certs/%s/%s", lineage, number);
    assert_int_equal(mkdir(rig_path(r->dir, name), 0755), 0);
    (void)snprintf(name, sizeof name, "certs/%s/%s/cert.pem", lineage, number);
    rig_write(rig_path(r->dir, name), text);
    free(text);
}

static void point(struct rig *r, const char *lineage, const char *target)
{
    char name[256];

    (void)snprintf(name, sizeof name, "live/%s", lineage);
    (void)unlink(rig_path(r->dir, name));
    assert_int_equal(symlink(target, rig_path(r->dir, name)), 0);
}

static void refused(struct rig *r, const char *lineage)
{
    struct cert_facts facts;
    unsigned generation;
    struct err e;

    assert_false(live_load(&r->live, lineage, &generation, &facts, &e));
    assert_int_not_equal(e.class, ERR_CLASS_NONE);
    assert_non_null(strstr(e.text, lineage));
}

static void test_load(void **state)
{
    struct rig *r = *state;
    struct cert_facts facts;
    unsigned generation = 0;
    struct err e;

    install(r, "a.example", "12", "leaf.pem");
    point(r, "a.example", "../certs/a.example/12");
    assert_true(live_load(&r->live, "a.example", &generation, &facts, &e));
    assert_int_equal(generation, 12);
    assert_int_equal(facts.not_before, 1767225600); /* 2026-01-01 */
    cert_facts_clear(&facts);
}

static void test_none(void **state)
{
    struct rig *r = *state;
    struct cert_facts facts;
    unsigned generation;
    struct err e;

    assert_false(live_load(&r->live, "a.example", &generation, &facts, &e));
    assert_int_equal(e.class, ERR_CLASS_NONE);
}

static void test_other_links_are_refused(void **state)
{
    static const char *const targets[] = {
        "../certs/b.example/1",
        "../certs/a.example",
        "../certs/a.example/",
        "../certs/a.example/0",
        "../certs/a.example/01",
        "../certs/a.example/1/",
        "../certs/a.example/x",
        "../certs/a.example/1x",
        "../certs/a.example/-1",
        "../certs/a.example/+1",
        "../certs/a.example/ 1",
        "../certs/a.example/1/../2",
        "../certs/a.examples/1",
        "certs/a.example/1",
        "/etc/passwd",
        "..",
        "../certs/../certs/a.example/1",
        "../certs/a.example/99999999999999999999",
    };
    struct rig *r = *state;
    char giant[1024];

    install(r, "a.example", "1", "leaf.pem");
    install(r, "b.example", "1", "leaf.pem");
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        point(r, "a.example", targets[i]);
        refused(r, "a.example");
    }
    (void)snprintf(giant, sizeof giant, "../certs/a.example/1%0900d", 0);
    point(r, "a.example", giant);
    refused(r, "a.example");
}

static void test_unusable(void **state)
{
    struct rig *r = *state;

    rig_write(rig_path(r->dir, "live/file"), "no link");
    refused(r, "file");
    assert_int_equal(mkdir(rig_path(r->dir, "live/dir"), 0755), 0);
    refused(r, "dir");
    point(r, "dangling", "../certs/dangling/1");
    refused(r, "dangling");

    install(r, "key", "1", "p256.key"); /* no certificate in it */
    point(r, "key", "../certs/key/1");
    refused(r, "key");

    install(r, "swapped", "1", "leaf.pem"); /* the leaf itself is a link, or a FIFO */
    point(r, "swapped", "../certs/swapped/1");
    assert_int_equal(unlink(rig_path(r->dir, "certs/swapped/1/cert.pem")), 0);
    assert_int_equal(symlink("/etc/passwd", rig_path(r->dir, "certs/swapped/1/cert.pem")), 0);
    refused(r, "swapped");
    assert_int_equal(unlink(rig_path(r->dir, "certs/swapped/1/cert.pem")), 0);
    assert_int_equal(mkfifo(rig_path(r->dir, "certs/swapped/1/cert.pem"), 0644), 0);
    refused(r, "swapped");
    assert_int_equal(unlink(rig_path(r->dir, "certs/swapped/1/cert.pem")), 0);
    rig_write(rig_path(r->dir, "certs/swapped/1/cert.pem"), "");
    refused(r, "swapped");
}

static void test_list(void **state)
{
    struct rig *r = *state;
    struct strv names = {0};
    struct err e;

    assert_true(live_list(&r->live, &names, &e));
    assert_int_equal(names.n, 0);
    point(r, "c", "anything");
    point(r, "a", "../certs/a/1");
    point(r, "b", "../certs/b/1");
    point(r, ".hidden", "../certs/b/1");
    rig_write(rig_path(r->dir, "live/file"), "no link");
    assert_true(live_list(&r->live, &names, &e));
    assert_int_equal(names.n, 3);
    assert_string_equal(names.v[0], "a");
    assert_string_equal(names.v[1], "b");
    assert_string_equal(names.v[2], "c");
    strv_clear(&names);
    assert_true(live_list(&r->live, &names, &e)); /* from the beginning again */
    assert_int_equal(names.n, 3);
    strv_clear(&names);
}

static void write_revoked(struct rig *r, const struct revoked *revoked)
{
    char *text = revoked_to_json(revoked);

    assert_non_null(text);
    rig_write(rig_path(r->dir, "certs/a.example/revoked.json"), text);
    free(text);
}

static const struct status_generation *listed(const struct rig *r, struct status_certificate *s,
                                              unsigned live)
{
    status_certificate_clear(s);
    s->generation = live;
    live_generations(&r->live, "a.example", s);
    return s->generations.v;
}

static void test_generations(void **state)
{
    struct rig *r = *state;
    struct status_certificate s = {0};
    struct revoked revoked = {0};
    const struct status_generation *g;

    install(r, "a.example", "9", "leaf.pem");
    install(r, "a.example", "10", "leaf.pem");
    install(r, "a.example", "2", "leaf.pem");
    revoked_set(&revoked, 2, ACT_REASON_SUPERSEDED, 1800000000);
    revoked_set(&revoked, 10, ACT_REASON_KEY_COMPROMISE, 0);
    write_revoked(r, &revoked);
    assert_int_equal(symlink("9", rig_path(r->dir, "certs/a.example/served")), 0);
    g = listed(r, &s, 10);
    assert_int_equal(s.generations.n, 3);
    assert_int_equal(s.generations_older, 0);
    assert_int_equal(g[0].generation, 10);
    assert_true(g[0].live && !g[0].served_last);
    assert_string_equal(g[0].revoked, "key-compromise");
    assert_int_equal(g[0].revoked_at, 0);
    assert_int_equal(g[1].generation, 9);
    assert_true(!g[1].live && g[1].served_last);
    assert_null(g[1].revoked);
    assert_int_equal(g[1].not_before, 1767225600); /* 2026-01-01 */
    assert_true(g[1].not_after > g[1].not_before);
    assert_non_null(g[1].serial);
    assert_null(g[1].error);
    assert_int_equal(g[2].generation, 2);
    assert_true(!g[2].live && !g[2].served_last);
    assert_string_equal(g[2].revoked, "superseded");
    assert_int_equal(g[2].revoked_at, 1800000000);
    status_certificate_clear(&s);
}

/* What is not acmed's is not listed; what cannot be read is, and says so. */
static void test_generations_among_others(void **state)
{
    static const char *const foreign[] = {"notes", "01", "0", "-1", "3x", ".new-4", "99999999999999999999"};
    struct rig *r = *state;
    struct status_certificate s = {0};
    const struct status_generation *g;

    install(r, "a.example", "1", "leaf.pem");
    install(r, "a.example", "2", "p256.key"); /* no certificate in it */
    install(r, "a.example", "3", "leaf.pem");
    assert_int_equal(unlink(rig_path(r->dir, "certs/a.example/3/cert.pem")), 0);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        install(r, "a.example", foreign[i], "leaf.pem");
    rig_write(rig_path(r->dir, "certs/a.example/7"), "a file");
    assert_int_equal(symlink("1", rig_path(r->dir, "certs/a.example/8")), 0);
    rig_write(rig_path(r->dir, "certs/a.example/revoked.json"), "garbage");
    assert_int_equal(symlink("/etc", rig_path(r->dir, "certs/a.example/served")), 0);
    g = listed(r, &s, 1);
    assert_int_equal(s.generations.n, 3);
    assert_int_equal(g[0].generation, 3);
    assert_null(g[0].serial);
    assert_non_null(strstr(g[0].error, "certs/a.example/3/cert.pem: No such file"));
    assert_int_equal(g[1].generation, 2);
    assert_null(g[1].serial);
    assert_non_null(strstr(g[1].error, "certs/a.example/2/cert.pem: "));
    assert_non_null(g[2].serial);
    assert_true(g[2].live);
    for (size_t i = 0; i < s.generations.n; i++)
        assert_true(!g[i].served_last && g[i].revoked == NULL);
    status_certificate_clear(&s);
}

static void test_many_generations(void **state)
{
    struct rig *r = *state;
    struct status_certificate s = {0};
    const struct status_generation *g;
    char name[64];

    install(r, "a.example", "1", "leaf.pem");
    for (unsigned i = 2; i <= 1000; i++) {
        (void)snprintf(name, sizeof name, "certs/a.example/%u", i);
        assert_int_equal(mkdir(rig_path(r->dir, name), 0755), 0);
    }
    g = listed(r, &s, 1);
    assert_int_equal(s.generations.n, STATUS_GENERATIONS_MAX);
    assert_int_equal(s.generations_older, 1000 - STATUS_GENERATIONS_MAX);
    for (unsigned i = 0; i < STATUS_GENERATIONS_MAX; i++)
        assert_int_equal(g[i].generation, 1000 - i);
    status_certificate_clear(&s);
}

static void test_generations_that_cannot_be_listed(void **state)
{
    struct rig *r = *state;
    struct status_certificate s = {0};
    const struct status_generation *g;

    (void)listed(r, &s, 0); /* there are none */
    assert_int_equal(s.generations.n, 0);
    rig_write(rig_path(r->dir, "certs/a.example"), "a file");
    g = listed(r, &s, 4);
    assert_int_equal(s.generations.n, 1);
    assert_int_equal(g[0].generation, 4);
    assert_true(g[0].live);
    assert_non_null(strstr(g[0].error, "certs/a.example: "));
    status_certificate_clear(&s);
}

static void test_open_fails(void **state)
{
    struct live l;
    struct err e;
    char *dir = rig_dir();

    (void)state;
    assert_false(live_open(&l, "/nonexistent/acmed", &e));
    assert_int_equal(mkdir(rig_path(dir, "live"), 0755), 0);
    assert_false(live_open(&l, dir, &e)); /* no certs */
    assert_non_null(strstr(e.text, dir));
    assert_int_equal(l.live_fd, -1);
    rig_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_links_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unusable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_generations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_generations_among_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_generations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_generations_that_cannot_be_listed, setup, teardown),
        cmocka_unit_test(test_open_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
