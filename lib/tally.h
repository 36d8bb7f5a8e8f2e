/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TALLY_H
#define ACMED_TALLY_H

/* All certificates in one sentence: how many are in which state, what comes next. */

#include "lib/config.h"
#include "lib/status.h"

#define TALLY_SENTENCE_MAX 1000 /* what the longest sentence takes, with its NUL */

struct tally {
    unsigned count[STATUS_COUNT];
    unsigned undeployed; /* of those deploying: a step has failed and is tried again */
    unsigned alarmed;    /* of those valid: a person must see to it before they can be renewed */
    int64_t renewal_at;  /* the next renewal of those that are well; 0: none */
    char renewal_name[CONFIG_NAME_MAX + 16];
    int64_t attempt_at; /* the next attempt of those that are not; 0: none, or nobody knows when */
    char attempt_name[CONFIG_NAME_MAX + 16];
};

/* Start with {0}. Unmanaged certificates do not count. */
void tally_add(struct tally *t, const char *name, const struct status_input *in,
               const struct status_verdict *v);

/* Times are dates: the sentence stays true until something happens. */
void tally_sentence(const struct tally *t, char *text, size_t size);

#endif
