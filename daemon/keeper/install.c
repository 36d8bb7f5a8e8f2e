/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/install.h"

#include "daemon/keeper/revocation.h"
#include "daemon/keeper/stage.h"
#include "daemon/log.h"
#include "lib/cert.h"

#include <stdlib.h>
#include <string.h>

bool install_key_attr(const struct snapshot *snapshot, const struct config_certificate *c,
                      struct file_attr *attr, struct err *e)
{
    *attr = (struct file_attr){(uid_t)-1, (gid_t)-1, (mode_t)c->mode};
    if (c->owner != NULL && !snapshot_uid(snapshot, c->owner, &attr->uid))
        return err_set(e, ERR_CLASS_CONFIG, "%s:%u: there is no user %s", c->file, c->line, c->owner);
    if (c->group != NULL && !snapshot_gid(snapshot, c->group, &attr->gid))
        return err_set(e, ERR_CLASS_CONFIG, "%s:%u: there is no group %s", c->file, c->line, c->group);
    return true;
}

/* Whether the leaf of chain is that of the generation. */
static bool holds(const struct store *store, const struct config_certificate *c, uint64_t generation,
                  const char *chain, size_t len)
{
    uint8_t theirs[32];
    uint8_t ours[32];
    struct dir d;
    struct buf cert;
    bool same;

    if (!cert_fingerprint(chain, len, theirs, NULL) ||
        !store_generation(store, c->name, generation, &d, NULL))
        return false;
    buf_init(&cert, FILE_MAX + 8192);
    same = file_read(&d, "cert.pem", &cert, NULL, NULL, NULL) && cert.len > 0 &&
           cert_fingerprint(cert.data, cert.len, ours, NULL) && memcmp(ours, theirs, sizeof ours) == 0;
    buf_clear(&cert);
    dir_close(&d);
    return same;
}

struct install {
    const struct store *store;
    struct pending *pending;
    const struct config_certificate *c;
    int64_t now;
    int64_t issued_at; /* as the CA says; not after now */
    uint64_t generation;
    bool staged; /* else the generation was there before */
    struct stage stage;
    struct err foreign; /* what live/ was, if it was not acmed's */
    install_done *on_done;
    void *arg;
};

/* The files of a generation, certbot's names. */
static bool stage(struct install *i, const struct cert_chain *chain, const struct buf *key,
                  struct file_attr key_attr, struct err *e)
{
    struct buf full;
    struct buf haproxy;
    bool ok;

    buf_init(&full, FILE_MAX);
    buf_init_secret(&haproxy, FILE_MAX);
    (void)buf_addstr(&full, chain->leaf);
    (void)buf_addstr(&full, chain->rest);
    ok = !full.failed && buf_add(&haproxy, full.data, full.len) && buf_add(&haproxy, key->data, key->len);
    if (ok) {
        const struct file_content files[] = {
            {"cert.pem", chain->leaf, strlen(chain->leaf), FILE_PUBLIC},
            {"chain.pem", chain->rest, strlen(chain->rest), FILE_PUBLIC},
            {"fullchain.pem", full.data, full.len, FILE_PUBLIC},
            {"privkey.pem", key->data, key->len, key_attr},
            {"haproxy.pem", haproxy.data, haproxy.len, key_attr},
        };

        ok = stage_write(&i->stage, i->store, i->c->name, files, sizeof files / sizeof files[0], e);
    } else {
        (void)err_nomem(e, "making the files of a certificate");
    }
    buf_clear(&full);
    buf_clear(&haproxy);
    i->generation = i->stage.number;
    i->staged = ok;
    return ok;
}

static bool publish(void *write, struct err *e)
{
    struct install *i = write;

    return !i->staged || stage_publish(&i->stage, e);
}

static bool sync_names(void *write, struct err *e)
{
    struct install *i = write;

    return !i->staged || stage_sync(&i->stage, e);
}

/* A generation that is live already is pointed to once more: the sync of the link may be what failed. */
static bool expose(void *write, struct err *e)
{
    struct install *i = write;

    (void)store_live(i->store, i->c->name, &i->foreign);
    return store_point(i->store, i->c->name, i->generation, e);
}

static void finish(void *write, const struct err *failure)
{
    struct install *i = write;
    struct err why;

    if (failure != NULL) {
        why = *failure;
        if (i->staged)
            stage_abandon(&i->stage, i->store, i->c->name); /* not when the link was renamed all the same */
        (void)err_wrap(&why, "installing the certificate");
        i->on_done(i->arg, 0, &why);
    } else {
        if (i->foreign.class != ERR_CLASS_NONE)
            log_warning(i->c->name, "%s: replaced by the new certificate", i->foreign.text);
        /* It is live: what fails from here on is no reason to say otherwise. */
        if (!pending_discard(i->pending, i->c, true, &why))
            log_warning(i->c->name, "%s. Tried again at the next start", why.text);
        if (!store_prune(i->store, i->c, i->issued_at, &why))
            log_warning(i->c->name, "%s. Tried again when the certificate is renewed", why.text);
        i->on_done(i->arg, i->generation, NULL);
    }
    if (i->staged)
        stage_clear(&i->stage);
    free(i);
}

static const struct batch_steps steps = {
    .publish = publish, .sync = sync_names, .in_certs = true, .expose = expose, .finish = finish};

/* What was removed is gone, and our clock may have jumped: the CA's tells what is old. 0: no certificate. */
static int64_t issued_at(const char *chain, size_t len, int64_t now)
{
    struct cert_facts facts;
    int64_t at;

    if (!cert_facts_parse(&facts, chain, len, NULL))
        return 0;
    at = facts.not_before < now ? facts.not_before : now;
    cert_facts_clear(&facts);
    return at;
}

static bool is_live(struct install *i, const char *chain, size_t len)
{
    i->generation = store_live(i->store, i->c->name, NULL);
    return i->generation != 0 && holds(i->store, i->c, i->generation, chain, len);
}

/* A crash came after the newest generation had got its name, and before live/ pointed to it; now the order
 * has brought the same certificate again. It is written anew, in the place of the one that never was in use.
 */
static bool drop_forerunner(const struct install *i, const char *chain, size_t len, struct err *e)
{
    struct err why;
    uint64_t live = store_live(i->store, i->c->name, &why);
    size_t n = 0;
    uint64_t *generations = store_list(i->store, i->c->name, &n, NULL);
    uint64_t newest = n > 0 ? generations[0] : 0;

    free(generations);
    if (newest <= live || why.class != ERR_CLASS_NONE) /* which one is in use is not known: all stay */
        return true;
    return !holds(i->store, i->c, newest, chain, len) || store_remove(i->store, i->c->name, newest, e);
}

/* Checks the chain and writes its generation, which nothing points to. */
static bool prepare(struct install *i, const struct snapshot *snapshot, const char *chain, size_t len,
                    struct err *e)
{
    const struct key *key;
    struct cert_chain checked;
    struct file_attr attr;
    struct buf pem;
    bool ok;

    if (!pending_existing(i->pending, i->c, &key, e))
        return false;
    if (key == NULL)
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "the key of this order is gone, so its certificate is of no use; a new "
                       "order is needed");
    if (!revocation_check_key(i->store, i->c->name, key, e))
        return err_wrap(e, "the CA's certificate is not installed");
    if (!cert_chain_check(&checked, chain, len, key, &i->c->domains, i->now, e))
        return err_wrap(e, "the CA's certificate is not installed");
    buf_init_secret(&pem, FILE_MAX);
    ok = install_key_attr(snapshot, i->c, &attr, e) && key_to_pem(key, &pem, e) &&
         drop_forerunner(i, chain, len, e) && stage(i, &checked, &pem, attr, e);
    buf_clear(&pem);
    cert_chain_clear(&checked);
    return ok || err_wrap(e, "installing the certificate");
}

bool install_begin(struct batch *batch, const struct snapshot *snapshot, struct pending *pending,
                   const struct config_certificate *c, const char *chain, size_t len, int64_t now,
                   install_done *on_done, void *arg, struct err *e)
{
    struct install *i = calloc(1, sizeof *i);

    if (i == NULL)
        return err_nomem(e, "installing the certificate");
    i->store = batch->store;
    i->pending = pending;
    i->c = c;
    i->now = now;
    i->issued_at = issued_at(chain, len, now);
    i->on_done = on_done;
    i->arg = arg;
    if (!is_live(i, chain, len) && !prepare(i, snapshot, chain, len, e)) {
        free(i);
        return false;
    }
    batch_add(batch, &steps, i, c);
    batch_want(batch);
    return true;
}
