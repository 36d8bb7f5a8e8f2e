/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/order.h"

#include "lib/act.h"

static void issue(struct peer *p, uint64_t generation)
{
    order_install(p, "one.test", order_finalize(p, "one.test"), generation);
}

/* Two generations, the second of them live. */
static void set_up(struct fixture *f, struct peer *p)
{
    peer_open(p, f, FIXTURE_PLAIN);
    order_account(p);
    issue(p, 1);
    issue(p, 2);
}

static void permit(struct peer *p, enum ipc_type want, enum act_kind kind, const char *subject,
                   uint64_t generation, uint64_t reason)
{
    assert_true(ipc_send(p->supervisor, IPC_PERMIT, 77, (uint64_t)kind, subject, generation, reason));
    peer_send_all(p->supervisor);
    assert_true(peer_receive(p, p->supervisor));
    if (p->m.type != want)
        fail_msg("%s: %s", ipc_type_to_str(p->m.type), p->m.type == IPC_ERROR ? p->m.field[1].s : "");
    assert_int_equal(p->m.id, 77);
}

static void live_is(const struct fixture *f, const char *target)
{
    char is[128] = "";

    assert_true(readlink(fixture_path(f, "state/live/one.test"), is, sizeof is - 1) > 0);
    assert_string_equal(is, target);
}

static void test_nothing_without_a_permit(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p);
    peer_refused(&p, "refused", IPC_SIGN_REVOKE, "one.test", URL, NONCE, "test");
    peer_refused(&p, "refused", IPC_SIGN_REVOKE_BY_KEY, "one.test", URL, NONCE, "test");
    peer_refused(&p, "refused", IPC_REVOKED, "one.test", (uint64_t)1);
    peer_refused(&p, "refused", IPC_ROLLBACK, "one.test", (uint64_t)1);
    live_is(&f, "../certs/one.test/2");
    /* One for another act, or another subject, is none. */
    permit(&p, IPC_PERMITTED, ACT_ROLLBACK, "one.test", 0, 0);
    assert_int_equal(p.m.field[0].u, 1);
    peer_refused(&p, "refused", IPC_SIGN_REVOKE, "one.test", URL, NONCE, "test");
    peer_refused(&p, "refused", IPC_ROLLBACK, "one.test", (uint64_t)2);
    peer_ask(&p, IPC_INSTALLED, IPC_ROLLBACK, "one.test", (uint64_t)1);
    live_is(&f, "../certs/one.test/1");
    peer_refused(&p, "refused", IPC_ROLLBACK, "one.test", (uint64_t)1); /* once */
    permit(&p, IPC_ERROR, ACT_REVOKE, "two.test", 0, 0);
    permit(&p, IPC_ERROR, ACT_REVOKE, "../one.test", 0, 0);
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "", 0, 0);
    permit(&p, IPC_ERROR, ACT_ROLLOVER, "other", 0, 0);
    permit(&p, IPC_ERROR, ACT_REVOKE, "one.test", 9, 0);
    assert_non_null(strstr(p.m.field[1].s, "no generation 9 of one.test on disk: `acmectl show one.test`"));
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 9, 0);
    assert_non_null(strstr(p.m.field[1].s, "no generation 9 of one.test on disk: `acmectl show one.test`"));
    permit(&p, IPC_ERROR, (enum act_kind)99, "one.test", 1, 0);
    permit(&p, IPC_ERROR, ACT_REVOKE, "one.test", 1, 99);
    peer_close(&p, &f);
}

/* The engine cannot permit itself anything. */
static void test_a_permit_is_the_supervisors(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p);
    assert_true(
        ipc_send(p.engine, IPC_PERMIT, 1, (uint64_t)ACT_REVOKE, "one.test", (uint64_t)1, (uint64_t)0));
    peer_send_all(p.engine);
    assert_int_equal(peer_wait(&p), 1);
    fixture_close(&f);
}

/* A list of what was revoked that is damaged keeps no certificate from being renewed. Only what is to be made
 * live again waits for somebody to look at it. */
static void test_damaged_list(void **state)
{
    struct fixture f;
    struct peer p;
    FILE *file;

    (void)state;
    set_up(&f, &p);
    permit(&p, IPC_PERMITTED, ACT_REVOKE, "one.test", 1, ACT_REASON_KEY_COMPROMISE);
    file = fopen(fixture_path(&f, "state/certs/one.test/revoked.json"), "w");
    assert_non_null(file);
    assert_true(fputs("{\"generations\": [", file) > 0);
    assert_int_equal(fclose(file), 0);
    issue(&p, 3);
    live_is(&f, "../certs/one.test/3");
    assert_int_equal(access(fixture_path(&f, "state/certs/one.test/revoked.json.bad"), F_OK), 0);
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 2, 0);
    assert_non_null(strstr(p.m.field[1].s, "revoked.json.bad"));
    permit(&p, IPC_PERMITTED, ACT_REVOKE, "one.test", 1, ACT_REASON_KEY_COMPROMISE); /* noted anew */
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 2, 0);
    assert_int_equal(unlink(fixture_path(&f, "state/certs/one.test/revoked.json.bad")), 0);
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 1, 0);
    permit(&p, IPC_PERMITTED, ACT_ROLLBACK, "one.test", 2, 0);
    peer_close(&p, &f);
}

static char *payload_of(const char *jws, json_int_t *reason)
{
    json_t *payload = jws_part(jws, "payload");
    char *certificate = strdup(json_string_value(json_object_get(payload, "certificate")));

    *reason = json_integer_value(json_object_get(payload, "reason"));
    json_decref(payload);
    return certificate;
}

static void test_revocation(void **state)
{
    struct fixture f;
    struct peer p;
    json_int_t reason;
    char *by_account;
    char *by_key;
    char *noted;
    json_t *header;

    (void)state;
    set_up(&f, &p);
    permit(&p, IPC_PERMITTED, ACT_REVOKE, "one.test", 0, ACT_REASON_SUPERSEDED);
    assert_int_equal(p.m.field[0].u, 2);
    peer_refused(&p, "origin", IPC_SIGN_REVOKE, "one.test", "https://evil.test/", NONCE, "test");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_REVOKE, "one.test", URL, NONCE, "test");
    jws_header_is(p.m.field[0].s, "kid", ACCOUNT);
    by_account = payload_of(p.m.field[0].s, &reason);
    assert_int_equal(reason, ACT_REASON_SUPERSEDED);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_REVOKE_BY_KEY, "one.test", URL, NONCE, "test");
    jws_header_is(p.m.field[0].s, "kid", NULL);
    header = jws_part(p.m.field[0].s, "protected");
    assert_true(json_is_object(json_object_get(header, "jwk")));
    json_decref(header);
    by_key = payload_of(p.m.field[0].s, &reason);
    assert_string_equal(by_key, by_account);
    peer_refused(&p, "refused", IPC_REVOKED, "one.test", (uint64_t)1);
    peer_ask(&p, IPC_OK, IPC_REVOKED, "one.test", (uint64_t)2);
    peer_refused(&p, "refused", IPC_REVOKED, "one.test", (uint64_t)2);
    noted = fixture_read(&f, "state/certs/one.test/revoked.json");
    assert_non_null(strstr(noted, "superseded"));
    assert_int_equal(fixture_mode(&f, "state/certs/one.test/revoked.json"), 0644);
    free(noted);
    free(by_key);
    free(by_account);
    peer_close(&p, &f);
}

/* Neither the generation, nor another one with its key, nor a new certificate for it. */
static void test_a_compromised_key(void **state)
{
    struct fixture f;
    struct peer p;
    char *pending;
    char *chain;

    (void)state;
    set_up(&f, &p);
    permit(&p, IPC_PERMITTED, ACT_REVOKE, "one.test", 1, ACT_REASON_KEY_COMPROMISE);
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 1, 0);
    assert_non_null(strstr(p.m.field[1].s, "key-compromise"));
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 0, 0);
    live_is(&f, "../certs/one.test/2");
    /* As if the key of an order in flight were the same one. */
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    assert_int_equal(peer_stop(&p), 0);
    pending = fixture_read(&f, "state/certs/one.test/1/privkey.pem");
    fixture_write(&f, "state/certs/one.test/pending/key.pem", pending, 0600);
    peer_start(&p, &f);
    peer_ask(&p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    chain = order_finalize(&p, "one.test");
    peer_refused(&p, "never used again", IPC_INSTALL, "one.test", chain);
    live_is(&f, "../certs/one.test/2");
    free(pending);
    free(chain);
    peer_close(&p, &f);
}

/* By the name of its section alone it cannot be told which lineage is meant. */
static void test_one_of_several_lineages(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN "key = ecdsa-p256 ecdsa-p384\n");
    peer_start(&p, &f);
    peer_ask(&p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_SAVE, "test", ACCOUNT);
    issue(&p, 1);
    permit(&p, IPC_ERROR, ACT_REVOKE, "one.test", 0, 0);
    assert_non_null(strstr(p.m.field[1].s, "one.test.ecdsa-p256 or one.test.ecdsa-p384"));
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 0, 0);
    permit(&p, IPC_ERROR, ACT_REVOKE, "one.test.rsa-2048", 0, 0);
    permit(&p, IPC_PERMITTED, ACT_REVOKE, "one.test.ecdsa-p256", 0, 0);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_REVOKE, "one.test", URL, NONCE, "test");
    peer_close(&p, &f);
}

/* A note that cannot be read is no reason to trust what it may be about. */
static void test_a_damaged_note(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p);
    fixture_write(&f, "state/certs/one.test/revoked.json", "{", 0644);
    permit(&p, IPC_ERROR, ACT_ROLLBACK, "one.test", 1, 0);
    assert_non_null(strstr(p.m.field[1].s, "revoked.json"));
    peer_close(&p, &f);
}

static void flags_are(struct peer *p, uint64_t flags)
{
    peer_ask(p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    assert_int_equal(p->m.field[2].u & ~(uint64_t)IPC_ACCOUNT_CONTACT_DUE, flags);
    assert_string_equal(p->m.field[3].s, "ecdsa-p256");
}

static void test_account_without_a_permit(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p);
    peer_refused(&p, "refused", IPC_ACCOUNT_NEXT, "test");
    peer_refused(&p, "refused", IPC_SIGN_KEY_CHANGE, "test", URL, NONCE);
    peer_refused(&p, "refused", IPC_SIGN_FIND_NEXT, "test", URL, NONCE);
    peer_refused(&p, "refused", IPC_ACCOUNT_SETTLE, "test", (uint64_t)1);
    peer_refused(&p, "refused", IPC_SIGN_DEACTIVATE, "test", URL, NONCE);
    peer_refused(&p, "refused", IPC_ACCOUNT_CLOSE, "test");
    permit(&p, IPC_PERMITTED, ACT_ROLLOVER, "test", 0, 0); /* one is not the other */
    peer_refused(&p, "refused", IPC_SIGN_DEACTIVATE, "test", URL, NONCE);
    peer_refused(&p, "refused", IPC_ACCOUNT_CLOSE, "test");
    flags_are(&p, 0);
    peer_close(&p, &f);
}

/* RFC 8555 section 7.3.5: by the old key a JWS by the next one, with its public half and without a nonce. */
static void check_key_change(const char *jws)
{
    json_t *inner = jws_part(jws, "payload");
    char *text = json_dumps(inner, JSON_COMPACT);
    json_t *header = jws_part(text, "protected");
    json_t *payload = jws_part(text, "payload");

    jws_header_is(jws, "kid", ACCOUNT);
    jws_header_is(text, "url", URL);
    jws_header_is(text, "nonce", NULL);
    assert_true(json_is_object(json_object_get(header, "jwk")));
    assert_string_equal(json_string_value(json_object_get(payload, "account")), ACCOUNT);
    assert_true(json_is_object(json_object_get(payload, "oldKey")));
    assert_false(json_equal(json_object_get(payload, "oldKey"), json_object_get(header, "jwk")));
    json_decref(payload);
    json_decref(header);
    json_decref(inner);
    free(text);
}

static void test_another_key(void **state)
{
    struct fixture f;
    struct peer p;
    char *before;

    (void)state;
    set_up(&f, &p);
    peer_ask(&p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    before = strdup(p.m.field[1].s);
    permit(&p, IPC_PERMITTED, ACT_ROLLOVER, "test", 0, 0);
    peer_refused(&p, "next key", IPC_SIGN_KEY_CHANGE, "test", URL, NONCE);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_NEXT, "test");
    assert_int_equal(fixture_mode(&f, "state/accounts/test/next.pem"), 0600);
    peer_refused(&p, "origin", IPC_SIGN_KEY_CHANGE, "test", "https://evil.test/", NONCE);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_KEY_CHANGE, "test", URL, NONCE);
    check_key_change(p.m.field[0].s);
    /* Cut off here: the next keeper knows of both, and what the CA says counts. */
    assert_int_equal(peer_stop(&p), 0);
    peer_start(&p, &f);
    flags_are(&p, IPC_ACCOUNT_HAS_NEXT);
    assert_string_equal(p.m.field[1].s, before);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FIND_NEXT, "test", URL, NONCE);
    jws_header_is(p.m.field[0].s, "kid", NULL);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_SETTLE, "test", (uint64_t)1);
    flags_are(&p, 0);
    assert_string_not_equal(p.m.field[1].s, before);
    assert_string_equal(p.m.field[0].s, ACCOUNT);
    peer_refused(&p, "no change", IPC_ACCOUNT_SETTLE, "test", (uint64_t)0);
    assert_true(fixture_exists(&f, "state/accounts/test/key.old.pem"));
    assert_false(fixture_exists(&f, "state/accounts/test/next.pem"));
    free(before);
    peer_close(&p, &f);
}

/* Whoever asks for another key after a change was cut off has first that one settled, and then gets his. */
static void test_another_key_after_one_that_was_cut_off(void **state)
{
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p);
    permit(&p, IPC_PERMITTED, ACT_ROLLOVER, "test", 0, 0);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_NEXT, "test");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_KEY_CHANGE, "test", URL, NONCE);
    permit(&p, IPC_PERMITTED, ACT_ROLLOVER, "test", 0, 0);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_SETTLE, "test", (uint64_t)1);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_NEXT, "test");
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_KEY_CHANGE, "test", URL, NONCE);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_SETTLE, "test", (uint64_t)1);
    peer_refused(&p, "nobody who may ask for it", IPC_ACCOUNT_NEXT, "test");
    peer_close(&p, &f);
}

/* A next key that is damaged does not end the account: the other one is there. */
static void test_damaged_next_key(void **state)
{
    struct fixture f;
    struct peer p;
    FILE *file;

    (void)state;
    set_up(&f, &p);
    permit(&p, IPC_PERMITTED, ACT_ROLLOVER, "test", 0, 0);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_NEXT, "test");
    assert_int_equal(peer_stop(&p), 0);
    file = fopen(fixture_path(&f, "state/accounts/test/next.pem"), "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 60, SEEK_SET), 0);
    assert_true(fputs("!!!!", file) >= 0);
    assert_int_equal(fclose(file), 0);
    peer_start(&p, &f);
    flags_are(&p, 0);
    assert_string_equal(p.m.field[0].s, ACCOUNT);
    assert_true(fixture_exists(&f, "state/accounts/test/next.bad.pem"));
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FETCH, "test", URL, NONCE);
    peer_close(&p, &f);
}

static void test_the_end_of_an_account(void **state)
{
    struct fixture f;
    struct peer p;
    json_t *payload;

    (void)state;
    set_up(&f, &p);
    permit(&p, IPC_PERMITTED, ACT_DEACTIVATE, "test", 0, 0);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_DEACTIVATE, "test", URL, NONCE);
    payload = jws_part(p.m.field[0].s, "payload");
    assert_string_equal(json_string_value(json_object_get(payload, "status")), "deactivated");
    json_decref(payload);
    peer_ask(&p, IPC_OK, IPC_ACCOUNT_CLOSE, "test");
    peer_refused(&p, "refused", IPC_ACCOUNT_CLOSE, "test");
    flags_are(&p, IPC_ACCOUNT_DEACTIVATED);
    assert_int_equal(peer_stop(&p), 0);
    peer_start(&p, &f);
    flags_are(&p, IPC_ACCOUNT_DEACTIVATED);
    peer_close(&p, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_without_a_permit),
        cmocka_unit_test(test_a_permit_is_the_supervisors),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_a_compromised_key),
        cmocka_unit_test(test_a_damaged_note),
        cmocka_unit_test(test_one_of_several_lineages),
        cmocka_unit_test(test_account_without_a_permit),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_another_key_after_one_that_was_cut_off),
        cmocka_unit_test(test_damaged_next_key),
        cmocka_unit_test(test_the_end_of_an_account),
        cmocka_unit_test(test_damaged_list),
    };

    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
