/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ATTEMPT_TIME 5         /* seconds that an attempt takes */
#define CLOCK_TIME   (30 * 60) /* how often a clock in doubt is probed */

static char *one_name[] = {(char *)"a.example"};

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static bool happens(struct sim *s, unsigned one_in)
{
    return one_in != 0 && draw(&s->mischief) % one_in == 0;
}

static int64_t wall(const struct sim *s)
{
    return s->now + s->offset;
}

static void save(struct sim *s)
{
    free(s->durable);
    s->durable = journal_to_json(&s->journal);
    assert_non_null(s->durable);
}

void sim_init(struct sim *s, uint64_t seed, int64_t lifetime)
{
    *s = (struct sim){.lifetime = lifetime,
                      .backdate = HOUR,
                      .down_class = ERR_CLASS_NETWORK,
                      .now = SIM_START,
                      .random = seed,
                      .mischief = ~seed,
                      .least_left = INT64_MAX};
    s->config.name = one_name[0];
    s->config.domains = (struct strv){one_name, 1};
    journal_init(&s->journal);
    save(s);
}

void sim_clear(struct sim *s)
{
    journal_clear(&s->journal);
    free(s->durable);
}

void sim_restart(struct sim *s)
{
    struct err e;

    if (!journal_from_json(&s->journal, s->durable, strlen(s->durable), &e))
        fail_msg("journal: %s", e.text);
    s->clock = (struct renewal_clock){0};
}

void sim_jump(struct sim *s, int64_t by)
{
    s->offset += by;
}

/* The CA answers: over TLS, whose certificates no clock may be years away from. */
static bool ca_reached(const struct sim *s, struct err *e)
{
    if (s->offset > YEAR || s->offset < -YEAR)
        return err_set(e, ERR_CLASS_NETWORK, "the CA's certificate has expired");
    if (s->now < s->down_from || s->now >= s->down_until)
        return true;
    err_set(e, s->down_class, "the CA is down");
    e->retry_at = s->retry_after != 0 ? wall(s) + s->retry_after : 0;
    return false;
}

static void issue(struct sim *s)
{
    assert_true(s->n_issued < SIM_TRACE_MAX);
    if (s->n_issued > 0)
        assert_true(s->now - s->issued[s->n_issued - 1] >= RENEWAL_ISSUANCE_FLOOR);
    s->n_in_window += s->has_live && ari_in_window(&s->journal.ari, &s->live, wall(s)) ? 1 : 0;
    s->issued[s->n_issued++] = s->now;
    (void)snprintf(s->ari_id, sizeof s->ari_id, "issuer.%u", s->n_issued);
    s->live = (struct cert_facts){.names = s->config.domains,
                                  .ari_id = s->ari_id,
                                  .not_before = s->now - s->backdate,
                                  .not_after = s->now - s->backdate + s->lifetime,
                                  .key_type = s->config.key,
                                  .key_type_known = true};
    memcpy(s->live.sha256, &s->n_issued, sizeof s->n_issued);
    s->has_live = true;
    journal_issued(&s->journal, s->n_issued, NULL, wall(s));
    if (s->ari != SIM_ARI_NONE)
        assert_true(ari_begin(&s->journal.ari, &s->live, draw(&s->random), wall(s), NULL));
}

static void attempt(struct sim *s)
{
    const struct cert_facts *live = s->has_live ? &s->live : NULL;
    struct err e = {.class = ERR_CLASS_NETWORK};
    uint32_t jitter = (uint32_t)draw(&s->random);
    int64_t delay;

    assert_true(s->n_attempted < SIM_TRACE_MAX);
    if (s->n_attempted > 0)
        assert_true(s->now - s->attempted[s->n_attempted - 1] >= RENEWAL_BACKOFF_MIN);
    s->attempted[s->n_attempted++] = s->now;
    s->journal.attempts++;
    s->journal.attempt_at = wall(s);
    s->journal.not_before = wall(s) + renewal_backoff(&e, s->journal.attempts, live, jitter, wall(s));
    save(s);
    s->now += ATTEMPT_TIME;
    if (happens(s, s->crash_one_in)) {
        sim_restart(s);
        return;
    }
    if (ca_reached(s, &e)) {
        issue(s);
    } else {
        delay = renewal_backoff(&e, s->journal.attempts, live, jitter, wall(s));
        assert_in_range(delay, RENEWAL_BACKOFF_MIN, RENEWAL_BACKOFF_MAX);
        s->journal.not_before = wall(s) + delay;
        journal_error_set(&s->journal.error, &e, wall(s));
    }
    save(s);
}

static void window(char *body, size_t size, int64_t start, int64_t end)
{
    time_t times[] = {(time_t)start, (time_t)end};
    char text[2][32];
    struct tm tm;

    for (int i = 0; i < 2; i++)
        (void)strftime(text[i], sizeof text[i], "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&times[i], &tm));
    (void)snprintf(body, size, "{\"suggestedWindow\": {\"start\": \"%s\", \"end\": \"%s\"}}", text[0],
                   text[1]);
}

/* The CA's renewal information. */
static void suggest(struct sim *s, enum sim_ari ari, struct http_reply *reply, char *body, size_t size)
{
    const struct cert_facts *f = &s->live;
    int64_t life = f->not_after - f->not_before;
    int64_t ideal = f->not_after - (life < 10 * DAY ? life / 2 : life / 3);

    *reply = (struct http_reply){
        .status = ari == SIM_ARI_ERROR ? 500 : 200, .body = body, .retry_after = 6 * HOUR};
    if (ari == SIM_ARI_PAST ||
        (s->revoked_at != 0 && s->issued[s->n_issued - 1] < s->revoked_at && s->now >= s->revoked_at))
        window(body, size, s->now - HOUR, s->now - HOUR / 2);
    else if (ari == SIM_ARI_SANE)
        window(body, size, ideal - life / 100, ideal + life / 100);
    else if (ari == SIM_ARI_LATE)
        window(body, size, f->not_after - 60, f->not_after);
    else if (ari == SIM_ARI_INVERTED)
        window(body, size, s->now - HOUR, s->now - 2 * HOUR);
    else if (ari == SIM_ARI_9999)
        window(body, size, s->now - HOUR, RECORD_TIME_MAX);
    else
        (void)snprintf(body, size, "<html>");
    reply->body_len = strlen(body);
}

static void poll(struct sim *s)
{
    enum sim_ari ari = s->ari;
    struct http_reply reply;
    char body[200];
    struct err e;

    if (ari == SIM_ARI_ANYTHING)
        ari = (enum sim_ari)(SIM_ARI_SANE + draw(&s->random) % (SIM_ARI_ANYTHING - SIM_ARI_SANE));
    s->n_polls++;
    if (ca_reached(s, &e)) {
        suggest(s, ari, &reply, body, sizeof body);
        (void)ari_polled(&s->journal.ari, &s->live, &reply, draw(&s->random), wall(s), &e);
    } else {
        (void)ari_polled(&s->journal.ari, &s->live, NULL, draw(&s->random), wall(s), &e);
    }
    assert_true(s->journal.ari.next_poll >= wall(s) + ARI_POLL_MIN);
    save(s);
}

/* Polls when it can be put off no longer; how many seconds until the next time. */
static int64_t poll_if_due(struct sim *s)
{
    int64_t earliest;
    int64_t latest;

    if (s->ari == SIM_ARI_NONE || !s->has_live ||
        !ari_poll_times(&s->journal.ari, &s->live, wall(s), &earliest, &latest))
        return INT64_MAX;
    if (latest > wall(s))
        return latest - wall(s);
    poll(s);
    return 0;
}

/* One step; how many seconds the daemon then sleeps. */
static int64_t step(struct sim *s)
{
    const struct cert_facts *live = s->has_live ? &s->live : NULL;
    struct renewal_plan plan;
    int64_t until_poll;
    struct err e;

    if (happens(s, s->restart_one_in))
        sim_restart(s);
    (void)renewal_clock_tick(&s->clock, wall(s), s->now);
    if (s->clock.doubted && (!ca_reached(s, &e) || !renewal_clock_confirm(&s->clock, s->now, wall(s))))
        return CLOCK_TIME;
    until_poll = renewal_clock_sane(wall(s)) ? poll_if_due(s) : CLOCK_TIME;
    plan = renewal_plan(&s->config, live, &s->journal, false, renewal_seed(s->config.name, live), wall(s));
    if (plan.at > wall(s) || !renewal_clock_sane(wall(s))) {
        int64_t sleep = plan.at > wall(s) ? plan.at - wall(s) : CLOCK_TIME;

        return sleep < until_poll ? sleep : until_poll;
    }
    attempt(s);
    return 0;
}

void sim_run(struct sim *s, int64_t until)
{
    while (s->now < until) {
        int64_t sleep = step(s);

        s->now += sleep < until - s->now ? sleep : until > s->now ? until - s->now : 0;
        if (s->has_live && s->live.not_after - s->now < s->least_left)
            s->least_left = s->live.not_after - s->now;
    }
}
