/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/rehearsal.h"

#include "daemon/keeper/keygen.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
    struct key *key; /* owned */
    bool running;
    struct keygen keygen;
    struct err *failure; /* owned: how the child failed, until somebody is told; NULL: it did not */
};

struct rehearsals {
    const struct config *config;
    struct entry *v; /* one a certificate, in the order of the configuration */
    size_t n_running;
    size_t running[REHEARSAL_CHILDREN_MAX]; /* indexes into v */
};

struct rehearsals *rehearsals_new(const struct config *config)
{
    struct rehearsals *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->config = config;
    r->v = calloc(config->n_certificates + 1, sizeof *r->v);
    if (r->v == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

static size_t index_of(const struct rehearsals *r, const struct config_certificate *c)
{
    size_t i = (size_t)(c - r->config->certificates);

    assert(i < r->config->n_certificates);
    return i;
}

static void set_stopped(struct rehearsals *r, size_t index)
{
    r->v[index].running = false;
    for (size_t i = 0; i < r->n_running; i++)
        if (r->running[i] == index)
            r->running[i] = r->running[--r->n_running];
}

static void clear(struct rehearsals *r, size_t index)
{
    struct entry *entry = &r->v[index];

    if (entry->running) {
        keygen_cancel(&entry->keygen);
        set_stopped(r, index);
    }
    key_free(entry->key);
    entry->key = NULL;
    free(entry->failure);
    entry->failure = NULL;
}

void rehearsals_free(struct rehearsals *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->config->n_certificates; i++)
        clear(r, i);
    free(r->v);
    free(r);
}

static enum pending_result make_slow(struct rehearsals *r, size_t index, enum key_type type, struct err *e)
{
    if (r->n_running == REHEARSAL_CHILDREN_MAX)
        return PENDING_WAIT;
    if (!keygen_start(&r->v[index].keygen, type, e))
        return PENDING_FAILED;
    r->v[index].running = true;
    r->running[r->n_running++] = index;
    return PENDING_WAIT;
}

enum pending_result rehearsals_get(struct rehearsals *r, const struct config_certificate *c,
                                   const struct key **key, struct err *e)
{
    size_t index = index_of(r, c);
    struct entry *entry = &r->v[index];

    *key = NULL;
    if (entry->running)
        return PENDING_WAIT;
    if (entry->failure != NULL) {
        *e = *entry->failure;
        free(entry->failure);
        entry->failure = NULL;
        return PENDING_FAILED;
    }
    if (entry->key == NULL && c->key != KEY_TYPE_ECDSA_P256 && c->key != KEY_TYPE_ECDSA_P384)
        return make_slow(r, index, c->key, e);
    if (entry->key == NULL)
        entry->key = key_generate(c->key, e);
    *key = entry->key;
    return entry->key != NULL ? PENDING_READY : PENDING_FAILED;
}

const struct key *rehearsals_existing(const struct rehearsals *r, const struct config_certificate *c)
{
    return r->v[index_of(r, c)].key;
}

void rehearsals_end(struct rehearsals *r, const struct config_certificate *c)
{
    clear(r, index_of(r, c));
}

size_t rehearsals_poll(const struct rehearsals *r, struct pollfd *fds)
{
    for (size_t i = 0; i < r->n_running; i++)
        fds[i] = (struct pollfd){.fd = r->v[r->running[i]].keygen.fd, .events = POLLIN};
    return r->n_running;
}

bool rehearsals_dispatch(struct rehearsals *r, int fd)
{
    for (size_t i = 0; i < r->n_running; i++) {
        size_t index = r->running[i];
        struct entry *entry = &r->v[index];
        struct err e;
        enum keygen_result result;

        if (entry->keygen.fd != fd)
            continue;
        result = keygen_read(&entry->keygen, &entry->key, &e);
        if (result == KEYGEN_AGAIN)
            return true;
        set_stopped(r, index);
        if (result == KEYGEN_FAILED) {
            entry->failure = malloc(sizeof *entry->failure);
            if (entry->failure != NULL)
                *entry->failure = e;
        }
        return true;
    }
    return false;
}
