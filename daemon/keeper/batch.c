/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/batch.h"

void batch_init(struct batch *b, const struct store *store)
{
    *b = (struct batch){.store = store};
}

void batch_add(struct batch *b, const struct batch_steps *steps, void *write, const void *subject)
{
    if (b->n == BATCH_MAX)
        batch_commit(b);
    b->v[b->n++] = (struct batch_entry){steps, write, subject};
}

void batch_remove(struct batch *b, const void *write)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].write == write) {
            b->v[i] = b->v[--b->n];
            return;
        }
    }
}

void batch_want(struct batch *b)
{
    b->wanted = true;
}

bool batch_is_wanted(const struct batch *b)
{
    return b->wanted && b->n > 0;
}

void batch_settle(struct batch *b, const void *subject)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].subject == subject) {
            batch_commit(b);
            return;
        }
    }
}

/* What becomes of each write. */
struct outcome {
    bool failed;
    struct err why;
};

static bool in_certs(const struct batch_entry *entry)
{
    return entry->steps->in_certs;
}

static bool in_live(const struct batch_entry *entry)
{
    return entry->steps->expose != NULL;
}

/* A directory that several share. Its sync is not tried again when it fails: it would lie. */
static void sync_shared(const struct batch *b, const struct dir *d,
                        bool (*shares)(const struct batch_entry *), struct outcome *outcomes)
{
    struct err e;
    bool synced = false;
    bool ok = true;

    for (size_t i = 0; i < b->n; i++) {
        if (outcomes[i].failed || !shares(&b->v[i]))
            continue;
        if (!synced)
            ok = dir_sync(d, &e);
        synced = true;
        if (!ok)
            outcomes[i] = (struct outcome){true, e};
    }
}

static void publish_all(const struct batch *b, struct outcome *outcomes)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct batch_steps *steps = b->v[i].steps;

        if (steps->publish != NULL)
            outcomes[i].failed = !steps->publish(b->v[i].write, &outcomes[i].why);
    }
    for (size_t i = 0; i < b->n; i++)
        if (!outcomes[i].failed)
            outcomes[i].failed = !b->v[i].steps->sync(b->v[i].write, &outcomes[i].why);
    sync_shared(b, &b->store->certs, in_certs, outcomes);
}

static void expose_all(const struct batch *b, struct outcome *outcomes)
{
    for (size_t i = 0; i < b->n; i++)
        if (!outcomes[i].failed && b->v[i].steps->expose != NULL)
            outcomes[i].failed = !b->v[i].steps->expose(b->v[i].write, &outcomes[i].why);
    sync_shared(b, &b->store->live, in_live, outcomes);
}

void batch_commit(struct batch *b)
{
    struct outcome outcomes[BATCH_MAX] = {0};
    struct batch done;

    publish_all(b, outcomes);
    expose_all(b, outcomes);
    done = *b;
    b->n = 0;
    b->wanted = false;
    for (size_t i = 0; i < done.n; i++)
        done.v[i].steps->finish(done.v[i].write, outcomes[i].failed ? &outcomes[i].why : NULL);
}
