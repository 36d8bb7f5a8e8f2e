/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/issued.h"

#include <inttypes.h>
#include <stdio.h>

#define READ_MAX (FILE_MAX + 8192)

bool issued_read(const struct store *store, const char *lineage, uint64_t generation, const char *file,
                 struct buf *out, struct err *e)
{
    struct dir d;
    bool ok;

    if (!store_generation(store, lineage, generation, &d, e))
        return false;
    ok = file_read(&d, file, out, NULL, NULL, e);
    dir_close(&d);
    return ok;
}

bool issued_exists(const struct store *store, const char *lineage, uint64_t generation, struct err *e)
{
    bool missing = false;
    struct dir parent;
    struct dir d;
    char name[32];
    bool ok;

    (void)snprintf(name, sizeof name, "%" PRIu64, generation);
    ok = dir_open(&parent, &store->certs, lineage, &missing, e) && dir_open(&d, &parent, name, &missing, e);
    dir_close(&parent);
    if (ok)
        dir_close(&d);
    else if (missing)
        err_set(e, ERR_CLASS_PERMANENT,
                "there is no generation %" PRIu64 " of %s on disk: `acmectl show %s` lists those that are",
                generation, lineage, lineage);
    return ok;
}

struct key *issued_key(const struct store *store, const char *lineage, uint64_t generation, struct err *e)
{
    struct key *key = NULL;
    struct buf pem;

    buf_init_secret(&pem, READ_MAX);
    if (issued_read(store, lineage, generation, "privkey.pem", &pem, e))
        key = key_from_pem(pem.len > 0 ? pem.data : "", pem.len, e);
    buf_clear(&pem);
    return key;
}

bool issued_facts(const struct store *store, const char *lineage, uint64_t generation,
                  struct cert_facts *facts, struct err *e)
{
    struct buf pem;
    bool ok;

    buf_init(&pem, READ_MAX);
    ok = issued_read(store, lineage, generation, "cert.pem", &pem, e) &&
         cert_facts_parse(facts, pem.len > 0 ? pem.data : "", pem.len, e);
    buf_clear(&pem);
    return ok;
}
