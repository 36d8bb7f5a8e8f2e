/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/order.h"

#include "lib/cert.h"

#define TWO_CAS                                                                                              \
    FIXTURE_CA "[ca other]\ndirectory = https://other.test/dir\n[certificate one.test]\nca = test\n"

static void test_one_issuance(void **state)
{
    struct fixture f;
    struct peer p;
    json_t *payload;
    char *chain;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN "copy = fullchain:@/copy.pem\n");
    peer_ask(&p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    assert_string_equal(p.m.field[0].s, "");
    assert_int_equal(p.m.field[1].len, 43);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    jws_header_is(p.m.field[0].s, "kid", NULL);
    jws_header_is(p.m.field[0].s, "nonce", NONCE);
    payload = jws_part(p.m.field[0].s, "payload");
    assert_true(json_is_true(json_object_get(payload, "termsOfServiceAgreed")));
    json_decref(payload);
    peer_refused(&p, "account", IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test",
                 (uint64_t)0); /* not registered yet */
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_SAVE, "test", ACCOUNT);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)0);
    jws_header_is(p.m.field[0].s, "kid", ACCOUNT);
    jws_header_is(p.m.field[0].s, "url", URL);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FETCH, "test", URL, NONCE);
    assert_null(jws_part(p.m.field[0].s, "payload"));
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_ANSWER, "test", URL, NONCE);
    payload = jws_part(p.m.field[0].s, "payload");
    assert_true(json_is_object(payload));
    assert_int_equal(json_object_size(payload), 0);
    json_decref(payload);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    assert_true(fixture_exists(&f, "state/certs/one.test/pending/key.pem"));
    chain = order_certify(p.m.field[0].s, "one.test");
    peer_ask(&p, IPC_INSTALLED, IPC_INSTALL, "one.test", chain);
    assert_int_equal(p.m.field[0].u, 1);
    peer_ask(&p, IPC_OK, IPC_COPY, "one.test");
    assert_true(fixture_exists(&f, "copy.pem"));
    peer_ask(&p, IPC_EXAMINED, IPC_EXAMINE, "one.test");
    assert_int_equal(p.m.field[0].u, 1);
    assert_int_equal(p.m.field[1].u, IPC_HEALTH_SOUND);
    fixture_write(&f, "state/certs/one.test/1/privkey.pem", "", 0600);
    peer_ask(&p, IPC_EXAMINED, IPC_EXAMINE, "one.test");
    assert_int_equal(p.m.field[1].u, IPC_HEALTH_REPAIRED);
    assert_string_equal(p.m.field[2].s, "privkey.pem is missing or empty");
    peer_ask(&p, IPC_OK, IPC_MARK_SERVED, "one.test", (uint64_t)1);
    peer_ask(&p, IPC_ERROR, IPC_MARK_SERVED, "one.test", (uint64_t)2);
    assert_true(ipc_send(p.supervisor, IPC_FACTS, 5, "one.test", (uint64_t)1));
    peer_send_all(p.supervisor);
    assert_true(peer_receive(&p, p.supervisor));
    assert_int_equal(p.m.type, IPC_FACTS_REPLY);
    assert_int_equal(p.m.id, 5);
    assert_string_equal(p.m.field[0].s, fixture_path(&f, "state/certs/one.test/1"));
    assert_true(p.m.field[1].u > (uint64_t)time(NULL) + 89 * DAY);
    assert_string_equal(p.m.field[3].s, "one.test");
    free(chain);
    peer_close(&p, &f);
}

/* What the order says of itself; NULL: nothing. */
static void order_says(struct peer *p, const char *member, const char *value)
{
    json_t *payload = jws_part(p->m.field[0].s, "payload");
    const char *said = json_string_value(json_object_get(payload, member));

    if (value == NULL)
        assert_null(said);
    else
        assert_string_equal(said, value);
    json_decref(payload);
}

/* The engine says only that there is something to replace; what it is, the keeper knows. */
static void test_what_an_order_replaces(void **state)
{
    struct cert_facts facts;
    struct fixture f;
    struct peer p;
    struct err e;
    char *chain;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN "profile = shortlived\n");
    order_account(&p);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)1);
    order_says(&p, "replaces", NULL); /* there is no certificate yet */
    order_says(&p, "profile", "shortlived");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    chain = order_certify(p.m.field[0].s, "one.test");
    peer_ask(&p, IPC_INSTALLED, IPC_INSTALL, "one.test", chain);
    assert_true(cert_facts_parse(&facts, chain, strlen(chain), &e));
    assert_non_null(facts.ari_id);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)1);
    order_says(&p, "replaces", facts.ari_id);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)0);
    order_says(&p, "replaces", NULL);
    cert_facts_clear(&facts);
    free(chain);
    peer_close(&p, &f);
}

static void test_what_is_not_configured_is_refused(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    peer_open(&p, &f, TWO_CAS);
    order_account(&p);
    peer_refused(&p, "configured CA", IPC_ACCOUNT_LOAD, "nobody");
    peer_refused(&p, "configured CA", IPC_ACCOUNT_LOAD, "../test");
    peer_refused(&p, "configured CA", IPC_SIGN_FETCH, "", URL, NONCE);
    peer_refused(&p, "no CA that is configured for one.test", IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE,
                 "letsencrypt", (uint64_t)0);
    peer_refused(&p, "no CA that is configured for one.test", IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "x");
    peer_refused(&p, "configured certificate", IPC_SIGN_NEW_ORDER, "two.test", URL, NONCE, "test",
                 (uint64_t)0);
    peer_refused(&p, "configured certificate", IPC_SIGN_FINALIZE, "../one.test", URL, NONCE, "test");
    peer_refused(&p, "configured certificate", IPC_INSTALL, "two.test", "x");
    peer_refused(&p, "configured certificate", IPC_COPY, "/etc");
    peer_refused(&p, "configured certificate", IPC_EXAMINE, "two.test");
    peer_refused(&p, "no certificate is live", IPC_EXAMINE, "one.test");
    peer_refused(&p, "configured certificate", IPC_MARK_SERVED, "two.test", (uint64_t)1);
    peer_refused(&p, "configured certificate", IPC_DISCARD_KEY, "live");
    peer_refused(&p, "origin", IPC_SIGN_FETCH, "test", "https://other.test/acme/1", NONCE);
    peer_refused(&p, "origin", IPC_SIGN_NEW_ORDER, "one.test", "https://ca.test:444/acme/1", NONCE, "test",
                 (uint64_t)0);
    peer_refused(&p, "origin", IPC_SIGN_FINALIZE, "one.test", "https://ca.test.evil.test/1", NONCE, "test");
    peer_refused(&p, "origin", IPC_ACCOUNT_SAVE, "test", "https://evil.test/acct/1");
    peer_refused(&p, "refused", IPC_ACCOUNT_SAVE, "test", "");
    peer_refused(&p, "refused", IPC_SIGN_FETCH, "test", "http://ca.test/acme/1", NONCE);
    peer_refused(&p, "refused", IPC_SIGN_ANSWER, "test", "file:///etc/shadow", NONCE);
    peer_refused(&p, "nonce", IPC_SIGN_FETCH, "test", URL, "");
    peer_refused(&p, "nonce", IPC_SIGN_FETCH, "test", URL, "a\",\"jwk\":\"b");
    peer_refused(&p, "key of this order", IPC_INSTALL, "one.test", "x");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FETCH, "test", URL, NONCE); /* and it still serves */
    peer_close(&p, &f);
}

static void test_a_chain_for_others_is_not_installed(void **state)
{
    struct fixture f;
    struct peer p;
    char *foreign;
    char *old;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN);
    order_account(&p);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    foreign = order_certify(p.m.field[0].s, "evil.test");
    old = order_certify(p.m.field[0].s, "one.test");
    peer_refused(&p, "not installed", IPC_INSTALL, "one.test", foreign);
    peer_ask(&p, IPC_OK, IPC_DISCARD_KEY, "one.test");
    peer_refused(&p, "key", IPC_INSTALL, "one.test", old);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    peer_refused(&p, "another key", IPC_INSTALL, "one.test", old);
    assert_false(fixture_exists(&f, "state/live/one.test"));
    free(foreign);
    free(old);
    peer_close(&p, &f);
}

/* An order that a new keeper finishes has the key it began with. */
static void test_a_resumed_order_keeps_its_key(void **state)
{
    struct fixture f;
    struct peer p;
    char *chain;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN);
    order_account(&p);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    chain = order_certify(p.m.field[0].s, "one.test");
    assert_int_equal(kill(p.pid, SIGKILL), 0);
    assert_int_equal(waitpid(p.pid, NULL, 0), p.pid);
    ipc_conn_free(p.engine);
    ipc_conn_free(p.supervisor);
    peer_start(&p, &f);
    peer_ask(&p, IPC_INSTALLED, IPC_INSTALL, "one.test", chain);
    assert_int_equal(p.m.field[0].u, 1);
    peer_ask(&p, IPC_INSTALLED, IPC_INSTALL, "one.test", chain); /* its reply was lost: asked again */
    assert_int_equal(p.m.field[0].u, 1);
    free(chain);
    peer_close(&p, &f);
}

/* 64 at once, which is more than 2.28's PSA has key slots. */
static void test_many_orders_at_once(void **state)
{
    struct fixture f;
    struct peer p;
    struct buf text;
    char name[32];
    char *chains[64];

    (void)state;
    buf_init(&text, 65536);
    (void)buf_addstr(&text, FIXTURE_CA "[defaults]\nca = test\n");
    for (unsigned i = 0; i < 64; i++)
        (void)buf_addf(&text, "[certificate n%02u.test]\n", i);
    peer_open(&p, &f, text.data);
    order_account(&p);
    for (unsigned i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "n%02u.test", i);
        assert_true(ipc_send(p.engine, IPC_SIGN_NEW_ORDER, 1000 + i, name, URL, NONCE, "test", (uint64_t)0));
    }
    for (unsigned i = 0; i < 64; i++) {
        (void)snprintf(name, sizeof name, "n%02u.test", i);
        assert_true(ipc_send(p.engine, IPC_SIGN_FINALIZE, 2000 + i, name, URL, NONCE, "test"));
    }
    peer_send_all(p.engine);
    for (unsigned i = 0; i < 64; i++)
        peer_expect(&p, IPC_SIGNED, 1000 + i);
    for (unsigned i = 0; i < 64; i++) {
        peer_expect(&p, IPC_SIGNED, 2000 + i);
        (void)snprintf(name, sizeof name, "n%02u.test", i);
        chains[i] = order_certify(p.m.field[0].s, name);
    }
    for (unsigned i = 0; i < 64; i++) { /* more than one batch takes */
        (void)snprintf(name, sizeof name, "n%02u.test", i);
        assert_true(ipc_send(p.engine, IPC_INSTALL, 3000 + i, name, chains[i]));
        free(chains[i]);
    }
    peer_send_all(p.engine);
    for (unsigned i = 0; i < 64; i++)
        peer_expect(&p, IPC_INSTALLED, 3000 + i);
    buf_clear(&text);
    peer_close(&p, &f);
}

/* A sound engine waits for each answer. One that does not gets the same as if it had. */
static void test_requests_about_one_certificate_keep_their_order(void **state)
{
    struct fixture f;
    struct peer p;
    char *chain;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN "copy = fullchain:@/copy.pem\n");
    order_account(&p);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    chain = order_certify(p.m.field[0].s, "one.test");
    assert_true(ipc_send(p.engine, IPC_INSTALL, 10, "one.test", chain));
    assert_true(ipc_send(p.engine, IPC_INSTALL, 11, "one.test", chain));
    assert_true(ipc_send(p.engine, IPC_COPY, 12, "one.test"));
    assert_true(ipc_send(p.engine, IPC_MARK_SERVED, 13, "one.test", (uint64_t)1));
    assert_true(ipc_send(p.engine, IPC_DISCARD_KEY, 14, "one.test"));
    assert_true(ipc_send(p.engine, IPC_INSTALL, 15, "one.test", "nothing"));
    assert_true(ipc_send(p.engine, IPC_MARK_SERVED, 16, "one.test", (uint64_t)2));
    peer_send_all(p.engine);
    peer_expect(&p, IPC_INSTALLED, 10);
    assert_int_equal(p.m.field[0].u, 1);
    peer_expect(&p, IPC_INSTALLED, 11);
    assert_int_equal(p.m.field[0].u, 1);
    peer_expect(&p, IPC_OK, 12);
    peer_expect(&p, IPC_OK, 13);
    peer_expect(&p, IPC_OK, 14);
    peer_expect(&p, IPC_ERROR, 15);
    peer_expect(&p, IPC_ERROR, 16);
    assert_true(fixture_exists(&f, "copy.pem"));
    assert_false(fixture_exists(&f, "state/certs/one.test/2"));
    free(chain);
    peer_close(&p, &f);
}

/* Read before the end of the connection, done before the end of the keeper. */
static void test_what_was_asked_last_is_done(void **state)
{
    struct fixture f;
    struct peer p;
    char *chain;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN);
    order_account(&p);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    chain = order_certify(p.m.field[0].s, "one.test");
    assert_true(ipc_send(p.engine, IPC_INSTALL, 10, "one.test", chain));
    peer_send_all(p.engine);
    assert_int_equal(shutdown(ipc_conn_fd(p.engine), SHUT_WR), 0);
    assert_int_equal(peer_wait(&p), 0);
    assert_true(fixture_exists(&f, "state/live/one.test"));
    assert_int_equal(fixture_leftovers(&f, "state/certs/one.test"), 0);
    free(chain);
    fixture_close(&f);
}

/* While a child makes RSA keys (more of them than may run at a time), everything else is answered. */
static void test_slow_keys_hold_nobody_up(void **state)
{
    static const char *const slow[] = {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test"};
    struct fixture f;
    struct peer p;
    unsigned answered = 0;

    (void)state;
    peer_open(&p, &f,
              FIXTURE_CA
              "[defaults]\nca = test\n[certificate one.test]\n[certificate a.test]\nkey = rsa-2048\n"
              "[certificate b.test]\nkey = rsa-2048\n[certificate c.test]\nkey = rsa-2048\n"
              "[certificate d.test]\nkey = rsa-2048\n[certificate e.test]\nkey = rsa-2048\n"
              "[certificate f.test]\nkey = rsa-4096\n");
    order_account(&p);
    for (unsigned i = 0; i < 6; i++) {
        assert_true(ipc_send(p.engine, IPC_SIGN_FINALIZE, 100 + i, slow[i], URL, NONCE, "test"));
    }
    assert_true(
        ipc_send(p.engine, IPC_SIGN_FINALIZE, 200, "f.test", URL, NONCE, "test")); /* twice: refused */
    assert_true(ipc_send(p.engine, IPC_PING, 201));
    peer_send_all(p.engine);
    peer_expect(&p, IPC_ERROR, 200);
    peer_expect(&p, IPC_PONG, 201);
    while (answered != 0x3f) {
        assert_true(peer_receive(&p, p.engine));
        assert_int_equal(p.m.type, IPC_SIGNED);
        assert_in_range(p.m.id, 100, 105);
        answered |= 1u << (p.m.id - 100);
    }
    assert_true(fixture_exists(&f, "state/certs/f.test/pending/key.pem"));
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)0);
    peer_close(&p, &f);
}

/* An account's key that takes its time holds nobody up, whoever asks for it, and is the same for all. */
static void test_slow_key_of_an_account(void **state)
{
    struct fixture f;
    struct peer p;
    char *thumbprint = NULL;

    (void)state;
    peer_open(&p, &f,
              "[ca test]\ndirectory = https://ca.test/dir\naccount_key = rsa-4096\n"
              "[ca other]\ndirectory = https://other.test/dir\naccount_key = rsa-2048\n"
              "[certificate one.test]\nca = test other\n");
    assert_true(ipc_send(p.engine, IPC_ACCOUNT_LOAD, 100, "test"));
    assert_true(ipc_send(p.engine, IPC_ACCOUNT_LOAD, 101, "test"));
    assert_true(ipc_send(p.engine, IPC_ACCOUNT_LOAD, 102, "other"));
    assert_true(ipc_send(p.engine, IPC_SIGN_FIND_ACCOUNT, 103, "test", URL, NONCE));
    assert_true(ipc_send(p.engine, IPC_PING, 104));
    peer_send_all(p.engine);
    peer_expect(&p, IPC_ERROR, 103);
    assert_non_null(strstr(p.m.field[1].s, "its key is being made"));
    peer_expect(&p, IPC_PONG, 104);
    for (uint32_t id = 100; id <= 102; id++) {
        peer_expect(&p, IPC_ACCOUNT, id);
        assert_string_equal(p.m.field[3].s, id == 102 ? "rsa-2048" : "rsa-4096");
        if (id == 100)
            thumbprint = strdup(p.m.field[1].s);
        else
            assert_int_equal(strcmp(p.m.field[1].s, thumbprint) == 0, id == 101);
    }
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FIND_ACCOUNT, "test", URL, NONCE);
    free(thumbprint);
    peer_close(&p, &f);
}

/* The keeper ends while a child makes one. */
static void test_end_while_a_key_is_made(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    peer_open(&p, &f,
              "[ca test]\ndirectory = https://ca.test/dir\naccount_key = rsa-4096\n"
              "[certificate one.test]\nca = test\n");
    assert_true(ipc_send(p.engine, IPC_ACCOUNT_LOAD, 100, "test"));
    for (uint32_t i = 0; i < 400; i++) /* more than can wait */
        assert_true(ipc_send(p.engine, IPC_ACCOUNT_LOAD, 1000 + i, "test"));
    peer_send_all(p.engine);
    peer_expect(&p, IPC_ERROR, 1255);
    assert_non_null(strstr(p.m.field[1].s, "wait for the keys of accounts"));
    peer_close(&p, &f);
}

static void test_a_key_is_begun_with_the_order(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN "key = rsa-2048\n");
    order_account(&p);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)0);
    for (int i = 0; i < 600 && !fixture_exists(&f, "state/certs/one.test/pending/key.pem"); i++) {
        peer_ask(&p, IPC_PONG, IPC_PING);
        (void)poll(NULL, 0, 100);
    }
    assert_true(fixture_exists(&f, "state/certs/one.test/pending/key.pem"));
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    peer_close(&p, &f);
}

static void test_discarding_ends_the_child(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    peer_open(&p, &f, FIXTURE_PLAIN "key = rsa-4096\n");
    order_account(&p);
    assert_true(ipc_send(p.engine, IPC_SIGN_NEW_ORDER, 1, "one.test", URL, NONCE, "test", (uint64_t)0));
    peer_send_all(p.engine);
    peer_expect(&p, IPC_SIGNED, 1);
    peer_ask(&p, IPC_PONG, IPC_PING);
    peer_ask(&p, IPC_OK, IPC_DISCARD_KEY, "one.test");
    assert_false(fixture_exists(&f, "state/certs/one.test/pending/key.pem"));
    assert_true(ipc_send(p.engine, IPC_SIGN_FINALIZE, 50, "one.test", URL, NONCE, "test"));
    assert_true(ipc_send(p.engine, IPC_DISCARD_KEY, 51, "one.test"));
    peer_send_all(p.engine);
    peer_expect(&p, IPC_OK, 51);
    peer_expect(&p, IPC_SIGNED, 50); /* with another key */
    peer_close(&p, &f);
}

static void test_a_peer_outside_the_protocol_ends_it(void **state)
{
    static const enum ipc_type foreign[] = {IPC_READY, IPC_FACTS, IPC_OK, IPC_STOP};
    struct fixture f;
    struct peer p;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        peer_start(&p, &f);
        if (foreign[i] == IPC_FACTS)
            assert_true(ipc_send(p.engine, IPC_FACTS, 1, "one.test", (uint64_t)1));
        else if (foreign[i] == IPC_READY)
            assert_true(ipc_send(p.engine, IPC_READY, 1, "x"));
        else if (foreign[i] == IPC_STOP)
            assert_true(ipc_send(p.engine, IPC_STOP, 1, (uint64_t)5));
        else
            assert_true(ipc_send(p.engine, foreign[i], 1));
        peer_send_all(p.engine);
        assert_int_equal(peer_wait(&p), 1);
    }
    peer_start(&p, &f);
    assert_true(ipc_send(p.supervisor, IPC_ACCOUNT_LOAD, 1, "test")); /* the supervisor opens no key */
    peer_send_all(p.supervisor);
    assert_int_equal(peer_wait(&p), 1);
    peer_start(&p, &f);
    assert_int_equal(write(ipc_conn_fd(p.engine), "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), 27);
    assert_int_equal(peer_wait(&p), 1);
    fixture_close(&f);
}

static void test_it_ends_with_its_peers(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    peer_start(&p, &f);
    ipc_conn_free(p.engine);
    p.engine = NULL;
    assert_int_equal(peer_wait(&p), 0);
    peer_start(&p, &f);
    assert_int_equal(peer_stop(&p), 0);
    fixture_close(&f);
}

#define BOUND                                                                                                \
    "[ca test]\ndirectory = https://ca.test/dir\neab_kid = kid-1\neab_hmac_file = @/hmac\n"                  \
    "[certificate one.test]\nca = test\n"

static json_t *binding_of(const struct peer *p)
{
    json_t *payload = jws_part(p->m.field[0].s, "payload");
    json_t *binding = json_incref(json_object_get(payload, "externalAccountBinding"));

    json_decref(payload);
    return binding;
}

/* The key is read when it is needed, so that mending the file is enough. */
static void test_binding(void **state)
{
    struct fixture f;
    struct peer p;
    json_t *payload;
    json_t *binding;
    char *text;

    (void)state;
    peer_open(&p, &f, BOUND);
    peer_ask(&p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FIND_ACCOUNT, "test", URL, NONCE);
    payload = jws_part(p.m.field[0].s, "payload");
    assert_int_equal(json_object_size(payload), 1);
    assert_true(json_is_true(json_object_get(payload, "onlyReturnExisting")));
    json_decref(payload);
    jws_header_is(p.m.field[0].s, "kid", NULL);
    peer_refused(&p, "of [ca test]: cannot be opened: No such file", IPC_SIGN_NEW_ACCOUNT, "test", URL,
                 NONCE);
    assert_int_equal(p.m.field[0].u, ERR_CLASS_CONFIG);
    fixture_write(&f, "hmac", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n", 0644);
    peer_refused(&p, "can be read or written by others", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    fixture_write(&f, "hmac", "zWND+M6e\n", 0600);
    peer_refused(&p, "not base64url", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    assert_null(strstr(p.m.field[1].s, "zWND"));
    fixture_write(&f, "hmac", "zWNDZM6e", 0600);
    peer_refused(&p, "too short", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    fixture_write(&f, "hmac", "", 0600);
    peer_refused(&p, "too short", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    fixture_write(&f, "hmac", " AAAAAAAAAAAAAAAAAAAAAAAA", 0600);
    peer_refused(&p, "not base64url", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    text = calloc(1, 8000);
    assert_non_null(text);
    memset(text, 'A', 7999);
    fixture_write(&f, "hmac", text, 0600);
    peer_refused(&p, "too large for a secret", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    text[2000] = '\0';
    fixture_write(&f, "hmac", text, 0600);
    peer_refused(&p, "longer than any HMAC key", IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    free(text);
    fixture_write(&f, "hmac", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n", 0600);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    binding = binding_of(&p);
    text = json_dumps(binding, 0);
    jws_header_is(text, "kid", "kid-1");
    jws_header_is(text, "alg", "HS256");
    jws_header_is(text, "url", URL);
    jws_header_is(text, "nonce", NULL);
    free(text);
    json_decref(binding);
    peer_close(&p, &f);
}

static void test_binding_by_credential(void **state)
{
    struct fixture f;
    struct peer p;
    json_t *binding;

    (void)state;
    fixture_open(&f, "[ca test]\ndirectory = https://ca.test/dir\neab_kid = kid-1\neab_hmac_file = "
                     "credential:hmac\n[certificate one.test]\nca = test\n");
    (void)setenv("CREDENTIALS_DIRECTORY", f.dir, 1);
    peer_start(&p, &f);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    fixture_write(&f, "hmac", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0400);
    peer_ask(&p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    binding = binding_of(&p);
    assert_non_null(binding);
    json_decref(binding);
    peer_close(&p, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binding),
        cmocka_unit_test(test_binding_by_credential),
        cmocka_unit_test(test_one_issuance),
        cmocka_unit_test(test_what_an_order_replaces),
        cmocka_unit_test(test_what_is_not_configured_is_refused),
        cmocka_unit_test(test_a_chain_for_others_is_not_installed),
        cmocka_unit_test(test_a_resumed_order_keeps_its_key),
        cmocka_unit_test(test_many_orders_at_once),
        cmocka_unit_test(test_requests_about_one_certificate_keep_their_order),
        cmocka_unit_test(test_what_was_asked_last_is_done),
        cmocka_unit_test(test_slow_keys_hold_nobody_up),
        cmocka_unit_test(test_slow_key_of_an_account),
        cmocka_unit_test(test_end_while_a_key_is_made),
        cmocka_unit_test(test_a_key_is_begun_with_the_order),
        cmocka_unit_test(test_discarding_ends_the_child),
        cmocka_unit_test(test_a_peer_outside_the_protocol_ends_it),
        cmocka_unit_test(test_it_ends_with_its_peers),
    };

    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
