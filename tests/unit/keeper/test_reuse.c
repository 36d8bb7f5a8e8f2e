/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/order.h"

#include "daemon/keeper/pending.h"
#include "lib/act.h"
#include "lib/key.h"

#define KEPT FIXTURE_PLAIN "reuse_key = yes\n"

static void begin(struct fixture *f, struct peer *p)
{
    peer_start(p, f);
    order_account(p);
}

static void set_up(struct fixture *f, struct peer *p, const char *text)
{
    fixture_open(f, text);
    begin(f, p);
}

static void restart(struct fixture *f, struct peer *p)
{
    assert_int_equal(kill(p->pid, SIGKILL), 0);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
    ipc_conn_free(p->engine);
    ipc_conn_free(p->supervisor);
    begin(f, p);
}

/* As a reload does: another keeper, with this configuration. */
static void reconfigure(struct fixture *f, struct peer *p, const char *text)
{
    assert_int_equal(peer_stop(p), 0);
    fixture_configure(f, text);
    begin(f, p);
}

static void issue(struct peer *p, uint64_t generation)
{
    peer_ask(p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)0);
    order_install(p, "one.test", order_finalize(p, "one.test"), generation);
}

static bool same_key(const struct fixture *f, unsigned a, unsigned b)
{
    char path[64];
    char *first;
    char *second;
    bool same;

    (void)snprintf(path, sizeof path, "state/certs/one.test/%u/privkey.pem", a);
    first = fixture_read(f, path);
    (void)snprintf(path, sizeof path, "state/certs/one.test/%u/privkey.pem", b);
    second = fixture_read(f, path);
    assert_non_null(first);
    assert_non_null(second);
    same = strcmp(first, second) == 0;
    free(first);
    free(second);
    return same;
}

static void compromise(struct peer *p)
{
    assert_true(ipc_send(p->supervisor, IPC_PERMIT, 77, (uint64_t)ACT_REVOKE, "one.test", (uint64_t)0,
                         (uint64_t)ACT_REASON_KEY_COMPROMISE));
    peer_send_all(p->supervisor);
    assert_true(peer_receive(p, p->supervisor));
    assert_int_equal(p->m.type, IPC_PERMITTED);
}

static void test_each_renewal_makes_a_new_key_by_default(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, FIXTURE_PLAIN);
    issue(&p, 1);
    issue(&p, 2);
    assert_false(same_key(&f, 1, 2));
    peer_close(&p, &f);
}

static void test_the_key_is_kept(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    issue(&p, 2);
    restart(&f, &p);
    issue(&p, 3);
    assert_true(same_key(&f, 1, 2));
    assert_true(same_key(&f, 1, 3));
    assert_false(fixture_exists(&f, "state/certs/one.test/pending/key.pem"));
    peer_close(&p, &f);
}

static void test_a_resumed_order_has_the_kept_key(void **state)
{
    struct fixture f;
    struct peer p;
    char *chain;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    chain = order_finalize(&p, "one.test");
    assert_int_equal(fixture_mode(&f, "state/certs/one.test/pending/key.pem"), 0600);
    restart(&f, &p);
    order_install(&p, "one.test", chain, 2);
    assert_true(same_key(&f, 1, 2));
    peer_close(&p, &f);
}

/* As an administrator, or another client, may have written it: the same key in another form. */
static void test_a_foreign_form_of_the_key_is_kept(void **state)
{
    struct fixture f;
    struct peer p;
    char *pem;
    char *text;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    pem = fixture_read(&f, "state/certs/one.test/1/privkey.pem");
    assert_true(asprintf(&text, "# for the web host\n%s", pem) > 0);
    fixture_write(&f, "state/certs/one.test/1/privkey.pem", text, 0600);
    free(order_finalize(&p, "one.test"));
    peer_ask(&p, IPC_OK, IPC_DISCARD_KEY, "one.test"); /* known as the live one even so */
    assert_true(fixture_exists(&f, "state/certs/one.test/refused-key"));
    assert_int_equal(unlink(fixture_path(&f, "state/certs/one.test/refused-key")), 0);
    issue(&p, 2);
    fixture_write(&f, "state/certs/one.test/1/privkey.pem", pem, 0600);
    assert_true(same_key(&f, 1, 2));
    free(text);
    free(pem);
    peer_close(&p, &f);
}

/* The CA would refuse it again and again. */
static void test_a_refused_key_is_not_offered_again(void **state)
{
    struct fixture f;
    struct peer p;
    char *chain;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    chain = order_finalize(&p, "one.test");
    peer_ask(&p, IPC_OK, IPC_DISCARD_KEY, "one.test");
    restart(&f, &p);
    peer_refused(&p, "key", IPC_INSTALL, "one.test", chain);
    free(chain);
    issue(&p, 2);
    assert_false(same_key(&f, 1, 2));
    issue(&p, 3); /* the new one is kept from then on */
    assert_true(same_key(&f, 2, 3));
    peer_close(&p, &f);
}

/* What a CA refused was a new key: the live one was not. */
static void test_a_refused_new_key_says_nothing_of_the_live_one(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, FIXTURE_PLAIN);
    issue(&p, 1);
    free(order_finalize(&p, "one.test"));
    peer_ask(&p, IPC_OK, IPC_DISCARD_KEY, "one.test");
    reconfigure(&f, &p, KEPT);
    issue(&p, 2);
    assert_true(same_key(&f, 1, 2));
    peer_close(&p, &f);
}

/* An order from before reuse_key was set has left a key behind: it is not the one that is published. */
static void test_the_key_of_an_earlier_order_makes_way(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, FIXTURE_PLAIN);
    issue(&p, 1);
    free(order_finalize(&p, "one.test"));
    reconfigure(&f, &p, KEPT);
    issue(&p, 2);
    assert_true(same_key(&f, 1, 2));
    /* And the other way round: kept for an order, but to be kept no longer. */
    free(order_finalize(&p, "one.test"));
    reconfigure(&f, &p, FIXTURE_PLAIN);
    issue(&p, 3);
    assert_false(same_key(&f, 2, 3));
    peer_close(&p, &f);
}

static void test_a_key_that_others_know_is_not_kept(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    compromise(&p);
    issue(&p, 2);
    assert_false(same_key(&f, 1, 2));
    free(order_finalize(&p, "one.test"));
    compromise(&p); /* while an order is in flight */
    issue(&p, 3);
    assert_false(same_key(&f, 2, 3));
    assert_false(same_key(&f, 1, 3));
    peer_close(&p, &f);
}

/* Which keys others know is not known any more: none is kept until somebody has looked at it. */
static void test_a_damaged_list_keeps_no_key(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    compromise(&p);
    fixture_write(&f, "state/certs/one.test/revoked.json", "{", 0644);
    issue(&p, 2);
    assert_false(same_key(&f, 1, 2));
    issue(&p, 3);
    assert_false(same_key(&f, 2, 3));
    assert_int_equal(unlink(fixture_path(&f, "state/certs/one.test/revoked.json.bad")), 0);
    issue(&p, 4);
    assert_true(same_key(&f, 3, 4));
    peer_close(&p, &f);
}

static void test_a_damaged_key_is_not_kept(void **state)
{
    struct fixture f;
    struct peer p;
    char *other;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    fixture_write(&f, "state/certs/one.test/1/privkey.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n", 0600);
    issue(&p, 2);
    assert_false(same_key(&f, 1, 2));
    other = fixture_read(&f, "state/certs/one.test/2/privkey.pem");
    issue(&p, 3);
    fixture_write(&f, "state/certs/one.test/2/privkey.pem", other, 0600);
    assert_true(same_key(&f, 2, 3));
    free(other);
    /* One that is whole, but not this certificate's. */
    other = fixture_read(&f, "state/accounts/test/key.pem");
    assert_non_null(other);
    fixture_write(&f, "state/certs/one.test/3/privkey.pem", other, 0600);
    free(other);
    issue(&p, 4);
    assert_false(same_key(&f, 3, 4));
    peer_close(&p, &f);
}

static void test_another_type_is_a_new_key(void **state)
{
    struct fixture f;
    struct peer p;
    struct key *key;
    char *pem;

    (void)state;
    set_up(&f, &p, KEPT);
    issue(&p, 1);
    reconfigure(&f, &p, KEPT "key = ecdsa-p384\n");
    issue(&p, 2);
    pem = fixture_read(&f, "state/live/one.test/privkey.pem");
    key = key_from_pem(pem, strlen(pem), NULL);
    assert_non_null(key);
    assert_int_equal(key_type(key), KEY_TYPE_ECDSA_P384);
    key_free(key);
    free(pem);
    peer_close(&p, &f);
}

/* Stops all children of the keeper that make keys, once there are as many as there may be. Whoever is stopped
 * ends nothing: what is answered meanwhile did not wait for them. */
static void stop_children(struct peer *p, pid_t children[PENDING_CHILDREN_MAX])
{
    char path[64];
    char text[256];
    size_t n = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)p->pid, (int)p->pid);
    while (n != PENDING_CHILDREN_MAX) {
        FILE *file = fopen(path, "r");
        char *at = text;

        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        (void)fclose(file);
        for (n = 0; n < PENDING_CHILDREN_MAX && *at != '\0'; n++) {
            children[n] = (pid_t)strtol(at, &at, 10);
            at += strspn(at, " \n");
            (void)kill(children[n], SIGSTOP);
        }
        peer_ask(p, IPC_PONG, IPC_PING);
    }
}

#define SLOW_KEYS                                                                                            \
    FIXTURE_CA "[defaults]\nca = test\n[certificate one.test]\nkey = rsa-2048\nreuse_key = yes\n"            \
               "[certificate ec.test]\n"                                                                     \
               "[certificate a.test]\nkey = rsa-4096\n[certificate b.test]\nkey = rsa-4096\n"                \
               "[certificate c.test]\nkey = rsa-4096\n[certificate d.test]\nkey = rsa-4096\n"                \
               "[certificate e.test]\nkey = rsa-4096\n[certificate f.test]\nkey = rsa-4096\n"

/* All four children make keys and do not get done; more are waited for. */
static void test_slow_keys_delay_no_other(void **state)
{
    static const char *const slow[] = {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test"};
    pid_t children[PENDING_CHILDREN_MAX];
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p, SLOW_KEYS);
    issue(&p, 1);
    for (unsigned i = 0; i < 6; i++)
        peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, slow[i], URL, NONCE, "test", (uint64_t)0);
    stop_children(&p, children);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "ec.test", URL, NONCE, "test", (uint64_t)0);
    order_install(&p, "ec.test", order_finalize(&p, "ec.test"), 1);
    peer_ask(&p, IPC_OK, IPC_COPY, "ec.test");
    issue(&p, 2); /* RSA as well, but the key is there */
    assert_true(same_key(&f, 1, 2));
    for (unsigned i = 0; i < PENDING_CHILDREN_MAX; i++)
        assert_int_equal(kill(children[i], SIGCONT), 0);
    free(order_finalize(&p, "a.test"));
    peer_close(&p, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_renewal_makes_a_new_key_by_default),
        cmocka_unit_test(test_the_key_is_kept),
        cmocka_unit_test(test_a_resumed_order_has_the_kept_key),
        cmocka_unit_test(test_a_foreign_form_of_the_key_is_kept),
        cmocka_unit_test(test_a_refused_key_is_not_offered_again),
        cmocka_unit_test(test_a_refused_new_key_says_nothing_of_the_live_one),
        cmocka_unit_test(test_the_key_of_an_earlier_order_makes_way),
        cmocka_unit_test(test_a_key_that_others_know_is_not_kept),
        cmocka_unit_test(test_a_damaged_list_keeps_no_key),
        cmocka_unit_test(test_a_damaged_key_is_not_kept),
        cmocka_unit_test(test_another_type_is_a_new_key),
        cmocka_unit_test(test_slow_keys_delay_no_other),
    };

    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
