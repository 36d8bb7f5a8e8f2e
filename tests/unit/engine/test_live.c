/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/live.h"

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
        cmocka_unit_test(test_open_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
