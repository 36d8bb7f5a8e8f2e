/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char first[] = "[acmed]\ncontact = admin@example.com\nagree_terms = yes\n";
static const char second[] = "# caf\xc3\xa9\n[certificate example.com]\n";

static int make(void)
{
    const struct config_file files[] = {
        {.path = "/etc/acmed/acmed.conf", .text = first, .len = sizeof first - 1},
        {.path = "/etc/acmed/conf.d/a b.conf", .text = second, .len = sizeof second - 1},
    };
    const struct snapshot_id ids[] = {{.group = false, .name = (char[]){"www-data"}, .id = 33},
                                      {.group = true, .name = (char[]){"ssl-cert"}, .id = 110}};
    struct config_live_key keys[] = {{(char[]){"a.example"}, KEY_TYPE_RSA_2048}};
    const struct config_live live = {keys, 1};
    struct err e;
    const struct snapshot_source source = {files, 2, ids, 2, &live, 65534, 65533};

    return snapshot_write(&source, &e);
}

static void test_what_was_written_is_read_twice(void **state)
{
    int fd = make();

    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < 2; i++) { /* both children read the same file description */
        struct err e;
        struct snapshot *s = snapshot_read(fd, &e);
        uid_t uid;
        gid_t gid;

        if (s == NULL) {
            fail_msg("%s", e.text);
            return;
        }
        assert_int_equal(s->n_files, 2);
        assert_string_equal(s->files[1].path, "/etc/acmed/conf.d/a b.conf");
        assert_string_equal(s->files[1].text, second);
        assert_int_equal(s->files[0].len, sizeof first - 1);
        assert_int_equal(s->live.n, 1);
        assert_string_equal(s->live.v[0].name, "a.example");
        assert_int_equal(s->live.v[0].key, KEY_TYPE_RSA_2048);
        assert_int_equal(s->engine_uid, 65534);
        assert_int_equal(s->engine_gid, 65533);
        assert_true(snapshot_uid(s, "www-data", &uid) && uid == 33);
        assert_true(snapshot_gid(s, "ssl-cert", &gid) && gid == 110);
        assert_true(snapshot_gid(s, "1234", &gid) && gid == 1234);
        assert_false(snapshot_uid(s, "ssl-cert", &uid));
        assert_false(snapshot_uid(s, "4294967295", &uid));
        snapshot_free(s);
    }
    (void)close(fd);
}

static void test_it_cannot_be_changed(void **state)
{
    int fd = make();

    (void)state;
    assert_true(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
    assert_true(ftruncate(fd, 0) < 0 && errno == EPERM);
    (void)close(fd);
}

static void test_anything_else_is_refused(void **state)
{
#define TEXT(text) .s = (text), .len = sizeof(text) - 1
    static const struct {
        const char *s;
        size_t len;
    } texts[] = {
        {TEXT("")},
        {TEXT("acmed 2\0end\0")},
        {TEXT("acmed 1")},
        {TEXT("acmed 1\0engine 1 2\0")},
        {TEXT("acmed 1\0file 9999 /x\0abc\0end\0")},
        {TEXT("acmed 1\0file 2 /x\0abc\0end\0")},
        {TEXT("acmed 1\0bogus\0end\0")},
        {TEXT("acmed 1\0end\0more\0")},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = memfd_create("test", MFD_ALLOW_SEALING);

        assert_true(write(fd, texts[i].s, texts[i].len) >= 0);
        assert_null(snapshot_read(fd, &e)); /* not sealed */
        (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        assert_null(snapshot_read(fd, &e));
        (void)close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read_twice),
        cmocka_unit_test(test_it_cannot_be_changed),
        cmocka_unit_test(test_anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
