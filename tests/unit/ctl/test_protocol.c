/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/ctl/fake.h"
#include "tests/unit/ctl/fleet.h"

#include <jansson.h>
#include <locale.h>

#define STATUS(certificate)                                                                                  \
    "{\"parameters\":{\"certificates\":[" certificate "],\"daemon\":" TEST_DAEMON("") "}}"
#define STATUS_MORE(certificate)                                                                             \
    "{\"continues\":true,\"parameters\":{\"certificates\":[" certificate "],\"daemon\":" TEST_DAEMON("") "}" \
                                                                                                         "}"
#define HEALTHY                                                                                              \
    "NAME         STATE  EXPIRES IN  RENEWS  LAST RESULT\n"                                                  \
    "example.com  valid  59d         in 29d  served 31d ago\n"                                               \
    "\n"                                                                                                     \
    "1 certificate, valid. It renews in 29d.\n"

/* Runs acmectl once; empty strings for what is not looked at. */
static void check(const struct fake_step *script, const char *words, int status, const char *out,
                  const char *err)
{
    struct fake f = {0};

    fake_clock = TEST_NOW;
    fake_clock_step = 0;
    fake_run(&f, script, words, NULL);
    if (*out != '\0')
        assert_string_equal(f.out, out);
    if (*err == '\0')
        assert_string_equal(f.err, "");
    else if (strstr(f.err, err) == NULL)
        fail_msg("'%s' is not in '%s'", err, f.err);
    assert_int_equal(f.status, status);
    fake_clear(&f);
}

static void check_silent(const struct fake_step *script, const char *words, int status)
{
    struct fake f = {0};

    fake_run(&f, script, words, NULL);
    assert_string_equal(f.out, "");
    assert_string_equal(f.err, "");
    assert_int_equal(f.status, status);
    fake_clear(&f);
}

/* What is read for each certificate is asked for only where it is shown. */
static void test_show_asks_for_generations(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "\"generations\":true"}, {FAKE_SEND, STATUS(TEST_VALID)}, {FAKE_END}};
    static const struct fake_step plain[] = {{FAKE_ACCEPT},
                                             {FAKE_EXPECT, "\"parameters\":{\"names\":[\"example.com\"]}"},
                                             {FAKE_SEND, STATUS(TEST_VALID)},
                                             {FAKE_END}};

    (void)state;
    check(script, "show example.com", 0, "", "");
    check(plain, "status example.com", 0, HEALTHY, "");
}

static void test_status(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "org.acmed.Control.Status"},
                                              {FAKE_SEND, STATUS(TEST_VALID)},
                                              {FAKE_END}};

    (void)state;
    check(script, "status", 0, HEALTHY, "");
    check(script, "status --check", 0, HEALTHY, "");
}

static void test_a_reply_in_single_bytes(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "\"names\""}, {FAKE_SLOW, STATUS(TEST_VALID)}, {FAKE_END}};

    (void)state;
    check(script, "status example.com", 0, HEALTHY, "");
}

static void test_replies_in_one_piece_and_halves(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "more"},
                                              {FAKE_SEND, STATUS_MORE(TEST_VALID)},
                                              {FAKE_SEND, STATUS_MORE(TEST_MISSING)},
                                              {FAKE_PART, "{\"parameters\":{\"certifi"},
                                              {FAKE_SEND, "cates\":[" TEST_DEPLOYING "]}}"},
                                              {FAKE_END}};
    struct fake f = {0};

    (void)state;
    fake_clock = TEST_NOW;
    fake_run(&f, script, "status --check", NULL);
    assert_non_null(strstr(f.out, "\n3 certificates: 1 valid, 1 ordering, 1 deploying.\n"));
    assert_int_equal(f.status, 1);
    fake_clear(&f);
}

static void test_a_giant_reply_is_refused(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_FLOOD}, {FAKE_END}};

    (void)state;
    check(script, "status", 3, "", "a reply larger than 8 MiB");
}

static void test_garbage(void **state)
{
    static const struct fake_step html[] = {
        {FAKE_ACCEPT}, {FAKE_EXPECT, "Status"}, {FAKE_SEND, "HTTP/1.1 400 Bad Request"}, {FAKE_END}};
    static const struct fake_step types[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Status"},
        {FAKE_SEND, "{\"parameters\":{\"certificates\":[{\"name\":1}]}}"},
        {FAKE_END}};

    (void)state;
    check(html, "status", 3, "", "does not speak acmed's protocol");
    check(types, "status", 1, "", "makes no sense");
}

static void test_closed_midway(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS_MORE(TEST_VALID)},
                                              {FAKE_PART, "{\"par"},
                                              {FAKE_END}};

    (void)state;
    check(script, "status", 3, "", "closed the connection before it had answered");
}

static void test_a_read_is_repeated_after_a_restart(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, "{\"error\":\"org.acmed.Control.Stopping\"}"},
                                              {FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS(TEST_VALID)},
                                              {FAKE_END}};

    (void)state;
    check(script, "status", 0, HEALTHY, "");
}

static void test_a_reload_is_not_repeated(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT}, {FAKE_EXPECT, "Reload"}, {FAKE_END}};

    (void)state;
    check(script, "reload", 3, "", "closed the connection");
}

static void test_errors_have_their_exit_status(void **state)
{
    static const struct {
        const char *words;
        const char *reply;
        int status;
        const char *err;
    } cases[] = {
        {"show exmaple.com",
         "{\"error\":\"org.acmed.Control.NoSuchCertificate\",\"parameters\":{\"name\":\"exmaple.com\","
         "\"known\":[\"a.org\",\"example.com\"]}}",
         2, "no certificate exmaple.com; did you mean example.com?"},
        {"reload",
         "{\"error\":\"org.acmed.Control.ConfigurationInvalid\",\"parameters\":{\"messages\":[\"acmed.conf:3:"
         " unknown key\\u001b[2J\"]}}",
         2, "acmed.conf:3: unknown key?[2J\nacmectl: the configuration was refused"},
        {"reload", "{\"error\":\"org.varlink.service.PermissionDenied\"}", 4, "root"},
        {"history", "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"x\"}}", 1,
         "another version"},
        {"reload", "{\"error\":\"org.acmed.Control.Stopping\"}", 3, "closed the connection"},
        {"check", "{\"error\":\"com.example.Strange\",\"parameters\":{\"a\":1}}", 1,
         "com.example.Strange\n  {\"a\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fake_step script[] = {
            {FAKE_ACCEPT}, {FAKE_EXPECT, "method"}, {FAKE_SEND, cases[i].reply}, {FAKE_END}};

        check(script, cases[i].words, cases[i].status, "", cases[i].err);
    }
}

static void test_check_and_reload(void **state)
{
    static const struct fake_step good[] = {{FAKE_ACCEPT},
                                            {FAKE_EXPECT, "Check"},
                                            {FAKE_SEND, "{\"parameters\":{\"ok\":true,\"messages\":[]}}"},
                                            {FAKE_END}};
    static const struct fake_step bad[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Check"},
        {FAKE_SEND, "{\"parameters\":{\"ok\":false,\"messages\":[\"acmed.conf:3: no\"]}}"},
        {FAKE_END}};
    static const struct fake_step reload[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Reload"},
                                              {FAKE_SEND, "{\"parameters\":{\"messages\":[\"a warning\"]}}"},
                                              {FAKE_END}};
    static const struct fake_step refused[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Reload"},
        {FAKE_SEND,
         "{\"error\":\"org.acmed.Control.ConfigurationInvalid\",\"parameters\":{\"messages\":[\"a\"]}}"},
        {FAKE_END}};

    (void)state;
    check(good, "check", 0, "The configuration is good.\n", "");
    check(bad, "check", 2, "acmed.conf:3: no\nThe configuration has errors: a reload would refuse it.\n", "");
    check(bad, "check --json", 2,
          "{\n  \"ok\": false,\n  \"messages\": [\n    \"acmed.conf:3: no\"\n  ]\n}\n", "");
    check(reload, "reload", 0, "a warning\nThe daemon took over the configuration.\n", "");
    check_silent(reload, "reload --quiet", 0);
    check_silent(refused, "reload --quiet", 2);
}

static void test_version(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "GetInfo"},
                                              {FAKE_SEND, "{\"parameters\":{\"version\":\"9.9\"}}"},
                                              {FAKE_END}};
    struct fake f = {0};

    (void)state;
    fake_run(&f, script, "version", NULL);
    assert_non_null(strstr(f.out, "acmectl " ACMED_VERSION "\nacmed 9.9, running ("));
    fake_clear(&f);
}

static void test_history(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "\"name\":\"example.com\""},
        {FAKE_SEND,
         "{\"continues\":true,\"parameters\":{\"events\":[{\"at\":1789999000,\"name\":\"example.com\","
         "\"event\":\"deploy-failed\",\"text\":\"the hook exited with status "
         "1\",\"output\":\"a\\u0007\\nb\\n\"}]}}"},
        {FAKE_SEND,
         "{\"parameters\":{\"events\":[{\"at\":1789999060,\"name\":\"example.com\",\"event\":\"deployed\","
         "\"text\":\"generation 2\",\"output\":null}]}}"},
        {FAKE_END}};

    (void)state;
    check(script, "history example.com", 0,
          "2026-09-21 13:56:40 UTC  example.com  deploy-failed: the hook exited with status 1\n"
          "    | a?\n"
          "    | b\n"
          "2026-09-21 13:57:40 UTC  example.com  deployed: generation 2\n",
          "");
}

#define LIMIT(limit, of, left, room_at)                                                                      \
    "{\"limit\":\"" limit "\",\"of\":\"" of "\",\"allowed\":50,\"window\":604800,\"left\":" left             \
    ",\"room_at\":" room_at ",\"full_at\":0}"

/* By days, at last what the limits leave; the first moment has come already. */
static void test_plan(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "\"days\":3"},
        {FAKE_SEND,
         "{\"continues\":true,\"parameters\":{\"events\":[{\"at\":1,\"due\":1,\"name\":\"a.example\","
         "\"ca\":\"x\",\"action\":\"renew\",\"reason\":null}],\"cas\":[],\"later\":0}}"},
        {FAKE_SEND,
         "{\"parameters\":{\"events\":[{\"at\":4000000000,\"due\":3999990000,\"name\":\"www.b.example\","
         "\"ca\":\"x\",\"action\":\"issue\",\"reason\":\"no room\"}],\"later\":2,\"cas\":["
         "{\"name\":\"x\",\"state\":\"ready\",\"limits\":[" LIMIT("orders", "", "50", "0") "," LIMIT(
             "domain", "b.example", "0", "4000000000") "],\"limits_in_use\":3,\"pace_ms\":0},"
                                                       "{\"name\":\"y\",\"state\":\"ready\",\"limits\":[],"
                                                       "\"limits_in_use\":0,\"pace_ms\":1500}]}}"},
        {FAKE_END}};
    struct fake f = {0};

    (void)state;
    fake_run(&f, script, "plan --days 3", NULL);
    assert_int_equal(f.status, 0);
    assert_non_null(strstr(f.out, "  now    a.example      renew\n\nTuesday 2096-10-02\n"));
    assert_non_null(strstr(
        f.out,
        "  07:06  www.b.example  issue: no room (due 2096-10-02 04:20:00 UTC)\n\n2 certificates later.\n"));
    assert_non_null(strstr(f.out,
                           "CA x: ready\n  50 of 50 new orders in 7 days left\n  0 of 50 new certificates of "
                           "b.example in 7 days left; the next 2096-10-02 07:06:40 UTC (in "));
    assert_non_null(strstr(f.out, "  2 more limits leave more\n"));
    assert_non_null(
        strstr(f.out, "CA y: ready\n  its limit on new orders is not known; it takes about one in 2 s\n"));
    fake_clear(&f);
}

#define EVENT(at, text)                                                                                      \
    "{\"at\":" at ",\"name\":\"n\",\"event\":\"started\",\"text\":\"" text "\",\"output\":null}"

static void test_history_goes_on_after_a_restart(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "follow"},
        {FAKE_SEND,
         "{\"continues\":true,\"parameters\":{\"events\":[" EVENT("1", "a") "," EVENT("2", "b") "]}}"},
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "follow"},
        {FAKE_SEND, "{\"continues\":true,\"parameters\":{\"events\":[" EVENT("1", "a") "," EVENT(
                        "2", "b") "," EVENT("2", "c") "]}}"},
        {FAKE_SEND, "{\"parameters\":{\"events\":[" EVENT("3", "d") "]}}"},
        {FAKE_END}};

    (void)state;
    check(script, "history -f", 0,
          "1970-01-01 00:00:01 UTC  n  started: a\n1970-01-01 00:00:02 UTC  n  started: b\n"
          "1970-01-01 00:00:02 UTC  n  started: c\n1970-01-01 00:00:03 UTC  n  started: d\n",
          "connecting again");
}

static void test_json_is_the_interface_s_own(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "Status"},
                                              {FAKE_SEND, STATUS_MORE(TEST_VALID)},
                                              {FAKE_SEND, STATUS(TEST_MISSING)},
                                              {FAKE_END}};
    struct fake f = {0};
    json_t *j;

    (void)state;
    fake_run(&f, script, "status --json", NULL);
    j = json_loads(f.out, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(j, "certificates")), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "daemon"), "version")), "0.1.0");
    json_decref(j);
    fake_clear(&f);
}

static void test_watch_appends_lines(void **state)
{
    static const struct fake_step script[] = {
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Watch"},
        {FAKE_SEND, "{\"continues\":true,\"parameters\":{\"certificates\":[" TEST_VALID "]}}"},
        {FAKE_SEND, "{\"continues\":true,\"parameters\":{\"certificates\":[" TEST_VALID "]}}"},
        {FAKE_ACCEPT},
        {FAKE_EXPECT, "Watch"},
        {FAKE_SEND, "{\"continues\":true,\"parameters\":{\"certificates\":[" TEST_VALID "]}}"},
        {FAKE_SEND, "{\"parameters\":{\"certificates\":[" TEST_MISSING "]}}"},
        {FAKE_END}};

    (void)state;
    check(script, "status --watch", 0,
          "2026-09-21 14:13:20 UTC  example.com  valid  expires in 59d  renews in 29d  served 31d ago\n"
          "2026-09-21 14:13:20 UTC  new.example.org  ordering  renews now  validate with the CA\n",
          "connecting again");
    check((const struct fake_step[]){{FAKE_END}}, "status --watch --check", 2, "", "say one of them");
}

/* Where there is no daemon at all. */
static void check_unreachable(const char *path, int status, const char *told, const char *advice)
{
    struct ctl c = {.term = {.width = 80}, .now = fake_now, .out_fd = -1, .out = stdout};
    char *copy = strdup(path);
    char *argv[] = {(char *)"acmectl", (char *)"--socket", copy, (char *)"status", NULL};
    char *err;
    size_t len;

    c.err = open_memstream(&err, &len);
    assert_int_equal(ctl_run(&c, 4, argv), status);
    (void)fclose(c.err);
    assert_non_null(strstr(err, told));
    assert_non_null(strstr(err, advice));
    free(err);
    free(copy);
}

static void test_no_daemon(void **state)
{
    char longest[200];
    struct fake f = {0};

    (void)state;
    check_unreachable("/nonexistent/acmed.sock", 3, "there is no socket /nonexistent/acmed.sock\n",
                      "systemctl start acmed");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    check_unreachable(longest, 2, "is too long", "socket");
    /* the socket of a daemon that was killed */
    fake_listen(&f);
    (void)close(f.listener);
    check_unreachable(f.path, 3, "is there, but no daemon listens on it", "acmed -c FILE");
    (void)unlink(f.path);
    (void)rmdir(f.directory);
}

static void test_usage(void **state)
{
    static const struct {
        const char *words;
        int status;
        const char *err;
    } cases[] = {
        {"", 2, "usage: acmectl COMMAND"},
        {"statsu", 2, "did you mean status?"},
        {"status --frobnicate", 2, "option"},
        {"status --force", 2, "usage: acmectl status"},
        {"show", 2, "usage: acmectl show"},
        {"show a b", 2, "usage: acmectl show"},
        {"renew", 2, "usage: acmectl renew"},
        {"status --socket", 2, "needs a value"},
        {"help", 0, ""},
        {"help renew", 0, ""},
        {"help nothing", 2, "no command"},
        {"-h", 0, ""},
        {"renew -h", 0, ""},
        {"-V", 0, ""},
    };
    static const struct fake_step script[] = {{FAKE_END}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(script, cases[i].words, cases[i].status, "", cases[i].err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_show_asks_for_generations),
        cmocka_unit_test(test_a_reply_in_single_bytes),
        cmocka_unit_test(test_replies_in_one_piece_and_halves),
        cmocka_unit_test(test_a_giant_reply_is_refused),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_closed_midway),
        cmocka_unit_test(test_a_read_is_repeated_after_a_restart),
        cmocka_unit_test(test_a_reload_is_not_repeated),
        cmocka_unit_test(test_errors_have_their_exit_status),
        cmocka_unit_test(test_check_and_reload),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_history_goes_on_after_a_restart),
        cmocka_unit_test(test_json_is_the_interface_s_own),
        cmocka_unit_test(test_watch_appends_lines),
        cmocka_unit_test(test_no_daemon),
        cmocka_unit_test(test_usage),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
