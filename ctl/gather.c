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
enum ctl_exit gather_status(struct ctl *c, struct gather *g)
{
    enum ctl_exit status;

    *g = (struct gather){.certificates = json_array()};
    status = call_run(c, "org.acmed.Control.Status", call_names(c), true, on_status, g);
    if (!g->failed)
        return status;
    say(c, "the daemon's answer makes no sense: %s", g->error.text);
    return CTL_FAILED;
}

void gather_clear(struct gather *g)
{
    fleet_clear(&g->fleet);
    json_decref(g->certificates);
    g->certificates = NULL;
}
