/* SPDX-License-Identifier: MIT */
#include "lib/ari.h"

#include "lib/acme_internal.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "lib/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE       300 /* seconds after issuance: the first poll */
#define SPREAD_PARTS 16
#define SLACK_PARTS  8
#define LIFE_PARTS   24 /* polls in a lifetime that is short, at least */

static const int64_t failure_delays[] = {60, 600, 3600};
#define N_FAILURE_DELAYS (sizeof failure_delays / sizeof failure_delays[0])

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* ---- the CA's reply ---- */

static bool read_time(const json_t *window, const char *name, int64_t *t, struct err *e)
{
    const char *text;

    if (!json_need_string(window, name, &text, e))
        return false;
    if (!rfc3339_parse(text, t) || *t < 0 || *t > RECORD_TIME_MAX)
        return err_set(e, ERR_CLASS_TRANSIENT, "\"%s\" is \"%.40s\", which is no usable time", name, text);
    return true;
}

static bool read_window(struct ari_info *i, const json_t *root, struct err *e)
{
    const json_t *window;

    if (!json_member_object(root, "suggestedWindow", &window, e))
        return false;
    if (window == NULL)
        return err_set(e, ERR_CLASS_TRANSIENT, "member \"suggestedWindow\" is missing");
    if (!read_time(window, "start", &i->start, e) || !read_time(window, "end", &i->end, e))
        return err_wrap(e, "in \"suggestedWindow\"");
    if (i->end <= i->start)
        return err_set(e, ERR_CLASS_TRANSIENT, "the suggested window does not end after it begins");
    return true;
}

/* For display only: one of another type is as good as none. */
static bool read_explanation(struct ari_info *i, const json_t *root, struct err *e)
{
    const char *url = json_string_value(json_object_get(root, "explanationURL"));

    if (url == NULL || *url == '\0')
        return true;
    i->explanation = strndup(url, utf8_cut(url, ARI_EXPLANATION_MAX));
    if (i->explanation == NULL)
        return err_nomem(e, "renewal information");
    utf8_make_printable(i->explanation);
    return true;
}

bool ari_parse(struct ari_info *i, const struct http_reply *reply, struct err *e)
{
    struct ari_info new = {0};
    json_t *root = acme_body(reply, "renewal information", e);
    bool ok;

    if (root == NULL)
        return false;
    ok = read_window(&new, root, e) && read_explanation(&new, root, e);
    json_decref(root);
    if (!ok) {
        ari_info_clear(&new);
        return err_wrap(e, "the CA's renewal information cannot be used");
    }
    *i = new;
    return true;
}

void ari_info_clear(struct ari_info *i)
{
    free(i->explanation);
    *i = (struct ari_info){0};
}

char *ari_url(const char *renewal_info, const char *id)
{
    size_t len = strlen(renewal_info);
    char *url;

    if (asprintf(&url, "%s%s%s", renewal_info, len > 0 && renewal_info[len - 1] == '/' ? "" : "/", id) < 0)
        return NULL;
    return url;
}

/* ---- the record ---- */

static bool is_about(const struct journal_ari *a, const struct cert_facts *facts)
{
    return a->id != NULL && facts->ari_id != NULL && strcmp(a->id, facts->ari_id) == 0;
}

/* The record becomes one about this certificate, if it is not yet. */
static bool adopt(struct journal_ari *a, const struct cert_facts *facts, struct err *e)
{
    char *id;

    if (is_about(a, facts))
        return true;
    id = strdup(facts->ari_id != NULL ? facts->ari_id : "");
    if (id == NULL)
        return err_nomem(e, "a record of renewal information");
    journal_ari_clear(a);
    a->id = id;
    return true;
}

/* A window that ends when the certificate is no more is none to wait for. */
static bool check_window(const struct ari_info *i, const struct cert_facts *facts, struct err *e)
{
    if (i->end <= facts->not_after)
        return true;
    return err_set(e, ERR_CLASS_TRANSIENT,
                   "the CA's renewal information cannot be used: the suggested window ends after the "
                   "certificate expires");
}

static enum ari_outcome take(struct journal_ari *a, struct ari_info *i, uint64_t random)
{
    bool same = a->start == i->start && a->end == i->end;

    free(a->explanation);
    a->explanation = i->explanation;
    i->explanation = NULL;
    free(a->error);
    a->error = NULL;
    a->failures = 0;
    if (same)
        return ARI_OUTCOME_UNCHANGED;
    a->start = i->start;
    a->end = i->end;
    a->chosen = i->start + (int64_t)(random % (uint64_t)(i->end - i->start));
    return ARI_OUTCOME_CHANGED;
}

static void note_failure(struct journal_ari *a, const struct err *e)
{
    free(a->error);
    a->error = strdup(e->text);
    if (a->error != NULL)
        a->error[utf8_cut(a->error, JOURNAL_NOTE_MAX)] = '\0';
    if (a->failures < UINT16_MAX)
        a->failures++;
}

/* Without a word of the CA's about it. */
static int64_t usual_interval(const struct cert_facts *facts)
{
    return clamp((facts->not_after - facts->not_before) / LIFE_PARTS, ARI_POLL_MIN, ARI_POLL_DEFAULT);
}

/* What the next request may bring: a reply that says no, or says nothing usable, is not soon another. */
static bool may_pass(const struct http_reply *reply)
{
    return reply == NULL || reply->status >= 500 || reply->status == 429 || reply->status == 408;
}

static int64_t interval(const struct journal_ari *a, const struct cert_facts *facts,
                        const struct http_reply *reply)
{
    int64_t usual = usual_interval(facts);
    int64_t delay = usual;

    if (reply != NULL && reply->retry_after >= 0)
        return clamp(reply->retry_after, ARI_POLL_MIN, ARI_POLL_MAX);
    if (a->failures > 0 && a->failures <= N_FAILURE_DELAYS && may_pass(reply))
        delay = failure_delays[a->failures - 1];
    return delay < usual ? delay : usual;
}

static void schedule(struct journal_ari *a, int64_t delay, uint64_t random, int64_t now)
{
    a->polled_at = now;
    a->next_poll = now + delay + (int64_t)((random >> 32) % (uint64_t)(delay / SPREAD_PARTS + 1));
}

enum ari_outcome ari_polled(struct journal_ari *a, const struct cert_facts *facts,
                            const struct http_reply *reply, uint64_t random, int64_t now, struct err *e)
{
    enum ari_outcome outcome = ARI_OUTCOME_FAILED;
    struct ari_info info = {0};

    if (!adopt(a, facts, e))
        return ARI_OUTCOME_FAILED;
    if (reply != NULL && acme_reply_check(reply, now, NULL, e) && ari_parse(&info, reply, e) &&
        check_window(&info, facts, e))
        outcome = take(a, &info, random);
    else
        note_failure(a, e);
    ari_info_clear(&info);
    schedule(a, interval(a, facts, reply), random * 0x9e3779b97f4a7c15, now);
    return outcome;
}

bool ari_begin(struct journal_ari *a, const struct cert_facts *facts, uint64_t random, int64_t now,
               struct err *e)
{
    int64_t settle = clamp((facts->not_after - facts->not_before) / 1000, 1, SETTLE);

    journal_ari_clear(a);
    if (facts->ari_id == NULL)
        return true;
    if (!adopt(a, facts, e))
        return false;
    a->next_poll = now + settle + (int64_t)(random % (uint64_t)settle);
    return true;
}

bool ari_poll_times(const struct journal_ari *a, const struct cert_facts *facts, int64_t now,
                    int64_t *earliest, int64_t *latest)
{
    int64_t slack;

    if (facts->ari_id == NULL || facts->not_after <= now)
        return false;
    *earliest = *latest = 0;
    if (!is_about(a, facts))
        return true;
    /* A moment further ahead than any that is ever set was written under another clock. */
    if (a->next_poll - now > 2 * (int64_t)ARI_POLL_MAX)
        return true;
    slack = a->polled_at != 0 ? (a->next_poll - a->polled_at) / SLACK_PARTS : SETTLE;
    *earliest = a->next_poll;
    *latest = a->next_poll + clamp(slack, 0, ARI_SLACK_MAX);
    return true;
}

bool ari_applies(const struct journal_ari *a, const struct cert_facts *facts)
{
    return a->end != 0 && is_about(a, facts);
}

bool ari_in_window(const struct journal_ari *a, const struct cert_facts *facts, int64_t now)
{
    return ari_applies(a, facts) && a->start <= now && now < a->end;
}

bool ari_replaces(const struct journal *j, const struct cert_facts *facts, const char *directory)
{
    if (facts->ari_id == NULL || j->attempts > ARI_REPLACES_TRIES)
        return false;
    if (is_about(&j->ari, facts) && j->ari.refused > 0)
        return false;
    if (j->issued_directory != NULL)
        return strcmp(j->issued_directory, directory) == 0;
    return ari_applies(&j->ari, facts); /* the CA knows it, or it had no window for it */
}

bool ari_refused(struct journal_ari *a, const struct cert_facts *facts, int64_t now, struct err *e)
{
    if (!adopt(a, facts, e))
        return false;
    a->refused++;
    if (a->next_poll == 0)
        a->next_poll = now;
    return true;
}
