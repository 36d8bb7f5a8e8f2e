/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/keeper/webroot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/acmed-webroot-XXXXXX";
static char paths[4][300];

/* A path below the test's directory; good for four calls. */
static const char *in(const char *name)
{
    static unsigned n;
    char *path = paths[n++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

#define TOKENS "root/.well-known/acme-challenge"

static void run(const char *commands)
{
    char line[1000];

    (void)snprintf(line, sizeof line, "cd %s && %s", top, commands);
    assert_int_equal(system(line), 0);
}

static int setup(void **state)
{
    (void)state;
    memcpy(top + strlen(top) - 6, "XXXXXX", 6);
    if (mkdtemp(top) == NULL)
        return 1;
    return mkdir(in("root"), 0755);
}

static int teardown(void **state)
{
    (void)state;
    run("rm -rf \"$PWD\"");
    return 0;
}

static void check(const char *name, const char *content)
{
    char text[100] = "";
    struct stat st;
    int fd = open(in(name), O_RDONLY | O_NOFOLLOW);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_true(read(fd, text, sizeof text - 1) >= 0);
    assert_string_equal(text, content);
    (void)close(fd);
}

static void test_published_and_withdrawn(void **state)
{
    struct err e;
    struct stat st;
    mode_t mask = umask(077);

    (void)state;
    assert_true(webroot_withdraw(in("root"), "tok", "tok.print", &e)); /* nothing there at all */
    assert_true(webroot_publish(in("root"), "tok", "tok.print", &e));
    check(TOKENS "/tok", "tok.print");
    assert_int_equal(stat(in(TOKENS), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(stat(in("root/.well-known"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_true(webroot_publish(in("root"), "tok", "tok.print", &e)); /* after a crash */
    assert_true(webroot_withdraw(in("root"), "tok", "tok.print", &e));
    assert_int_equal(access(in(TOKENS "/tok"), F_OK), -1);
    assert_true(webroot_withdraw(in("root"), "tok", "tok.print", &e));
    (void)umask(mask);
}

static void test_what_a_crash_left(void **state)
{
    struct err e;

    (void)state;
    assert_true(webroot_publish(in("root"), "tok", "tok.print", &e));
    run("echo half >" TOKENS "/.new-tok");
    assert_true(webroot_withdraw(in("root"), "tok", "tok.print", &e));
    assert_int_equal(access(in(TOKENS "/.new-tok"), F_OK), -1);
}

static void test_links_are_not_followed(void **state)
{
    struct err e;

    (void)state;
    run("mkdir else; ln -s ../else root/.well-known");
    assert_false(webroot_publish(in("root"), "tok", "tok.print", &e));
    assert_non_null(strstr(e.text, ".well-known is not a directory"));
    run("rm root/.well-known; mkdir root/.well-known");
    run("ln -s ../../else " TOKENS);
    assert_false(webroot_publish(in("root"), "tok", "tok.print", &e));
    assert_false(webroot_withdraw(in("root"), "tok", "tok.print", &e));
    assert_int_equal(rmdir(in("else")), 0); /* it is empty */
    run("ln -s root link");
    assert_false(webroot_publish(in("link"), "tok", "tok.print", &e));
    assert_non_null(strstr(e.text, "a symbolic link, which acmed does not follow"));
}

/* The web server's user may have put anything there. */
static void test_a_link_in_place_of_the_file(void **state)
{
    struct err e;

    (void)state;
    run("mkdir -p " TOKENS);
    run("echo precious >precious; ln -s ../../../precious " TOKENS "/tok");
    assert_false(webroot_withdraw(in("root"), "tok", "tok.print", &e));
    assert_true(webroot_publish(in("root"), "tok", "tok.print", &e)); /* replaces the link */
    check(TOKENS "/tok", "tok.print");
    run("test \"$(cat precious)\" = precious");
}

static void test_what_is_not_ours_is_left(void **state)
{
    struct err e;

    (void)state;
    run("mkdir -p " TOKENS);
    run("echo other >" TOKENS "/tok");
    assert_false(webroot_withdraw(in("root"), "tok", "tok.print", &e));
    assert_non_null(strstr(e.text, "is not what acmed has put there"));
    assert_int_equal(access(in(TOKENS "/tok"), F_OK), 0);
}

static void test_refused(void **state)
{
    struct err e;

    (void)state;
    assert_false(webroot_publish(in("missing"), "tok", "x", &e));
    assert_non_null(strstr(e.text, "No such file"));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    assert_int_equal(chmod(in("root"), 0777), 0);
    assert_false(webroot_publish(in("root"), "tok", "x", &e));
    assert_non_null(strstr(e.text, "can be written by everybody"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_published_and_withdrawn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_crash_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_link_in_place_of_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_ours_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
