/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/engine/challenge.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
    *state = challenges_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    challenges_free(*state);
    return 0;
}

static void test_known_and_unknown(void **state)
{
    struct challenges *cs = *state;

    assert_null(challenge_find(cs, "token", 5));
    assert_true(challenge_add(cs, "token", "thumb"));
    assert_string_equal(challenge_find(cs, "token", 5), "token.thumb");
    assert_null(challenge_find(cs, "token", 4));
    assert_null(challenge_find(cs, "tokens", 6));
    assert_null(challenge_find(cs, "token.thumb", 11));
    assert_null(challenge_find(cs, "tokeN", 5));
    assert_null(challenge_find(cs, "", 0));
    challenge_remove(cs, "token");
    assert_null(challenge_find(cs, "token", 5));
}

/* Two orders that share an authorization: the first to end must not take the token from the other. */
static void test_counted(void **state)
{
    struct challenges *cs = *state;

    assert_true(challenge_add(cs, "t", "thumb"));
    assert_true(challenge_add(cs, "t", "thumb"));
    challenge_remove(cs, "t");
    assert_string_equal(challenge_find(cs, "t", 1), "t.thumb");
    challenge_remove(cs, "t");
    assert_null(challenge_find(cs, "t", 1));
    challenge_remove(cs, "t"); /* once too often is harmless */
}

/* Far more than there are buckets. */
static void test_many(void **state)
{
    struct challenges *cs = *state;
    char token[32];
    char wanted[48];

    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(token, sizeof token, "token-%u", i);
        assert_true(challenge_add(cs, token, "x"));
    }
    for (unsigned i = 0; i < 3000; i += 2) {
        (void)snprintf(token, sizeof token, "token-%u", i);
        challenge_remove(cs, token);
    }
    for (unsigned i = 0; i < 3000; i++) {
        const char *found;

        (void)snprintf(token, sizeof token, "token-%u", i);
        (void)snprintf(wanted, sizeof wanted, "%s.x", token);
        found = challenge_find(cs, token, strlen(token));
        if (i % 2 == 0)
            assert_null(found);
        else
            assert_string_equal(found, wanted);
    }
}

static void test_free_nothing(void **state)
{
    (void)state;
    challenges_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known_and_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test(test_free_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
