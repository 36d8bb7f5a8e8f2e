/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/gate.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t lifetimes[] = {160 * HOUR, 45 * DAY, 64 * DAY, 90 * DAY, 398 * DAY};
#define N_LIFETIMES (sizeof lifetimes / sizeof lifetimes[0])

/* The longest between two polls: what the CA says, and its spread; it may be put off by an hour. */
#define POLL_MOST (6 * HOUR * 17 / 16 + HOUR)

/* Every renewal falls into its window, be that 3.2 hours wide. */
static void test_every_window_is_hit(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIFETIMES; i++) {
        for (unsigned seed = 0; seed < 5; seed++) {
            struct sim s;

            sim_init(&s, seed, lifetimes[i]);
            s.ari = SIM_ARI_SANE;
            s.restart_one_in = seed % 2 != 0 ? 10 : 0;
            sim_run(&s, SIM_START + 4 * YEAR);
            assert_true(s.n_issued > 4);
            assert_int_equal(s.n_in_window, s.n_issued - 1);
            assert_int_equal(s.n_attempted, s.n_issued);
            assert_true(s.least_left > (lifetimes[i] < 10 * DAY ? lifetimes[i] / 2 : lifetimes[i] / 3) -
                                           lifetimes[i] / 100 - HOUR);
            assert_in_range(s.n_polls, 4 * YEAR / POLL_MOST, 4 * YEAR / (6 * HOUR) + 2 * s.n_issued);
            sim_clear(&s);
        }
    }
}

/* A year of outages, crashes and mass revocations: no certificate expires, and what is to be revoked is
 * replaced within one poll of the CA being there, but never sooner than an hour after the one before. */
static void test_a_year_of_outages_and_revocations(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 4 * N_LIFETIMES; n++) {
        struct sim s;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        s.ari = SIM_ARI_SANE;
        s.crash_one_in = n % 2 != 0 ? 5 : 0;
        s.restart_one_in = n % 3 == 0 ? 7 : 0;
        s.down_class = n % 4 < 2 ? ERR_CLASS_NETWORK : ERR_CLASS_TRANSIENT;
        sim_run(&s, SIM_START + DAY);
        while (s.now < SIM_START + YEAR) {
            unsigned before;

            s.down_from = s.now + (int64_t)(n * 7919 % 97) * HOUR;
            s.down_until = s.down_from + (s.lifetime < 10 * DAY ? 24 * HOUR : 8 * HOUR + n % 5 * DAY);
            sim_run(&s, s.down_until + 12 * HOUR);
            s.revoked_at = s.now;
            before = s.n_issued;
            /* One poll, and two attempts more for a crash in between. */
            sim_run(&s, s.now + POLL_MOST + HOUR + (s.crash_one_in != 0 ? 36 * HOUR : 0));
            assert_int_equal(s.n_issued, before + 1);
            sim_run(&s, s.now + s.lifetime * 2 / 5);
        }
        assert_true(s.least_left > 0);
        sim_clear(&s);
    }
}

/* FAULTS 9: whatever the CA says, no certificate comes near its end, and nothing loops. */
static void test_nonsense_for_years(void **state)
{
    (void)state;
    for (int ari = SIM_ARI_LATE; ari <= SIM_ARI_ANYTHING; ari++) {
        for (size_t i = 0; i < N_LIFETIMES; i++) {
            int64_t least = lifetimes[i] / 4 < 2 * DAY ? lifetimes[i] / 4 : 2 * DAY;
            struct sim s;

            sim_init(&s, (unsigned)ari, lifetimes[i]);
            s.ari = (enum sim_ari)ari;
            sim_run(&s, SIM_START + 3 * YEAR);
            assert_true(s.least_left > lifetimes[i] / 20 - HOUR);
            assert_true(s.n_issued <= 3 * YEAR / (least - POLL_MOST) + JOURNAL_ISSUED_MAX);
            if (ari != SIM_ARI_LATE && ari != SIM_ARI_PAST && ari != SIM_ARI_ANYTHING)
                assert_true(s.least_left > lifetimes[i] / 3 - 2 * HOUR); /* the lifetime rule */
            sim_clear(&s);
        }
    }
}

/* A restart at any moment changes nothing: the moment, too, and when to poll, are in the journal. */
static void test_restarts_change_nothing(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 4 * N_LIFETIMES; n++) {
        struct sim a;
        struct sim b;

        sim_init(&a, n, lifetimes[n % N_LIFETIMES]);
        sim_init(&b, n, lifetimes[n % N_LIFETIMES]);
        a.ari = b.ari = SIM_ARI_SANE;
        a.revoked_at = b.revoked_at = SIM_START + n * 10 * DAY;
        b.restart_one_in = 2;
        sim_run(&a, SIM_START + YEAR);
        sim_run(&b, SIM_START + YEAR);
        assert_int_equal(a.n_polls, b.n_polls);
        assert_int_equal(a.n_issued, b.n_issued);
        assert_memory_equal(a.issued, b.issued, a.n_issued * sizeof a.issued[0]);
        sim_clear(&a);
        sim_clear(&b);
    }
}

/* One of a fleet, all of which the CA revokes. */
struct victim {
    struct cert_facts facts;
    struct journal journal;
    int64_t issued;
};

static int more_urgent(const void *a, const void *b)
{
    const struct victim *x = a;
    const struct victim *y = b;
    int64_t dx = renewal_deadline(&x->facts, &x->journal);
    int64_t dy = renewal_deadline(&y->facts, &y->journal);

    return dx < dy ? -1 : dx > dy ? 1 : 0;
}

/* Mass revocation: as fast as the CA's limit allows, no order more, and what ends first goes first: those
 * that expire before they are revoked, then those to be revoked, by when, then the renewals of every day. */
static void test_mass_revocation_of_a_fleet(void **state)
{
    enum { FLEET = 900, LIMIT = 280 };
    static struct victim v[FLEET];
    static char *name[] = {(char *)"a.example"};
    const struct strv names = {name, 1};
    struct gate *gate = gate_new(LIMIT, 3 * HOUR);
    int64_t now = SIM_START;

    (void)state;
    assert_non_null(gate);
    for (int i = 0; i < FLEET; i++) {
        int64_t age = i % 3 == 0 ? 70 * DAY : 10 * DAY + i * HOUR / 10;
        bool dies = i % 100 == 99;

        v[i] = (struct victim){
            .facts = {.ari_id = (char *)"a.b", .not_before = now - age, .not_after = now - age + 90 * DAY}};
        if (dies)
            v[i].facts.not_after = now + HOUR;
        else if (i % 3 != 0) /* a window that has just ended */
            v[i].journal.ari = (struct journal_ari){.id = (char *)"a.b",
                                                    .start = now - 3 * HOUR,
                                                    .end = now - HOUR - i * 7919 % FLEET,
                                                    .chosen = now - 2 * HOUR};
    }
    qsort(v, FLEET, sizeof *v, more_urgent);
    for (int i = 0; i < FLEET; i++) {
        struct gate_answer answer = gate_ask(gate, &names, false, now);

        while (!answer.go) {
            assert_true(answer.until > now);
            now = answer.until;
            answer = gate_ask(gate, &names, false, now);
        }
        gate_started(gate, &names, false, now);
        v[i].issued = now;
        (void)gate_ended(gate, &names, NULL, GATE_SCOPE_ORDER, 0, now);
        if (i >= LIMIT) /* the limit is a bucket that refills steadily */
            assert_true(now - SIM_START >= (i - LIMIT) * 3 * HOUR / LIMIT);
    }
    for (int i = 0; i < FLEET; i++) {
        bool dies = v[i].facts.not_after == SIM_START + HOUR;

        if (i < FLEET / 100)
            assert_true(dies && v[i].issued < v[i].facts.not_after);
        else
            assert_int_equal(v[i].journal.ari.id != NULL, i < FLEET / 100 + FLEET * 2 / 3 - 6);
    }
    assert_true(now < SIM_START + 12 * HOUR);
    gate_free(gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_window_is_hit),
        cmocka_unit_test(test_a_year_of_outages_and_revocations),
        cmocka_unit_test(test_nonsense_for_years),
        cmocka_unit_test(test_restarts_change_nothing),
        cmocka_unit_test(test_mass_revocation_of_a_fleet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
