/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/deployment.h"
#include "lib/renewal.h"

#include <limits.h>
#include <string.h>

#define NOW 1800000000

static char *unit[] = {(char *)"nginx.service"};
static char *argv[] = {(char *)"/bin/true"};
static struct config_copy copies[1];

static struct config_certificate everything(void)
{
    return (struct config_certificate){.copies = copies,
                                       .n_copies = 1,
                                       .reload = {unit, 1},
                                       .hook = {argv, 1},
                                       .verify_host = (char *)"127.0.0.1",
                                       .verify_port = 443};
}

static const struct deployment_event start = {.kind = DEPLOYMENT_EV_START};
static const struct deployment_event timer = {.kind = DEPLOYMENT_EV_TIMER};
static const struct deployment_event ok = {.kind = DEPLOYMENT_EV_OK};
static const struct err cause = {.class = ERR_CLASS_INTERNAL, .text = "exit 1"};
static const struct deployment_event fail = {.kind = DEPLOYMENT_EV_FAILED, .error = &cause};

static struct deployment_action step(struct journal_deployment *d, const struct config_certificate *c,
                                     const struct deployment_event *event, int64_t now)
{
    return deployment_step(d, c, event, UINT32_MAX / 2, now);
}

#define assert_runs(action, what)                                                                            \
    do {                                                                                                     \
        struct deployment_action a_ = (action);                                                              \
        assert_int_equal(a_.kind, DEPLOYMENT_DO_RUN);                                                        \
        assert_int_equal(a_.step, what);                                                                     \
    } while (0)

static void test_all_steps_in_order(void **state)
{
    struct config_certificate c = everything();
    struct journal_deployment d = {0};
    const struct deployment_event noted = {.kind = DEPLOYMENT_EV_OK, .note = "nginx.service is not running"};
    const struct deployment_event unseen = {
        .kind = DEPLOYMENT_EV_OK, .note = "cannot be told apart", .unseen = true};
    struct deployment_action a;

    (void)state;
    deployment_restart(&d, 3);
    assert_runs(step(&d, &c, &start, NOW), DEPLOYMENT_COPY);
    assert_runs(step(&d, &c, &ok, NOW), DEPLOYMENT_RELOAD);
    assert_runs(step(&d, &c, &noted, NOW), DEPLOYMENT_HOOK);
    assert_runs(step(&d, &c, &ok, NOW), DEPLOYMENT_VERIFY);
    assert_int_equal(d.served_at, 0);
    a = step(&d, &c, &ok, NOW + 5);
    assert_int_equal(a.kind, DEPLOYMENT_DO_DONE);
    assert_int_equal(d.step, DEPLOYMENT_DONE);
    assert_int_equal(d.done_at, NOW + 5);
    assert_int_equal(d.served_at, NOW + 5);
    assert_string_equal(d.note, "nginx.service is not running");
    a = step(&d, &c, &start, NOW + 50);
    assert_int_equal(a.kind, DEPLOYMENT_DO_DONE);
    assert_int_equal(d.done_at, NOW + 5);
    d.step = DEPLOYMENT_VERIFY; /* looked at, but not seen */
    a = step(&d, &c, &unseen, NOW + 60);
    assert_int_equal(a.kind, DEPLOYMENT_DO_DONE);
    assert_int_equal(d.served_at, 0);
    assert_string_equal(d.note, "cannot be told apart");
    deployment_restart(&d, 4);
    assert_null(d.note);
    assert_int_equal(d.done_at, 0);
    assert_int_equal(d.generation, 4);
}

static void test_unconfigured_steps_are_skipped(void **state)
{
    struct config_certificate c = everything();
    struct config_certificate none = {0};
    struct journal_deployment d = {0};

    (void)state;
    c.n_copies = 0;
    c.hook.n = 0;
    deployment_restart(&d, 1);
    assert_runs(step(&d, &c, &start, NOW), DEPLOYMENT_RELOAD);
    assert_runs(step(&d, &c, &ok, NOW), DEPLOYMENT_VERIFY);
    deployment_restart(&d, 1);
    assert_int_equal(step(&d, &none, &start, NOW).kind, DEPLOYMENT_DO_DONE);
    assert_int_equal(d.done_at, NOW);
    assert_int_equal(d.served_at, 0);
}

static void test_nothing_to_deploy(void **state)
{
    struct config_certificate c = everything();
    struct journal_deployment d = {0};

    (void)state;
    assert_int_equal(step(&d, &c, &start, NOW).kind, DEPLOYMENT_DO_DONE);
    assert_int_equal(d.step, DEPLOYMENT_COPY);
    assert_int_equal(d.done_at, 0);
}

static void test_a_failed_step_is_tried_again(void **state)
{
    struct config_certificate c = everything();
    struct journal_deployment d = {0};
    struct deployment_action a;

    (void)state;
    c.verify_host = NULL;
    deployment_restart(&d, 1);
    assert_runs(step(&d, &c, &start, NOW), DEPLOYMENT_COPY);
    assert_runs(step(&d, &c, &ok, NOW), DEPLOYMENT_RELOAD);
    a = step(&d, &c, &fail, NOW);
    assert_int_equal(a.kind, DEPLOYMENT_DO_WAIT);
    assert_in_range(a.at, NOW + 60, NOW + 66);
    assert_int_equal(d.attempts, 1);
    assert_int_equal(d.step, DEPLOYMENT_RELOAD);
    assert_string_equal(d.error.text, "exit 1");
    /* A restart of the daemon does not shorten the wait. */
    a = step(&d, &c, &start, NOW + 10);
    assert_int_equal(a.kind, DEPLOYMENT_DO_WAIT);
    assert_int_equal(a.at, d.not_before);
    assert_runs(step(&d, &c, &timer, a.at), DEPLOYMENT_RELOAD);
    assert_int_equal(step(&d, &c, &fail, a.at).kind, DEPLOYMENT_DO_WAIT);
    assert_int_equal(d.attempts, 2);
    assert_in_range(d.not_before - NOW, 60 + 108, 66 + 132);
    assert_runs(step(&d, &c, &ok, d.not_before), DEPLOYMENT_HOOK);
    assert_int_equal(d.attempts, 0);
    assert_int_equal(d.error.at, 0);
    assert_null(d.error.text);
}

static void test_a_wait_from_another_clock_binds_nobody(void **state)
{
    struct config_certificate c = everything();
    struct journal_deployment d = {.generation = 1, .step = DEPLOYMENT_HOOK, .not_before = NOW};

    (void)state;
    assert_runs(step(&d, &c, &start, NOW - 86400), DEPLOYMENT_HOOK);
}

/* The old leaf is served: reload again, with growing waits although each reload "succeeds". */
static void test_verify_goes_back(void **state)
{
    struct config_certificate c = everything();
    struct journal_deployment d = {.generation = 1, .step = DEPLOYMENT_VERIFY};
    struct deployment_action a;
    int64_t now = NOW;
    int64_t last = 0;

    (void)state;
    for (unsigned i = 1; i <= 50; i++) {
        assert_runs(step(&d, &c, &start, now), DEPLOYMENT_VERIFY);
        a = step(&d, &c, &fail, now);
        assert_int_equal(a.kind, DEPLOYMENT_DO_WAIT);
        assert_int_equal(a.step, DEPLOYMENT_RELOAD);
        assert_int_equal(d.attempts, i);
        assert_true(a.at - now >= last && a.at - now <= RENEWAL_DEPLOY_BACKOFF_MAX);
        last = a.at - now;
        now = a.at;
        assert_runs(step(&d, &c, &timer, now), DEPLOYMENT_RELOAD);
        assert_runs(step(&d, &c, &ok, now), DEPLOYMENT_HOOK);
        assert_runs(step(&d, &c, &ok, now), DEPLOYMENT_VERIFY);
        assert_int_not_equal(d.error.at, 0);
    }
    assert_int_equal(step(&d, &c, &ok, now).kind, DEPLOYMENT_DO_DONE);
    assert_int_equal(d.attempts, 0);
    assert_int_equal(d.error.at, 0);
}

static void test_verify_goes_back_to_what_there_is(void **state)
{
    struct config_certificate c = everything();
    struct journal_deployment d = {.generation = 1, .step = DEPLOYMENT_VERIFY, .attempts = UINT_MAX};

    (void)state;
    c.reload.n = 0;
    assert_int_equal(step(&d, &c, &fail, NOW).step, DEPLOYMENT_HOOK);
    assert_int_equal(d.attempts, UINT_MAX);
    c.hook.n = 0;
    d.step = DEPLOYMENT_VERIFY;
    assert_int_equal(step(&d, &c, &fail, NOW).step, DEPLOYMENT_VERIFY);
    journal_error_clear(&d.error);
}

static void test_names(void **state)
{
    enum deployment_step s;

    (void)state;
    for (unsigned i = 0; i <= DEPLOYMENT_DONE; i++) {
        assert_true(deployment_step_from_str(deployment_step_to_str((enum deployment_step)i), &s));
        assert_int_equal(s, i);
    }
    assert_false(deployment_step_from_str("bogus", &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_steps_in_order),
        cmocka_unit_test(test_unconfigured_steps_are_skipped),
        cmocka_unit_test(test_nothing_to_deploy),
        cmocka_unit_test(test_a_failed_step_is_tried_again),
        cmocka_unit_test(test_a_wait_from_another_clock_binds_nobody),
        cmocka_unit_test(test_verify_goes_back),
        cmocka_unit_test(test_verify_goes_back_to_what_there_is),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
