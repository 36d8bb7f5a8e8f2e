/* SPDX-License-Identifier: MIT */
#include "lib/status.h"

#include "lib/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void say(char *out, size_t size, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX + 256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text[utf8_cut(text, size - 1)] = '\0';
    memcpy(out, text, strlen(text) + 1);
}

#define ACTION(v, ...) say((v)->next_action, sizeof(v)->next_action, __VA_ARGS__)
#define REASON(v, ...) say((v)->reason, sizeof(v)->reason, __VA_ARGS__)

static const char *error_text(const struct journal_error *error)
{
    return error->text != NULL && error->text[0] != '\0' ? error->text : "no cause was recorded";
}

static const char *reason(const struct status_input *in, char *text, size_t size)
{
    renewal_describe(in->plan->reason, in->journal, text, size);
    return text;
}

static int64_t if_future(int64_t t, int64_t now)
{
    return t > now ? t : 0;
}

static bool has_error(const struct status_input *in)
{
    return in->journal->error.at != 0;
}

/* The renewal is what matters: its time has come. (A failed `renew now` before that is told as last_error
 * alone.) */
static bool renewal_matters(const struct status_input *in)
{
    return in->plan->held || in->plan->at <= in->now;
}

static bool waits_for_ca(const struct status_input *in)
{
    return in->ca_wait != NULL || (has_error(in) && (in->journal->error.class == ERR_CLASS_NETWORK ||
                                                     in->journal->error.class == ERR_CLASS_RATE_LIMITED));
}

static void derive_waiting(struct status_verdict *v, const struct status_input *in)
{
    int64_t until = in->plan->at > in->ca_until ? in->plan->at : in->ca_until;

    v->state = STATUS_WAITING;
    ACTION(v, "%s when the CA can be had again", in->facts == NULL ? "issue" : "renew");
    v->next_at = if_future(until, in->now);
    if (in->ca_wait != NULL)
        REASON(v, "%s", in->ca_wait);
    else
        REASON(v, "%s", error_text(&in->journal->error));
}

/* The CA has ended the account, which the alarm tells: waiting does not help. */
static void derive_ended(struct status_verdict *v, const struct status_input *in)
{
    v->state = STATUS_FAILING;
    ACTION(v, "ask the CA again about the account");
    v->next_at = if_future(in->plan->at > in->ca_until ? in->plan->at : in->ca_until, in->now);
}

static void derive_renewal(struct status_verdict *v, const struct status_input *in)
{
    char why[RENEWAL_DESCRIPTION_MAX];
    const char *verb = in->facts == NULL ? "issue" : "renew";

    if (in->alarm != NULL) {
        derive_ended(v, in);
        return;
    }
    if (waits_for_ca(in)) {
        derive_waiting(v, in);
        return;
    }
    v->next_at = if_future(in->plan->at, in->now);
    if (has_error(in)) {
        v->state = STATUS_FAILING;
        ACTION(v, "try again to %s", verb);
        REASON(v, "%s", error_text(&in->journal->error));
        return;
    }
    v->state = in->facts == NULL ? STATUS_MISSING : STATUS_DUE;
    ACTION(v, "%s%s", verb, in->queued ? " when an order in flight has ended" : "");
    REASON(v, "%s%s", reason(in, why, sizeof why),
           in->plan->held ? "; held by the least interval between two issuances" : "");
}

static void derive_deploying(struct status_verdict *v, const struct status_input *in)
{
    const struct journal_deployment *d = &in->journal->deployment;
    const char *again = d->error.at != 0 ? " again" : "";

    v->state = STATUS_DEPLOYING;
    v->next_at = in->deploying ? 0 : if_future(d->not_before, in->now);
    switch (d->step) {
    case DEPLOYMENT_COPY:
        ACTION(v, "write the copies%s", again);
        break;
    case DEPLOYMENT_RELOAD:
        ACTION(v, "reload %s%s%s", in->config->reload.n > 0 ? in->config->reload.v[0] : "the server",
               in->config->reload.n > 1 ? " and others" : "", again);
        break;
    case DEPLOYMENT_HOOK:
        ACTION(v, "run the hook%s", again);
        break;
    case DEPLOYMENT_VERIFY:
        ACTION(v, "look at what %s:%u serves%s",
               in->config->verify_host != NULL ? in->config->verify_host : "the server",
               in->config->verify_port, again);
        break;
    case DEPLOYMENT_DONE:
        ACTION(v, "nothing");
        break;
    }
    if (d->error.at != 0)
        REASON(v, "%s", error_text(&d->error));
    else
        REASON(v, "generation %u is issued and has to reach the server", d->generation);
}

static void derive_ordering(struct status_verdict *v, const struct status_input *in)
{
    char why[RENEWAL_DESCRIPTION_MAX];

    v->state = STATUS_ORDERING;
    ACTION(v, "%s", in->ordering[0] != '\0' ? in->ordering : "order at the CA");
    REASON(v, "%s", reason(in, why, sizeof why));
}

static void derive_valid(struct status_verdict *v, const struct status_input *in)
{
    char why[RENEWAL_DESCRIPTION_MAX];

    v->state = STATUS_VALID;
    v->next_at = in->plan->at;
    ACTION(v, "renew");
    REASON(v, "%s%s", reason(in, why, sizeof why),
           in->plan->capped ? "; renew_before is longer than half of the lifetime and counts as half" : "");
}

struct status_verdict status_derive(const struct status_input *in)
{
    struct status_verdict v = {0};
    const struct journal_deployment *d = &in->journal->deployment;

    if (in->config == NULL || in->plan == NULL) {
        v.state = STATUS_UNMANAGED;
        ACTION(&v, "nothing: it is not in the configuration, its files stay");
    } else if (in->ordering != NULL) {
        derive_ordering(&v, in);
    } else if (in->facts != NULL && in->facts->not_after <= in->now) {
        derive_renewal(&v, in);
        v.state = STATUS_EXPIRED;
    } else if (in->facts == NULL || renewal_matters(in)) {
        derive_renewal(&v, in);
    } else if (in->deploying || (d->generation != 0 && d->step != DEPLOYMENT_DONE)) {
        derive_deploying(&v, in);
    } else {
        derive_valid(&v, in);
    }
    return v;
}
