/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/revocation.h"

#include "daemon/keeper/issued.h"
#include "daemon/log.h"
#include "lib/act.h"
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

#define DAMAGED_FILE REVOKED_FILE ".bad"

/* The keys of renewals are new ones: none of them can be on the list. */
static bool put_aside(const struct dir *d, const char *lineage, const struct err *why, struct err *e)
{
    if (!dir_rename(d, REVOKED_FILE, DAMAGED_FILE, e) || !dir_sync(d, e))
        return false;
    log_error(lineage,
              "%s/" REVOKED_FILE " is damaged: %s; it is kept as " DAMAGED_FILE
              "; renewals go on with new keys, and nothing is rolled back, until you have looked at it and "
              "removed it",
              d->path, why->text);
    return true;
}

bool revocation_load(const struct store *store, const char *lineage, struct revoked *r, struct err *e)
{
    struct buf text;
    struct err why;
    struct dir d;
    bool missing;
    bool ok;

    *r = (struct revoked){0};
    if (!dir_open(&d, &store->certs, lineage, &missing, e))
        return missing;
    buf_init(&text, FILE_MAX + 8192);
    ok = file_read(&d, REVOKED_FILE, &text, NULL, &missing, e);
    if (ok && !revoked_from_json(r, text.len > 0 ? text.data : "", text.len, &why))
        ok = put_aside(&d, lineage, &why, e);
    else if (!ok)
        ok = missing;
    buf_clear(&text);
    dir_close(&d);
    return ok;
}

bool revocation_is_known(const struct store *store, const char *lineage, struct err *e)
{
    struct buf text;
    struct dir d;
    bool missing;
    bool found;

    if (!dir_open(&d, &store->certs, lineage, &missing, e))
        return missing;
    buf_init(&text, FILE_MAX + 8192);
    found = file_read(&d, DAMAGED_FILE, &text, NULL, &missing, e) || !missing;
    buf_clear(&text);
    if (found)
        err_set(e, ERR_CLASS_PERMANENT,
                "the list of what was revoked was damaged: look at %s/" DAMAGED_FILE
                " and remove it when what is to be used again is not on it",
                d.path);
    dir_close(&d);
    return !found;
}

static bool save(const struct store *store, const char *lineage, const struct revoked *r, struct err *e)
{
    char *text = revoked_to_json(r);
    struct dir d;
    bool ok;

    if (text == NULL)
        return err_nomem(e, "noting a revocation");
    ok = store_lineage(store, lineage, &d, e);
    if (ok) {
        ok = file_replace(&d, &(struct file_content){REVOKED_FILE, text, strlen(text), FILE_PUBLIC}, e);
        dir_close(&d);
    }
    free(text);
    return ok;
}

static bool add_key(const struct store *store, const char *lineage, uint64_t generation, struct revoked *r,
                    struct err *e)
{
    struct key *key = issued_key(store, lineage, generation, e);
    char *thumbprint = key != NULL ? jws_thumbprint(key, e) : NULL;
    bool ok = false;

    if (thumbprint != NULL)
        ok = revoked_add_key(r, thumbprint) || err_nomem(e, "noting a revocation");
    free(thumbprint);
    key_free(key);
    return ok;
}

bool revocation_note(const struct store *store, const char *lineage, uint64_t generation, uint64_t reason,
                     int64_t at, struct err *e)
{
    struct revoked r;
    bool ok = revocation_load(store, lineage, &r, e);

    if (!ok)
        return false;
    revoked_set(&r, generation, reason, at);
    ok = (reason != ACT_REASON_KEY_COMPROMISE || add_key(store, lineage, generation, &r, e)) &&
         save(store, lineage, &r, e);
    revoked_clear(&r);
    return ok || err_wrap(e, "noting that generation %llu is revoked", (unsigned long long)generation);
}

bool revocation_check_key(const struct store *store, const char *lineage, const struct key *key,
                          struct err *e)
{
    struct revoked r;
    char *thumbprint;
    bool ok = revocation_load(store, lineage, &r, e);

    if (!ok)
        return false;
    if (r.keys.n > 0) {
        thumbprint = jws_thumbprint(key, e);
        ok = thumbprint != NULL;
        if (ok && revoked_has_key(&r, thumbprint))
            ok = err_set(e, ERR_CLASS_PERMANENT,
                         "its key was revoked as known to others (key-compromise) and is never used again");
        free(thumbprint);
    }
    revoked_clear(&r);
    return ok;
}
