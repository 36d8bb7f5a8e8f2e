/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_BATCH_H
#define ACMED_KEEPER_BATCH_H

/* Writes that wait together share the disk's commits (DESIGN section 10). Each goes the way it would go
 * alone, content, names, then live/, but no step is taken before all have taken the one before it; so their
 * syncs come one after another, with nothing new written in between, and certs/ and live/ are synced once. A
 * write that fails is told so and goes no further; the others do. Nobody hears of any of them before the end.
 */

#include "daemon/keeper/store.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

#define BATCH_MAX 32 /* writes; each may hold up to 7 descriptors */

/* What a kind of write does. The write is the owner's, who has prepared it: nothing of it is to be seen. */
struct batch_steps {
    /* NULL: it has only names. Makes the content durable and puts it into its place. */
    bool (*publish)(void *write, struct err *e);
    /* Makes what publish() put there durable; certs/ itself is the batch's to sync, where in_certs says so.
     */
    bool (*sync)(void *write, struct err *e);
    bool in_certs;
    /* NULL, or: changes live/, which the batch syncs then. */
    bool (*expose)(void *write, struct err *e);
    /* Told once, frees the write. failure NULL: it is durable; else what was published is the owner's to
     * remove. */
    void (*finish)(void *write, const struct err *failure);
};

struct batch_entry {
    const struct batch_steps *steps;
    void *write;
    const void *subject;
};

struct batch {
    const struct store *store; /* borrowed */
    size_t n;
    bool wanted;
    struct batch_entry v[BATCH_MAX];
};

void batch_init(struct batch *b, const struct store *store);

/* Adds a write; a full batch is committed before. subject: NULL, or what batch_settle() is asked for. */
void batch_add(struct batch *b, const struct batch_steps *steps, void *write, const void *subject);

/* Forgets a write that was added, without finishing it. */
void batch_remove(struct batch *b, const void *write);

/* Somebody waits for it: to be committed when there is nothing to add. */
void batch_want(struct batch *b);
bool batch_is_wanted(const struct batch *b);

/* Commits when there is a write of this subject: what is asked next about it must find it done. */
void batch_settle(struct batch *b, const void *subject);

void batch_commit(struct batch *b);

#endif
