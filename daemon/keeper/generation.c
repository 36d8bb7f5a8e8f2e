/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/generation.h"

#include "daemon/keeper/install.h"
#include "daemon/log.h"
#include "lib/bundle.h"

static bool read_all(struct bundle *b, const struct dir *d, struct err *why)
{
    for (enum bundle_file f = BUNDLE_CERT; f < BUNDLE_FILES; f++) {
        bool missing = false; /* as damaged as any other */

        if (!file_read(d, bundle_file_to_str(f), &b->file[f], NULL, &missing, why) && !missing)
            return false;
    }
    return true;
}

static bool put_back(const struct dir *d, const struct bundle *b, enum bundle_file f,
                     struct file_attr key_attr, struct err *why)
{
    const struct buf *text = &b->file[f];
    const struct file_content file = {bundle_file_to_str(f), text->len > 0 ? text->data : "", text->len,
                                      bundle_file_is_secret(f) ? key_attr : FILE_PUBLIC};

    return file_replace(d, &file, why);
}

static enum generation_health mend(struct bundle *b, const struct dir *d, const char *lineage,
                                   struct file_attr key_attr, struct err *why)
{
    enum bundle_file f;
    struct err e;

    if (!bundle_repair(b, &f))
        return GENERATION_DAMAGED;
    if (!put_back(d, b, f, key_attr, &e)) {
        *why = e;
        err_wrap(why, "%s is damaged and cannot be repaired", bundle_file_to_str(f));
        return GENERATION_UNKNOWN;
    }
    log_warning(lineage, "%s/%s was damaged and is repaired from the other files beside it: %s", d->path,
                bundle_file_to_str(f), why->text);
    return GENERATION_REPAIRED;
}

enum generation_health generation_examine(const struct dir *d, const char *lineage, struct file_attr key_attr,
                                          struct err *why)
{
    enum generation_health health = GENERATION_UNKNOWN;
    struct bundle b;

    bundle_init(&b, FILE_MAX + 8192);
    if (read_all(&b, d, why))
        health = bundle_check(&b, why) ? GENERATION_SOUND : mend(&b, d, lineage, key_attr, why);
    bundle_clear(&b);
    return health;
}

bool generation_vouch(const struct dir *d, const char *lineage, struct file_attr key_attr, struct err *e)
{
    struct err why;

    /* What cannot be examined is for whoever reads it to fail at. */
    if (generation_examine(d, lineage, key_attr, &why) != GENERATION_DAMAGED)
        return true;
    return err_set(e, ERR_CLASS_INTERNAL, "the files of the live certificate, %s, are damaged: %s", d->path,
                   why.text);
}

bool generation_examine_live(const struct store *store, const struct snapshot *snapshot,
                             const struct config_certificate *c, uint64_t *generation,
                             enum generation_health *health, struct err *why, struct err *e)
{
    struct file_attr key_attr;
    struct dir d;

    *generation = store_live(store, c->name, e);
    if (*generation == 0) {
        if (e->class == ERR_CLASS_NONE)
            err_set(e, ERR_CLASS_INTERNAL, "no certificate is live");
        return false;
    }
    if (!install_key_attr(snapshot, c, &key_attr, e) || !store_generation(store, c->name, *generation, &d, e))
        return false;
    *health = generation_examine(&d, c->name, key_attr, why);
    dir_close(&d);
    return true;
}
