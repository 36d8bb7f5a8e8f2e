/* SPDX-License-Identifier: MIT */
#include "lib/journal.h"

#include "lib/config.h"
#include "lib/deployment.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/utf8.h"

#include <assert.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION      1
#define NAMES_MAX    (CONFIG_DOMAINS_MAX * 255)
#define KEY_TYPE_MAX 32
#define ARI_ID_MAX   256

#define COUNT(a) (sizeof(a) / sizeof *(a))

static_assert(sizeof(enum err_class) == sizeof(unsigned), "RECORD_NAME reads enums as unsigned");
static_assert(sizeof(enum deployment_step) == sizeof(unsigned), "RECORD_NAME reads enums as unsigned");

static const char *class_to_str(unsigned value)
{
    return err_class_to_str((enum err_class)value);
}

static bool class_from_str(const char *s, unsigned *value)
{
    enum err_class class;

    if (!err_class_from_str(s, &class))
        return false;
    *value = class;
    return true;
}

static const char *step_to_str(unsigned value)
{
    return deployment_step_to_str((enum deployment_step)value);
}

static bool step_from_str(const char *s, unsigned *value)
{
    enum deployment_step step;

    if (!deployment_step_from_str(s, &step))
        return false;
    *value = step;
    return true;
}

static const struct record_names class_names = {class_to_str, class_from_str};
static const struct record_names step_names = {step_to_str, step_from_str};

#define ERROR(member) offsetof(struct journal_error, member)
static const struct record_field error_fields[] = {
    {"at", RECORD_TIME, ERROR(at)},
    {"class", RECORD_NAME, ERROR(class), .names = &class_names},
    {"text", RECORD_STRING, ERROR(text), .max = JOURNAL_TEXT_MAX},
};
const struct record_type journal_error_record = {error_fields, COUNT(error_fields), ERROR(at)};

#define DEPLOYMENT(member) offsetof(struct journal_deployment, member)
static const struct record_field deployment_fields[] = {
    {"generation", RECORD_COUNT, DEPLOYMENT(generation)},
    {"step", RECORD_NAME, DEPLOYMENT(step), .names = &step_names},
    {"attempts", RECORD_COUNT, DEPLOYMENT(attempts)},
    {"next_at", RECORD_TIME, DEPLOYMENT(not_before)},
    {"done_at", RECORD_TIME, DEPLOYMENT(done_at)},
    {"served_at", RECORD_TIME, DEPLOYMENT(served_at)},
    {"last_error", RECORD_OBJECT_OR_NULL, DEPLOYMENT(error), .type = &journal_error_record},
    {"note", RECORD_STRING_OR_NULL, DEPLOYMENT(note), .max = JOURNAL_NOTE_MAX},
};
const struct record_type journal_deployment_record = {deployment_fields, COUNT(deployment_fields), 0};

#define ARI(member) offsetof(struct journal_ari, member)
static const struct record_field ari_fields[] = {
    {"id", RECORD_STRING, ARI(id), .max = ARI_ID_MAX},
    {"window_start", RECORD_TIME, ARI(start)},
    {"window_end", RECORD_TIME, ARI(end)},
    {"chosen_at", RECORD_TIME, ARI(chosen)},
    {"explanation", RECORD_STRING_OR_NULL, ARI(explanation), .max = JOURNAL_NOTE_MAX},
    {"polled_at", RECORD_TIME, ARI(polled_at)},
    {"next_poll", RECORD_TIME, ARI(next_poll)},
    {"error", RECORD_STRING_OR_NULL, ARI(error), .max = JOURNAL_NOTE_MAX},
    {"failures", RECORD_COUNT, ARI(failures)},
    {"refused", RECORD_COUNT, ARI(refused)},
};
const struct record_type journal_ari_record = {ari_fields, COUNT(ari_fields), ARI(next_poll)};

#define LIMITS(member) offsetof(struct journal_limits, member)
static const struct record_field limits_fields[] = {
    {"noted_at", RECORD_TIME, LIMITS(noted_at)},
    {"counted_at", RECORD_TIME, LIMITS(counted_at)},
    {"failed_at", RECORD_TIMES, LIMITS(failed), .max = JOURNAL_FAILED_MAX},
};
static const struct record_type limits_record = {limits_fields, COUNT(limits_fields), LIMITS(noted_at)};

#define PACE(member) offsetof(struct journal_pace, member)
static const struct record_field pace_fields[] = {
    {"at", RECORD_TIME, PACE(at)},
    {"directory", RECORD_STRING, PACE(directory), .max = HTTP_URL_MAX},
    {"ms", RECORD_COUNT, PACE(ms)},
};
static const struct record_type pace_record = {pace_fields, COUNT(pace_fields), PACE(at)};

#define JOURNAL(member) offsetof(struct journal, member)
static const struct record_field order_fields[] = {
    {"url", RECORD_STRING_OR_NULL, JOURNAL(order_url), .max = HTTP_URL_MAX},
    {"ca", RECORD_STRING_OR_NULL, JOURNAL(order_ca), .max = CONFIG_NAME_MAX},
    {"directory", RECORD_STRING_OR_NULL, JOURNAL(order_directory), .max = HTTP_URL_MAX},
    {"names", RECORD_STRING_OR_NULL, JOURNAL(order_names), .max = NAMES_MAX},
    {"key_type", RECORD_STRING_OR_NULL, JOURNAL(order_key_type), .max = KEY_TYPE_MAX},
    {"profile", RECORD_STRING_OR_NULL, JOURNAL(order_profile), .max = CONFIG_PROFILE_MAX},
    {"created", RECORD_TIME, JOURNAL(order_created)},
};
static const struct record_type order_record = {order_fields, COUNT(order_fields), JOURNAL(order_created)};

#define ALARM(member) offsetof(struct journal_alarm, member)
static const struct record_field alarm_fields[] = {
    {"at", RECORD_TIME, ALARM(at)},
    {"directory", RECORD_STRING, ALARM(directory), .max = HTTP_URL_MAX},
    {"text", RECORD_STRING, ALARM(text), .max = JOURNAL_TEXT_MAX},
};
static const struct record_type alarm_record = {alarm_fields, COUNT(alarm_fields), ALARM(at)};

#define PUBLISHED(member) offsetof(struct journal_published, member)
static const struct record_field published_fields[] = {
    {"at", RECORD_TIME, PUBLISHED(at)},
    {"records", RECORD_STRINGS, PUBLISHED(records), .max = JOURNAL_PUBLISHED_MAX},
};
static const struct record_type published_record = {published_fields, COUNT(published_fields), PUBLISHED(at)};

static const struct record_field journal_fields[] = {
    {"order", RECORD_OBJECT_OR_NULL, 0, .type = &order_record},
    {"published", RECORD_OBJECT_OR_NULL, JOURNAL(published), .type = &published_record},
    {"to_publish", RECORD_STRINGS, JOURNAL(to_publish), .max = CONFIG_DOMAINS_MAX, .newer = true},
    {"attempts", RECORD_COUNT, JOURNAL(attempts)},
    {"attempt_at", RECORD_TIME, JOURNAL(attempt_at)},
    {"not_before", RECORD_TIME, JOURNAL(not_before)},
    {"last_error", RECORD_OBJECT_OR_NULL, JOURNAL(error), .type = &journal_error_record},
    {"account_ended", RECORD_OBJECT_OR_NULL, JOURNAL(alarm), .type = &alarm_record},
    {"ca_choice", RECORD_OBJECT_OR_NULL, JOURNAL(ca_choice), .type = &ca_choice_record},
    {"issued_generation", RECORD_COUNT, JOURNAL(issued_generation)},
    {"issued_directory", RECORD_STRING_OR_NULL, JOURNAL(issued_directory), .max = HTTP_URL_MAX},
    {"issuers", RECORD_STRINGS, JOURNAL(issuers), .max = JOURNAL_ISSUERS_MAX, .newer = true},
    {"issued_chain", RECORD_STRING_OR_NULL, JOURNAL(issued_chain), .max = JOURNAL_NOTE_MAX, .newer = true},
    {"issued_profile", RECORD_STRING_OR_NULL, JOURNAL(issued_profile), .max = CONFIG_PROFILE_MAX},
    {"issued", RECORD_TIMES, JOURNAL(issued), .max = JOURNAL_ISSUED_MAX},
    {"rehearsed_names", RECORD_STRING_OR_NULL, JOURNAL(rehearsed_names), .max = NAMES_MAX, .newer = true},
    {"damaged_generation", RECORD_COUNT, JOURNAL(damaged_generation), .newer = true},
    {"repeated_orders", RECORD_COUNT, JOURNAL(repeated_orders)},
    {"requested", RECORD_BOOL, JOURNAL(issued_by_force_pending)},
    {"ari", RECORD_OBJECT_OR_NULL, JOURNAL(ari), .type = &journal_ari_record},
    {"limits", RECORD_OBJECT_OR_NULL, JOURNAL(limits), .type = &limits_record},
    {"pace", RECORD_OBJECT_OR_NULL, JOURNAL(pace), .type = &pace_record, .newer = true},
    {"deploy", RECORD_OBJECT, JOURNAL(deployment), .type = &journal_deployment_record},
};
static const struct record_type journal_record = {journal_fields, COUNT(journal_fields), 0};

void journal_init(struct journal *j)
{
    *j = (struct journal){0};
}

void journal_clear(struct journal *j)
{
    record_clear(&journal_record, j);
}

char *journal_to_json(const struct journal *j)
{
    json_t *o = record_to_json(&journal_record, j);
    char *text = NULL;

    if (o != NULL && json_object_set_new(o, "version", json_integer(VERSION)) == 0)
        text = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    return text;
}

/* What an order that is resumed is compared by. */
static bool check_order(const struct journal *j, struct err *e)
{
    if (j->order_url == NULL || (j->order_ca != NULL && j->order_directory != NULL &&
                                 j->order_names != NULL && j->order_key_type != NULL))
        return true;
    return err_set(e, ERR_CLASS_INTERNAL, "member \"order\" lacks ca, directory, names or key_type");
}

bool journal_from_json(struct journal *j, const char *text, size_t len, struct err *e)
{
    struct journal fresh = {0};
    json_error_t at;
    json_t *o;
    bool ok;

    if (len > JOURNAL_MAX)
        return err_set(e, ERR_CLASS_INTERNAL, "journal of %zu bytes; at most %d are believed", len,
                       JOURNAL_MAX);
    o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    if (o == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "journal is not JSON: %s (byte %d)", at.text, at.position);
    if (json_integer_value(json_object_get(o, "version")) != VERSION)
        ok = err_set(e, ERR_CLASS_INTERNAL, "journal is not of version %d", VERSION);
    else if (!(ok = record_from_json(&journal_record, &fresh, o, e) && check_order(&fresh, e)))
        (void)err_wrap(e, "journal");
    json_decref(o);
    if (!ok) {
        journal_clear(&fresh);
        return false;
    }
    journal_clear(j);
    *j = fresh;
    return true;
}

bool journal_has_order(const struct journal *j)
{
    return j->order_created != 0;
}

const char *journal_order_to_resume(const struct journal *j, int64_t now)
{
    if (j->order_url == NULL || now - j->order_created > JOURNAL_ORDER_LIFE)
        return NULL;
    return http_url_check(j->order_url, NULL) && http_same_origin(j->order_url, j->order_directory)
               ? j->order_url
               : NULL;
}

void journal_drop_order(struct journal *j)
{
    record_clear(&order_record, j);
}

void journal_error_set(struct journal_error *je, const struct err *e, int64_t now)
{
    journal_error_clear(je);
    je->at = now > 0 ? now : 1;
    je->class = e->class;
    je->text = strdup(e->text);
    if (je->text != NULL)
        utf8_make_printable(je->text);
}

void journal_error_clear(struct journal_error *je)
{
    record_clear(&journal_error_record, je);
}

bool journal_alarm_set(struct journal *j, const char *directory, const char *text, int64_t now)
{
    struct journal_alarm fresh = {now > 0 ? now : 1, strdup(directory), strdup(text)};

    journal_alarm_clear(j);
    j->alarm = fresh;
    if (fresh.directory != NULL && fresh.text != NULL)
        return true;
    journal_alarm_clear(j);
    return false;
}

void journal_alarm_clear(struct journal *j)
{
    record_clear(&alarm_record, &j->alarm);
}

void journal_ari_clear(struct journal_ari *a)
{
    record_clear(&journal_ari_record, a);
}

static void take_string(char **to, char **from)
{
    free(*to);
    *to = *from;
    *from = NULL;
}

void journal_taken_over(struct journal *j, unsigned generation)
{
    char *unknown = NULL;

    j->issued_generation = generation;
    j->damaged_generation = 0;
    take_string(&j->issued_directory, &unknown);
    take_string(&j->issued_chain, &unknown);
    take_string(&j->issued_profile, &unknown);
}

/* What directory a note of journal.issuers names, if it is about this generation. */
static const char *issuer_in(const char *note, unsigned generation)
{
    char *end;
    unsigned long n = strtoul(note, &end, 10);

    return n == generation && *end == ' ' ? end + 1 : NULL;
}

static void drop_issuer(struct strv *issuers, size_t i)
{
    free(issuers->v[i]);
    memmove(&issuers->v[i], &issuers->v[i + 1], (--issuers->n - i) * sizeof issuers->v[0]);
}

/* Without memory for it the generation's issuer has to be searched for, if it is ever needed. */
static void note_issuer(struct journal *j, unsigned generation, const char *directory)
{
    struct strv *issuers = &j->issuers;
    char *note;

    for (size_t i = issuers->n; i-- > 0;)
        if (issuer_in(issuers->v[i], generation) != NULL)
            drop_issuer(issuers, i);
    if (directory == NULL || asprintf(&note, "%u %s", generation, directory) < 0)
        return;
    if (issuers->n == JOURNAL_ISSUERS_MAX)
        drop_issuer(issuers, 0);
    (void)strv_add(issuers, note);
    free(note);
}

const char *journal_issuer(const struct journal *j, unsigned generation)
{
    const char *directory = NULL;

    if (generation == j->issued_generation && j->issued_directory != NULL)
        return j->issued_directory;
    for (size_t i = 0; directory == NULL && i < j->issuers.n; i++)
        directory = issuer_in(j->issuers.v[i], generation);
    return directory;
}

void journal_issued(struct journal *j, unsigned generation, const char *chain, int64_t now)
{
    char *own = chain != NULL ? strndup(chain, utf8_cut(chain, JOURNAL_NOTE_MAX)) : NULL;

    note_issuer(j, generation, j->order_directory);
    memmove(&j->issued[1], &j->issued[0], (JOURNAL_ISSUED_MAX - 1) * sizeof j->issued[0]);
    j->issued[0] = now;
    j->issued_generation = generation;
    j->damaged_generation = 0;
    j->issued_by_force_pending = false;
    strv_clear(&j->to_publish);
    j->attempts = 0;
    j->not_before = 0;
    journal_error_clear(&j->error);
    take_string(&j->issued_directory, &j->order_directory);
    if (j->alarm.at != 0 && journal_is_issued_by(j, j->alarm.directory))
        journal_alarm_clear(j);
    take_string(&j->issued_chain, &own);
    take_string(&j->issued_profile, &j->order_profile);
    journal_ari_clear(&j->ari);
    ca_choice_clear(&j->ca_choice);
    journal_drop_order(j);
    deployment_restart(&j->deployment, generation);
}

bool journal_is_issued_by(const struct journal *j, const char *directory)
{
    return j->issued_directory == NULL || strcmp(j->issued_directory, directory) == 0;
}

void journal_counted(struct journal *j, int64_t now)
{
    j->limits.noted_at = j->limits.counted_at = now;
}

void journal_paced(struct journal *j, const char *directory, int64_t pace_ms, int64_t now)
{
    record_clear(&pace_record, &j->pace);
    if (pace_ms <= 0 || (j->pace.directory = strdup(directory)) == NULL)
        return;
    j->pace.at = now;
    j->pace.ms = pace_ms < UINT_MAX ? (unsigned)pace_ms : UINT_MAX;
}

void journal_validation_failed(struct journal *j, int64_t now)
{
    memmove(&j->limits.failed[1], &j->limits.failed[0],
            (JOURNAL_FAILED_MAX - 1) * sizeof j->limits.failed[0]);
    j->limits.noted_at = j->limits.failed[0] = now;
}
