/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/order.h"

#define TRIAL_URL     "https://trial.test/acme/1"
#define TRIAL_ACCOUNT "https://trial.test/acct/7"

#define CONFIGURATION                                                                                        \
    "[ca test]\ndirectory = https://ca.test/dir\nstaging = trial\n"                                          \
    "[ca trial]\ndirectory = https://trial.test/dir\n"                                                       \
    "[ca other]\ndirectory = https://other.test/dir\n"                                                       \
    "[certificate dns.test]\nca = test\nchallenge = dns-01\ndns_hook = exec:/bin/true\n"                     \
    "[certificate one.test]\nca = test\nprofile = short\n"                                                   \
    "[certificate rsa.test]\nca = test\nkey = rsa-2048\n"                                                    \
    "[certificate rsb.test]\nca = test\nkey = rsa-2048\n"                                                    \
    "[certificate rsc.test]\nca = test\nkey = rsa-2048\n"                                                    \
    "[certificate two.test]\nca = other\n"

static void set_up(struct fixture *f, struct peer *p)
{
    static const char *const cas[] = {"test", "trial", "other"};
    char url[64];

    peer_open(p, f, CONFIGURATION);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(url, sizeof url, "https://%s.test/acct/7", i == 0 ? "ca" : cas[i]);
        peer_ask(p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, cas[i]);
        peer_ask(p, IPC_OK, IPC_ACCOUNT_SAVE, cas[i], url);
    }
}

static void profile_is(const struct peer *p, const char *want)
{
    json_t *payload = jws_part(p->m.field[0].s, "payload");
    const char *profile = json_string_value(json_object_get(payload, "profile"));

    assert_null(json_object_get(payload, "replaces"));
    if (want == NULL)
        assert_null(profile);
    else
        assert_string_equal(profile != NULL ? profile : "none", want);
    json_decref(payload);
}

static void test_one_rehearsal(void **state)
{
    struct fixture f;
    struct peer p;
    char *chain;

    (void)state;
    set_up(&f, &p);
    peer_ask(&p, IPC_SIGNED, IPC_REHEARSE_ORDER, "one.test", TRIAL_URL, NONCE, "trial", (uint64_t)0);
    jws_header_is(p.m.field[0].s, "kid", TRIAL_ACCOUNT);
    profile_is(&p, NULL);
    peer_ask(&p, IPC_SIGNED, IPC_REHEARSE_ORDER, "one.test", TRIAL_URL, NONCE, "trial", (uint64_t)1);
    profile_is(&p, "short");
    peer_refused(&p, "no certificate for one.test is being rehearsed", IPC_REHEARSE_CHECK, "one.test", "x");
    peer_ask(&p, IPC_SIGNED, IPC_REHEARSE_FINALIZE, "one.test", TRIAL_URL, NONCE, "trial");
    chain = order_certify(p.m.field[0].s, "one.test");
    /* Asked again, because a nonce was refused, it is for the same key. */
    peer_ask(&p, IPC_SIGNED, IPC_REHEARSE_FINALIZE, "one.test", TRIAL_URL, NONCE, "trial");
    peer_ask(&p, IPC_OK, IPC_REHEARSE_CHECK, "one.test", chain);
    peer_refused(&p, "would not be installed", IPC_REHEARSE_CHECK, "one.test", "garbage");
    /* It is no chain to be installed, and the real order has another key. */
    peer_refused(&p, "", IPC_INSTALL, "one.test", chain);
    peer_ask(&p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    peer_refused(&p, "", IPC_INSTALL, "one.test", chain);
    assert_false(fixture_exists(&f, "state/live/one.test"));
    peer_ask(&p, IPC_OK, IPC_REHEARSE_END, "one.test");
    peer_refused(&p, "no certificate for one.test is being rehearsed", IPC_REHEARSE_CHECK, "one.test", chain);
    /* The pending key survives all that. */
    free(chain);
    order_install(&p, "one.test", order_finalize(&p, "one.test"), 1);
    peer_close(&p, &f);
}

/* A chain for other names, or one that has expired, is no success. */
static void test_what_would_not_be_installed(void **state)
{
    struct fixture f;
    struct peer p;
    int64_t now = (int64_t)time(NULL);
    char *csr;
    char *chain;

    (void)state;
    set_up(&f, &p);
    peer_ask(&p, IPC_SIGNED, IPC_REHEARSE_FINALIZE, "one.test", TRIAL_URL, NONCE, "trial");
    csr = jws_csr(p.m.field[0].s);
    chain = ca_certify(csr, "else.test", now - 60, now + 90 * DAY);
    peer_refused(&p, "would not be installed", IPC_REHEARSE_CHECK, "one.test", chain);
    free(chain);
    chain = ca_certify(csr, "one.test", now - 90 * DAY, now - 60);
    peer_refused(&p, "would not be installed", IPC_REHEARSE_CHECK, "one.test", chain);
    free(chain);
    free(csr);
    peer_close(&p, &f);
}

/* Only at the CA that the configuration has for it, and nothing else there. */
static void test_nowhere_else(void **state)
{
    static const enum ipc_type asked[] = {IPC_REHEARSE_ORDER, IPC_REHEARSE_FINALIZE};
    struct fixture f;
    struct peer p;

    (void)state;
    set_up(&f, &p);
    for (size_t i = 0; i < 2; i++) {
        peer_refused(&p, "refused", asked[i], "one.test", URL, NONCE, "test", (uint64_t)0);
        peer_refused(&p, "refused", asked[i], "one.test", URL, NONCE, "trial", (uint64_t)0);
        peer_refused(&p, "refused", asked[i], "one.test", TRIAL_URL, NONCE, "other", (uint64_t)0);
        peer_refused(&p, "refused", asked[i], "one.test", TRIAL_URL, "a b", "trial", (uint64_t)0);
        peer_refused(&p, "refused", asked[i], "two.test", "https://other.test/acme/1", NONCE, "other",
                     (uint64_t)0);
        peer_refused(&p, "refused", asked[i], "two.test", TRIAL_URL, NONCE, "trial", (uint64_t)0);
        peer_refused(&p, "refused", asked[i], "else.test", TRIAL_URL, NONCE, "trial", (uint64_t)0);
    }
    peer_refused(&p, "refused", IPC_SIGN_NEW_ORDER, "one.test", TRIAL_URL, NONCE, "trial", (uint64_t)0);
    peer_refused(&p, "refused", IPC_SIGN_FINALIZE, "one.test", TRIAL_URL, NONCE, "trial");
    peer_refused(&p, "refused", IPC_REHEARSE_CHECK, "else.test", "x");
    peer_refused(&p, "refused", IPC_REHEARSE_END, "else.test");
    assert_false(fixture_exists(&f, "state/certs/one.test/pending/key.pem"));
    peer_close(&p, &f);
}

static void ask_record(struct peer *p, enum ipc_type want, const char *lineage, const char *ca)
{
    assert_true(ipc_send(p->supervisor, IPC_DNS_RECORD, 5, lineage, lineage, "token", ca));
    peer_send_all(p->supervisor);
    assert_true(peer_receive(p, p->supervisor));
    assert_int_equal(p->m.type, want);
}

/* Its records are those of the account for trials. */
static void test_records(void **state)
{
    struct fixture f;
    struct peer p;
    char *real;

    (void)state;
    set_up(&f, &p);
    ask_record(&p, IPC_DNS_RECORD_REPLY, "dns.test", "test");
    real = strdup(p.m.field[1].s);
    ask_record(&p, IPC_DNS_RECORD_REPLY, "dns.test", "trial");
    assert_string_not_equal(p.m.field[1].s, real);
    free(real);
    ask_record(&p, IPC_ERROR, "dns.test", "other");
    peer_close(&p, &f);
}

/* RSA keys are made beside, two at a time; a rehearsal that ends while it waits leaves nobody waiting. */
static void test_slow_keys(void **state)
{
    static const char *const names[] = {"rsa.test", "rsb.test", "rsc.test"};
    struct fixture f;
    struct peer p;
    uint32_t first;
    bool answered[3] = {false};

    (void)state;
    set_up(&f, &p);
    first = p.id + 1;
    for (size_t i = 0; i < 3; i++)
        assert_true(ipc_send(p.engine, IPC_REHEARSE_FINALIZE, ++p.id, names[i], TRIAL_URL, NONCE, "trial"));
    peer_send_all(p.engine);
    for (size_t i = 0; i < 3; i++) {
        assert_true(peer_receive(&p, p.engine));
        assert_int_equal(p.m.type, IPC_SIGNED);
        assert_in_range(p.m.id, first, first + 2);
        answered[p.m.id - first] = true;
    }
    assert_true(answered[0] && answered[1] && answered[2]);
    peer_ask(&p, IPC_OK, IPC_REHEARSE_END, "rsa.test");
    assert_true(ipc_send(p.engine, IPC_REHEARSE_FINALIZE, ++p.id, "rsa.test", TRIAL_URL, NONCE, "trial"));
    peer_ask(&p, IPC_OK, IPC_REHEARSE_END, "rsa.test");
    peer_ask(&p, IPC_SIGNED, IPC_REHEARSE_FINALIZE, "rsa.test", TRIAL_URL, NONCE, "trial");
    peer_close(&p, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_rehearsal), cmocka_unit_test(test_what_would_not_be_installed),
        cmocka_unit_test(test_nowhere_else),  cmocka_unit_test(test_records),
        cmocka_unit_test(test_slow_keys),
    };

    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
