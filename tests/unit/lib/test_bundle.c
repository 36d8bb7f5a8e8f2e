/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/fixture.h"

#include "tests/unit/draw.h"
#include "lib/bundle.h"

static void put(struct bundle *b, enum bundle_file f, const char *text)
{
    buf_clear(&b->file[f]);
    assert_true(buf_addstr(&b->file[f], text));
}

static void add(struct bundle *b, enum bundle_file f, const char *fixture)
{
    char *text = fixture_read(fixture, NULL);

    assert_true(buf_addstr(&b->file[f], text));
    free(text);
}

/* As acmed writes it. */
static void add_key(struct bundle *b, enum bundle_file f)
{
    struct key *key = fixture_key("p256.key");
    struct err e;

    assert_true(key_to_pem(key, &b->file[f], &e));
    key_free(key);
}

static void make(struct bundle *b)
{
    bundle_init(b, 65536);
    add(b, BUNDLE_CERT, "leaf.pem");
    add(b, BUNDLE_CHAIN, "int.pem");
    add(b, BUNDLE_FULLCHAIN, "leaf.pem");
    add(b, BUNDLE_FULLCHAIN, "int.pem");
    add_key(b, BUNDLE_PRIVKEY);
    add(b, BUNDLE_HAPROXY, "leaf.pem");
    add(b, BUNDLE_HAPROXY, "int.pem");
    add_key(b, BUNDLE_HAPROXY);
}

static void test_sound(void **state)
{
    struct bundle b;
    struct err e;

    (void)state;
    make(&b);
    if (!bundle_check(&b, &e))
        fail_msg("%s", e.text);
    bundle_clear(&b);
}

/* An administrator's own files: other line ends, a text above, the key first. */
static void test_layout_does_not_matter(void **state)
{
    struct bundle b;
    struct err e;

    (void)state;
    make(&b);
    put(&b, BUNDLE_CHAIN, "The intermediate:\n");
    add(&b, BUNDLE_CHAIN, "int.pem");
    put(&b, BUNDLE_FULLCHAIN, "\n");
    add(&b, BUNDLE_FULLCHAIN, "leaf.pem");
    put(&b, BUNDLE_PRIVKEY, "");
    add(&b, BUNDLE_PRIVKEY, "p256-sec1.key");
    put(&b, BUNDLE_HAPROXY, "");
    add(&b, BUNDLE_HAPROXY, "p256-sec1.key");
    add(&b, BUNDLE_HAPROXY, "leaf.pem");
    add(&b, BUNDLE_HAPROXY, "int.pem");
    add(&b, BUNDLE_FULLCHAIN, "int.pem");
    if (!bundle_check(&b, &e))
        fail_msg("%s", e.text);
    bundle_clear(&b);
}

static void test_what_does_not_go_together(void **state)
{
    static const struct {
        enum bundle_file f;
        const char *fixture; /* in its place; "": nothing */
        const char *why;
    } cases[] = {
        {BUNDLE_CERT, "", "cert.pem is missing or empty"},
        {BUNDLE_CERT, "leaf-rsa.pem", "fullchain.pem is not cert.pem and chain.pem"},
        {BUNDLE_CHAIN, "", "fullchain.pem is not cert.pem and chain.pem"},
        {BUNDLE_CHAIN, "root.pem", "fullchain.pem is not cert.pem and chain.pem"},
        {BUNDLE_FULLCHAIN, "leaf.pem", "fullchain.pem is not cert.pem and chain.pem"},
        {BUNDLE_PRIVKEY, "p384.key", "privkey.pem is not the key of cert.pem: the certificate was made for"},
        {BUNDLE_PRIVKEY, "leaf.pem", "privkey.pem is not the key of cert.pem"},
        {BUNDLE_HAPROXY, "leaf.pem", "haproxy.pem is not fullchain.pem and privkey.pem"},
        {BUNDLE_HAPROXY, "p256.key", "haproxy.pem is not fullchain.pem and privkey.pem"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bundle b;
        struct bundle was;
        enum bundle_file which = BUNDLE_FILES;
        struct err e;

        make(&b);
        make(&was);
        buf_clear(&b.file[cases[i].f]);
        if (cases[i].fixture[0] != '\0')
            add(&b, cases[i].f, cases[i].fixture);
        assert_false(bundle_check(&b, &e));
        if (strstr(e.text, cases[i].why) == NULL)
            fail_msg("%zu: %s", i, e.text);
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_true(bundle_repair(&b, &which));
        assert_int_equal(which, cases[i].f);
        for (size_t f = 0; f < BUNDLE_FILES; f++)
            assert_string_equal(b.file[f].data, was.file[f].data);
        bundle_clear(&b);
        bundle_clear(&was);
    }
}

/* Some bits of a key are overlooked by the reader of one library and refused by that of another: every one
 * counts, in either file. */
static void test_every_bit_of_the_key(void **state)
{
    struct bundle b;
    enum bundle_file which;
    size_t len;

    (void)state;
    make(&b);
    len = b.file[BUNDLE_PRIVKEY].len;
    for (size_t i = 0; i < len - 1; i++) { /* but for the newline at the end */
        b.file[BUNDLE_PRIVKEY].data[i] ^= 1;
        assert_true(bundle_repair(&b, &which));
        assert_int_equal(which, BUNDLE_PRIVKEY);
        b.file[BUNDLE_HAPROXY].data[b.file[BUNDLE_HAPROXY].len - len + i] ^= 1;
        assert_true(bundle_repair(&b, &which));
        assert_int_equal(which, BUNDLE_HAPROXY);
    }
    bundle_clear(&b);
}

/* haproxy.pem is not certbot's: who put the other files there may not know it. */
static void test_a_foreign_key_without_haproxy(void **state)
{
    struct bundle b;
    enum bundle_file which;
    struct err e;

    (void)state;
    make(&b);
    put(&b, BUNDLE_PRIVKEY, "");
    add(&b, BUNDLE_PRIVKEY, "p256-sec1.key");
    put(&b, BUNDLE_HAPROXY, "");
    assert_true(bundle_repair(&b, &which));
    assert_int_equal(which, BUNDLE_HAPROXY);
    assert_true(bundle_check(&b, &e));
    bundle_clear(&b);
}

/* Two files that lie in the same way prove nothing. */
static void test_nothing_is_guessed(void **state)
{
    struct bundle b;
    enum bundle_file which = BUNDLE_FILES;

    (void)state;
    make(&b);
    put(&b, BUNDLE_CHAIN, "");
    put(&b, BUNDLE_FULLCHAIN, "");
    add(&b, BUNDLE_FULLCHAIN, "leaf-rsa.pem");
    assert_false(bundle_repair(&b, &which));
    assert_int_equal(which, BUNDLE_FILES);
    assert_int_equal(b.file[BUNDLE_CHAIN].len, 0);
    bundle_clear(&b);
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    return crypto_init(draw, &e) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    crypto_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_layout_does_not_matter),
        cmocka_unit_test(test_what_does_not_go_together),
        cmocka_unit_test(test_every_bit_of_the_key),
        cmocka_unit_test(test_a_foreign_key_without_haproxy),
        cmocka_unit_test(test_nothing_is_guessed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
