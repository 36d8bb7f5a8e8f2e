/* SPDX-License-Identifier: MIT */
#include "daemon/engine/port.h"

#include "daemon/log.h"

#include <stdlib.h>
#include <string.h>

#define TRIES         5 /* with pauses of 1, 2, 4, 8 s between them */
#define FIRST_PAUSE_S 1

struct port {
    struct link *supervisor;
    struct door *door;
    size_t wanted; /* addresses configured */
    unsigned holders;
    struct port_wait *waiting;
    struct port_wait *telling; /* those who waited, while they are told */
    uint32_t request;
    unsigned tries;
    char *last_text; /* what was logged last: said once, not at each try */
    struct loop_delay *delay;
};

static void tell(struct port *p, const struct err *e)
{
    p->telling = p->waiting;
    p->waiting = NULL;
    while (p->telling != NULL) {
        struct port_wait *w = p->telling;

        p->telling = w->next;
        w->waiting = false;
        w->on_ready(w->arg, e);
    }
}

static bool is_complete(const struct port *p)
{
    return door_listeners(p->door) >= p->wanted;
}

static void say_once(struct port *p, const char *text)
{
    if (*text == '\0' || (p->last_text != NULL && strcmp(p->last_text, text) == 0))
        return;
    free(p->last_text);
    p->last_text = strdup(text);
    log_warning(NULL, "%s: %s", door_name(p->door), text);
}

static void on_bound(void *arg, const struct ipc_msg *m, const struct err *e)
{
    const char *text = m != NULL && m->type == IPC_BOUND ? m->field[0].s : e != NULL ? e->text : "no answer";
    struct port *p = arg;
    struct err own;

    p->request = 0;
    say_once(p, text);
    if (p->holders == 0) /* released while this was under way: what came after the release is dropped here */
        door_drop_on_demand(p->door);
    if (p->waiting == NULL)
        return;
    if (door_listeners(p->door) > 0) {
        tell(p, NULL);
        return;
    }
    if (++p->tries < TRIES) {
        loop_delay_start(p->delay, (int64_t)1000 * (FIRST_PAUSE_S << (p->tries - 1)));
        return;
    }
    err_set(&own, ERR_CLASS_TRANSIENT, "cannot answer %s challenges: %s", door_name(p->door), text);
    tell(p, &own);
}

static void on_delay(void *arg)
{
    struct port *p = arg;
    struct err e;

    if (p->waiting == NULL)
        return;
    if (is_complete(p)) {
        tell(p, NULL);
        return;
    }
    p->request = link_request(p->supervisor, on_bound, p, IPC_BIND, door_name(p->door));
    if (p->request == 0) {
        err_nomem(&e, "a request to bind");
        tell(p, &e);
    }
}

void port_hold(struct port *p, struct port_wait *w)
{
    p->holders++;
    w->next = p->waiting;
    w->waiting = true;
    p->waiting = w;
    if (p->request != 0 || loop_delay_running(p->delay))
        return;
    p->tries = 0;
    loop_delay_start(p->delay, 0);
}

static bool unlink_from(struct port_wait **list, const struct port_wait *w)
{
    while (*list != NULL && *list != w)
        list = &(*list)->next;
    if (*list == NULL)
        return false;
    *list = w->next;
    return true;
}

void port_release(struct port *p, struct port_wait *w)
{
    if (w->waiting && !unlink_from(&p->waiting, w))
        (void)unlink_from(&p->telling, w);
    w->waiting = false;
    if (--p->holders > 0)
        return;
    loop_delay_stop(p->delay);
    door_drop_on_demand(p->door);
    (void)link_send(p->supervisor, IPC_RELEASE, door_name(p->door));
}

struct port *port_new(struct loop *l, struct link *supervisor, struct door *door, size_t wanted)
{
    struct port *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    *p = (struct port){.supervisor = supervisor, .door = door, .wanted = wanted};
    p->delay = loop_delay_new(l, on_delay, p);
    if (p->delay == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void port_free(struct port *p)
{
    if (p == NULL)
        return;
    link_forget(p->supervisor, p->request);
    loop_delay_free(p->delay);
    free(p->last_text);
    free(p);
}
