/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/revocation.h"

#include "daemon/keeper/issued.h"
#include "lib/act.h"
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

bool revocation_load(const struct store *store, const char *lineage, struct revoked *r, struct err *e)
{
    struct buf text;
    struct dir d;
    bool missing;
    bool ok;

    *r = (struct revoked){0};
    if (!dir_open(&d, &store->certs, lineage, &missing, e))
        return missing;
    buf_init(&text, FILE_MAX + 8192);
    ok = file_read(&d, REVOKED_FILE, &text, NULL, &missing, e);
    if (ok && !revoked_from_json(r, text.len > 0 ? text.data : "", text.len, e))
        ok = err_wrap(e, "%s/" REVOKED_FILE, d.path);
    else if (!ok)
        ok = missing;
    buf_clear(&text);
    dir_close(&d);
    return ok;
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
