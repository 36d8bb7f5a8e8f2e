/* SPDX-License-Identifier: MIT */
#include "ctl/gather.h"

#include "ctl/call.h"
#include "ctl/say.h"

static bool on_status(void *arg, const json_t *parameters)
{
    struct gather *g = arg;
    json_t *list = json_object_get(parameters, "certificates");

    if (json_is_array(list))
        (void)json_array_extend(g->certificates, list);
    g->failed = !fleet_add(&g->fleet, parameters, &g->error);
    return !g->failed;
}

/* One certificate a reply ("more"): then no number of them is too large for a reply. */
static enum ctl_exit gather(struct ctl *c, struct gather *g, json_t *parameters)
{
    enum ctl_exit status;

    *g = (struct gather){.certificates = json_array()};
    status = call_run(c, "org.acmed.Control.Status", parameters, true, on_status, g);
    if (!g->failed)
        return status;
    say(c, "the daemon's answer makes no sense: %s", g->error.text);
    return CTL_FAILED;
}

enum ctl_exit gather_status(struct ctl *c, struct gather *g)
{
    return gather(c, g, call_names(c));
}

enum ctl_exit gather_details(struct ctl *c, struct gather *g)
{
    json_t *parameters = call_names(c);

    (void)json_object_set_new(parameters, "generations", json_true());
    return gather(c, g, parameters);
}

void gather_clear(struct gather *g)
{
    fleet_clear(&g->fleet);
    json_decref(g->certificates);
    g->certificates = NULL;
}
