/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/pending_file.h"

#include "daemon/keeper/draft.h"
#include "daemon/keeper/issued.h"
#include "daemon/keeper/reuse.h"
#include "daemon/log.h"
#include "lib/cert.h"

/* True when the live generation is for this key: installed, but the machine stopped before it was removed
 * here; or kept. How the files write it does not matter: somebody else may have put the live one there. */
static bool is_live(const struct store *store, const struct config_certificate *c, const struct key *key)
{
    uint64_t generation = store_live(store, c->name, NULL);
    struct buf leaf;
    bool same;

    buf_init(&leaf, FILE_MAX + 8192);
    same = generation != 0 && issued_read(store, c->name, generation, "cert.pem", &leaf, NULL) &&
           cert_check_key(leaf.len > 0 ? leaf.data : "", leaf.len, key, NULL);
    buf_clear(&leaf);
    return same;
}

/* A key that is installed may come back after a power cut: it is known then (objection()). */
bool pending_file_remove(const struct store *store, const struct config_certificate *c, bool installed,
                         struct err *e)
{
    struct dir lineage;
    struct dir d;
    bool missing;
    bool ok;

    if (!dir_open(&lineage, &store->certs, c->name, &missing, e))
        return missing;
    ok = dir_open(&d, &lineage, DRAFT_DIRECTORY, &missing, e);
    if (ok) {
        ok = dir_remove(&d, DRAFT_FILE, e) && (installed || dir_sync(&d, e));
        dir_close(&d);
    } else {
        ok = missing;
    }
    dir_close(&lineage);
    return ok;
}

static bool is_to_be_kept(const struct store *store, const struct config_certificate *c)
{
    struct err why;
    struct key *live = reuse_live_key(store, c, &why);

    key_free(live);
    return live != NULL;
}

/* Whether a key that was found may serve this order: NULL, or why not. */
static const char *objection(const struct store *store, const struct config_certificate *c,
                             const struct key *key)
{
    bool live;

    if (key == NULL)
        return "is damaged";
    if (key_type(key) != c->key)
        return "is not of the configured type any more";
    live = is_live(store, c, key);
    if (live == is_to_be_kept(store, c))
        return NULL;
    return live ? "is installed already" : "is not the live one, which is to be kept (reuse_key)";
}

static bool read_file(const struct store *store, const struct config_certificate *c, struct buf *pem,
                      bool *missing, struct err *e)
{
    struct dir lineage;
    struct dir d;
    bool ok;

    if (!dir_open(&lineage, &store->certs, c->name, missing, e))
        return false;
    ok = dir_open(&d, &lineage, DRAFT_DIRECTORY, missing, e);
    if (ok) {
        ok = file_read_secret(&d, DRAFT_FILE, pem, missing, e);
        dir_close(&d);
    }
    dir_close(&lineage);
    return ok;
}

bool pending_file_is_live(const struct store *store, const struct config_certificate *c)
{
    struct key *key = NULL;
    struct buf pem;
    bool missing;
    bool live;

    buf_init_secret(&pem, FILE_MAX + 8192);
    if (read_file(store, c, &pem, &missing, NULL))
        key = key_from_pem(pem.len > 0 ? pem.data : "", pem.len, NULL);
    live = key != NULL && is_live(store, c, key);
    key_free(key);
    buf_clear(&pem);
    return live;
}

bool pending_file_load(const struct store *store, const struct config_certificate *c, struct key **key,
                       struct err *e)
{
    struct buf pem;
    struct err parse;
    const char *why;
    bool missing;
    bool ok;

    buf_init_secret(&pem, FILE_MAX + 8192);
    ok = read_file(store, c, &pem, &missing, e);
    if (ok) {
        *key = key_from_pem(pem.len > 0 ? pem.data : "", pem.len, &parse);
        why = objection(store, c, *key);
        if (*key == NULL && parse.class != ERR_CLASS_CONFIG) {
            ok = err_set(e, parse.class, "%s", parse.text);
        } else if (why != NULL) {
            log_info(c->name, "the key of an earlier order %s: removed", why);
            key_free(*key);
            *key = NULL;
            ok = pending_file_remove(store, c, false, e);
        }
    } else {
        ok = missing;
    }
    buf_clear(&pem);
    return ok;
}
