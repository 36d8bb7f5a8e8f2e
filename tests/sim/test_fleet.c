/* SPDX-License-Identifier: MIT */
/* A year of a fleet at a CA that counts as Let's Encrypt does: all policies together, with outages and a mass
 * revocation. Nothing expires, and the CA never has to refuse. */

#include "tests/unit/test.h"

#include "lib/gate.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FLEET                                                                                                \
    320 /* more than the 280 orders at once, and the 50 a week of each domain, that there is room for */
#define DOMAINS    5
#define STEP       1200 /* seconds: how finely the year is looked at */
#define LET_S      "https://acme-v02.api.letsencrypt.org/directory"
#define REVOKED_AT (200 * DAY)

/* The CA's own count: n in any window, by a bucket that refills steadily. */
struct bucket {
    int64_t n;
    int64_t window;
    int64_t full_at_ms;
};

struct member {
    char name[48];
    char id[32];
    char *names[1];
    struct config_certificate config;
    struct cert_facts facts;
    struct journal journal;
    struct bucket set;
    bool live;
    int64_t issued;
    unsigned n_issued;
    enum ledger_exemption exemption;
};

struct fleet {
    int64_t now;
    int64_t lifetime;
    struct gate *gate;
    struct member v[FLEET];
    struct bucket account;
    struct bucket domains[DOMAINS];
    unsigned refused;
    unsigned issued;
    unsigned in_window;
    int64_t least_left; /* of any certificate at its renewal */
    uint64_t random;
};

static uint64_t draw(struct fleet *f)
{
    f->random = f->random * 6364136223846793005U + 1442695040888963407U;
    return f->random ^ (f->random >> 29);
}

static bool take(struct bucket *b, int64_t now)
{
    int64_t interval = b->window * 1000 / b->n;
    int64_t full_at = b->full_at_ms > now * 1000 ? b->full_at_ms : now * 1000;

    if (full_at + interval > (now + b->window) * 1000)
        return false;
    b->full_at_ms = full_at + interval;
    return true;
}

/* Eight hours in every twenty days, and once longer: two days, or a fifth of a short lifetime. */
static bool is_down(const struct fleet *f)
{
    int64_t day = (f->now - SIM_START) % (20 * DAY);
    int64_t at = f->now - SIM_START - 100 * DAY;
    int64_t longer = f->lifetime / 5 < 2 * DAY ? f->lifetime / 5 : 2 * DAY;

    return (day > 10 * DAY && day < 10 * DAY + 8 * HOUR) || (at > 0 && at < longer);
}

static void fleet_init(struct fleet *f, int64_t lifetime)
{
    int64_t window;
    unsigned limit = gate_limit(LET_S, &window);

    *f = (struct fleet){
        .now = SIM_START, .lifetime = lifetime, .random = (uint64_t)lifetime, .least_left = lifetime};
    f->gate = gate_new(limit, window);
    assert_true(f->gate != NULL && gate_keep_ledger(f->gate, ledger_rates(LET_S)));
    f->account = (struct bucket){.n = 300, .window = 3 * HOUR};
    for (size_t i = 0; i < DOMAINS; i++)
        f->domains[i] = (struct bucket){.n = 50, .window = 7 * DAY};
    for (size_t i = 0; i < FLEET; i++) {
        struct member *m = &f->v[i];

        (void)snprintf(m->name, sizeof m->name, "n%zu.d%zu.example", i, i % DOMAINS);
        m->names[0] = m->name;
        m->config = (struct config_certificate){.name = m->name, .domains = {m->names, 1}};
        m->set = (struct bucket){.n = 5, .window = 7 * DAY};
        journal_init(&m->journal);
    }
}

static void fleet_clear(struct fleet *f)
{
    for (size_t i = 0; i < FLEET; i++)
        journal_clear(&f->v[i].journal);
    gate_free(f->gate);
}

/* What the CA's published limits say of this order. */
static bool is_within_limits(struct fleet *f, struct member *m, size_t domain)
{
    if (m->exemption == LEDGER_COUNTED && (!take(&f->account, f->now) || !take(&f->domains[domain], f->now)))
        return false;
    return m->exemption == LEDGER_ARI || take(&m->set, f->now);
}

static void issue(struct fleet *f, struct member *m)
{
    int64_t left = m->live ? m->facts.not_after - f->now : f->lifetime;

    f->least_left = left < f->least_left ? left : f->least_left;
    f->issued++;
    f->in_window += m->exemption == LEDGER_ARI ? 1 : 0;
    (void)snprintf(m->id, sizeof m->id, "issuer.%u", ++m->n_issued);
    m->facts = (struct cert_facts){.names = m->config.domains,
                                   .ari_id = m->id,
                                   .not_before = f->now - HOUR,
                                   .not_after = f->now - HOUR + f->lifetime,
                                   .key_type_known = true};
    memcpy(m->facts.sha256, &m->n_issued, sizeof m->n_issued);
    memcpy(m->facts.sha256 + 8, m->name, 16);
    m->live = true;
    m->issued = f->now;
    journal_issued(&m->journal, m->n_issued, NULL, f->now);
    assert_true(ari_begin(&m->journal.ari, &m->facts, draw(f), f->now, NULL));
}

static void attempt(struct fleet *f, struct member *m, size_t domain)
{
    struct err e = {.class = ERR_CLASS_NONE};
    enum gate_scope scope = GATE_SCOPE_NEW_ORDER;
    uint32_t jitter = (uint32_t)draw(f);

    gate_started(f->gate, &m->config.domains, m->exemption, f->now);
    m->journal.attempts++;
    if (is_down(f)) {
        err_set(&e, ERR_CLASS_NETWORK, "no route to host");
    } else if (!is_within_limits(f, m, domain)) {
        f->refused++;
        err_set(&e, ERR_CLASS_RATE_LIMITED, "HTTP 429 rateLimited");
    } else {
        issue(f, m);
        (void)gate_ended(f->gate, &m->config.domains, NULL, GATE_SCOPE_ORDER, jitter, f->now);
        return;
    }
    gate_give_back(f->gate, &m->config.domains, m->exemption);
    if (!gate_ended(f->gate, &m->config.domains, &e, scope, jitter, f->now))
        m->journal.not_before =
            f->now + renewal_backoff(&e, m->journal.attempts, m->live ? &m->facts : NULL, jitter, f->now);
    else
        m->journal.attempts--; /* it waits at the gate, at no cost */
}

/* As Let's Encrypt: a fiftieth of the lifetime around the last third, or half; in the past for what is being
 * revoked. */
static void poll(struct fleet *f, struct member *m)
{
    int64_t life = m->facts.not_after - m->facts.not_before;
    int64_t ideal = m->facts.not_after - (life < 10 * DAY ? life / 2 : life / 3);
    bool revoked = f->now >= SIM_START + REVOKED_AT && m->issued < SIM_START + REVOKED_AT;
    time_t times[] = {(time_t)(revoked ? f->now - HOUR : ideal - life / 100),
                      (time_t)(revoked ? f->now - HOUR / 2 : ideal + life / 100)};
    struct http_reply reply = {.status = 200, .retry_after = 6 * HOUR};
    char text[2][32];
    char body[200];
    struct err e;
    struct tm tm;

    for (int i = 0; i < 2; i++)
        (void)strftime(text[i], sizeof text[i], "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&times[i], &tm));
    (void)snprintf(body, sizeof body, "{\"suggestedWindow\": {\"start\": \"%s\", \"end\": \"%s\"}}", text[0],
                   text[1]);
    reply.body = body;
    reply.body_len = strlen(body);
    err_set(&e, ERR_CLASS_NETWORK, "no route to host");
    (void)ari_polled(&m->journal.ari, &m->facts, is_down(f) ? NULL : &reply, draw(f), f->now, &e);
}

static bool is_due(struct fleet *f, struct member *m)
{
    const struct cert_facts *live = m->live ? &m->facts : NULL;
    int64_t earliest;
    int64_t latest;

    if (live != NULL) {
        if (live->not_after <= f->now)
            fail_msg("%s expired on day %lld", m->name, (long long)((f->now - SIM_START) / DAY));
        if (ari_poll_times(&m->journal.ari, live, f->now, &earliest, &latest) && latest <= f->now)
            poll(f, m);
    }
    m->exemption = live == NULL                                   ? LEDGER_COUNTED
                   : ari_in_window(&m->journal.ari, live, f->now) ? LEDGER_ARI
                                                                  : LEDGER_RENEWAL;
    return renewal_plan(&m->config, live, &m->journal, false, renewal_seed(m->name, live), f->now).at <=
           f->now;
}

static int by_urgency(const void *a, const void *b)
{
    const struct member *x = *(struct member *const *)a;
    const struct member *y = *(struct member *const *)b;

    return x->facts.not_after < y->facts.not_after ? -1 : x->facts.not_after > y->facts.not_after;
}

static void step(struct fleet *f)
{
    struct member *due[FLEET];
    size_t n = 0;

    for (size_t i = 0; i < FLEET; i++)
        if (is_due(f, &f->v[i]))
            due[n++] = &f->v[i];
    if (n > 1)
        qsort(due, n, sizeof due[0], by_urgency);
    for (size_t i = 0; i < n; i++) {
        struct gate_answer answer = gate_ask(f->gate, &due[i]->config.domains, due[i]->exemption, f->now);

        if (answer.go)
            attempt(f, due[i], (size_t)(due[i] - f->v) % DOMAINS);
        else if (gate_holds_all(answer.cause))
            break;
    }
}

static void live_a_year(int64_t lifetime)
{
    static struct fleet f;
    int64_t pace;

    fleet_init(&f, lifetime);
    for (; f.now < SIM_START + YEAR; f.now += STEP)
        step(&f);
    pace = YEAR / (lifetime - lifetime / (lifetime < 10 * DAY ? 2 : 3));
    print_message("%lld days: %u certificates, %u as the CA suggested, %u refused, least left %lld h\n",
                  (long long)(lifetime / DAY), f.issued, f.in_window, f.refused,
                  (long long)(f.least_left / HOUR));
    assert_int_equal(f.refused, 0);
    assert_true(f.issued >= FLEET * (unsigned)pace);
    assert_true(f.issued <= FLEET * (unsigned)(pace + 4));
    assert_true(f.in_window >= FLEET);
    for (size_t i = 0; i < FLEET; i++) /* what was revoked is gone within a day */
        assert_true(f.v[i].issued >= SIM_START + REVOKED_AT);
    fleet_clear(&f);
}

static void test_a_year_of_each_lifetime(void **state)
{
    static const int64_t days[] = {6, 45, 64, 90};

    (void)state;
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
        live_a_year(days[i] * DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_year_of_each_lifetime)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
