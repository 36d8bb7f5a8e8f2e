/* SPDX-License-Identifier: MIT */
#include "lib/act.h"

#include "lib/varlink.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static const struct {
    const char *name;
    const char *method;
    const char *subject; /* the parameter that names it */
    bool generation;
    bool reason;
} acts[] = {
    [ACT_REVOKE] = {"revoke", VARLINK_CONTROL_INTERFACE ".Revoke", "name", true, true},
    [ACT_ROLLBACK] = {"rollback", VARLINK_CONTROL_INTERFACE ".Rollback", "name", true, false},
    [ACT_ROLLOVER] = {"account rollover", VARLINK_CONTROL_INTERFACE ".AccountRollover", "ca", false, false},
    [ACT_DEACTIVATE] = {"account deactivate", VARLINK_CONTROL_INTERFACE ".AccountDeactivate", "ca", false,
                        false},
};
static_assert(sizeof acts / sizeof acts[0] == ACT_COUNT, "every act has its row");

static const char *const reasons[] = {
    [ACT_REASON_UNSPECIFIED] = "unspecified",
    [ACT_REASON_KEY_COMPROMISE] = "key-compromise",
    [ACT_REASON_CA_COMPROMISE] = "ca-compromise",
    [ACT_REASON_AFFILIATION_CHANGED] = "affiliation-changed",
    [ACT_REASON_SUPERSEDED] = "superseded",
    [ACT_REASON_CESSATION_OF_OPERATION] = "cessation-of-operation",
    [ACT_REASON_CERTIFICATE_HOLD] = "certificate-hold",
    [ACT_REASON_PRIVILEGE_WITHDRAWN] = "privilege-withdrawn",
    [ACT_REASON_AA_COMPROMISE] = "aa-compromise",
};

#define REASONS (sizeof reasons / sizeof reasons[0])

const char *act_to_str(enum act_kind kind)
{
    return acts[kind].name;
}

const char *act_reason_to_str(uint64_t reason)
{
    return reason < REASONS ? reasons[reason] : NULL;
}

bool act_reason_from_str(const char *name, uint64_t *reason)
{
    for (uint64_t i = 0; i < REASONS; i++) {
        if (reasons[i] != NULL && strcmp(reasons[i], name) == 0) {
            *reason = i;
            return true;
        }
    }
    return false;
}

static bool is_spelling(const char *name, const char *reason)
{
    for (;; name++, reason++) {
        name += *name == '-' ? 1 : 0;
        reason += *reason == '-' ? 1 : 0;
        if (tolower((unsigned char)*name) != *reason)
            return false;
        if (*reason == '\0')
            return true;
    }
}

const char *act_reason_meant(const char *name)
{
    for (uint64_t i = 0; i < REASONS; i++)
        if (reasons[i] != NULL && is_spelling(name, reasons[i]))
            return reasons[i];
    return NULL;
}

const char *act_reasons(void)
{
    return "unspecified key-compromise affiliation-changed superseded cessation-of-operation ca-compromise "
           "certificate-hold privilege-withdrawn aa-compromise";
}

bool act_find(const char *method, enum act_kind *kind)
{
    for (unsigned i = 0; i < ACT_COUNT; i++) {
        if (strcmp(acts[i].method, method) == 0) {
            *kind = (enum act_kind)i;
            return true;
        }
    }
    return false;
}

static bool parse_subject(struct act *a, const json_t *parameters, const char *name)
{
    const json_t *j = json_object_get(parameters, name);
    size_t len = json_string_length(j);

    if (!json_is_string(j) || len == 0 || len > ACT_SUBJECT_MAX || strlen(json_string_value(j)) != len)
        return false;
    memcpy(a->subject, json_string_value(j), len + 1);
    return true;
}

static bool parse_generation(struct act *a, const json_t *j)
{
    json_int_t v = json_integer_value(j);

    if (j == NULL || json_is_null(j))
        return true;
    if (!json_is_integer(j) || v < 1 || v > ACT_GENERATION_MAX)
        return false;
    a->generation = (uint64_t)v;
    return true;
}

static bool parse_reason(struct act *a, const json_t *j)
{
    if (j == NULL || json_is_null(j))
        return true;
    return json_is_string(j) && act_reason_from_str(json_string_value(j), &a->reason);
}

bool act_parse(struct act *a, const char *method, const json_t *parameters, const char **parameter)
{
    struct act new = {0};

    *parameter = "method";
    if (!act_find(method, &new.kind))
        return false;
    *parameter = acts[new.kind].subject;
    if (!parse_subject(&new, parameters, *parameter))
        return false;
    *parameter = "generation";
    if (acts[new.kind].generation && !parse_generation(&new, json_object_get(parameters, "generation")))
        return false;
    *parameter = "reason";
    if (acts[new.kind].reason && !parse_reason(&new, json_object_get(parameters, "reason")))
        return false;
    *a = new;
    return true;
}

bool act_valid(uint64_t kind, uint64_t generation, uint64_t reason)
{
    return kind < ACT_COUNT && generation <= ACT_GENERATION_MAX && act_reason_to_str(reason) != NULL &&
           (acts[kind].generation || generation == 0) && (acts[kind].reason || reason == 0);
}
