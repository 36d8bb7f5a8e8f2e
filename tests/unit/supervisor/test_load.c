/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/load.h"
#include "daemon/supervisor/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_ONLY()                                                                                          \
    do {                                                                                                     \
        if (geteuid() != 0)                                                                                  \
            skip();                                                                                          \
    } while (0)

static char dir[64];
static char conf[128];
static struct load load;

static const char *in(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "w");

    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(in(name), 0644), 0);
}

static const char base[] = "[acmed]\ncontact = a@example.com\nagree_terms = yes\n";

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/acmed-load-XXXXXX");
    if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
        return -1;
    (void)mkdir(in("conf.d"), 0755);
    (void)snprintf(conf, sizeof conf, "%s", in("acmed.conf"));
    write_file("acmed.conf", base);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    load_clear(&load);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static bool read_it(void)
{
    load_clear(&load);
    return load_read(&load, conf, geteuid());
}

static bool says(const char *what)
{
    char *text = load_messages(&load.messages, true, true);
    bool found = strstr(text, what) != NULL;

    if (!found)
        print_message("%s\n", text);
    free(text);
    return found;
}

static void test_files_in_order(void **state)
{
    (void)state;
    write_file("conf.d/20-b.conf", "[certificate b.example]\n");
    write_file("conf.d/10-a.conf", "[certificate a.example]\n");
    write_file("conf.d/.hidden.conf", "nonsense");
    write_file("conf.d/a.conf.bak", "nonsense");
    assert_true(read_it());
    assert_int_equal(load.n_files, 3);
    assert_non_null(strstr(load.files[1].path, "/conf.d/10-a.conf"));
    assert_int_equal(load.config->n_certificates, 2);
    if (geteuid() == 0)
        assert_true(load.engine_uid != 0);
    else
        assert_int_equal(load.engine_uid, geteuid());
}

static void test_all_errors_at_once_with_their_place(void **state)
{
    (void)state;
    write_file("conf.d/a.conf", "[certificate a.example]\nbogus = 1\n");
    write_file("conf.d/b.conf", "\n[nonsense]\n");
    assert_false(read_it());
    assert_int_equal(load.messages.errors, 2);
    assert_true(says("/conf.d/a.conf:2: "));
    assert_true(says("/conf.d/b.conf:2: "));
}

static void test_missing_configuration(void **state)
{
    (void)state;
    (void)unlink(conf);
    assert_false(read_it());
    assert_true(says("acmed.conf: cannot be opened: No such file or directory"));
}

static void test_files_that_others_may_write(void **state)
{
    (void)state;
    assert_int_equal(chmod(conf, 0666), 0);
    assert_false(read_it());
    assert_true(says("can be written by everybody (mode 0666)"));
    assert_int_equal(chmod(conf, 0644), 0);
    assert_int_equal(chmod(in("conf.d"), 0777), 0);
    write_file("conf.d/a.conf", "[certificate a.example]\n");
    assert_false(read_it());
    assert_true(says("/conf.d can be written by everybody"));
    assert_int_equal(chmod(in("conf.d"), 01777), 0); /* sticky: nobody can replace another's file */
    assert_true(read_it());
}

static void test_files_of_foreign_owners(void **state)
{
    (void)state;
    ROOT_ONLY();
    assert_int_equal(chown(conf, 65534, 0), 0);
    assert_false(read_it());
    assert_true(says("belongs to uid 65534; it must belong to root"));
    assert_int_equal(chown(conf, 0, 0), 0);
    assert_int_equal(chown(dir, 65534, 0), 0);
    assert_false(read_it());
    assert_true(says("is not safe"));
    assert_int_equal(chown(dir, 0, 0), 0);
}

static void test_private_groups_are_as_good_as_the_user(void **state)
{
    (void)state;
    ROOT_ONLY();
    assert_int_equal(chmod(conf, 0664), 0); /* root:root */
    assert_true(read_it());
    assert_int_equal(chown(conf, 0, 65534), 0);
    assert_false(read_it());
    assert_true(says("can be written by group 65534"));
}

static void test_a_link_to_an_unsafe_place_is_no_way_round(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in("open"), 0755), 0);
    write_file("open/a.conf", "[certificate a.example]\n");
    assert_int_equal(chmod(in("open"), 0777), 0);
    assert_int_equal(symlink(in("open/a.conf"), in("conf.d/a.conf")), 0);
    assert_false(read_it());
    assert_true(says("/open can be written by everybody"));
    assert_int_equal(chmod(in("open"), 0755), 0);
    assert_true(read_it());
}

static void test_hooks_and_ca_files(void **state)
{
    char text[512];

    (void)state;
    (void)snprintf(text, sizeof text,
                   "[ca own]\ndirectory = https://ca.example/dir\nca_file = %s/roots.pem\n[certificate "
                   "a.example]\nhook = "
                   "%s/hook\n",
                   dir, dir);
    write_file("conf.d/a.conf", text);
    assert_false(read_it());
    assert_true(says("ca_file of [ca own]: "));
    assert_true(says("hook of [certificate a.example]: "));
    write_file("roots.pem", "x");
    write_file("hook", "#!/bin/sh\n");
    assert_false(read_it());
    assert_true(says("/hook is not executable"));
    assert_int_equal(chmod(in("hook"), 0777), 0);
    assert_false(read_it());
    assert_true(says("/hook can be written by everybody"));
    assert_int_equal(chmod(in("hook"), 0755), 0);
    assert_true(read_it());
}

/* The key of a binding may be gone, or out of our sight; what is there must be nobody else's. */
static void test_eab_hmac_file(void **state)
{
    char text[512];

    (void)state;
    (void)snprintf(text, sizeof text, "[ca zerossl]\neab_kid = kid-1\neab_hmac_file = %s/key\n", dir);
    write_file("conf.d/a.conf", text);
    assert_true(read_it());
    assert_true(says("eab_hmac_file of [ca zerossl]: "));
    assert_true(says("it is needed until the account is registered"));
    write_file("key", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n");
    assert_false(read_it());
    assert_true(says("can be read or written by others (mode 0644)"));
    assert_int_equal(chmod(in("key"), 0640), 0);
    assert_false(read_it());
    assert_int_equal(chmod(in("key"), 0600), 0);
    assert_true(read_it());
    assert_false(says("eab_hmac_file"));
    assert_int_equal(chmod(in(""), 0777), 0);
    assert_false(read_it());
    assert_int_equal(chmod(in(""), 0755), 0);
}

static void test_credential(void **state)
{
    (void)state;
    write_file("conf.d/a.conf", "[ca zerossl]\neab_kid = kid-1\neab_hmac_file = credential:zerossl\n");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    assert_true(read_it());
    assert_true(says("`LoadCredential=zerossl:PATH`"));
    (void)setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_true(read_it());
    assert_true(says("No such file"));
    write_file("zerossl", "key");
    assert_false(read_it());
    assert_true(says("credential:zerossl: can be read or written by others (mode 0644)"));
    assert_int_equal(chmod(in("zerossl"), 0440), 0); /* the mask of an access control list */
    assert_true(read_it());
    assert_false(says("eab_hmac_file"));
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_users_and_groups(void **state)
{
    uid_t uid;

    (void)state;
    write_file("conf.d/a.conf", "[certificate a.example]\nowner = no-such-user-x\ngroup = no-such-group-x\n");
    assert_false(read_it());
    assert_true(says("owner = no-such-user-x: there is no such user"));
    assert_true(says("group = no-such-group-x: there is no such group"));
    ROOT_ONLY();
    write_file("conf.d/a.conf",
               "[certificate a.example]\nowner = nobody\ngroup = 1234\nhook_user = nobody\n");
    assert_true(read_it());
    assert_int_equal(load.n_ids, 2);
    assert_true(load_uid(&load, "nobody", &uid) && uid == 65534);
    write_file("acmed.conf", "[acmed]\ncontact = a@example.com\nagree_terms = yes\nuser = no-such-user-x\n");
    assert_false(read_it());
    assert_true(says("user = no-such-user-x"));
    write_file("acmed.conf", "[acmed]\ncontact = a@example.com\nagree_terms = yes\nuser = root\n");
    assert_false(read_it());
    assert_true(says("must not run as root"));
}

static void test_strange_files(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in("conf.d/a.conf"), 0600), 0); /* must not block */
    assert_int_equal(mkdir(in("conf.d/b.conf"), 0755), 0);
    assert_false(read_it());
    assert_true(says("a.conf: is not a regular file"));
    assert_true(says("b.conf: is not a regular file"));
}

static void test_the_snapshot_says_the_same(void **state)
{
    struct snapshot *s;
    struct err e;
    int fd;

    (void)state;
    write_file("conf.d/a.conf", "[certificate a.example]\n");
    assert_true(read_it());
    fd = load_snapshot(&load, &e);
    assert_true(fd >= 0);
    s = snapshot_read(fd, &e);
    assert_non_null(s);
    assert_int_equal(s->config->n_certificates, 1);
    assert_int_equal(s->engine_uid, load.engine_uid);
    snapshot_free(s);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_errors_at_once_with_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_others_may_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_of_foreign_owners, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_private_groups_are_as_good_as_the_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_link_to_an_unsafe_place_is_no_way_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hooks_and_ca_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_eab_hmac_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_credential, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_users_and_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strange_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_snapshot_says_the_same, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
