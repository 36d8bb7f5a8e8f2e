/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_COMMITTED_H
#define ACMED_TEST_KEEPER_COMMITTED_H

/* What the keeper begins and commits later, begun and committed alone. */

#include "daemon/keeper/account.h"
#include "daemon/keeper/batch.h"
#include "daemon/keeper/install.h"
#include "daemon/keeper/pending.h"
#include "daemon/keeper/stage.h"

#include <string.h>

struct committed {
    bool told;
    bool ok;
    uint64_t generation;
    struct err e;
};

static inline void committed_install(void *arg, uint64_t generation, const struct err *e)
{
    struct committed *c = arg;

    c->told = true;
    c->ok = e == NULL;
    c->generation = generation;
    if (e != NULL)
        c->e = *e;
}

static inline void committed_save(void *arg, const struct err *e)
{
    committed_install(arg, 0, e);
}

static inline bool committed_result(const struct committed *done, struct err *e)
{
    if (!done->ok && e != NULL)
        *e = done->e;
    return done->ok;
}

static inline bool commit_install(struct batch *b, const struct snapshot *snapshot, struct pending *pending,
                                  const struct config_certificate *c, const char *chain, int64_t now,
                                  uint64_t *generation, struct err *e)
{
    struct committed done = {0};

    if (!install_begin(b, snapshot, pending, c, chain, strlen(chain), now, committed_install, &done, e))
        return false;
    batch_commit(b);
    *generation = done.generation;
    return committed_result(&done, e);
}

static inline bool commit_url(struct accounts *a, struct batch *b, const struct config_ca *ca,
                              const char *url, struct err *e)
{
    struct committed done = {0};

    if (!accounts_save_url(a, b, ca, url, committed_save, &done, e))
        return false;
    batch_commit(b);
    return committed_result(&done, e);
}

static inline enum pending_result commit_key(struct pending *p, struct batch *b,
                                             const struct config_certificate *c, const struct key **key,
                                             struct err *e)
{
    enum pending_result result = pending_get(p, c, key, e);

    if (result != PENDING_WAIT || !batch_is_wanted(b))
        return result;
    batch_commit(b);
    return pending_get(p, c, key, e);
}

static inline bool commit_generation(const struct store *s, const char *lineage,
                                     const struct file_content *files, size_t n, uint64_t *generation,
                                     struct err *e)
{
    struct stage g;
    bool ok;

    if (!stage_write(&g, s, lineage, files, n, e))
        return false;
    ok = stage_publish(&g, e) && stage_sync(&g, e) && dir_sync(&s->certs, e);
    if (ok)
        *generation = g.number;
    stage_clear(&g);
    return ok;
}

static inline bool commit_served(const struct store *s, const char *lineage, uint64_t generation,
                                 struct err *e)
{
    struct dir d;
    bool ok = store_mark_served(s, lineage, generation, &d, e) && dir_sync(&d, e);

    dir_close(&d);
    return ok;
}

#endif
