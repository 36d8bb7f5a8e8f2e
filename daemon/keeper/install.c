/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/install.h"

#include "daemon/log.h"
#include "lib/cert.h"

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

static bool is_live(const struct store *store, const struct config_certificate *c, const char *chain,
                    size_t len, uint64_t *generation)
{
    uint64_t live = store_live(store, c->name, NULL);
    uint8_t theirs[32];
    uint8_t ours[32];
    struct dir d;
    struct buf cert;
    bool same;

    if (live == 0 || !cert_fingerprint(chain, len, theirs, NULL) ||
        !store_generation(store, c->name, live, &d, NULL))
        return false;
    buf_init(&cert, FILE_MAX + 8192);
    same = file_read(&d, "cert.pem", &cert, NULL, NULL, NULL) && cert.len > 0 &&
           cert_fingerprint(cert.data, cert.len, ours, NULL) && memcmp(ours, theirs, sizeof ours) == 0;
    buf_clear(&cert);
    dir_close(&d);
    if (same)
        *generation = live;
    return same;
}

/* The files of a generation, certbot's names. */
static bool add(const struct store *store, const struct config_certificate *c, const struct cert_chain *chain,
                const struct buf *key, struct file_attr key_attr, uint64_t *generation, struct err *e)
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

        ok = store_add(store, c->name, files, sizeof files / sizeof files[0], generation, e);
    } else {
        (void)err_nomem(e, "making the files of a certificate");
    }
    buf_clear(&full);
    buf_clear(&haproxy);
    return ok;
}

/* Says so when what live/ was is not acmed's. */
static bool flip(const struct store *store, const struct config_certificate *c, uint64_t generation,
                 struct err *e)
{
    struct err why;
    bool foreign = store_live(store, c->name, &why) == 0 && why.class != ERR_CLASS_NONE;

    if (store_flip(store, c->name, generation, e)) {
        if (foreign)
            log_warning(c->name, "%s: replaced by the new certificate", why.text);
        return true;
    }
    (void)store_remove(store, c->name, generation, NULL); /* refuses when the link was renamed all the same */
    return false;
}

static bool publish(const struct store *store, const struct snapshot *snapshot,
                    const struct config_certificate *c, const struct key *key, const struct cert_chain *chain,
                    uint64_t *generation, struct err *e)
{
    struct file_attr attr;
    struct buf pem;
    bool ok;

    if (!install_key_attr(snapshot, c, &attr, e))
        return false;
    buf_init_secret(&pem, FILE_MAX);
    ok = key_to_pem(key, &pem, e) && add(store, c, chain, &pem, attr, generation, e) &&
         flip(store, c, *generation, e);
    buf_clear(&pem);
    return ok;
}

bool install_chain(const struct store *store, const struct snapshot *snapshot, struct pending *pending,
                   const struct config_certificate *c, const char *chain, size_t len, int64_t now,
                   uint64_t *generation, struct err *e)
{
    const struct key *key;
    struct cert_chain checked;
    struct err why;
    bool ok;

    if (is_live(store, c, chain, len, generation))
        return true;
    if (!pending_existing(pending, c, &key, e))
        return false;
    if (key == NULL)
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "the key of this order is gone, so its certificate is of no use; a new "
                       "order is needed");
    if (!cert_chain_check(&checked, chain, len, key, &c->domains, now, e))
        return err_wrap(e, "the CA's certificate is not installed");
    ok = publish(store, snapshot, c, key, &checked, generation, e);
    cert_chain_clear(&checked);
    if (!ok)
        return err_wrap(e, "installing the certificate");
    /* It is live: what fails from here on is no reason to say otherwise. */
    if (!pending_discard(pending, c, true, &why) || !store_prune(store, c, now, &why))
        log_warning(c->name, "%s. Tried again at the next start", why.text);
    return true;
}
