/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "ctl/detail.h"
#include "ctl/fleet.h"
#include "ctl/screen.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "tests/unit/ctl/fleet.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void load(struct fleet *f, const char *certificates, const char *daemon)
{
    json_t *j = json_pack("{s:o, s:o}", "certificates", json_loads(certificates, 0, NULL), "daemon",
                          json_loads(daemon, 0, NULL));
    struct err e = {0};

    assert_non_null(j);
    *f = (struct fleet){0};
    if (!fleet_add(f, j, &e))
        fail_msg("%s", e.text);
    json_decref(j);
}

static void assert_report(const char *certificates, const char *warnings, struct term t, const char *expected)
{
    struct fleet f;
    struct buf out;

    load(&f, certificates, warnings);
    buf_init(&out, TEXT_MAX);
    table_report(&out, &f, &t, TEST_NOW);
    assert_string_equal(out.data, expected);
    buf_clear(&out);
    fleet_clear(&f);
}

#define MIXED "[" TEST_VALID "," TEST_FAILING "," TEST_MISSING "," TEST_DEPLOYING "]"
#define PLAIN(columns)                                                                                       \
    (struct term)                                                                                            \
    {                                                                                                        \
        .utf8 = true, .width = (columns)                                                                     \
    }

static void test_a_healthy_host_is_a_table_and_a_line(void **state)
{
    (void)state;
    assert_report("[" TEST_VALID "]", TEST_DAEMON(""), PLAIN(80),
                  "NAME         STATE  EXPIRES IN  RENEWS  LAST RESULT\n"
                  "example.com  valid  59d         in 29d  served 31d ago\n"
                  "\n"
                  "1 certificate, valid. It renews in 29d.\n");
}

static void test_who_waits_for_a_place(void **state)
{
    static const char one_under_way[] = "{\"warnings\":[],\"cas\":[],\"orders_in_flight\":1}";

    (void)state;
    assert_report("[" TEST_MISSING "," TEST_QUEUED "]", one_under_way, PLAIN(80),
                  "NAME              STATE     EXPIRES IN  RENEWS  LAST RESULT\n"
                  "new.example.org   ordering  -           now     validate with the CA\n"
                  "next.example.org  missing   -           -       -\n"
                  "\n"
                  "2 certificates: 1 ordering, 1 missing. 1 waits for one of the orders under way\n"
                  "(1) to end.\n");
    assert_report("[" TEST_QUEUED "]", TEST_DAEMON(""), PLAIN(80),
                  "NAME              STATE    EXPIRES IN  RENEWS  LAST RESULT\n"
                  "next.example.org  missing  -           -       -\n"
                  "\n"
                  "1 certificate: 1 missing.\n");
}

static void test_80_columns(void **state)
{
    (void)state;
    assert_report(
        MIXED,
        TEST_DAEMON(
            "\"port 80 is taken by another program: challenges cannot be answered until it is free\""),
        PLAIN(80),
        "NAME                         STATE      EXPIRES IN  RENEWS  LAST RESULT\n"
        "example.com                  valid      59d         in 29d  served 31d ago\n"
        "broken.depart…y.example.net  failing    20d         in 48m  failed 12m ago\n"
        "new.example.org              ordering   -           now     validate with the CA\n"
        "hook.example.org             deploying  89d         in 59d  hook failed 1m ago\n"
        "\n"
        "broken.department.company.example.net: failing, expires in 20d\n"
        "    the CA answered 403, unauthorized: broken.department.company.example.net:\n"
        "    203.0.113.7 answered 404 (12m ago, attempt 3).\n"
        "    Next: order again, 2026-09-21 15:01:40 UTC (in 48m).\n"
        "\n"
        "hook.example.org: deploying, expires in 89d\n"
        "    the hook exited with status 1 (1m ago, attempt 2).\n"
        "    Next: run the hook again, 2026-09-21 14:23:20 UTC (in 10m).\n"
        "\n"
        "warning: port 80 is taken by another program: challenges cannot be answered\n"
        "    until it is free\n"
        "\n"
        "4 certificates: 1 valid, 1 ordering, 1 deploying, 1 failing.\n");
}

static void test_120_columns(void **state)
{
    (void)state;
    assert_report(
        MIXED, TEST_DAEMON(""), PLAIN(120),
        "NAME                                   STATE      EXPIRES IN  RENEWS  LAST RESULT\n"
        "example.com                            valid      59d         in 29d  served 31d ago\n"
        "broken.department.company.example.net  failing    20d         in 48m  failed 12m ago: the CA "
        "answered 403, unauthorized…\n"
        "new.example.org                        ordering   -           now     validate with the CA\n"
        "hook.example.org                       deploying  89d         in 59d  hook failed 1m ago: the hook "
        "exited with status 1\n"
        "\n"
        "broken.department.company.example.net: failing, expires in 20d\n"
        "    the CA answered 403, unauthorized: broken.department.company.example.net: 203.0.113.7 answered "
        "404 (12m ago, attempt\n"
        "    3).\n"
        "    Next: order again, 2026-09-21 15:01:40 UTC (in 48m).\n"
        "\n"
        "hook.example.org: deploying, expires in 89d\n"
        "    the hook exited with status 1 (1m ago, attempt 2).\n"
        "    Next: run the hook again, 2026-09-21 14:23:20 UTC (in 10m).\n"
        "\n"
        "4 certificates: 1 valid, 1 ordering, 1 deploying, 1 failing.\n");
}

static void test_40_columns_without_utf8(void **state)
{
    struct term t = {.width = 40};

    (void)state;
    assert_report(MIXED, TEST_DAEMON(""), t,
                  "NAME               STATE      EXPIRES IN\n"
                  "example.com        valid      59d\n"
                  "broken....ple.net  failing    20d\n"
                  "new.example.org    ordering   -\n"
                  "hook.example.org   deploying  89d\n"
                  "\n"
                  "broken....le.net: failing, expires in 20d\n"
                  "    the CA answered 403, unauthorized:\n"
                  "    broken.department.company.example.net:\n"
                  "    203.0.113.7 answered 404 (12m ago,\n"
                  "    attempt 3).\n"
                  "    Next: order again, 2026-09-21\n"
                  "    15:01:40 UTC (in 48m).\n"
                  "\n"
                  "hook.example.org: deploying, expires in 89d\n"
                  "    the hook exited with status 1 (1m\n"
                  "    ago, attempt 2).\n"
                  "    Next: run the hook again, 2026-09-21\n"
                  "    14:23:20 UTC (in 10m).\n"
                  "\n"
                  "4 certificates: 1 valid, 1 ordering, 1\n"
                  "deploying, 1 failing.\n");
}

static void test_nothing_configured(void **state)
{
    (void)state;
    assert_report("[]", TEST_DAEMON(""), PLAIN(80),
                  "No certificates are configured. Add a section [certificate NAME] to the configuration,\n"
                  "then run `acmectl reload`.\n");
}

/* Valid, and all the same something to see to: what alarms, and a request that failed. */
static void test_valid_is_not_always_well(void **state)
{
    (void)state;
    assert_report("[" TEST_ALARMED "]", TEST_DAEMON(""), PLAIN(80),
                  "NAME         STATE  EXPIRES IN  RENEWS  LAST RESULT\n"
                  "example.com  valid  59d         in 29d  issued 31d ago\n"
                  "\n"
                  "example.com: valid, expires in 59d\n"
                  "    the account was ended.\n"
                  "    Next: renew, 2026-10-20 14:13:20 UTC (in 29d).\n"
                  "\n"
                  "1 certificate, valid. 1 of the valid ones cannot be renewed before you have seen\n"
                  "to the account.\n");
    assert_report("[" TEST_REQUEST_FAILED "]", TEST_DAEMON(""), PLAIN(80),
                  "NAME         STATE  EXPIRES IN  RENEWS  LAST RESULT\n"
                  "example.com  valid  59d         in 29d  failed 12m ago: CAA forbids it\n"
                  "\n"
                  "example.com: valid, expires in 59d\n"
                  "    CAA forbids it (12m ago).\n"
                  "    Next: renew, 2026-10-20 14:13:20 UTC (in 29d).\n"
                  "\n"
                  "1 certificate, valid. It renews in 29d.\n");
}

static void test_colour_and_bar(void **state)
{
    struct term t = {.tty = true, .colour = true, .utf8 = true, .width = 80};

    (void)state;
    assert_report("[" TEST_VALID "]", TEST_DAEMON(""), t,
                  "\033[2mNAME         STATE  EXPIRES IN    RENEWS  LAST RESULT\033[0m\n"
                  "example.com  \033[32mvalid\033[0m  \033[32m━━━━━\033[0m\033[2m───\033[0m 59d  in 29d  "
                  "served 31d ago\n"
                  "\n"
                  "1 certificate, valid. It renews in 29d.\n");
}

/* Whatever the widths, and however long the texts: no line of the table is wider than the terminal. */
static void test_every_width_fits(void **state)
{
    struct fleet f;
    struct buf out;

    (void)state;
    load(&f, MIXED, TEST_DAEMON(""));
    for (int width = 32; width <= 200; width++) {
        struct term t = {.tty = true, .utf8 = width % 2 == 0, .width = width};

        buf_init(&out, TEXT_MAX);
        table_render(&out, &f, &t, TEST_NOW);
        for (char *line = strtok(out.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
            assert_true(text_width(line) <= width);
        buf_clear(&out);
    }
    fleet_clear(&f);
}

static void test_a_lineage_is_kept_once(void **state)
{
    struct fleet f;

    (void)state;
    load(&f, "[" TEST_VALID "," TEST_FAILING "," TEST_VALID "]", TEST_DAEMON(""));
    assert_int_equal(f.n, 2);
    assert_non_null(fleet_find(&f, "example.com"));
    assert_null(fleet_find(&f, "example.org"));
    fleet_clear(&f);
}

/* n certificates that fail, each for a reason of its own or all for one. */
static char *report_of_failures(size_t n, bool same)
{
    struct term t = PLAIN(80);
    char texts[16][16];
    struct fleet f;
    struct buf out;
    char *report;
    char *text;

    load(&f, "[" TEST_FAILING "]", TEST_DAEMON(""));
    text = f.v[0].last_error.text;
    f.v = realloc(f.v, n * sizeof *f.v);
    for (f.n = 1; f.n < n; f.n++) {
        f.v[f.n] = f.v[0];
        (void)snprintf(texts[f.n], sizeof texts[f.n], "reason %zu", f.n);
        if (!same)
            f.v[f.n].last_error.text = texts[f.n];
    }
    buf_init(&out, TEXT_MAX);
    table_report(&out, &f, &t, TEST_NOW);
    report = buf_take(&out, NULL);
    f.v[0].last_error.text = text;
    f.n = 1;
    fleet_clear(&f);
    return report;
}

static void test_many_failures_are_not_all_told(void **state)
{
    char *report = report_of_failures(13, false);

    (void)state;
    assert_non_null(strstr(report, "\n3 more need attention: `acmectl show NAME` tells about each.\n"));
    free(report);
}

static void test_one_trouble_is_told_once(void **state)
{
    char *report = report_of_failures(13, true);

    (void)state;
    assert_non_null(strstr(report, "\nbroken.department.company.example.net and 12 more: failing\n"));
    assert_null(strstr(report, "more need attention"));
    free(report);
}

/* The caller clears it. */
static struct buf detail_of(const char *certificate)
{
    struct term t = PLAIN(80);
    struct fleet f;
    struct buf out;

    load(&f, certificate, TEST_DAEMON(""));
    buf_init(&out, TEXT_MAX);
    detail_render(&out, &f.v[0], &t, TEST_NOW);
    fleet_clear(&f);
    return out;
}

static void assert_detail(const char *certificate, const char *expected)
{
    struct buf out = detail_of(certificate);

    assert_string_equal(out.data, expected);
    buf_clear(&out);
}

#define BOOKS                                                                                                \
    "{\"name\":\"xn--bcher-kva.example\",\"lineage\":\"xn--bcher-kva.example\",\"domains\":["                \
    "\"xn--bcher-kva.example\",\"*.xn--fa-hia.example\",\"2001:db8::1\",\"xn--11b2ezcw70k.example\"],"       \
    "\"key_type\":\"ecdsa-p256\",\"ca\":\"own\",\"generation\":1,\"state\":\"valid\",\"issuer\":\"R11\","    \
    "\"serial\":\"03\",\"not_before\":1787321600,\"not_after\":1795097600,\"renew_at\":1792505600,"          \
    "\"next_action\":\"renew\",\"next_at\":1792505600,\"reason\":null,\"last_error\":null,\"attempts\":0,"   \
    "\"last_issued\":1787321600,\"reuse_key\":false,\"verify\":false,\"deploy\":{\"generation\":1,\"step\":" \
    "\"done\","                                                                                              \
    "\"attempts\":0,"                                                                                        \
    "\"next_at\":0,\"done_at\":1787321600,\"served_at\":0,\"last_error\":null,\"note\":null}}"

static void test_international_names(void **state)
{
    (void)state;
    assert_report("[" BOOKS "]", TEST_DAEMON(""), PLAIN(80),
                  "NAME            STATE  EXPIRES IN  RENEWS  LAST RESULT\n"
                  "bücher.example  valid  59d         in 29d  deployed 31d ago\n"
                  "\n"
                  "1 certificate, valid. It renews in 29d.\n");
    assert_report("[" BOOKS "]", TEST_DAEMON(""), ((struct term){.width = 80}),
                  "NAME                   STATE  EXPIRES IN  RENEWS  LAST RESULT\n"
                  "xn--bcher-kva.example  valid  59d         in 29d  deployed 31d ago\n"
                  "\n"
                  "1 certificate, valid. It renews in 29d.\n");
}

/* The last name has an invisible joiner, rightly: it is shown as what can be seen. */
static void test_show_international_names(void **state)
{
    struct term t = PLAIN(80);
    struct fleet f;
    struct buf out;

    (void)state;
    load(&f, "[" BOOKS "]", TEST_DAEMON(""));
    buf_init(&out, TEXT_MAX);
    detail_render(&out, &f.v[0], &t, TEST_NOW);
    assert_ptr_equal(strstr(out.data, "bücher.example (xn--bcher-kva.example)  valid\n"), out.data);
    assert_non_null(strstr(out.data,
                           "  Names       bücher.example (xn--bcher-kva.example) *.faß.example\n"
                           "              (*.xn--fa-hia.example) 2001:db8::1 xn--11b2ezcw70k.example\n"));
    buf_clear(&out);
    t.utf8 = false;
    buf_init(&out, TEXT_MAX);
    detail_render(&out, &f.v[0], &t, TEST_NOW);
    for (size_t i = 0; i < out.len; i++)
        assert_true((unsigned char)out.data[i] < 0x80);
    buf_clear(&out);
    fleet_clear(&f);
}

/* What the certificate has beside what others have. */
static json_t *with_generations(const char *generations, unsigned older)
{
    json_t *list = json_loads("[" TEST_VALID "]", 0, NULL);

    (void)json_object_set_new(json_array_get(list, 0), "generations", json_loads(generations, 0, NULL));
    (void)json_object_set_new(json_array_get(list, 0), "generations_older", json_integer((json_int_t)older));
    return list;
}

/* The end of what is shown, from the list of generations on. */
static void assert_on_disk(const char *generations, unsigned older, const char *expected)
{
    json_t *list = with_generations(generations, older);
    char *text = json_dumps(list, 0);
    struct buf out = detail_of(text);
    const char *shown = strstr(out.data, "\n\n  On disk");

    assert_non_null(shown);
    assert_string_equal(shown + 2, expected);
    for (const char *line = out.data; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 80);
    buf_clear(&out);
    free(text);
    json_decref(list);
}

#define SERIAL "03ab12cd34ef56ab78cd90ef12ab34cd56ef78ab"
#define GENERATION(number, what, revoked, at)                                                                \
    "{\"generation\":" number "," what ",\"serial\":\"" SERIAL                                               \
    "\",\"not_before\":1787321600,\"not_after\":1795097600,\"revoked\":" revoked ",\"revoked_at\":" at       \
    ",\"error\":null}"

static void test_show_what_is_on_disk(void **state)
{
    (void)state;
    assert_on_disk("[" GENERATION("12", "\"live\":true,\"served_last\":true", "null", "0") "," GENERATION(
                       "9", "\"live\":false,\"served_last\":false", "\"superseded\"", "1787321600") "]",
                   0,
                   "  On disk     12  live, served last\n"
                   "                  2026-08-21 14:13:20 UTC to 2026-11-19 14:13:20 UTC, serial\n"
                   "                  " SERIAL "\n"
                   "               9  kept, revoked (superseded)\n"
                   "                  2026-08-21 14:13:20 UTC to 2026-11-19 14:13:20 UTC, serial\n"
                   "                  " SERIAL "\n");
    assert_on_disk(
        "[" GENERATION(
            "3", "\"live\":true,\"served_last\":false", "\"key-compromise\"",
            "0") ",{\"generation\":2,\"live\":false,\"served_last\":false,\"serial\":\"02\",\"not_before\":"
                 "1767225600,\"not_after\":1774915200,\"revoked\":null,\"revoked_at\":0,\"error\":null},"
                 "{\"generation\":1,\"live\":false,\"served_last\":false,\"serial\":null,\"not_before\":0,"
                 "\"not_after\":0,\"revoked\":null,\"revoked_at\":0,"
                 "\"error\":\"cannot read certs/example.com/1/cert.pem: Permission denied\"}]",
        980,
        "  On disk     3  live, revocation asked for (key-compromise) but not known to be\n"
        "                 done\n"
        "                 2026-08-21 14:13:20 UTC to 2026-11-19 14:13:20 UTC, serial\n"
        "                 " SERIAL "\n"
        "              2  kept, expired\n"
        "                 2026-01-01 00:00:00 UTC to 2026-03-31 00:00:00 UTC, serial 02\n"
        "              1  kept\n"
        "                 cannot read certs/example.com/1/cert.pem: Permission denied\n"
        "              and 980 older, in certs/example.com\n");
}

static void test_show_a_valid_one(void **state)
{
    (void)state;
    assert_detail("[" TEST_VALID "]",
                  "example.com  valid\n"
                  "\n"
                  "  Names       example.com www.example.com\n"
                  "  Key         ecdsa-p256\n"
                  "  CA          letsencrypt\n"
                  "  Issuer      R11\n"
                  "  Serial      03ab12\n"
                  "  Generation  3\n"
                  "  Issued      2026-08-21 14:13:20 UTC (31d ago)\n"
                  "  Valid from  2026-08-21 14:13:20 UTC (31d ago)\n"
                  "  Expires     2026-11-19 14:13:20 UTC (in 59d)\n"
                  "  Renewal     2026-10-20 14:13:20 UTC (in 29d)\n"
                  "\n"
                  "  Next        renew, 2026-10-20 14:13:20 UTC (in 29d), because: one third of the\n"
                  "              lifetime is left\n"
                  "\n"
                  "  Deployment  generation 3, done 2026-08-21 14:13:20 UTC (31d ago)\n"
                  "    copy      done\n"
                  "    reload    done\n"
                  "    hook      done\n"
                  "    verify    the server presented it 2026-08-21 14:13:20 UTC (31d ago)\n");
}

static void test_show_what_the_ca_suggests(void **state)
{
    (void)state;
    assert_detail("[" TEST_SUGGESTED "]",
                  "example.com  valid\n"
                  "\n"
                  "  Names       example.com\n"
                  "  Key         ecdsa-p256, kept when it is renewed (reuse_key)\n"
                  "  CA          letsencrypt (in order of preference: letsencrypt, zerossl)\n"
                  "  Challenge   dns-01\n"
                  "  Profile     classic\n"
                  "  Issuer      R11\n"
                  "  Serial      03ab12\n"
                  "  Generation  3\n"
                  "  Issued      2026-08-21 14:13:20 UTC (31d ago)\n"
                  "  Valid from  2026-08-21 14:13:20 UTC (31d ago)\n"
                  "  Expires     2026-11-19 14:13:20 UTC (in 59d)\n"
                  "  Renewal     2026-10-20 14:13:20 UTC (in 29d)\n"
                  "  CA suggests 2026-10-20 12:40:00 UTC to 2026-10-21 16:26:40 UTC; chosen was\n"
                  "              2026-10-20 14:13:20 UTC (in 29d)\n"
                  "    explained https://ca.example/why\n"
                  "    failure   HTTP 503 without a problem document\n"
                  "    asked     again 2026-09-21 17:00:00 UTC (in 2h 46m)\n"
                  "    refused   the CA did not take an order as one that replaces this\n"
                  "              certificate; it was placed again without saying so\n"
                  "\n"
                  "  Next        renew, 2026-10-20 14:13:20 UTC (in 29d), because: the time of\n"
                  "              renewal that the CA suggests\n"
                  "\n"
                  "  Deployment  generation 3, done 2026-08-21 14:13:20 UTC (31d ago)\n"
                  "    copy      done\n"
                  "    reload    done\n"
                  "    hook      done\n"
                  "    verify    not configured\n");
}

/* The wish counts from the next renewal on. */
static void test_show_where_the_chain_leads(void **state)
{
    static const struct {
        const char *wanted;
        const char *shown;
    } rows[] = {
        {"ISRG Root X2", "  Chain       leads to ISRG Root X1; ISRG Root X2 is configured, which the next\n"
                         "              renewal asks the CA for (at once: acmectl renew example.com\n"
                         "              --force)\n"
                         "  Serial "},
        {"isrg root x1", "  Chain       leads to ISRG Root X1\n  Serial "},
    };
    const char *rest = strstr(TEST_VALID, "\"deploy\"");
    char certificate[4096];
    struct buf out;

    (void)state;
    assert_non_null(rest);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(certificate, sizeof certificate,
                       "[%.*s\"chain\": \"ISRG Root X1\", \"wanted_chain\": \"%s\", %s]",
                       (int)(rest - TEST_VALID), TEST_VALID, rows[i].wanted, rest);
        out = detail_of(certificate);
        assert_non_null(strstr(out.data, rows[i].shown));
        buf_clear(&out);
    }
}

/* A line is as long as its record: what a terminal breaks can be copied whole. */
static void test_show_what_is_to_be_published(void **state)
{
    static const char record[] = "_validation-persist.www.example.com. TXT \\\"ca.example; "
                                 "accounturi=https://ca.example/acct/1234567890; policy=wildcard\\\"";
    const char *rest = strstr(TEST_VALID, "\"deploy\"");
    char certificate[4096];
    struct buf out;

    (void)state;
    assert_non_null(rest);
    (void)snprintf(certificate, sizeof certificate, "[%.*s\"to_publish\": [\"%s\", \"b. TXT x\"], %s]",
                   (int)(rest - TEST_VALID), TEST_VALID, record, rest);
    out = detail_of(certificate);
    assert_non_null(strstr(out.data, "  To publish  these records, once; they may stay:\n"
                                     "_validation-persist.www.example.com. TXT \"ca.example; "
                                     "accounturi=https://ca.example/acct/1234567890; policy=wildcard\"\n"
                                     "b. TXT x\n"));
    buf_clear(&out);
    (void)snprintf(certificate, sizeof certificate,
                   "[%.*s\"to_publish\": [\"b. TXT x\"], \"to_publish_unseen\": true, %s]",
                   (int)(rest - TEST_VALID), TEST_VALID, rest);
    out = detail_of(certificate);
    assert_non_null(strstr(out.data,
                           "  To publish  this record, once, if it is not there (dns_resolver = off: acmed\n"
                           "              does not look):\n"
                           "b. TXT x\n"));
    buf_clear(&out);
}

static void test_show_a_failing_one(void **state)
{
    (void)state;
    assert_detail("[" TEST_FAILING "]",
                  "broken.department.company.example.net  failing\n"
                  "\n"
                  "  Names       broken.department.company.example.net\n"
                  "  Key         ecdsa-p256\n"
                  "  CA          letsencrypt\n"
                  "  Issuer      R11\n"
                  "  Serial      04\n"
                  "  Generation  1\n"
                  "  Issued      2026-07-13 14:13:20 UTC (70d ago)\n"
                  "  Valid from  2026-07-13 14:13:20 UTC (70d ago)\n"
                  "  Expires     2026-10-11 14:13:20 UTC (in 20d)\n"
                  "  Renewal     2026-09-11 14:13:20 UTC (10d ago)\n"
                  "\n"
                  "  Next        order again, 2026-09-21 15:01:40 UTC (in 48m), because: one third\n"
                  "              of the lifetime is left\n"
                  "  Last error  2026-09-21 14:01:20 UTC (12m ago), permanent, attempt 3:\n"
                  "              the CA answered 403, unauthorized:\n"
                  "              broken.department.company.example.net: 203.0.113.7 answered 404\n"
                  "\n"
                  "  Deployment  generation 1, done 2026-07-13 14:13:20 UTC (70d ago)\n"
                  "    copy      done\n"
                  "    reload    done\n"
                  "    hook      done\n"
                  "    verify    not configured\n");
}

static void test_show_a_deployment(void **state)
{
    (void)state;
    assert_detail("[" TEST_DEPLOYING "]",
                  "hook.example.org  deploying\n"
                  "\n"
                  "  Names       hook.example.org\n"
                  "  Key         ecdsa-p256\n"
                  "  CA          letsencrypt\n"
                  "  Issuer      R11\n"
                  "  Serial      05\n"
                  "  Generation  4\n"
                  "  Issued      2026-09-21 12:13:20 UTC (2h ago)\n"
                  "  Valid from  2026-09-21 12:13:20 UTC (2h ago)\n"
                  "  Expires     2026-12-20 12:13:20 UTC (in 89d)\n"
                  "  Renewal     2026-11-20 12:13:20 UTC (in 59d)\n"
                  "\n"
                  "  Next        run the hook again, 2026-09-21 14:23:20 UTC (in 10m)\n"
                  "\n"
                  "  Deployment  generation 4, not done yet\n"
                  "    copy      done\n"
                  "    reload    done\n"
                  "    hook      failed, next try 2026-09-21 14:23:20 UTC (in 10m)\n"
                  "    verify    to come\n"
                  "    failure   2026-09-21 14:12:20 UTC (1m ago), transient, attempt 2:\n"
                  "              the hook exited with status 1\n");
}

static void test_the_screen_is_redrawn_in_place(void **state)
{
    struct term t = {.tty = true, .cursor = true, .width = 10, .height = 4};
    struct screen s = {0};
    struct buf out;

    (void)state;
    buf_init(&out, TEXT_MAX);
    screen_draw(&s, &out, "one\ntwo\n", &t);
    assert_string_equal(out.data, "one\033[K\ntwo\033[K\n\033[J");
    buf_consume(&out, out.len);
    screen_draw(&s, &out, "one\ntwo\n", &t);
    assert_int_equal(out.len, 0);
    /* a line that the terminal wraps counts as two, and what does not fit is left out */
    screen_draw(&s, &out, "\033[2mone\033[0m\ntwo and more\nthree\n", &t);
    assert_string_equal(out.data, "\033[2A\r\033[2mone\033[0m\033[K\ntwo and more\033[K\n\033[J");
    buf_consume(&out, out.len);
    t.width = 20;
    screen_draw(&s, &out, "x\n", &t);
    assert_string_equal(out.data, "\033[H\033[2Jx\033[K\n\033[J");
    buf_clear(&out);
    screen_forget(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_healthy_host_is_a_table_and_a_line),
        cmocka_unit_test(test_who_waits_for_a_place),
        cmocka_unit_test(test_80_columns),
        cmocka_unit_test(test_120_columns),
        cmocka_unit_test(test_40_columns_without_utf8),
        cmocka_unit_test(test_nothing_configured),
        cmocka_unit_test(test_valid_is_not_always_well),
        cmocka_unit_test(test_colour_and_bar),
        cmocka_unit_test(test_every_width_fits),
        cmocka_unit_test(test_a_lineage_is_kept_once),
        cmocka_unit_test(test_many_failures_are_not_all_told),
        cmocka_unit_test(test_one_trouble_is_told_once),
        cmocka_unit_test(test_international_names),
        cmocka_unit_test(test_show_international_names),
        cmocka_unit_test(test_show_a_valid_one),
        cmocka_unit_test(test_show_what_is_on_disk),
        cmocka_unit_test(test_show_what_the_ca_suggests),
        cmocka_unit_test(test_show_where_the_chain_leads),
        cmocka_unit_test(test_show_what_is_to_be_published),
        cmocka_unit_test(test_show_a_failing_one),
        cmocka_unit_test(test_show_a_deployment),
        cmocka_unit_test(test_the_screen_is_redrawn_in_place),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
