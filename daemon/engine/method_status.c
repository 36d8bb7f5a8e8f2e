/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/engine/status.h"

#include <stdlib.h>
#include <string.h>

enum { GENERATIONS_OF_MAX = 20 }; /* certificates whose generations one call lists */

/* Status: the keeper is asked for its count first, then the certificates go out, one a reply with `more`. */
struct status_call {
    struct peer *peer;
    struct certificate **v; /* the array is owned, the certificates live as long as the engine */
    size_t n;
    size_t sent;
    uint32_t request;
    uint64_t keeper_unknown;
    bool asked; /* the keeper has answered */
    bool generations;
};

static void end_status(void *arg)
{
    struct status_call *s = arg;

    link_forget(peer_engine(s->peer)->keeper, s->request);
    free(s->v);
    free(s);
}

static json_t *make_reply(struct status_call *s, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, status_of_certificate(s->v[s->sent + i], s->generations));
    s->sent += count;
    return json_pack("{so so}", "certificates", list, "daemon",
                     status_of_daemon(peer_engine(s->peer), s->keeper_unknown));
}

static void on_drained(void *arg)
{
    struct status_call *s = arg;

    if (!s->asked)
        return;
    if (!peer_wants_more(s->peer)) {
        peer_reply(s->peer, make_reply(s, s->n), false);
        return;
    }
    while (s->sent + 1 < s->n && peer_is_drained(s->peer))
        peer_reply(s->peer, make_reply(s, 1), true);
    if (s->sent + 1 >= s->n)
        peer_reply(s->peer, make_reply(s, s->n - s->sent), false);
}

static void on_pong(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct status_call *s = arg;

    (void)e;
    s->request = 0;
    s->asked = true;
    if (m != NULL && m->type == IPC_PONG)
        s->keeper_unknown = m->field[0].u;
    on_drained(s);
}

/* Files are read for them, which must not hold up the others. */
static bool may_list(struct peer *p, size_t n, bool named)
{
    if (named && n <= GENERATIONS_OF_MAX)
        return true;
    peer_error(p, VARLINK_INVALID_PARAMETER, json_pack("{ss}", "parameter", "generations"));
    return false;
}

void method_status(struct peer *p, const json_t *parameters)
{
    struct status_call *s = calloc(1, sizeof *s);
    bool named;

    if (s == NULL || !method_selection(p, parameters, &s->v, &s->n, &named)) {
        free(s);
        return;
    }
    if (!method_bool(p, parameters, "generations", &s->generations) ||
        (s->generations && !may_list(p, s->n, named))) {
        free(s->v);
        free(s);
        return;
    }
    s->peer = p;
    peer_continue(p, on_drained, end_status, s);
    s->request = link_request(peer_engine(p)->keeper, on_pong, s, IPC_PING);
    if (s->request == 0)
        on_pong(s, NULL, NULL);
}

/* Watch: what has changed is only marked; it goes out when the client has taken what was sent before. */
struct watch_call {
    struct peer *peer;
    struct certificate **v;
    bool *dirty;
    size_t n;
    struct feed_listener listener;
    struct loop_delay *soon;
};

static void end_watch(void *arg)
{
    struct watch_call *w = arg;

    feed_leave(peer_engine(w->peer)->feed, &w->listener);
    loop_delay_free(w->soon);
    free(w->dirty);
    free(w->v);
    free(w);
}

static void send_dirty(void *arg)
{
    struct watch_call *w = arg;

    for (size_t i = 0; i < w->n && peer_is_drained(w->peer); i++) {
        if (!w->dirty[i])
            continue;
        w->dirty[i] = false;
        peer_reply(w->peer, json_pack("{s[o]}", "certificates", status_of_certificate(w->v[i], false)), true);
    }
}

static void on_changed(void *arg, const char *name)
{
    struct watch_call *w = arg;

    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->v[i]->name, name) != 0)
            continue;
        w->dirty[i] = true;
        loop_delay_start(w->soon, 0);
        return;
    }
}

void method_watch(struct peer *p, const json_t *parameters)
{
    struct watch_call *w = calloc(1, sizeof *w);
    bool named;

    if (w == NULL || !method_selection(p, parameters, &w->v, &w->n, &named)) {
        free(w);
        return;
    }
    w->peer = p;
    w->dirty = malloc(w->n + 1);
    w->soon = loop_delay_new(peer_engine(p)->loop, send_dirty, w);
    w->listener = (struct feed_listener){.on_changed = on_changed, .arg = w};
    feed_join(peer_engine(p)->feed, &w->listener);
    peer_continue(p, send_dirty, end_watch, w);
    if (w->dirty == NULL || w->soon == NULL) {
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return;
    }
    memset(w->dirty, 1, w->n + 1);
    send_dirty(w);
}
