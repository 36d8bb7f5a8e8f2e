/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "ctl/completion.h"
#include "tests/unit/ctl/fake.h"
#include "tests/unit/ctl/fleet.h"

#include <ctype.h>

#define ONE(continues, certificate)                                                                          \
    "{\"continues\":" continues ",\"parameters\":{\"certificates\":[" certificate                            \
    "],\"daemon\":" TEST_DAEMON("") "}}"

static const struct fake_step nothing[] = {{FAKE_END}};

static void run(struct fake *f, const struct fake_step *script, const char *words)
{
    fake_clock = TEST_NOW;
    fake_clock_step = 0;
    fake_run(f, script, words, NULL);
}

static void test_scripts(void **state)
{
    static const struct {
        const char *words;
        const char *script;
    } rows[] = {{"completion bash", completion_bash},
                {"completion zsh", completion_zsh},
                {"completion fish", completion_fish}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake f = {0};

        run(&f, nothing, rows[i].words);
        assert_string_equal(f.out, rows[i].script);
        assert_string_equal(f.err, "");
        assert_int_equal(f.status, 0);
        fake_clear(&f);
    }
}

static void test_unknown_shell(void **state)
{
    struct fake f = {0};

    (void)state;
    run(&f, nothing, "completion tcsh");
    assert_string_equal(f.out, "");
    assert_string_equal(f.err, "acmectl: there is no completion for tcsh, only for bash, zsh and fish\n");
    assert_int_equal(f.status, 2);
    fake_clear(&f);
}

static void assert_offered(const char *word, const char *said_by)
{
    const char *const scripts[] = {completion_bash, completion_zsh, completion_fish};

    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        const char *bare = i == 2 && strncmp(word, "--", 2) == 0 ? word + 2 : word; /* fish: -l all */

        if (strstr(scripts[i], bare) == NULL)
            fail_msg("script %zu does not offer %s (%s)", i, word, said_by);
    }
}

/* Each command of the overview ("  status [NAME...] [--watch] ...") and each of its long options. */
static void test_scripts_know_every_command(void **state)
{
    struct fake f = {0};
    char *save = NULL;

    (void)state;
    run(&f, nothing, "help");
    for (char *line = strtok_r(f.out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *words = NULL, *explained = strlen(line) > 2 ? strstr(line + 2, "  ") : NULL;

        if (strncmp(line, "  ", 2) != 0 || line[2] == ' ')
            continue;
        if (explained != NULL)
            *explained = '\0';
        for (char *w = strtok_r(line, " []|", &words); w != NULL; w = strtok_r(NULL, " []|", &words))
            if (strncmp(w, "--", 2) == 0 || islower((unsigned char)*w))
                assert_offered(w, line);
    }
    fake_clear(&f);
}

static void test_names(void **state)
{
    static const struct fake_step script[] = {{FAKE_ACCEPT},
                                              {FAKE_EXPECT, "org.acmed.Control.Status"},
                                              {FAKE_SEND, ONE("true", TEST_VALID)},
                                              {FAKE_SEND, ONE("false", TEST_VALID)},
                                              {FAKE_END}};
    struct fake f = {0};

    (void)state;
    run(&f, script, "completion names");
    assert_string_equal(f.out, "example.com\n");
    assert_int_equal(f.status, 0);
    fake_clear(&f);
}

static void test_names_without_a_daemon(void **state)
{
    struct fake f = {0};
    struct ctl c = {
        .term = {.width = 80}, .now = fake_now, .patience_ms = 60000, .pause_ms = 10, .out_fd = -1};
    char *argv[] = {(char *)"acmectl", (char *)"--socket", (char *)"/nonexistent/sock", (char *)"completion",
                    (char *)"names"};

    (void)state;
    c.out = open_memstream(&f.out, &f.out_len);
    c.err = open_memstream(&f.err, &f.err_len);
    assert_int_equal(ctl_run(&c, 5, argv), CTL_UNREACHABLE);
    (void)fclose(c.out);
    (void)fclose(c.err);
    assert_string_equal(f.out, "");
    fake_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_unknown_shell),
        cmocka_unit_test(test_scripts_know_every_command),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_without_a_daemon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
