/* SPDX-License-Identifier: MIT */
#include "daemon/engine/clock.h"

#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "lib/renewal.h"

#include <stdlib.h>

#define PROBE_PAUSE_MS 60000

struct clock {
    struct engine *engine;
    struct renewal_clock state;
    size_t next; /* CA to be asked */
    struct client_call *call;
    struct loop_delay *delay;
};

static void on_probed(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct clock *k = arg;

    k->call = NULL;
    if (reply != NULL && renewal_clock_confirm(&k->state, 0, engine_now())) {
        log_notice(NULL, "the clock is believed again: a CA was reached over TLS under the new time");
        fleet_replan(k->engine->fleet);
        return;
    }
    log_debug(NULL, "the clock is still in doubt: %s", e != NULL ? e->text : "no answer");
    loop_delay_start(k->delay, PROBE_PAUSE_MS);
}

static void probe(void *arg)
{
    struct client_request r = {.method = CLIENT_GET};
    struct clock *k = arg;
    struct fleet *f = k->engine->fleet;
    const struct config_ca *ca;
    struct err e;

    if (fleet_authority_count(f) == 0)
        return;
    ca = authority_ca(fleet_authority_at(f, k->next++ % fleet_authority_count(f)));
    r.url = ca->directory;
    r.ca_file = ca->ca_file;
    k->call = client_start(k->engine->client, &r, on_probed, k, &e);
    if (k->call == NULL)
        loop_delay_start(k->delay, PROBE_PAUSE_MS);
}

bool clock_is_believed(struct engine *g)
{
    struct clock *k = g->clock;
    bool doubted = k->state.doubted;
    char text[256];

    (void)renewal_clock_tick(&k->state, engine_now(), loop_boot_ms() / 1000);
    if (!k->state.doubted)
        return true;
    if (!doubted) {
        renewal_clock_describe(&k->state, text, sizeof text);
        log_warning(NULL, "%s", text);
    }
    if (k->call == NULL && !loop_delay_running(k->delay))
        loop_delay_start(k->delay, 0);
    return false;
}

void clock_describe(const struct engine *g, char *text, size_t size)
{
    renewal_clock_describe(&g->clock->state, text, size);
}

struct clock *clock_new(struct engine *g)
{
    struct clock *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    k->engine = g;
    k->delay = loop_delay_new(g->loop, probe, k);
    if (k->delay == NULL) {
        free(k);
        return NULL;
    }
    (void)renewal_clock_tick(&k->state, engine_now(), loop_boot_ms() / 1000);
    return k;
}

void clock_free(struct clock *k)
{
    if (k == NULL)
        return;
    client_cancel(k->call);
    loop_delay_free(k->delay);
    free(k);
}
