/* SPDX-License-Identifier: MIT */
#include "lib/status.h"

#include "lib/advice.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX    4096
#define DOMAINS_MAX 1000
#define CAS_MAX     1000

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const state_names[] = {
    [STATUS_VALID] = "valid",         [STATUS_DUE] = "due",         [STATUS_ORDERING] = "ordering",
    [STATUS_DEPLOYING] = "deploying", [STATUS_WAITING] = "waiting", [STATUS_FAILING] = "failing",
    [STATUS_EXPIRED] = "expired",     [STATUS_MISSING] = "missing", [STATUS_UNMANAGED] = "unmanaged",
};
static_assert(COUNT(state_names) == STATUS_COUNT, "every state has a name");
static_assert(sizeof(enum status_state) == sizeof(unsigned), "RECORD_NAME reads enums as unsigned");

const char *status_state_to_str(enum status_state s)
{
    return (unsigned)s < STATUS_COUNT ? state_names[s] : "unknown";
}

bool status_state_from_str(const char *s, enum status_state *state)
{
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        if (strcmp(s, state_names[i]) == 0) {
            *state = (enum status_state)i;
            return true;
        }
    }
    return false;
}

static const char *state_to_str(unsigned value)
{
    return status_state_to_str((enum status_state)value);
}

static bool state_from_str(const char *s, unsigned *value)
{
    enum status_state state;

    if (!status_state_from_str(s, &state))
        return false;
    *value = state;
    return true;
}

static const struct record_names names_of_states = {state_to_str, state_from_str};

#define GENERATION(member) offsetof(struct status_generation, member)
static const struct record_field generation_fields[] = {
    {"generation", RECORD_COUNT, GENERATION(generation)},
    {"live", RECORD_BOOL, GENERATION(live)},
    {"served_last", RECORD_BOOL, GENERATION(served_last)},
    {"serial", RECORD_STRING_OR_NULL, GENERATION(serial), .max = TEXT_MAX},
    {"not_before", RECORD_TIME, GENERATION(not_before)},
    {"not_after", RECORD_TIME, GENERATION(not_after)},
    {"revoked", RECORD_STRING_OR_NULL, GENERATION(revoked), .max = TEXT_MAX},
    {"revoked_at", RECORD_TIME, GENERATION(revoked_at)},
    {"error", RECORD_STRING_OR_NULL, GENERATION(error), .max = TEXT_MAX},
};
static const struct record_type generation_record = {generation_fields, COUNT(generation_fields), 0};

#define CERTIFICATE(member) offsetof(struct status_certificate, member)
static const struct record_field fields[] = {
    {"name", RECORD_STRING, CERTIFICATE(name), .max = TEXT_MAX},
    {"lineage", RECORD_STRING, CERTIFICATE(lineage), .max = TEXT_MAX},
    {"domains", RECORD_STRINGS, CERTIFICATE(domains), .max = DOMAINS_MAX},
    {"key_type", RECORD_STRING, CERTIFICATE(key_type), .max = TEXT_MAX},
    {"reuse_key", RECORD_BOOL, CERTIFICATE(reuse_key)},
    {"ca", RECORD_STRING, CERTIFICATE(ca), .max = TEXT_MAX},
    {"cas", RECORD_STRINGS, CERTIFICATE(cas), .max = CAS_MAX, .newer = true},
    {"challenge", RECORD_STRING_OR_NULL, CERTIFICATE(challenge), .max = TEXT_MAX},
    {"generation", RECORD_COUNT, CERTIFICATE(generation)},
    {"state", RECORD_NAME, CERTIFICATE(state), .names = &names_of_states},
    {"issuer", RECORD_STRING_OR_NULL, CERTIFICATE(issuer), .max = TEXT_MAX},
    {"serial", RECORD_STRING_OR_NULL, CERTIFICATE(serial), .max = TEXT_MAX},
    {"not_before", RECORD_TIME, CERTIFICATE(not_before)},
    {"not_after", RECORD_TIME, CERTIFICATE(not_after)},
    {"renew_at", RECORD_TIME, CERTIFICATE(renew_at)},
    {"next_action", RECORD_STRING, CERTIFICATE(next_action), .max = TEXT_MAX},
    {"next_at", RECORD_TIME, CERTIFICATE(next_at)},
    {"reason", RECORD_STRING_OR_NULL, CERTIFICATE(reason), .max = TEXT_MAX},
    {"last_error", RECORD_OBJECT_OR_NULL, CERTIFICATE(last_error), .type = &journal_error_record},
    {"advice", RECORD_STRING_OR_NULL, CERTIFICATE(advice), .max = TEXT_MAX},
    {"alarm", RECORD_STRING_OR_NULL, CERTIFICATE(alarm), .max = TEXT_MAX},
    {"to_publish", RECORD_STRINGS, CERTIFICATE(to_publish), .max = DOMAINS_MAX, .newer = true},
    {"to_publish_unseen", RECORD_BOOL, CERTIFICATE(to_publish_unseen), .newer = true},
    {"attempts", RECORD_COUNT, CERTIFICATE(attempts)},
    {"last_issued", RECORD_TIME, CERTIFICATE(last_issued)},
    {"verify", RECORD_BOOL, CERTIFICATE(verify)},
    {"chain", RECORD_STRING_OR_NULL, CERTIFICATE(chain), .max = TEXT_MAX},
    {"wanted_chain", RECORD_STRING_OR_NULL, CERTIFICATE(wanted_chain), .max = TEXT_MAX},
    {"profile", RECORD_STRING_OR_NULL, CERTIFICATE(profile), .max = TEXT_MAX},
    {"ari", RECORD_OBJECT_OR_NULL, CERTIFICATE(ari), .type = &journal_ari_record},
    {"deploy", RECORD_OBJECT, CERTIFICATE(deployment), .type = &journal_deployment_record},
    {"generations", RECORD_OBJECTS, CERTIFICATE(generations), .max = STATUS_GENERATIONS_MAX,
     .type = &generation_record, .size = sizeof(struct status_generation)},
    {"generations_older", RECORD_COUNT, CERTIFICATE(generations_older), .newer = true},
};
static const struct record_type certificate_record = {fields, COUNT(fields), 0};

void status_certificate_clear(struct status_certificate *s)
{
    record_clear(&certificate_record, s);
}

json_t *status_certificate_to_json(const struct status_certificate *s)
{
    return record_to_json(&certificate_record, s);
}

bool status_certificate_from_json(struct status_certificate *s, const json_t *j, struct err *e)
{
    struct status_certificate fresh = {0};

    if (!record_from_json(&certificate_record, &fresh, j, e))
        return err_wrap(e, "status of a certificate");
    *s = fresh;
    return true;
}

bool status_needs_attention(const struct status_certificate *s, int64_t now)
{
    if (s->state == STATUS_UNMANAGED)
        return false;
    if (s->alarm != NULL || s->state == STATUS_FAILING || s->state == STATUS_EXPIRED)
        return true;
    if ((s->last_error.at != 0 && s->state != STATUS_VALID) || s->deployment.error.at != 0)
        return true;
    /* Times of this struct are 0..RECORD_TIME_MAX when they came through JSON: no overflow. */
    return s->not_after != 0 && s->not_after - now < (s->not_after - s->not_before) / 20;
}

/* Copies src (NULL: NULL) to *dst; false: out of memory. */
static bool copy(char **dst, const char *src)
{
    *dst = src != NULL ? strdup(src) : NULL;
    return src == NULL || *dst != NULL;
}

static bool copy_error(struct journal_error *dst, const struct journal_error *src)
{
    dst->at = src->at;
    dst->class = src->class;
    return copy(&dst->text, src->text);
}

static bool copy_deployment(struct journal_deployment *dst, const struct journal_deployment *src)
{
    *dst = *src;
    dst->note = NULL;
    dst->error.text = NULL;
    return copy(&dst->note, src->note) && copy_error(&dst->error, &src->error);
}

/* Only of the certificate that is live. */
static bool copy_ari(struct journal_ari *dst, const struct journal_ari *src, const struct cert_facts *f)
{
    if (f == NULL || f->ari_id == NULL || src->id == NULL || strcmp(src->id, f->ari_id) != 0)
        return true;
    *dst = *src;
    dst->id = dst->explanation = dst->error = NULL;
    return copy(&dst->id, src->id) && copy(&dst->explanation, src->explanation) &&
           copy(&dst->error, src->error);
}

static bool fill_facts(struct status_certificate *s, const struct status_input *in)
{
    const struct cert_facts *f = in->facts;
    const char *key_type = "";

    if (f != NULL && f->key_type_known)
        key_type = key_type_to_str(f->key_type);
    else if (f == NULL && in->config != NULL)
        key_type = key_type_to_str(in->config->key);
    if (f == NULL)
        return copy(&s->key_type, key_type);
    s->not_before = f->not_before;
    s->not_after = f->not_after;
    return copy(&s->key_type, key_type) && copy(&s->issuer, f->issuer) && copy(&s->serial, f->serial);
}

static bool fill_domains(struct status_certificate *s, const struct status_input *in)
{
    if (in->config != NULL)
        return strv_copy(&s->domains, &in->config->domains);
    return in->facts == NULL || strv_copy(&s->domains, &in->facts->names);
}

static bool fill_cas(struct status_certificate *s, const struct config_certificate *c)
{
    for (size_t i = 0; c != NULL && i < c->n_cas; i++)
        if (!strv_add(&s->cas, c->cas[i]->name))
            return false;
    return true;
}

/* As long as that is how the names are proven. */
static bool fill_to_publish(struct status_certificate *s, const struct status_input *in)
{
    if (in->config == NULL || in->config->challenge != CHALLENGE_TYPE_DNS_PERSIST_01)
        return true;
    s->to_publish_unseen = in->dns_off && in->journal->to_publish.n > 0;
    return strv_copy(&s->to_publish, &in->journal->to_publish);
}

static bool fill_advice(struct status_certificate *s, const struct status_input *in)
{
    const struct journal_error *error = &in->journal->error;
    char text[ADVICE_MAX];

    enum challenge_type challenge = in->config != NULL ? in->config->challenge : CHALLENGE_TYPE_HTTP_01;

    return error->text == NULL || !advice_for(error->text, challenge, text) || copy(&s->advice, text);
}

bool status_certificate_fill(struct status_certificate *s, const char *lineage, const struct status_input *in,
                             struct err *e)
{
    struct status_verdict v = status_derive(in);
    const struct config_certificate *c = in->config;

    *s = (struct status_certificate){.state = v.state, .next_at = v.next_at};
    if (in->plan != NULL && in->facts != NULL)
        s->renew_at = in->plan->renew_at;
    s->attempts = in->journal->attempts;
    s->last_issued = in->journal->issued[0];
    s->reuse_key = c != NULL && c->reuse_key;
    s->verify = c != NULL && c->verify_host != NULL;
    if (copy(&s->name, c != NULL ? c->section : lineage) && copy(&s->lineage, lineage) &&
        copy(&s->ca, in->ca != NULL ? in->ca : "") && fill_cas(s, c) &&
        copy(&s->challenge, c != NULL ? challenge_type_to_str(c->challenge) : NULL) && fill_domains(s, in) &&
        fill_facts(s, in) && copy(&s->next_action, v.next_action) &&
        copy(&s->reason, v.reason[0] != '\0' ? v.reason : NULL) && copy(&s->chain, in->chain) &&
        copy(&s->wanted_chain, in->wanted_chain) && copy(&s->profile, c != NULL ? c->profile : NULL) &&
        copy_ari(&s->ari, &in->journal->ari, in->facts) && copy_error(&s->last_error, &in->journal->error) &&
        fill_advice(s, in) && fill_to_publish(s, in) && copy(&s->alarm, c != NULL ? in->alarm : NULL) &&
        copy_deployment(&s->deployment, &in->journal->deployment))
        return true;
    status_certificate_clear(s);
    return err_nomem(e, "status of a certificate");
}
