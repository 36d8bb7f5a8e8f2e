/* SPDX-License-Identifier: MIT */
#include "daemon/engine/method_wait.h"

#include "daemon/engine/rehearsal.h"
#include "daemon/engine/rehearsals.h"
#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_ABOVE 20 /* certificates at once: "all" must say that it is meant */

static bool is_for_trials(const struct config *config, const struct config_ca *ca)
{
    for (size_t i = 0; i < config->n_cas; i++)
        if (config->cas[i].staging == ca)
            return true;
    return false;
}

/* Why it cannot be rehearsed; false: it can. */
static bool object(const struct engine *g, const struct certificate *c, char *text, size_t size)
{
    if (c->config == NULL)
        (void)snprintf(text, size, "it is not in the configuration (any more)");
    else if (config_rehearsal_ca(c->config) != NULL)
        return false;
    else if (is_for_trials(g->config, c->config->ca))
        (void)snprintf(text, size,
                       "its CA %s is one for trials itself: there is nothing to rehearse; `acmectl renew now "
                       "%s` orders there",
                       c->config->ca->name, c->name);
    else
        (void)snprintf(
            text, size,
            "acmed knows no CA for trials that goes with %s: add `staging = NAME` to [ca %s], where "
            "NAME is a [ca NAME] with the directory that the CA has for trials",
            c->config->ca->name, c->config->ca->name);
    return true;
}

static size_t choose(struct wait_call *w, struct certificate **v, size_t n, bool named)
{
    const struct engine *g = peer_engine(w->peer);
    size_t chosen = 0;
    char text[1024];

    for (size_t i = 0; i < n; i++) {
        bool objection = object(g, v[i], text, sizeof text);

        if (v[i]->config == NULL && !named)
            continue;
        if (objection)
            wait_settle(w, wait_add(w, v[i]), text, named ? "failed" : "skipped");
        else
            (void)wait_add(w, v[i]);
        chosen += objection ? 0 : 1;
    }
    return chosen;
}

static void begin_all(struct wait_call *w)
{
    struct engine *g = peer_engine(w->peer);

    for (size_t i = 0; i < w->n; i++) {
        struct wait_target *t = &w->v[i];

        if (t->outcome != NULL)
            continue;
        if (t->c->rehearsal != NULL)
            wait_progress(w, t->c->name, "joining the rehearsal that is under way", NULL);
        else if (!rehearsals_add(g->rehearsals, t->c))
            wait_progress(w, t->c->name, "out of memory", "failed");
        if (t->c->rehearsal != NULL)
            rehearsal_nudge(t->c->rehearsal);
    }
}

void method_test(struct peer *p, const json_t *parameters)
{
    struct certificate **v;
    struct wait_call *w;
    bool all = false;
    bool named;
    size_t chosen;
    size_t n;
    char text[256];

    if (!method_bool(p, parameters, "all", &all) || !method_selection(p, parameters, &v, &n, &named))
        return;
    w = wait_new(p, n);
    if (w == NULL) {
        free(v);
        return;
    }
    wait_for_rehearsals(w);
    chosen = choose(w, v, n, named);
    free(v);
    if (!named && !all && chosen > ASK_ABOVE) {
        (void)snprintf(text, sizeof text,
                       "this would rehearse %zu certificates at once; say --all if that is meant", chosen);
        peer_error(p, VARLINK_CONTROL_INTERFACE ".TooMany",
                   json_pack("{sI ss}", "count", (json_int_t)chosen, "text", text));
        return;
    }
    log_info(NULL, "control socket: %s asks to rehearse %zu certificate%s", peer_name(p), chosen,
             chosen == 1 ? "" : "s");
    wait_tell_settled(w);
    begin_all(w);
    wait_begin(w, true);
}
