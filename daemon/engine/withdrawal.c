/* SPDX-License-Identifier: MIT */
#include "daemon/engine/withdrawal.h"

#include "daemon/engine/certificate.h"
#include "daemon/log.h"
#include "lib/dns_delegation.h"
#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

/* One record on its way out. */
struct withdrawal {
    struct withdrawal *next;
    struct withdrawals *owner;
    struct certificate *c;
    char *record;    /* as in the journal: "CA IDENTIFIER TOKEN[ PLACE]" */
    struct link *to; /* whom is asked */
    uint32_t request;
    unsigned attempts; /* that failed */
    struct timer again;
};

struct withdrawals {
    struct engine *engine;
    struct withdrawal *list;
};

struct withdrawals *withdrawals_new(struct engine *g)
{
    struct withdrawals *w = calloc(1, sizeof *w);

    if (w != NULL)
        w->engine = g;
    return w;
}

static void drop(struct withdrawal *x)
{
    struct withdrawal **p = &x->owner->list;

    while (*p != x)
        p = &(*p)->next;
    *p = x->next;
    if (x->to != NULL)
        link_forget(x->to, x->request);
    timer_cancel(x->owner->engine->timers, &x->again);
    free(x->record);
    free(x);
}

void withdrawals_free(struct withdrawals *w)
{
    if (w == NULL)
        return;
    while (w->list != NULL)
        drop(w->list);
    free(w);
}

static void start(void *arg);

static void failed(struct withdrawal *x, const char *why)
{
    int64_t at = engine_now() + renewal_deploy_backoff(++x->attempts, UINT32_MAX / 2);
    const char *identifier = strchr(x->record, ' ') + 1;

    if (x->attempts == 1)
        log_warning(x->c->name,
                    "what answered the challenge for %.*s could not be removed: %s; it is tried again",
                    (int)strcspn(identifier, " "), identifier, why);
    x->again = (struct timer){.pause = RENEWAL_DEPLOY_BACKOFF_MAX, .on_due = start, .arg = x};
    if (!timer_set(x->owner->engine->timers, &x->again, at))
        drop(x); /* the journal has it: at the next start */
}

static void on_done(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct withdrawal *x = arg;
    struct certificate *c = x->c;

    x->request = 0;
    if (m == NULL || (m->type != IPC_OK && (m->type != IPC_DNS_DONE || m->field[0].u == 0))) {
        failed(x, m != NULL && m->type == IPC_DNS_DONE ? m->field[2].s : e != NULL ? e->text : "no answer");
        return;
    }
    journal_unpublish(&c->journal, x->record);
    drop(x);
    (void)certificate_save(c, NULL, NULL);
}

static void start(void *arg)
{
    struct withdrawal *x = arg;
    char *copy = strdup(x->record);
    char *rest = copy;
    const char *ca = strsep(&rest, " ");
    const char *identifier = strsep(&rest, " ");
    const char *token = strsep(&rest, " ");
    bool file = rest != NULL && strcmp(rest, WITHDRAWAL_WEBROOT) == 0;

    x->to = file ? x->owner->engine->keeper : x->owner->engine->supervisor;
    if (token != NULL && file)
        x->request = link_request(x->to, on_done, x, IPC_WITHDRAW, x->c->name, identifier, token, ca);
    else if (token != NULL)
        x->request = link_request(x->to, on_done, x, IPC_DNS, x->c->name, identifier, token, ca, "cleanup",
                                  rest != NULL ? rest : "");
    free(copy);
    if (x->request == 0)
        failed(x, "acmed could not ask for it");
}

static bool is_under_way(const struct withdrawals *w, const struct certificate *c, const char *record)
{
    for (const struct withdrawal *x = w->list; x != NULL; x = x->next)
        if (x->c == c && strcmp(x->record, record) == 0)
            return true;
    return false;
}

static void add(struct withdrawals *w, struct certificate *c, const char *record)
{
    struct withdrawal *x = calloc(1, sizeof *x);

    if (x != NULL)
        x->record = strdup(record);
    if (x == NULL || x->record == NULL) {
        free(x);
        return; /* at the next start */
    }
    x->owner = w;
    x->c = c;
    x->next = w->list;
    w->list = x;
    start(x);
}

/* A word of a record, up to the next blank. */
static bool is_word(const char *word, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(word, text, len) == 0;
}

/* CA, identifier, way and place are still configured; keeper and supervisor would refuse all else for ever.
 */
static bool is_removable(const struct config_certificate *config, const char *record)
{
    size_t ca_len = strcspn(record, " ");
    const char *identifier = record + ca_len + (record[ca_len] != '\0');
    size_t len = strcspn(identifier, " ");
    const char *token = identifier + len + (identifier[len] != '\0');
    const char *place = token + strcspn(token, " ");
    bool file = strcmp(place, " " WITHDRAWAL_WEBROOT) == 0;
    bool ca = false;
    bool name = false;

    for (size_t i = 0; i < config->n_cas; i++) {
        const struct config_ca *staging = config->cas[i]->staging; /* what a rehearsal published */

        ca = ca || is_word(record, ca_len, config->cas[i]->name) ||
             (staging != NULL && is_word(record, ca_len, staging->name));
    }
    for (size_t i = 0; i < config->domains.n; i++)
        name = name || is_word(identifier, len, ident_base(config->domains.v[i]));
    return ca && name && place > token &&
           (file ? config->webroot != NULL
                 : challenge_type_is_dns(config->challenge) &&
                       (*place == '\0' || dns_delegation_check(config, "", place + 1, NULL)));
}

static void give_up(struct certificate *c, const char *record)
{
    log_warning(
        c->name,
        "what answered a challenge is left where it is (\"%s\"): its CA, its name, its place or the way to "
        "remove it is not configured any more; remove it by hand",
        record);
    journal_unpublish(&c->journal, record);
    (void)certificate_save(c, NULL, NULL);
}

void withdraw(struct withdrawals *w, struct certificate *c)
{
    const struct strv *records = &c->journal.published.records;
    size_t i = 0;

    while (w != NULL && i < records->n) {
        if (!is_removable(c->config, records->v[i])) {
            give_up(c, records->v[i]);
            continue;
        }
        if (!is_under_way(w, c, records->v[i]))
            add(w, c, records->v[i]);
        i++;
    }
}

void withdraw_forget(struct withdrawals *w, const struct certificate *c)
{
    struct withdrawal *next;

    for (struct withdrawal *x = w != NULL ? w->list : NULL; x != NULL; x = next) {
        next = x->next;
        if (x->c == c)
            drop(x);
    }
}
