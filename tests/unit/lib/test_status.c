/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/status.h"
#include "lib/varlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400)
#define NOW INT64_C(1800000000)

static char *names[] = {(char *)"a.example", (char *)"b.example"};
static char *units[] = {(char *)"nginx.service"};
static struct config_ca ca = {.name = (char *)"letsencrypt"};
static struct config_ca spare = {.name = (char *)"zerossl"};
static const struct config_ca *cas[] = {&ca, &spare};
static struct config_certificate config = {.name = (char *)"a.example",
                                           .domains = {names, 2},
                                           .section = (char[]){"a.example"},
                                           .cas = cas,
                                           .n_cas = 2,
                                           .ca = &ca,
                                           .challenge = CHALLENGE_TYPE_DNS_01,
                                           .reload = {units, 1},
                                           .verify_host = (char *)"127.0.0.1",
                                           .verify_port = 443,
                                           .reuse_key = true};
static struct cert_facts facts = {.names = {names, 2},
                                  .issuer = (char *)"E5",
                                  .serial = (char *)"04ab",
                                  .not_before = NOW - 30 * DAY,
                                  .not_after = NOW + 60 * DAY,
                                  .key_type_known = true};

struct scene {
    struct journal journal;
    struct renewal_plan plan;
    struct status_input in;
};

static struct scene *scene(void)
{
    static struct scene s;

    s = (struct scene){
        .plan = {.at = NOW + 30 * DAY, .reason = RENEWAL_LIFETIME, .renew_at = NOW + 30 * DAY}};
    s.in = (struct status_input){.config = &config,
                                 .ca = "letsencrypt",
                                 .facts = &facts,
                                 .journal = &s.journal,
                                 .plan = &s.plan,
                                 .now = NOW};
    return &s;
}

static void failed(struct journal_error *je, enum err_class class, const char *text)
{
    struct err e;

    err_set(&e, class, "%s", text);
    journal_error_set(je, &e, NOW - 60);
}

static void test_valid(void **state)
{
    struct scene *s = scene();
    struct status_verdict v;

    (void)state;
    s->journal.deployment = (struct journal_deployment){.generation = 1, .step = DEPLOYMENT_DONE};
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_VALID);
    assert_string_equal(v.next_action, "renew");
    assert_int_equal(v.next_at, NOW + 30 * DAY);
    s->plan.capped = true;
    v = status_derive(&s->in);
    assert_non_null(strstr(v.reason, "renew_before"));
    /* A request that failed long before the time does not make a valid certificate a failing one. */
    failed(&s->journal.error, ERR_CLASS_TRANSIENT, "503");
    assert_int_equal(status_derive(&s->in).state, STATUS_VALID);
    journal_clear(&s->journal);
}

static void test_renewal_states(void **state)
{
    struct scene *s = scene();
    struct status_verdict v;

    (void)state;
    s->plan.at = NOW;
    assert_int_equal(status_derive(&s->in).state, STATUS_DUE);
    s->in.queued = true;
    v = status_derive(&s->in);
    assert_non_null(strstr(v.next_action, "when an order in flight has ended"));
    s->in.ordering = "waiting for the CA to validate a.example";
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_ORDERING);
    assert_string_equal(v.next_action, s->in.ordering);
    assert_int_equal(v.next_at, 0);
    s->in.ordering = NULL;
    s->plan = (struct renewal_plan){.at = NOW + 600, .reason = RENEWAL_LIFETIME, .held = true};
    failed(&s->journal.error, ERR_CLASS_PERMANENT, "CAA forbids it");
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_FAILING);
    assert_string_equal(v.next_action, "try again to renew");
    assert_string_equal(v.reason, "CAA forbids it");
    assert_int_equal(v.next_at, NOW + 600);
    failed(&s->journal.error, ERR_CLASS_NETWORK, "connection refused");
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_WAITING);
    assert_string_equal(v.reason, "connection refused");
    s->in.ca_wait = "letsencrypt asked for a pause";
    s->in.ca_until = NOW + 900;
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_WAITING);
    assert_string_equal(v.reason, "letsencrypt asked for a pause");
    assert_int_equal(v.next_at, NOW + 900);
    s->in.now = facts.not_after;
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_EXPIRED);
    journal_clear(&s->journal);
}

static void test_ended_account(void **state)
{
    struct status_certificate c;
    struct scene *s = scene();
    struct status_verdict v;

    (void)state;
    s->in.alarm = "the account was ended";
    assert_int_equal(status_derive(&s->in).state, STATUS_VALID);
    assert_true(status_certificate_fill(&c, "a.example", &s->in, NULL));
    assert_string_equal(c.alarm, "the account was ended");
    status_certificate_clear(&c);
    s->plan.at = NOW;
    s->in.ca_wait = "letsencrypt does not serve us";
    s->in.ca_until = NOW + 900;
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_FAILING);
    assert_string_equal(v.next_action, "ask the CA again about the account");
    assert_int_equal(v.next_at, NOW + 900);
}

static void test_missing_and_unmanaged(void **state)
{
    struct scene *s = scene();
    struct status_verdict v;

    (void)state;
    s->in.facts = NULL;
    s->plan = (struct renewal_plan){.at = NOW, .reason = RENEWAL_MISSING};
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_MISSING);
    assert_string_equal(v.next_action, "issue");
    failed(&s->journal.error, ERR_CLASS_TRANSIENT, "order invalid");
    assert_int_equal(status_derive(&s->in).state, STATUS_FAILING);
    failed(&s->journal.error, ERR_CLASS_RATE_LIMITED, "too many");
    assert_int_equal(status_derive(&s->in).state, STATUS_WAITING);
    s->in.config = NULL;
    s->in.plan = NULL;
    v = status_derive(&s->in);
    assert_int_equal(v.state, STATUS_UNMANAGED);
    assert_true(v.next_action[0] != '\0');
    journal_clear(&s->journal);
}

static void test_deploying(void **state)
{
    static const char *const texts[] = {"write the copies again", "reload nginx.service again",
                                        "run the hook again", "look at what 127.0.0.1:443 serves again"};
    struct scene *s = scene();
    struct status_verdict v;

    (void)state;
    for (int step = DEPLOYMENT_COPY; step < DEPLOYMENT_DONE; step++) {
        s->journal.deployment.generation = 2;
        s->journal.deployment.step = (enum deployment_step)step;
        s->journal.deployment.not_before = NOW + 60;
        failed(&s->journal.deployment.error, ERR_CLASS_INTERNAL, "exit 1");
        v = status_derive(&s->in);
        assert_int_equal(v.state, STATUS_DEPLOYING);
        assert_string_equal(v.next_action, texts[step]);
        assert_string_equal(v.reason, "exit 1");
        assert_int_equal(v.next_at, NOW + 60);
        s->in.deploying = true;
        assert_int_equal(status_derive(&s->in).next_at, 0);
        s->in.deploying = false;
    }
    journal_clear(&s->journal);
}

static void test_texts_are_bounded(void **state)
{
    struct scene *s = scene();
    struct status_verdict v;
    char big[ERR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof big; i += 2)
        memcpy(big + i, "\xc3\xa9", 3);
    big[0] = 'x';
    big[1] = 'x';
    s->plan = (struct renewal_plan){.at = NOW, .reason = RENEWAL_LIFETIME};
    failed(&s->journal.error, ERR_CLASS_TRANSIENT, big);
    v = status_derive(&s->in);
    assert_int_equal(strlen(v.reason), sizeof v.reason - 2);
    journal_clear(&s->journal);
}

static void test_round_trip(void **state)
{
    struct scene *s = scene();
    struct status_certificate c;
    struct status_certificate back;
    struct err e;
    json_t *j;

    (void)state;
    s->journal.issued[0] = NOW - 30 * DAY;
    s->journal.attempts = 3;
    s->journal.deployment = (struct journal_deployment){
        .generation = 4, .step = DEPLOYMENT_DONE, .done_at = NOW, .note = strdup("nginx.service is stopped")};
    failed(&s->journal.error, ERR_CLASS_TRANSIENT, "503");
    assert_true(status_certificate_fill(&c, "a.example", &s->in, &e));
    c.generation = 4;
    j = status_certificate_to_json(&c);
    assert_non_null(j);
    json_object_set_new(j, "from_the_future", json_true());
    assert_true(status_certificate_from_json(&back, j, &e));
    assert_string_equal(back.name, "a.example");
    assert_string_equal(back.ca, "letsencrypt");
    assert_int_equal(back.cas.n, 2);
    assert_string_equal(back.cas.v[1], "zerossl");
    assert_string_equal(back.challenge, "dns-01");
    assert_string_equal(back.key_type, "ecdsa-p256");
    assert_true(strv_equal(&back.domains, &config.domains));
    assert_int_equal(back.generation, 4);
    assert_int_equal(back.state, STATUS_VALID);
    assert_string_equal(back.issuer, "E5");
    assert_string_equal(back.serial, "04ab");
    assert_int_equal(back.not_before, facts.not_before);
    assert_int_equal(back.not_after, facts.not_after);
    assert_int_equal(back.renew_at, NOW + 30 * DAY);
    assert_int_equal(back.next_at, NOW + 30 * DAY);
    assert_string_equal(back.last_error.text, "503");
    assert_int_equal(back.attempts, 3);
    assert_int_equal(back.last_issued, NOW - 30 * DAY);
    assert_true(back.verify);
    assert_true(back.reuse_key);
    assert_string_equal(back.deployment.note, "nginx.service is stopped");
    status_certificate_clear(&back);
    json_object_set_new(j, "state", json_string("bogus"));
    assert_false(status_certificate_from_json(&back, j, &e));
    json_object_set_new(j, "state", json_integer(1));
    assert_false(status_certificate_from_json(&back, j, &e));
    json_object_del(j, "state");
    assert_false(status_certificate_from_json(&back, j, &e));
    json_decref(j);
    status_certificate_clear(&c);
    journal_clear(&s->journal);
}

/* n of them, for status_certificate_clear() to free. */
static void add_generations(struct status_certificate *c, size_t n)
{
    struct status_generation *v = calloc(n, sizeof *v);

    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct status_generation){.generation = (unsigned)(n - i),
                                          .live = i == 0,
                                          .served_last = i == 1,
                                          .serial = strdup("04ab"),
                                          .not_before = NOW,
                                          .not_after = NOW + DAY,
                                          .revoked = i == 1 ? strdup("superseded") : NULL,
                                          .revoked_at = i == 1 ? NOW : 0,
                                          .error = i == 2 ? strdup("it is gone") : NULL};
    c->generations = (struct record_list){v, n};
    c->generations_older = 980;
}

static void test_generations(void **state)
{
    struct scene *s = scene();
    const struct status_generation *v;
    struct status_certificate c;
    struct status_certificate back;
    struct err e;
    json_t *list;
    json_t *j;

    (void)state;
    assert_true(status_certificate_fill(&c, "a.example", &s->in, &e));
    j = status_certificate_to_json(&c);
    assert_true(json_is_null(json_object_get(j, "generations"))); /* nobody asked */
    assert_true(status_certificate_from_json(&back, j, &e));
    assert_int_equal(back.generations.n, 0);
    status_certificate_clear(&back);
    json_decref(j);
    add_generations(&c, 3);
    j = status_certificate_to_json(&c);
    assert_true(status_certificate_from_json(&back, j, &e));
    v = back.generations.v;
    assert_int_equal(back.generations.n, 3);
    assert_int_equal(back.generations_older, 980);
    assert_int_equal(v[0].generation, 3);
    assert_true(v[0].live && !v[0].served_last && v[0].revoked == NULL);
    assert_true(!v[1].live && v[1].served_last);
    assert_string_equal(v[1].revoked, "superseded");
    assert_int_equal(v[1].revoked_at, NOW);
    assert_int_equal(v[2].not_after, NOW + DAY);
    assert_string_equal(v[2].error, "it is gone");
    status_certificate_clear(&back);
    assert_null(back.generations.v);
    list = json_object_get(j, "generations");
    json_object_del(json_array_get(list, 2), "live");
    assert_false(status_certificate_from_json(&back, j, &e));
    assert_non_null(strstr(e.text, "generations"));
    json_object_set_new(j, "generations", json_object());
    assert_false(status_certificate_from_json(&back, j, &e));
    json_object_set_new(j, "generations", json_array());
    for (size_t i = 0; i <= STATUS_GENERATIONS_MAX; i++)
        json_array_append_new(json_object_get(j, "generations"), json_object());
    assert_false(status_certificate_from_json(&back, j, &e));
    assert_non_null(strstr(e.text, "too long"));
    json_decref(j);
    status_certificate_clear(&c);
}

/* Every member of the JSON is in the interface's type, and the other way round. */
static void check_type(const char *type, const json_t *o)
{
    const char *p = strstr(varlink_description(VARLINK_CONTROL_INTERFACE), type);
    const char *end;
    size_t n = 0;
    const char *key;
    json_t *value;

    assert_non_null(p);
    end = strchr(p, ')');
    for (const char *q = p; q < end; q++)
        n += *q == ':';
    assert_int_equal(json_object_size(o), n);
    json_object_foreach((json_t *)o, key, value)
    {
        char member[64];
        const char *at;

        snprintf(member, sizeof member, "%s: ", key);
        at = strstr(p, member);
        assert_true(at != NULL && at < end);
    }
}

static void test_json_is_what_the_interface_says(void **state)
{
    struct scene *s = scene();
    struct status_certificate c;
    struct err e;
    json_t *j;

    (void)state;
    failed(&s->journal.error, ERR_CLASS_TRANSIENT, "503");
    assert_true(status_certificate_fill(&c, "a.example", &s->in, &e));
    add_generations(&c, 1);
    j = status_certificate_to_json(&c);
    check_type("type Certificate (", j);
    check_type("type Generation (", json_array_get(json_object_get(j, "generations"), 0));
    check_type("type Deployment (", json_object_get(j, "deploy"));
    check_type("type Failure (", json_object_get(j, "last_error"));
    json_decref(j);
    status_certificate_clear(&c);
    journal_clear(&s->journal);
}

static void test_attention(void **state)
{
    struct status_certificate c = {
        .state = STATUS_VALID, .not_before = NOW - 30 * DAY, .not_after = NOW + 60 * DAY};

    (void)state;
    assert_false(status_needs_attention(&c, NOW));
    assert_true(status_needs_attention(&c, NOW + 56 * DAY));
    c.last_error.at = NOW;
    assert_false(status_needs_attention(&c, NOW));
    c.alarm = (char *)"the account was ended";
    assert_true(status_needs_attention(&c, NOW));
    c.alarm = NULL;
    c.state = STATUS_WAITING;
    assert_true(status_needs_attention(&c, NOW));
    c.last_error.at = 0;
    assert_false(status_needs_attention(&c, NOW));
    c.state = STATUS_DEPLOYING;
    c.deployment.error.at = NOW;
    assert_true(status_needs_attention(&c, NOW));
    c = (struct status_certificate){.state = STATUS_MISSING};
    assert_false(status_needs_attention(&c, NOW));
    c.state = STATUS_FAILING;
    assert_true(status_needs_attention(&c, NOW));
    c = (struct status_certificate){.state = STATUS_UNMANAGED, .not_after = 1};
    assert_false(status_needs_attention(&c, NOW));
}

static void test_names(void **state)
{
    enum status_state s;

    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        assert_true(status_state_from_str(status_state_to_str((enum status_state)i), &s));
        assert_int_equal(s, i);
    }
    assert_false(status_state_from_str("bogus", &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_renewal_states),
        cmocka_unit_test(test_ended_account),
        cmocka_unit_test(test_missing_and_unmanaged),
        cmocka_unit_test(test_deploying),
        cmocka_unit_test(test_texts_are_bounded),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_json_is_what_the_interface_says),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
