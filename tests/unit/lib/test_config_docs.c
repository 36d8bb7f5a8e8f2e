/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_HALF "# ---- Every key"

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 1 << 17);
    size_t n;

    assert_non_null(f);
    assert_non_null(text);
    n = fread(text, 1, (1 << 17) - 1, f);
    assert_true(n > 0 && n < (1 << 17) - 1);
    (void)fclose(f);
    return text;
}

/* Lines that begin with `#x` or `#[` are configuration to be uncommented, `# x` is prose. */
static void uncomment(char *text)
{
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (line[0] == '#' && (line[1] == '[' || (line[1] >= 'a' && line[1] <= 'z')))
            line[0] = ' ';
    }
}

static struct config *parse_uncommented(char *text)
{
    struct config_file file = {"acmed.conf", text, 0};
    struct config_messages m = {0};
    struct config *c;

    uncomment(text);
    file.len = strlen(text);
    c = config_parse(&file, 1, NULL, &m);
    for (size_t i = 0; i < m.n; i++)
        print_message("%s:%u: %s\n", m.v[i].file, m.v[i].line, m.v[i].text);
    config_messages_clear(&m);
    return c;
}

/* "key = " at the start of a line. */
static bool has_line(const char *text, const char *comment, const char *key, const char *value)
{
    char want[300];

    (void)snprintf(want, sizeof want, "\n%s%s = %s%s", comment, key, value, value[0] != '\0' ? "\n" : "");
    return strstr(text, want) != NULL;
}

static void test_example_names_every_key_with_its_default(void **state)
{
    char *text = slurp(TEST_SOURCE "/conf/acmed.conf");
    const char *all = strstr(text, SECOND_HALF);
    struct config_key_info info;
    char heading[40];
    char *section;
    char *end;

    (void)state;
    assert_non_null(all);
    for (size_t i = 0; config_key_info(i, &info); i++) {
        (void)snprintf(heading, sizeof heading, "\n#[%s", info.section);
        section = strdup(strstr(all, heading));
        assert_non_null(section);
        end = strstr(section + 1, "\n#[");
        if (end != NULL)
            *end = '\0';
        if (!has_line(section, "#", info.name, info.default_ != NULL ? info.default_ : ""))
            fail_msg("conf/acmed.conf: [%s] %s = %s is missing", info.section, info.name,
                     info.default_ != NULL ? info.default_ : "...");
        free(section);
    }
    free(text);
}

static void test_example_is_valid(void **state)
{
    char *text = slurp(TEST_SOURCE "/conf/acmed.conf");
    char *all = strstr(text, SECOND_HALF);
    struct config_file file = {"acmed.conf", text, strlen(text)};
    struct config_messages m = {0};
    struct config *c = config_parse(&file, 1, NULL, &m);

    (void)state;
    assert_non_null(c);
    assert_int_equal(c->n_certificates, 0);
    assert_int_equal(m.n, 1);
    assert_true(m.v[0].warning);
    config_free(c);
    config_messages_clear(&m);

    /* The reference half agrees to nothing; a reader who uncomments all of it learns that. */
    all[-1] = '\0';
    c = parse_uncommented(text);
    assert_non_null(c);
    assert_int_equal(c->n_certificates, 1);
    config_free(c);
    memcpy(strstr(all, "#agree_terms = no"), "#agree_terms = on", 17);
    c = parse_uncommented(all);
    assert_non_null(c);
    assert_int_equal(c->n_certificates, 1);
    assert_int_equal(c->certificates[0].hook.n, 3);
    config_free(c);
    free(text);
}

/* A file of conf/examples, as it is: nothing is wrong with it, and nothing to be warned of but that its
 * addresses are examples. */
static struct config *parse_example(const char *name)
{
    char path[400];
    char *text;
    struct config_file file = {name, NULL, 0};
    struct config_messages m = {0};
    struct config *c;

    (void)snprintf(path, sizeof path, TEST_SOURCE "/conf/examples/%s", name);
    text = slurp(path);
    file.text = text;
    file.len = strlen(text);
    c = config_parse(&file, 1, NULL, &m);
    for (size_t i = 0; i < m.n; i++)
        if (!m.v[i].warning || strstr(m.v[i].text, "is an address for documentation") == NULL)
            fail_msg("%s:%u: %s", m.v[i].file, m.v[i].line, m.v[i].text);
    assert_non_null(c);
    config_messages_clear(&m);
    free(text);
    return c;
}

static void test_examples_are_valid_and_show_every_way(void **state)
{
    bool challenges[CHALLENGE_TYPE_COUNT] = {false};
    bool hooks[DNS_HOOK_COUNT] = {false};
    DIR *d = opendir(TEST_SOURCE "/conf/examples");
    struct dirent *file;

    (void)state;
    assert_non_null(d);
    while ((file = readdir(d)) != NULL) {
        struct config *c;

        if (file->d_name[0] == '.')
            continue;
        c = parse_example(file->d_name);
        assert_true(c->n_certificates > 0);
        for (size_t i = 0; i < c->n_certificates; i++) {
            challenges[c->certificates[i].challenge] = true;
            hooks[c->certificates[i].dns_hook.kind] = true;
        }
        config_free(c);
    }
    (void)closedir(d);
    for (enum challenge_type t = 0; t < CHALLENGE_TYPE_COUNT; t++)
        if (!challenges[t])
            fail_msg("conf/examples has none of %s", challenge_type_to_str(t));
    for (int k = 0; k < DNS_HOOK_COUNT; k++)
        assert_true(hooks[k]);
}

static void test_manual_names_every_key_with_its_default(void **state)
{
    char *text = slurp(TEST_SOURCE "/conf/acmed.conf.5");
    struct config_key_info info;
    char want[200];

    (void)state;
    for (size_t i = 0; config_key_info(i, &info); i++) {
        (void)snprintf(want, sizeof want, "\n.It Ic %s", info.name);
        if (strcmp(info.name, "group") != 0 && strcmp(info.name, "mode") != 0 && strstr(text, want) == NULL)
            fail_msg("conf/acmed.conf.5: %s is missing", info.name);
        (void)snprintf(want, sizeof want, "\n.Ql %s", info.default_ != NULL ? info.default_ : "");
        if (info.default_ != NULL && strstr(text, want) == NULL)
            fail_msg("conf/acmed.conf.5: the default %s of %s is missing", info.default_, info.name);
    }
    assert_non_null(strstr(text, "\n.It Ic owner , group , mode\n"));
    free(text);
}

static void test_table_is_complete(void **state)
{
    struct config_key_info info;
    size_t n;

    (void)state;
    for (n = 0; config_key_info(n, &info); n++) {
        assert_true(strlen(info.help) > 10);
        assert_true(strlen(info.section) > 0);
    }
    assert_true(n > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example_names_every_key_with_its_default),
        cmocka_unit_test(test_example_is_valid),
        cmocka_unit_test(test_examples_are_valid_and_show_every_way),
        cmocka_unit_test(test_manual_names_every_key_with_its_default),
        cmocka_unit_test(test_table_is_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
