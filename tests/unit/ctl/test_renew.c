/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "ctl/errand.h"
#include "tests/unit/ctl/fake.h"
#include "tests/unit/ctl/fleet.h"

#include <jansson.h>
#include <locale.h>

#define STATUS(certificates)                                                                                 \
    "{\"parameters\":{\"certificates\":[" certificates "],\"daemon\":" TEST_DAEMON("") "}}"
#define WATCH(certificates) "{\"continues\":true,\"parameters\":{\"certificates\":[" certificates "]}}"
#define LINE(name, text, outcome)                                                                            \
    "{\"at\":1790000000,\"name\":\"" name "\",\"text\":\"" text "\",\"outcome\":" outcome "}"
#define MORE(lines)  "{\"continues\":true,\"parameters\":{\"progress\":[" lines "]}}"
#define FINAL(lines) "{\"parameters\":{\"progress\":[" lines "]}}"
#define CERTIFICATE(generation, state, action, error, issued, deploy)                                        \
    "{\"name\":\"example.com\",\"lineage\":\"example.com\",\"domains\":[\"example.com\"],\"key_type\":"      \
    "\"ecdsa-p256\","                                                                                        \
    "\"ca\":\"letsencrypt\",\"generation\":" generation ",\"state\":\"" state                                \
    "\",\"issuer\":null,\"serial\":null,"                                                                    \
    "\"not_before\":1787321600,\"not_after\":1795097600,\"renew_at\":1792505600,\"next_action\":\"" action   \
    "\","                                                                                                    \
    "\"next_at\":0,\"reason\":null,\"last_error\":" error ",\"attempts\":0,\"last_issued\":" issued          \
    ",\"reuse_key\":false,\"verify\":true,"                                                                  \
    "\"deploy\":" deploy "}"
#define DEPLOY(generation, step, done, served, error)                                                        \
    "{\"generation\":" generation ",\"step\":\"" step "\",\"attempts\":0,\"next_at\":0,\"done_at\":" done    \
    ",\"served_at\":" served ",\"last_error\":" error ",\"note\":null}"

#define BEFORE                                                                                               \
    CERTIFICATE("3", "valid", "renew", "null", "1787321600", DEPLOY("3", "done", "1787321600", "0", "null"))
#define ORDERING                                                                                             \
    CERTIFICATE("3", "ordering", "validate with the CA", "null", "1787321600",                               \
                DEPLOY("3", "done", "1787321600", "0", "null"))
#define ISSUED                                                                                               \
    CERTIFICATE("4", "deploying", "reload", "null", "1790000005", DEPLOY("4", "reload", "0", "0", "null"))
#define SERVED                                                                                               \
    CERTIFICATE("4", "valid", "renew", "null", "1790000005",                                                 \
                DEPLOY("4", "done", "1790000006", "1790000006", "null"))
#define REFUSED                                                                                              \
    CERTIFICATE("3", "failing", "order again",                                                               \
                "{\"at\":1790000005,\"class\":\"permanent\",\"text\":\"the CA said no\"}", "1787321600",     \
                DEPLOY("3", "done", "1787321600", "0", "null"))
#define UNHOOKED                                                                                             \
    CERTIFICATE("4", "deploying", "run the hook again", "null", "1790000005",                                \
                DEPLOY("4", "hook", "0", "0",                                                                \
                       "{\"at\":1790000006,\"class\":\"transient\",\"text\":\"exit status 1\"}"))

static void check_with(const struct fake_step *script, const char *words, const char *answer, int64_t tick,
                       int status, const char *out, const char *err)
{
    struct fake f = {0};

    fake_clock = TEST_NOW;
    fake_clock_step = tick;
    fake_run(&f, script, words, answer);
    if (*out != '\0')
        assert_string_equal(f.out, out);
    if (*err == '\0')
        assert_string_equal(f.err, "");
    else if (strstr(f.err, err) == NULL)
        fail_msg("'%s' is not in '%s'", err, f.err);
    assert_int_equal(f.status, status);
    fake_clear(&f);
}

static void check(const struct fake_step *script, const char *words, int status, const char *out,
                  const char *err)
{
    check_with(script, words, NULL, 0, status, out, err);
}

static void test_renew_named(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Status"},
        {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "org.acmed.Control.Renew"},
        {FAKE_SEND, MORE(LINE("example.com", "order placed", "null"))},
        {FAKE_SEND, MORE(LINE("example.com", "deployed\\u001b[2J", "null"))},
        {FAKE_SEND, FINAL(LINE("example.com", "renewed", "\"done\""))},
        {FAKE_END}};

    (void)state;
    check(script, "renew now example.com", 0,
          "14:13:20  example.com  order placed\n14:13:20  example.com  deployed?[2J\n\nexample.com  done: "
          "renewed\n",
          "");
    check(script, "renew example.com", 0, "", "");
}

static void test_outcomes_make_the_exit_status(void **state)
{
    static const struct fake_step all[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Status"},
        {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Renew"},
        {FAKE_SEND,
         FINAL(LINE("b.org", "issued 3 h ago", "\"skipped\"") "," LINE("a.org", "renewed", "\"done\""))},
        {FAKE_END}};
    static const struct fake_step named[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Status"},
        {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "\"names\":"},
        {FAKE_SEND, FINAL(LINE("example.com", "the third in 7 days: say --force", "\"skipped\""))},
        {FAKE_END}};
    static const struct fake_step failed[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Status"},
        {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "\"force\":true"},
        {FAKE_SEND, FINAL(LINE("example.com", "the CA said no", "\"failed\""))},
        {FAKE_END}};
    static const struct fake_step nothing[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_SEND, STATUS("")},
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Renew"},  {FAKE_SEND, FINAL("")},
        {FAKE_END}};

    (void)state;
    check(all, "renew now", 0, "a.org  done: renewed\nb.org  skipped: issued 3 h ago\n", "");
    check(named, "renew now example.com", 1, "example.com  skipped: the third in 7 days: say --force\n", "");
    check(failed, "renew now --force", 1, "example.com  failed: the CA said no\n", "");
    check(nothing, "renew now", 0, "There is nothing to do.\n", "");
}

static void test_no_wait(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "\"wait\":false"},
                                              {FAKE_SEND, FINAL(LINE("example.com", "queued", "null"))},
                                              {FAKE_END}};

    (void)state;
    check(script, "renew now --no-wait example.com", 0, "example.com  queued\n", "");
    check(script, "deploy example.com --no-wait", 0, "example.com  queued\n", "");
}

#define TOO_MANY                                                                                             \
    "{\"error\":\"org.acmed.Control.TooMany\",\"parameters\":{\"count\":37,"                                 \
    "\"text\":\"this would renew 37 certificates at once; say --all if that is meant\"}}"

static void test_too_many(void **state)
{
    static const struct fake_step refused[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Renew"},  {FAKE_SEND, TOO_MANY},
        {FAKE_END}};
    static const struct fake_step asked[] = {{FAKE_ACCEPT},
                                             {FAKE_EXPECT, "Status"},
                                             {FAKE_SEND, STATUS(BEFORE)},
                                             {FAKE_ACCEPT},
                                             {FAKE_EXPECT, "Renew"},
                                             {FAKE_SEND, TOO_MANY},
                                             {FAKE_ACCEPT},
                                             {FAKE_EXPECT, "\"all\":true"},
                                             {FAKE_SEND, FINAL(LINE("example.com", "renewed", "\"done\""))},
                                             {FAKE_END}};

    (void)state;
    check(refused, "renew now", 2, "",
          "this would renew 37 certificates at once; say --all if that is meant");
    check_with(asked, "renew now", "y\n", 0, 0, "example.com  done: renewed\n",
               "This renews 37 certificates. Go on? [y/N] ");
    check_with(refused, "renew now", "\n", 0, 1, "", "nothing was renewed");
}

static void test_json_lines(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS(BEFORE)},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Renew"},
                                              {FAKE_SEND, MORE(LINE("example.com", "order placed", "null"))},
                                              {FAKE_SEND, FINAL(LINE("example.com", "renewed", "\"done\""))},
                                              {FAKE_END}};

    (void)state;
    check(script, "renew now --json example.com", 0,
          LINE("example.com", "order placed", "null") "\n" LINE("example.com", "renewed", "\"done\"") "\n",
          "");
}

static void test_a_silent_daemon_is_asked(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS(BEFORE)},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Renew"},
                                              {FAKE_BESIDE},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS(ORDERING)},
                                              {FAKE_BACK},
                                              {FAKE_SEND, FINAL(LINE("example.com", "renewed", "\"done\""))},
                                              {FAKE_END}};

    (void)state;
    check(script, "renew now example.com", 0,
          "14:13:20  example.com  validate with the CA\n\nexample.com  done: renewed\n", "");
}

#define BROKEN_OFF                                                                                           \
    {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_SEND, STATUS(BEFORE)}, {FAKE_ACCEPT},                      \
        {FAKE_EXPECT, "Renew"},                                                                              \
    {                                                                                                        \
        FAKE_SEND, MORE(LINE("example.com", "order placed", "null"))                                         \
    }

static void test_renewal_survives_restarts(void **state)
{
    static const struct fake_step script[] = {BROKEN_OFF,
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Watch"},
                                              {FAKE_SEND, WATCH(ORDERING)},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Watch"},
                                              {FAKE_SEND, WATCH(ORDERING)},
                                              {FAKE_SEND, WATCH(ISSUED)},
                                              {FAKE_SEND, WATCH(SERVED)},
                                              {FAKE_END}};

    (void)state;
    check(script, "renew now example.com", 0,
          "14:13:20  example.com  order placed\n"
          "14:13:20  example.com  validate with the CA\n"
          "14:13:20  example.com  validate with the CA\n"
          "14:13:20  example.com  reload\n"
          "14:13:20  example.com  done: generation 4 is deployed and served\n"
          "\n"
          "example.com  done: generation 4 is deployed and served\n",
          "the daemon restarts or reloads; connecting again");
}

static void test_failures_after_a_restart_are_told(void **state)
{
    static const struct fake_step refused[] = {
        BROKEN_OFF, {FAKE_ACCEPT}, {FAKE_EXPECT, "Watch"}, {FAKE_SEND, WATCH(REFUSED)}, {FAKE_END}};
    static const struct fake_step unhooked[] = {
        BROKEN_OFF, {FAKE_ACCEPT}, {FAKE_EXPECT, "Watch"}, {FAKE_SEND, WATCH(UNHOOKED)}, {FAKE_END}};
    static const struct fake_step stopping[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Renew"},  {FAKE_SEND, "{\"error\":\"org.acmed.Control.Stopping\"}"},
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Watch"},  {FAKE_SEND, WATCH(SERVED)},
        {FAKE_END}};

    (void)state;
    check(refused, "renew now", 1,
          "14:13:20  example.com  order placed\n14:13:20  example.com  failed: the CA said no\n"
          "\nexample.com  failed: the CA said no\n",
          "connecting again");
    check(unhooked, "renew now example.com", 1,
          "14:13:20  example.com  order placed\n14:13:20  example.com  failed: hook: exit status 1\n"
          "\nexample.com  failed: hook: exit status 1\n",
          "connecting again");
    check(stopping, "renew now example.com", 0, "", "connecting again");
}

/* The clock runs a second with every look at it here: the daemon is given its time to take the renewal up. */
static void test_a_lost_renewal_is_noticed(void **state)
{
    static const struct fake_step script[] = {
        BROKEN_OFF,        {FAKE_ACCEPT}, {FAKE_EXPECT, "Watch"}, {FAKE_SEND, WATCH(BEFORE)},
        {FAKE_EXPECT, ""}, {FAKE_END}};

    (void)state;
    check_with(script, "renew now example.com", NULL, 1, 1, "", "connecting again");
}

static void test_a_daemon_that_stays_away(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_SEND, STATUS(BEFORE)},
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Renew"},  {FAKE_GONE},
        {FAKE_END}};

    (void)state;
    check(script, "renew now example.com", 3, "", "goes on when it starts");
}

static void test_deploy(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS(BEFORE)},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "org.acmed.Control.Deploy"},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Watch"},
                                              {FAKE_SEND, WATCH(ISSUED)},
                                              {FAKE_SEND, WATCH(SERVED)},
                                              {FAKE_END}};

    (void)state;
    check(script, "deploy example.com", 0,
          "14:13:20  example.com  reload\n14:13:20  example.com  done: generation 4 is deployed and served\n"
          "\nexample.com  done: generation 4 is deployed and served\n",
          "connecting again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renew_named),
        cmocka_unit_test(test_outcomes_make_the_exit_status),
        cmocka_unit_test(test_no_wait),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_a_silent_daemon_is_asked),
        cmocka_unit_test(test_renewal_survives_restarts),
        cmocka_unit_test(test_failures_after_a_restart_are_told),
        cmocka_unit_test(test_a_lost_renewal_is_noticed),
        cmocka_unit_test(test_a_daemon_that_stays_away),
        cmocka_unit_test(test_deploy),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
