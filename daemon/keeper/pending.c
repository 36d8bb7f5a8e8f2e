/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/pending.h"

#include "daemon/keeper/draft.h"
#include "daemon/keeper/keygen.h"
#include "daemon/keeper/pending_file.h"
#include "daemon/keeper/reuse.h"
#include "daemon/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum job { JOB_NONE, JOB_QUEUED, JOB_RUNNING, JOB_DRAFT };

struct entry {
    struct key *key; /* owned; durable */
    enum job job;
    bool fresh; /* the live key cannot be kept, as was said: a new one is being made */
    struct keygen keygen;
    struct draft *draft; /* owned, in the batch; NULL: none */
    struct err *failure; /* owned: how the last child failed, until somebody is told; NULL: it did not */
};

struct pending {
    const struct store *store;
    const struct config *config;
    struct entry *v; /* one a certificate, in the order of the configuration */
    size_t n_queued;
    size_t next_queued; /* where to look first: every lineage gets its turn */
    size_t n_running;
    size_t running[PENDING_CHILDREN_MAX]; /* indexes into v */
    struct batch *batch;                  /* borrowed: where drafts become durable */
};

struct pending *pending_new(const struct store *store, const struct config *config, struct batch *batch)
{
    struct pending *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->store = store;
    p->config = config;
    p->batch = batch;
    p->v = calloc(config->n_certificates + 1, sizeof *p->v);
    if (p->v == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

static struct entry *entry_of(struct pending *p, const struct config_certificate *c)
{
    size_t i = (size_t)(c - p->config->certificates);

    assert(i < p->config->n_certificates);
    return &p->v[i];
}

static void unlist_running(struct pending *p, size_t index)
{
    for (size_t i = 0; i < p->n_running; i++)
        if (p->running[i] == index)
            p->running[i] = p->running[--p->n_running];
}

static void draft_free(struct draft *d)
{
    draft_clear(d);
    free(d);
}

static void drop_draft(struct pending *p, struct entry *entry)
{
    if (entry->draft == NULL)
        return;
    batch_remove(p->batch, entry->draft);
    draft_free(entry->draft);
    entry->draft = NULL;
}

static void set_job(struct pending *p, struct entry *entry, enum job job)
{
    if (entry->job == JOB_QUEUED)
        p->n_queued--;
    if (entry->job == JOB_RUNNING)
        unlist_running(p, (size_t)(entry - p->v));
    if (entry->job == JOB_DRAFT)
        drop_draft(p, entry);
    entry->job = job;
    if (job == JOB_QUEUED)
        p->n_queued++;
    if (job == JOB_RUNNING)
        p->running[p->n_running++] = (size_t)(entry - p->v);
}

static void entry_clear(struct pending *p, struct entry *entry)
{
    keygen_cancel(&entry->keygen);
    set_job(p, entry, JOB_NONE);
    key_free(entry->key);
    entry->key = NULL;
    free(entry->failure);
    entry->failure = NULL;
    entry->fresh = false;
}

void pending_free(struct pending *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->config->n_certificates; i++)
        entry_clear(p, &p->v[i]);
    free(p->v);
    free(p);
}

/* A kept key may be given up while an order for it is in flight. */
static bool drop_given_up(struct pending *p, const struct config_certificate *c, struct entry *entry,
                          struct err *e)
{
    if (!c->reuse_key || entry->key == NULL || !reuse_is_given_up(p->store, c, entry->key))
        return true;
    log_warning(c->name, "the key of the order in flight was revoked as known to others meanwhile: another "
                         "one is made");
    key_free(entry->key);
    entry->key = NULL;
    return pending_file_remove(p->store, c, false, e);
}

bool pending_existing(struct pending *p, const struct config_certificate *c, const struct key **key,
                      struct err *e)
{
    struct entry *entry = entry_of(p, c);
    bool ok = (entry->key != NULL || pending_file_load(p->store, c, &entry->key, e)) &&
              drop_given_up(p, c, entry, e);

    *key = entry->key;
    return ok || err_wrap(e, "the key of the order in flight");
}

/* Kept for whoever needs the key. Without memory for it they try again, and meet it again. */
static void fail(struct entry *entry, const struct err *e)
{
    entry->failure = malloc(sizeof *entry->failure);
    if (entry->failure != NULL)
        *entry->failure = *e;
}

static bool publish_draft(void *write, struct err *e)
{
    return draft_publish(write, e);
}

static bool sync_draft(void *write, struct err *e)
{
    return draft_sync(write, e);
}

/* One that failed says so when it is asked for. */
static void finish_draft(void *write, const struct err *failure)
{
    struct draft *d = write;
    struct entry *entry = &d->owner->v[d->index];

    entry->job = JOB_NONE;
    entry->draft = NULL;
    if (failure == NULL) {
        entry->key = d->key;
        entry->fresh = false;
        d->key = NULL;
    } else {
        struct err why = *failure;

        (void)err_wrap(&why, "saving the key of a new order");
        fail(entry, &why);
    }
    draft_free(d);
}

static const struct batch_steps draft_steps = {
    .publish = publish_draft, .sync = sync_draft, .in_certs = true, .finish = finish_draft};

/* Takes the key, which becomes a draft. */
static bool keep_take(struct pending *p, const struct config_certificate *c, struct key *key, struct err *e)
{
    struct entry *entry = entry_of(p, c);
    struct draft *d = malloc(sizeof *d);

    if (d == NULL) {
        key_free(key);
        return err_nomem(e, "saving the key of a new order");
    }
    if (!draft_write_take(d, p->store, c->name, key, e)) {
        free(d);
        return err_wrap(e, "saving the key of a new order");
    }
    d->owner = p;
    d->index = (size_t)(entry - p->v);
    batch_add(p->batch, &draft_steps, d, NULL);
    set_job(p, entry, JOB_DRAFT);
    entry->draft = d;
    return true;
}

/* Whether one of the children is wanted for the lineage's next key. A kept key needs none. */
static bool needs_child(const struct entry *entry, const struct config_certificate *c)
{
    return key_type_is_slow(c->key) && (!c->reuse_key || entry->fresh);
}

static bool make_now(struct pending *p, const struct config_certificate *c, struct err *e)
{
    struct key *key = key_generate(c->key, e);

    return key != NULL && keep_take(p, c, key, e);
}

static bool is_full(const struct pending *p)
{
    return p->n_running == PENDING_CHILDREN_MAX;
}

/* Starts or queues the child of a slow key. */
static bool start(struct pending *p, const struct config_certificate *c, struct err *e)
{
    struct entry *entry = entry_of(p, c);

    if (is_full(p)) {
        set_job(p, entry, JOB_QUEUED);
        return true;
    }
    if (!keygen_start(&entry->keygen, c->key, e)) {
        set_job(p, entry, JOB_NONE);
        return false;
    }
    set_job(p, entry, JOB_RUNNING);
    return true;
}

/* Keeps the live key, makes one, or has one made. */
static bool begin(struct pending *p, const struct config_certificate *c, struct err *e)
{
    struct entry *entry = entry_of(p, c);
    struct key *kept;
    struct err why;

    if (!entry->fresh) {
        kept = reuse_live_key(p->store, c, &why);
        if (kept != NULL) {
            log_info(c->name, "the live key is kept for the new certificate (reuse_key)");
            return keep_take(p, c, kept, e);
        }
        if (why.class != ERR_CLASS_NONE)
            log_warning(c->name,
                        "reuse_key: %s; the new certificate has a new key, so TLSA records and pins of the "
                        "old one have to be renewed",
                        why.text);
        entry->fresh = true;
    }
    return key_type_is_slow(c->key) ? start(p, c, e) : make_now(p, c, e);
}

enum pending_result pending_get(struct pending *p, const struct config_certificate *c, const struct key **key,
                                struct err *e)
{
    struct entry *entry = entry_of(p, c);

    *key = NULL;
    if (entry->job == JOB_DRAFT) {
        batch_want(p->batch);
        return PENDING_WAIT;
    }
    if (entry->job == JOB_RUNNING || (entry->job == JOB_QUEUED && needs_child(entry, c) && is_full(p)))
        return PENDING_WAIT;
    if (entry->failure != NULL) {
        if (e != NULL)
            *e = *entry->failure;
        free(entry->failure);
        entry->failure = NULL;
        return PENDING_FAILED;
    }
    if (!pending_existing(p, c, key, e))
        return PENDING_FAILED;
    if (*key != NULL) {
        set_job(p, entry, JOB_NONE);
        return PENDING_READY;
    }
    set_job(p, entry, JOB_NONE);
    if (!begin(p, c, e))
        return PENDING_FAILED;
    if (entry->job == JOB_DRAFT)
        batch_want(p->batch);
    return PENDING_WAIT;
}

void pending_want(struct pending *p, const struct config_certificate *c)
{
    struct entry *entry = entry_of(p, c);

    free(entry->failure); /* of an earlier order: this one tries again */
    entry->failure = NULL;
    if (entry->key == NULL && entry->job == JOB_NONE)
        set_job(p, entry, JOB_QUEUED);
}

static void work_on(struct pending *p, const struct config_certificate *c)
{
    struct entry *entry = entry_of(p, c);
    const struct key *key;
    struct err e;
    bool ok;

    set_job(p, entry, JOB_NONE);
    ok = pending_existing(p, c, &key, &e);
    if (ok && key == NULL)
        ok = begin(p, c, &e);
    if (!ok)
        fail(entry, &e);
}

bool pending_work(struct pending *p)
{
    size_t n = p->config->n_certificates;

    for (size_t i = 0; p->n_queued > 0 && i < n; i++) {
        size_t at = (p->next_queued + i) % n;
        const struct config_certificate *c = &p->config->certificates[at];

        if (p->v[at].job != JOB_QUEUED || (needs_child(&p->v[at], c) && is_full(p)))
            continue;
        p->next_queued = at + 1;
        work_on(p, c);
        return p->n_queued > 0;
    }
    return false;
}

bool pending_discard(struct pending *p, const struct config_certificate *c, bool installed, struct err *e)
{
    entry_clear(p, entry_of(p, c));
    if (!installed && c->reuse_key && pending_file_is_live(p->store, c) && !reuse_refuse(p->store, c, e))
        return false;
    return pending_file_remove(p->store, c, installed, e) || err_wrap(e, "removing the key of an order");
}

size_t pending_poll(const struct pending *p, struct pollfd *fds)
{
    for (size_t i = 0; i < p->n_running; i++)
        fds[i] = (struct pollfd){.fd = p->v[p->running[i]].keygen.fd, .events = POLLIN};
    return p->n_running;
}

void pending_dispatch(struct pending *p, int fd)
{
    for (size_t i = 0; i < p->n_running; i++) {
        size_t at = p->running[i];
        struct entry *entry = &p->v[at];
        struct key *key = NULL;
        struct err e;
        enum keygen_result result;

        if (entry->keygen.fd != fd)
            continue;
        result = keygen_read(&entry->keygen, &key, &e);
        if (result == KEYGEN_AGAIN)
            return;
        set_job(p, entry, JOB_NONE);
        if (result == KEYGEN_FAILED || !keep_take(p, &p->config->certificates[at], key, &e))
            fail(entry, &e);
        else
            batch_want(p->batch); /* it took seconds: not to be lost with this process */
        return;
    }
}
