/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/errand.h"
#include "ctl/say.h"

/* As long as the daemon holds the connection, so do we: a CA may take its time. */
static enum ctl_exit listen_to_it(struct errand *a, struct client *client)
{
    struct varlink_reply r;
    enum client_result result;
    enum ctl_exit status = CTL_DONE;
    struct err e;
    bool go_on = true;

    while (go_on) {
        result = call_next(a->c, client, &r, -1, &e);
        if (result == CLIENT_INTERRUPTED)
            continue;
        if (result == CLIENT_CLOSED)
            say(a->c, "the daemon restarts or reloads and has given up the rehearsal; say it once more");
        if (result != CLIENT_OK)
            return say_broken(a->c, result, &e);
        go_on = r.error == NULL && r.continues;
        if (r.error != NULL)
            status = say_error(a->c, &r);
        else
            errand_progress(a, r.parameters, !r.continues);
        varlink_reply_clear(&r);
    }
    return status != CTL_DONE ? status : errand_finish(a);
}

enum ctl_exit command_test(struct ctl *c)
{
    struct errand a = {.c = c, .started = c->now()};
    json_t *parameters = call_names(c);
    enum ctl_exit status;
    enum client_result result;
    struct client client;
    struct err e;
    int why;

    if (c->all)
        (void)json_object_set_new(parameters, "all", json_true());
    client_init(&client, c->out_fd);
    result = call_begin(c, &client, "org.acmed.Control.Test", parameters, true, &why, &e);
    if (why != 0)
        status = say_unreachable(c, why);
    else if (result != CLIENT_OK)
        status = say_broken(c, result, &e);
    else
        status = listen_to_it(&a, &client);
    client_close(&client);
    errand_clear(&a);
    return status;
}
