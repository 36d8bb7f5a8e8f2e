/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/deployment.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

static char *unit[] = {(char *)"nginx.service"};
static char *argv[] = {(char *)"/bin/true"};

/* A server: what is asked of it succeeds from `healed` on, and then presents the new leaf. */
struct server {
    enum deployment_step broken; /* this step fails before that */
    int64_t healed;
    unsigned runs[DEPLOYMENT_DONE];
    int64_t last_failed; /* when */
};

/* The daemon restarts between any two steps: the record goes through the journal's JSON. */
static void through_json(struct journal *j)
{
    char *text = journal_to_json(j);
    struct err e;

    assert_non_null(text);
    if (!journal_from_json(j, text, strlen(text), &e))
        fail_msg("%s", e.text);
    free(text);
}

static struct deployment_event run(struct server *s, enum deployment_step step, int64_t now)
{
    static const struct err cause = {.class = ERR_CLASS_INTERNAL, .text = "exit status 1"};

    s->runs[step]++;
    if (step != s->broken || now >= s->healed)
        return (struct deployment_event){.kind = DEPLOYMENT_EV_OK};
    if (s->last_failed != 0)
        assert_true(now - s->last_failed >= RENEWAL_BACKOFF_MIN);
    s->last_failed = now;
    return (struct deployment_event){.kind = DEPLOYMENT_EV_FAILED, .error = &cause};
}

/* Returns when it was done. */
static int64_t deploy(struct journal *j, const struct config_certificate *c, struct server *s, int64_t now)
{
    struct deployment_event event = {.kind = DEPLOYMENT_EV_START};

    for (unsigned steps = 0; steps < 100000; steps++) {
        struct deployment_action a =
            deployment_step(&j->deployment, c, &event, (uint32_t)(steps * 2654435761U), now);

        through_json(j);
        if (a.kind == DEPLOYMENT_DO_DONE)
            return now;
        event.kind = steps % 2 != 0 ? DEPLOYMENT_EV_START : DEPLOYMENT_EV_TIMER;
        if (a.kind == DEPLOYMENT_DO_RUN) {
            event = run(s, a.step, now);
            now += 1;
        } else {
            assert_in_range(a.at - now, 1, RENEWAL_DEPLOY_BACKOFF_MAX);
            now = a.at;
        }
    }
    fail_msg("the deployment never ends");
    return 0;
}

/* FAULTS 51, 54: any step fails for thirty days; it is retried, at a bearable rate, and done soon after it
 * can be; it is never a reason for a new issuance. */
static void test_thirty_days_of_failing_steps(void **state)
{
    struct config_certificate c = {
        .reload = {unit, 1}, .hook = {argv, 1}, .verify_host = (char *)"127.0.0.1", .verify_port = 443};

    (void)state;
    for (unsigned broken = DEPLOYMENT_RELOAD; broken <= DEPLOYMENT_VERIFY; broken++) {
        struct server s = {.broken = (enum deployment_step)broken, .healed = SIM_START + 30 * DAY};
        struct journal j;
        int64_t done;

        journal_init(&j);
        journal_issued(&j, 1, NULL, SIM_START);
        done = deploy(&j, &c, &s, SIM_START);
        assert_in_range(done, s.healed, s.healed + RENEWAL_DEPLOY_BACKOFF_MAX + 5);
        assert_in_range(s.runs[broken], 30 * 24, 30 * 24 * 3);
        assert_int_equal(j.issued[1], 0);
        assert_int_equal(j.deployment.generation, 1);
        assert_int_equal(j.deployment.step, DEPLOYMENT_DONE);
        assert_true(j.deployment.served_at >= s.healed);
        assert_int_equal(j.deployment.error.at, 0);
        journal_clear(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thirty_days_of_failing_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
