/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/reuse.h"

#include "daemon/keeper/issued.h"
#include "daemon/keeper/revocation.h"
#include "lib/cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READ_MAX     (FILE_MAX + 8192)
#define REFUSED_FILE "refused-key" /* in certs/LINEAGE: the generation whose key it is */
#define NUMBER_SIZE  24

static bool belongs_to_leaf(const struct store *store, const char *lineage, uint64_t generation,
                            const struct key *key, struct err *e)
{
    struct buf leaf;
    bool ok;

    buf_init(&leaf, READ_MAX);
    ok = issued_read(store, lineage, generation, "cert.pem", &leaf, e) &&
         cert_check_key(leaf.len > 0 ? leaf.data : "", leaf.len, key, e);
    buf_clear(&leaf);
    return ok;
}

static void number_of(uint64_t generation, char text[NUMBER_SIZE])
{
    (void)snprintf(text, NUMBER_SIZE, "%" PRIu64 "\n", generation);
}

/* Another generation's note says nothing: its key is not the live one any more. */
static bool check_not_refused(const struct store *store, const char *lineage, uint64_t generation,
                              struct err *e)
{
    char number[NUMBER_SIZE];
    struct dir d;
    struct buf noted;
    bool missing;
    bool ok;

    if (!dir_open(&d, &store->certs, lineage, &missing, e))
        return missing;
    number_of(generation, number);
    buf_init(&noted, READ_MAX);
    ok = file_read(&d, REFUSED_FILE, &noted, NULL, &missing, e);
    if (!ok)
        ok = missing;
    else if (noted.len == strlen(number) && memcmp(noted.data, number, noted.len) == 0)
        ok = err_set(e, ERR_CLASS_PERMANENT, "the CA refused it");
    buf_clear(&noted);
    dir_close(&d);
    return ok;
}

static bool may_serve(const struct store *store, const struct config_certificate *c, uint64_t generation,
                      const struct key *key, struct err *e)
{
    if (key_type(key) != c->key)
        return err_set(e, ERR_CLASS_CONFIG, "it is %s, and the configuration asks for %s",
                       key_type_to_str(key_type(key)), key_type_to_str(c->key));
    return belongs_to_leaf(store, c->name, generation, key, e) &&
           check_not_refused(store, c->name, generation, e) && revocation_check_key(store, c->name, key, e) &&
           revocation_is_known(store, c->name, e);
}

struct key *reuse_live_key(const struct store *store, const struct config_certificate *c, struct err *why)
{
    uint64_t generation = c->reuse_key ? store_live(store, c->name, NULL) : 0;
    struct key *key;

    err_clear(why);
    if (generation == 0)
        return NULL;
    key = issued_key(store, c->name, generation, why);
    if (key != NULL && !may_serve(store, c, generation, key, why)) {
        key_free(key);
        key = NULL;
    }
    if (key == NULL)
        (void)err_wrap(why, "the key of generation %" PRIu64 " cannot serve again", generation);
    return key;
}

bool reuse_refuse(const struct store *store, const struct config_certificate *c, struct err *e)
{
    uint64_t generation = store_live(store, c->name, NULL);
    char number[NUMBER_SIZE];
    struct dir d;
    bool ok;

    if (generation == 0)
        return true;
    number_of(generation, number);
    ok = store_lineage(store, c->name, &d, e);
    if (ok) {
        ok = file_replace(&d, &(struct file_content){REFUSED_FILE, number, strlen(number), FILE_PUBLIC}, e);
        dir_close(&d);
    }
    return ok || err_wrap(e, "noting that the CA refused the key");
}

bool reuse_is_given_up(const struct store *store, const struct config_certificate *c, const struct key *key)
{
    struct err e;

    return !revocation_check_key(store, c->name, key, &e) && e.class == ERR_CLASS_PERMANENT;
}
