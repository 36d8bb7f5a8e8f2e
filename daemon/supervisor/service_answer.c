/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/service_parts.h"

#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "daemon/supervisor/grant.h"
#include "daemon/supervisor/notify.h"
#include "daemon/supervisor/refusal.h"
#include "lib/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* {"supervisor": ..., "keeper": ...}; the caller frees. */
static char *confinement(const char *keeper)
{
    json_t *parsed = json_loads(keeper, 0, NULL), *own = sandbox_report(), *both;
    char *text = NULL;

    both = json_pack("{s:o, s:o}", "supervisor", own != NULL ? own : json_null(), "keeper",
                     parsed != NULL ? parsed : json_null());
    if (both != NULL)
        text = json_dumps(both, JSON_COMPACT);
    json_decref(both);
    return text;
}

static char *warnings(const struct service *s)
{
    char *configured = load_messages(&s->load.messages, false, true);
    struct buf b;
    char *text;

    buf_init(&b, 60 * 1024); /* what one message takes */
    if (configured != NULL)
        (void)buf_addstr(&b, configured);
    if (s->listen_warnings != NULL && s->listen_warnings[0] != '\0')
        (void)buf_addf(&b, "%s%s", b.len > 0 ? "\n" : "", s->listen_warnings);
    b.failed = false;
    text = buf_take(&b, NULL);
    buf_clear(&b);
    free(configured);
    return text;
}

/* id: of the IPC_BIND it is bound for; 0: it is the engine's for good. */
static void lend(struct service *s, uint32_t id, const struct listener *v)
{
    (void)ipc_send_fd(pair_engine(s->pair), IPC_LISTENER, id, v->fd, v->purpose, v->text);
    pair_flush(s->pair); /* few descriptors are queued at a time */
}

struct borrower {
    struct service *service;
    uint32_t id;
};

static void on_bound(void *arg, const struct listener *v)
{
    const struct borrower *b = arg;

    lend(b->service, b->id, v);
}

static bool ping(void *arg, uint32_t id)
{
    struct service *s = arg;

    if (s->pair == NULL || !s->greeted || pair_is_ending(s->pair))
        return false;
    (void)ipc_send(pair_keeper(s->pair), IPC_PING, id);
    (void)ipc_send(pair_engine(s->pair), IPC_PING, id);
    pair_flush(s->pair);
    return true;
}

static void hung(void *arg, enum watchdog_child child, unsigned seconds)
{
    struct service *s = arg;

    if (s->pair != NULL)
        pair_kill(s->pair, child == WATCHDOG_KEEPER, seconds);
}

const struct watchdog_ops service_watchdog_ops = {.ask = ping, .hung = hung};

void service_on_hello(void *arg, const char *keeper_confinement)
{
    struct service *s = arg;
    char *facts = confinement(keeper_confinement), *warned = warnings(s);
    const struct listener *v;

    s->greeted = true;
    for (size_t i = 0; (v = listeners_get(s->listeners, i)) != NULL; i++)
        lend(s, 0, v);
    (void)ipc_send(pair_engine(s->pair), IPC_START, 0, facts != NULL ? facts : "{}",
                   warned != NULL ? warned : "", (uint64_t)s->reloaded, (uint64_t)s->born_at);
    s->reloaded = false;
    pair_flush(s->pair);
    free(facts);
    free(warned);
}

static void answer_bind(struct service *s, uint32_t id, const char *purpose)
{
    struct borrower borrower = {s, id};
    char *errors = listeners_bind(s->listeners, s->load.config, purpose, on_bound, &borrower);

    (void)ipc_send(pair_engine(s->pair), IPC_BOUND, id, errors != NULL ? errors : "out of memory");
    free(errors);
}

static void answer_reload(struct service *s, uint32_t id, bool check_only)
{
    char *messages = NULL;
    bool fine = service_reload(s, check_only, &messages);

    (void)ipc_send(pair_engine(s->pair), IPC_RELOADED, id, (uint64_t)fine, messages != NULL ? messages : "");
    /* The engine is told to stop in the same breath: who hears that the configuration is in force finds no
     * engine of the old one. */
    if (fine && !check_only)
        service_apply(s);
    pair_flush(s->pair);
    free(messages);
}

/* The keeper's answers to IPC_PERMIT are told by this bit from those to the questions of action.c, which
 * numbers its own; the rest is the number of the engine's request. */
#define PERMIT_ID UINT32_C(0x40000000)

/* What a person asked for, told to the keeper: its answer (that it may be done now) is the engine's, too. */
static void answer_grant(struct service *s, uint32_t id, int fd)
{
    struct grant_rules rules = {
        .own = s->uid, .engine = s->load.engine_uid, .engine_pid = pair_engine_pid(s->pair)};
    const char *group = s->load.config->control_group;
    struct act act;
    char who[64];
    char what[128];
    struct err e;

    if ((id & PERMIT_ID) != 0) {
        err_set(&e, ERR_CLASS_INTERNAL, "the engine has used up its numbers: reload acmed");
        (void)ipc_send_err(pair_engine(s->pair), id, &e);
        return;
    }
    rules.has_group = group != NULL && load_gid(&s->load, group, &rules.group);
    if (!grant_read(fd, s->listeners, &rules, &act, who, &e)) {
        (void)snprintf(what, sizeof what, "the engine asked for a grant on behalf of %s and was refused",
                       who);
        refusal_log(REFUSAL_GRANT, NULL, what, e.text);
        (void)ipc_send_err(pair_engine(s->pair), id, &e);
        return;
    }
    log_notice(NULL, "%s asks for %s of %s", who, act_to_str(act.kind), act.subject);
    (void)ipc_send(pair_keeper(s->pair), IPC_PERMIT, id | PERMIT_ID, (uint64_t)act.kind, act.subject,
                   act.generation, act.reason);
}

static void take_ready(struct service *s, const char *sentence)
{
    notify_status(sentence);
    if (s->ready)
        return;
    s->ready = true;
    log_notice(NULL, "ready: %s", sentence);
    notify_ready();
}

bool service_on_engine_message(void *arg, const struct ipc_msg *m)
{
    struct service *s = arg;

    switch (m->type) {
    case IPC_BIND:
        answer_bind(s, m->id, m->field[0].s);
        break;
    case IPC_RELEASE:
        listeners_release(s->listeners, m->field[0].s);
        break;
    case IPC_DEPLOY:
        actions_request(s->actions, &s->load, m->id, m->field[0].s, m->field[1].u, m->field[2].s,
                        m->field[3].s);
        break;
    case IPC_DNS:
        dns_request(s->dns, m->id, m->field[0].s, m->field[1].s, m->field[2].s, m->field[3].s, m->field[4].s,
                    m->field[5].s);
        break;
    case IPC_GRANT:
        answer_grant(s, m->id, m->fd);
        break;
    case IPC_RELOAD:
    case IPC_CHECK:
        answer_reload(s, m->id, m->type == IPC_CHECK);
        break;
    case IPC_READY:
        take_ready(s, m->field[0].s);
        break;
    case IPC_PONG:
        watchdog_answered(s->watchdog, WATCHDOG_ENGINE, m->id);
        break;
    default:
        return false;
    }
    if (s->pair != NULL)
        pair_flush(s->pair);
    return true;
}

bool service_on_keeper_message(void *arg, const struct ipc_msg *m)
{
    struct service *s = arg;
    struct err e;

    switch (m->type) {
    case IPC_FACTS_REPLY:
        actions_facts(s->actions, &s->load, m->id, m->field[0].s, (int64_t)m->field[1].u, m->field[2].s,
                      m->field[3].s);
        break;
    case IPC_DNS_RECORD_REPLY:
        dns_record(s->dns, m->id, m->field[0].s, m->field[1].s);
        break;
    case IPC_PERMITTED:
        (void)ipc_send(pair_engine(s->pair), IPC_GRANTED, m->id & ~PERMIT_ID, m->field[0].u);
        break;
    case IPC_ERROR: /* the ids of one are not those of the other */
        ipc_msg_to_err(m, &e);
        if ((m->id & PERMIT_ID) != 0) {
            (void)ipc_send_err(pair_engine(s->pair), m->id & ~PERMIT_ID, &e);
            break;
        }
        actions_facts_failed(s->actions, m->id, &e);
        dns_record_failed(s->dns, m->id, &e);
        break;
    case IPC_PONG:
        watchdog_answered(s->watchdog, WATCHDOG_KEEPER, m->id);
        break;
    default:
        return false;
    }
    pair_flush(s->pair);
    return true;
}

static void ask_facts(void *arg, uint32_t id, const char *lineage, unsigned generation)
{
    struct service *s = arg;

    if (s->pair == NULL)
        return;
    (void)ipc_send(pair_keeper(s->pair), IPC_FACTS, id, lineage, (uint64_t)generation);
    pair_flush(s->pair);
}

static void reply(void *arg, uint32_t request, bool ok, enum err_class class, const char *text,
                  const char *output)
{
    struct service *s = arg;

    if (s->pair == NULL)
        return;
    (void)ipc_send(pair_engine(s->pair), IPC_DEPLOYED, request, (uint64_t)ok, (uint64_t) class, text, output);
    pair_flush(s->pair);
}

static void idle(void *arg)
{
    struct service *s = arg;

    s->hooks_idle = true;
    service_check_stopped(s);
}

const struct action_ops service_action_ops = {.ask_facts = ask_facts, .reply = reply, .idle = idle};

static void ask_record(void *arg, uint32_t id, const char *lineage, const char *identifier, const char *token,
                       const char *ca)
{
    struct service *s = arg;

    if (s->pair == NULL)
        return;
    (void)ipc_send(pair_keeper(s->pair), IPC_DNS_RECORD, id, lineage, identifier, token, ca);
    pair_flush(s->pair);
}

static void reply_dns(void *arg, uint32_t request, bool ok, enum err_class class, const char *text,
                      const char *output)
{
    struct service *s = arg;

    if (s->pair == NULL)
        return;
    (void)ipc_send(pair_engine(s->pair), IPC_DNS_DONE, request, (uint64_t)ok, (uint64_t) class, text, output);
    pair_flush(s->pair);
}

static void dns_is_idle(void *arg)
{
    struct service *s = arg;

    s->dns_idle = true;
    service_check_stopped(s);
}

const struct dns_ops service_dns_ops = {.ask_record = ask_record, .reply = reply_dns, .idle = dns_is_idle};
