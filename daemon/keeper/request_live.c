/* SPDX-License-Identifier: MIT */
/* What is asked about the generations on disk. */

#include "daemon/keeper/request_parts.h"

#include "daemon/keeper/generation.h"
#include "daemon/keeper/install.h"
#include "lib/cert.h"

#include <stdlib.h>

/* The leaf's facts of a generation; the caller clears them and closes the directory. */
static bool read_facts(const struct request *r, const struct config_certificate *c, uint64_t generation,
                       struct dir *d, struct cert_facts *facts, struct err *e)
{
    struct buf cert;
    bool ok;

    if (!store_generation(&r->k->store, c->name, generation, d, e))
        return false;
    buf_init(&cert, FILE_MAX + 8192);
    ok = file_read(d, "cert.pem", &cert, NULL, NULL, e) &&
         cert_facts_parse(facts, cert.len > 0 ? cert.data : "", cert.len, e);
    buf_clear(&cert);
    if (!ok)
        dir_close(d);
    return ok;
}

char *request_live_ari_id(const struct request *r, const struct config_certificate *c)
{
    uint64_t generation = store_live(&r->k->store, c->name, NULL);
    struct cert_facts facts;
    struct dir d;
    struct err e;
    char *id;

    if (generation == 0 || !read_facts(r, c, generation, &d, &facts, &e))
        return NULL;
    id = facts.ari_id;
    facts.ari_id = NULL;
    cert_facts_clear(&facts);
    dir_close(&d);
    return id;
}

static bool reply_facts(const struct request *r, const struct dir *d, const struct cert_facts *facts,
                        struct err *e)
{
    char *names = strv_join(&facts->names, " ");
    bool ok = names != NULL && ipc_send(r->conn, IPC_FACTS_REPLY, r->m->id, d->path,
                                        (uint64_t)facts->not_after, facts->serial, names);

    free(names);
    return ok || err_nomem(e, "replying");
}

bool request_facts(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    struct file_attr key_attr;
    struct cert_facts facts;
    struct dir d;
    bool ok;

    if (c == NULL || !install_key_attr(r->k->snapshot, c, &key_attr, e) ||
        !read_facts(r, c, r->m->field[1].u, &d, &facts, e))
        return false;
    ok = generation_vouch(&d, c->name, key_attr, e) && reply_facts(r, &d, &facts, e);
    cert_facts_clear(&facts);
    dir_close(&d);
    return ok;
}

bool request_examine(const struct request *r, struct err *e)
{
    static const enum ipc_health healths[] = {[GENERATION_SOUND] = IPC_HEALTH_SOUND,
                                              [GENERATION_REPAIRED] = IPC_HEALTH_REPAIRED,
                                              [GENERATION_DAMAGED] = IPC_HEALTH_DAMAGED};
    const struct config_certificate *c = request_lineage(r, e);
    enum generation_health health;
    uint64_t generation;
    struct err why;

    err_clear(&why);
    if (c == NULL || !generation_examine_live(&r->k->store, r->k->snapshot, c, &generation, &health, &why, e))
        return false;
    if (health == GENERATION_UNKNOWN) {
        *e = why;
        return false;
    }
    return ipc_send(r->conn, IPC_EXAMINED, r->m->id, generation, (uint64_t)healths[health], why.text) ||
           err_nomem(e, "replying");
}
