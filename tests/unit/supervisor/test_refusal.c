/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/log.h"
#include "daemon/supervisor/refusal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned count(const char *text, const char *words)
{
    unsigned n = 0;

    for (const char *p = strstr(text, words); p != NULL; p = strstr(p + 1, words))
        n++;
    return n;
}

static void test_so_many_of_a_kind_and_then_a_number(void **state)
{
    static char text[64 * 1024];
    FILE *log = tmpfile();
    int saved = dup(STDERR_FILENO);

    (void)state;
    assert_non_null(log);
    assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
    log_open(true, LOG_JOURNALD);
    for (unsigned i = 0; i < REFUSAL_MAX + 7; i++)
        refusal_log(REFUSAL_RECORD, "a.test", "a record is refused", "too many");
    refusal_log(REFUSAL_GRANT, NULL, "a grant is refused", "nobody asked");
    refusal_settle();
    refusal_settle();
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = '\0';
    (void)fclose(log);
    assert_int_equal(count(text, "warning: a.test: a record is refused: too many\n"), REFUSAL_MAX);
    assert_int_equal(count(text, "a grant is refused: nobody asked\n"), 1);
    assert_int_equal(count(text, "was refused 7 more DNS records, which were not logged one by one\n"), 1);
    assert_int_equal(count(text, "more grants"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_so_many_of_a_kind_and_then_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
