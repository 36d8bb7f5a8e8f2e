/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/detail.h"
#include "ctl/gather.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "ctl/text.h"

static void print_json(struct ctl *c, const struct gather *g)
{
    json_t *whole = json_pack("{s:O}", "certificates", g->certificates);

    if (g->fleet.daemon != NULL)
        (void)json_object_set(whole, "daemon", g->fleet.daemon);
    say_json(c, whole, true);
    json_decref(whole);
}

static bool any_needs_attention(const struct fleet *f, int64_t now)
{
    for (size_t i = 0; i < f->n; i++)
        if (status_needs_attention(&f->v[i], now))
            return true;
    return false;
}

enum ctl_exit command_status(struct ctl *c)
{
    struct gather g;
    struct buf out;
    enum ctl_exit status;

    if (c->watch)
        return command_watch(c);
    status = gather_status(c, &g);
    if (status == CTL_DONE && c->json) {
        print_json(c, &g);
    } else if (status == CTL_DONE) {
        buf_init(&out, TEXT_MAX);
        table_report(&out, &g.fleet, &c->term, c->now());
        say_buf(c, &out);
        buf_clear(&out);
    }
    if (status == CTL_DONE && c->check && any_needs_attention(&g.fleet, c->now()))
        status = CTL_FAILED;
    gather_clear(&g);
    return status;
}

enum ctl_exit command_show(struct ctl *c)
{
    struct gather g;
    struct buf out;
    enum ctl_exit status = gather_details(c, &g);

    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; status == CTL_DONE && i < g.fleet.n; i++) {
        if (c->json) {
            say_json(c, json_array_get(g.certificates, i), true);
            continue;
        }
        if (i > 0)
            (void)buf_addch(&out, '\n');
        detail_render(&out, &g.fleet.v[i], &c->term, c->now());
        say_buf(c, &out);
    }
    buf_clear(&out);
    gather_clear(&g);
    return status;
}
