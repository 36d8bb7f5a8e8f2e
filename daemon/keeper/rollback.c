/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/rollback.h"

#include "daemon/keeper/issued.h"
#include "daemon/keeper/revocation.h"
#include "lib/act.h"
#include "lib/cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void day(int64_t at, char text[32])
{
    time_t t = (time_t)at;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        (void)snprintf(text, 32, "an unknown time");
}

static bool same_names(const struct strv *a, const struct strv *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!strv_contains(b, a->v[i]))
            return false;
    return a->n == b->n;
}

/* What an operator should hear in words of his own; all else is cert_chain_check()'s to find. */
static bool check_facts(const struct config_certificate *c, const struct cert_facts *facts, int64_t now,
                        struct err *e)
{
    char when[32];
    char *theirs;
    char *ours;

    if (facts->not_after <= now) {
        day(facts->not_after, when);
        return err_set(e, ERR_CLASS_PERMANENT, "it expired on %s", when);
    }
    if (facts->key_type_known && facts->key_type != c->key)
        return err_set(
            e, ERR_CLASS_PERMANENT,
            "its key is not of the configured type, so that it would be replaced at once: change `key` "
            "first, if that is what is wanted");
    if (same_names(&c->domains, &facts->names))
        return true;
    theirs = strv_join(&facts->names, " ");
    ours = strv_join(&c->domains, " ");
    (void)err_set(e, ERR_CLASS_PERMANENT,
                  "it is for other names (%s) than those configured (%s): change `domains` first, if that is "
                  "what is wanted",
                  theirs != NULL ? theirs : "?", ours != NULL ? ours : "?");
    free(theirs);
    free(ours);
    return false;
}

static bool check_revoked(const struct store *store, const char *lineage, uint64_t generation, struct err *e)
{
    const struct revoked_entry *entry;
    struct revoked r;
    bool ok = revocation_load(store, lineage, &r, e);

    if (!ok)
        return false;
    ok = revocation_is_known(store, lineage, e);
    entry = revoked_find(&r, generation);
    if (entry != NULL)
        ok = err_set(e, ERR_CLASS_PERMANENT, "it was revoked (%s)", act_reason_to_str(entry->reason));
    revoked_clear(&r);
    return ok;
}

static bool check_files(const struct store *store, const struct config_certificate *c, uint64_t generation,
                        int64_t now, struct err *e)
{
    struct key *key = issued_key(store, c->name, generation, e);
    struct cert_chain chain;
    struct buf text;
    bool ok;

    if (key == NULL)
        return false;
    buf_init(&text, FILE_MAX + 8192);
    ok = revocation_check_key(store, c->name, key, e) &&
         issued_read(store, c->name, generation, "fullchain.pem", &text, e) &&
         cert_chain_check(&chain, text.len > 0 ? text.data : "", text.len, key, &c->domains, now, e);
    if (ok)
        cert_chain_clear(&chain);
    buf_clear(&text);
    key_free(key);
    return ok;
}

static bool check(const struct store *store, const struct config_certificate *c, uint64_t generation,
                  int64_t now, struct err *e)
{
    struct cert_facts facts;
    bool ok = issued_facts(store, c->name, generation, &facts, e);

    if (ok) {
        ok = check_facts(c, &facts, now, e) && check_revoked(store, c->name, generation, e) &&
             check_files(store, c, generation, now, e);
        cert_facts_clear(&facts);
    }
    return ok || err_wrap(e, "generation %" PRIu64 " is not made live again", generation);
}

/* The first error met is the one told: it is that of the generation that was meant, most likely. */
static bool find_earlier(const struct store *store, const struct config_certificate *c, uint64_t live,
                         int64_t now, uint64_t *target, struct err *e)
{
    struct err why;
    size_t n;
    uint64_t *v = store_list(store, c->name, &n, e);
    bool told = false;

    if (v == NULL)
        return false;
    *target = 0;
    for (size_t i = 0; i < n && *target == 0; i++) {
        if (v[i] >= live)
            continue;
        if (check(store, c, v[i], now, &why)) {
            *target = v[i];
        } else if (!told) {
            *e = why;
            told = true;
        }
    }
    free(v);
    if (*target == 0 && !told)
        return err_set(e, ERR_CLASS_PERMANENT,
                       "there is no generation on disk before the live one (%" PRIu64 ")", live);
    return *target != 0;
}

bool rollback_find(const struct store *store, const struct config_certificate *c, uint64_t generation,
                   int64_t now, uint64_t *target, struct err *e)
{
    uint64_t live = store_live(store, c->name, e);
    uint64_t found = 0;

    if (live == 0)
        return e->class == ERR_CLASS_NONE ? err_set(e, ERR_CLASS_PERMANENT, "there is no live generation yet")
                                          : false;
    if (generation == live)
        return err_set(e, ERR_CLASS_PERMANENT, "generation %" PRIu64 " is live already", live);
    if (generation == 0
            ? !find_earlier(store, c, live, now, &found, e)
            : !issued_exists(store, c->name, generation, e) || !check(store, c, generation, now, e))
        return false;
    *target = generation == 0 ? found : generation;
    return true;
}

bool rollback_perform(const struct store *store, const struct config_certificate *c, uint64_t generation,
                      int64_t now, struct err *e)
{
    uint64_t target = 0;

    return rollback_find(store, c, generation, now, &target, e) && store_flip(store, c->name, target, e);
}
