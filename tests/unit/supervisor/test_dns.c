/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TASKS_MAX  10000 /* dns.c's */
#define PLACES_MAX 8     /* likewise */

static char dir[] = "/tmp/acmed-dns-XXXXXX";
static struct event_base *base;
static struct load load;
static struct dns *dns;
static uint32_t asked[TASKS_MAX + 1]; /* ids of the questions to the keeper, in order */
static size_t n_asked;
static char answers[4096]; /* "REQUEST:OK:OUTPUT " each */
static size_t n_answered;

static void ask_record(void *arg, uint32_t id, const char *lineage, const char *identifier, const char *token,
                       const char *ca)
{
    (void)arg, (void)lineage, (void)identifier, (void)token, (void)ca;
    asked[n_asked++] = id;
}

static void reply(void *arg, uint32_t request, bool ok, enum err_class class, const char *text,
                  const char *output)
{
    size_t len = strlen(answers);

    (void)arg, (void)class, (void)text;
    n_answered++;
    if (len + 64 < sizeof answers)
        (void)snprintf(answers + len, sizeof answers - len, "%u:%s:%.*s ", request, ok ? "ok" : "failed",
                       (int)strcspn(output, " \n"), output);
}

static void idle(void *arg)
{
    (void)arg;
}

static const struct dns_ops ops = {ask_record, reply, idle};

/* One certificate for each kind of hook. */
static int set_up(void **state)
{
    char text[1024];
    char path[64];
    FILE *f;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/hook", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0755), 0);
    (void)snprintf(text, sizeof text,
                   "[acmed]\ncontact = a@example.com\nagree_terms = yes\n"
                   "[certificate side.test]\nchallenge = dns-01\n"
                   "dns_hook = exec:/bin/echo\n"
                   "[certificate single.test]\nchallenge = dns-01\ndns_hook = lego:/bin/true\n"
                   "[certificate gone.test]\nchallenge = dns-01\ndns_hook = exec:%s\n",
                   path);
    (void)snprintf(path, sizeof path, "%s/acmed.conf", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    if (!load_read(&load, path, geteuid()))
        fail_msg("%s", load_messages(&load.messages, true, false));
    base = event_base_new();
    dns = dns_new(base, &load, &ops, NULL);
    assert_non_null(dns);
    n_asked = n_answered = 0;
    answers[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dns_free(dns);
    event_base_free(base);
    load_clear(&load);
    return 0;
}

static void ask(uint32_t request, const char *lineage, const char *token, const char *action)
{
    dns_request(dns, request, lineage, lineage, token, "letsencrypt", action, "");
}

static void keeper_says(size_t question)
{
    dns_record(dns, asked[question], "_acme-challenge.side.test", "value");
}

static void run_until(size_t n)
{
    while (n_answered < n)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* The keeper answers in whichever order it likes. */
static void test_a_record_is_set_and_removed_in_the_order_of_the_requests(void **state)
{
    (void)state;
    ask(1, "side.test", "token", "present");
    ask(2, "side.test", "token", "cleanup");
    ask(3, "side.test", "token", "present");
    assert_int_equal(n_asked, 3);
    keeper_says(2);
    keeper_says(1);
    keeper_says(0);
    run_until(3);
    assert_string_equal(answers, "1:ok:present 2:ok:cleanup 3:ok:present ");
}

static void test_who_waited_for_a_record_that_failed_goes_on(void **state)
{
    struct err e;

    (void)state;
    err_set(&e, ERR_CLASS_PERMANENT, "no such account");
    ask(1, "side.test", "token", "present");
    ask(2, "side.test", "token", "cleanup");
    keeper_says(1);
    assert_int_equal(n_answered, 0);
    dns_record_failed(dns, asked[0], &e);
    run_until(2);
    assert_string_equal(answers, "1:failed: 2:ok:cleanup ");
}

/* Each failure is the turn of the next. */
static void test_who_waited_for_a_program_that_is_gone_goes_on(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/hook", dir);
    assert_int_equal(unlink(path), 0);
    ask(1, "gone.test", "token", "present");
    ask(2, "gone.test", "token", "cleanup");
    ask(3, "gone.test", "token", "present");
    keeper_says(2);
    keeper_says(1);
    assert_int_equal(n_answered, 0);
    keeper_says(0);
    run_until(3);
    assert_string_equal(answers, "1:failed: 2:failed: 3:failed: ");
}

/* How many of these requests are begun when all could be: what is dropped at dns_stop() had not begun. */
static size_t begun(const char *lineage, unsigned n)
{
    char token[16];

    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "token%u", i);
        ask(i + 1, lineage, token, "present");
    }
    for (unsigned i = 0; i < n; i++)
        keeper_says(i);
    dns_stop(dns);
    while (event_base_loop(base, EVLOOP_ONCE) == 0)
        ;
    return n_answered;
}

static void test_some_run_side_by_side(void **state)
{
    (void)state;
    assert_int_equal(begun("side.test", 3 * PLACES_MAX), PLACES_MAX);
}

static void test_others_run_one_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(begun("single.test", 3), 1);
}

static void test_no_more_than_so_many(void **state)
{
    char token[16];

    (void)state;
    for (unsigned i = 0; i <= TASKS_MAX; i++) {
        (void)snprintf(token, sizeof token, "token%u", i);
        ask(i + 1, "side.test", token, "present");
    }
    assert_int_equal(n_asked, TASKS_MAX);
    assert_string_equal(answers, "10001:failed: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_record_is_set_and_removed_in_the_order_of_the_requests, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_waited_for_a_record_that_failed_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_waited_for_a_program_that_is_gone_goes_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_some_run_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others_run_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_more_than_so_many, set_up, tear_down),
    };
    char command[64];
    int failed;

    if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? failed : 1;
}
