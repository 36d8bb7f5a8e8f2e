/* SPDX-License-Identifier: MIT */
#include "ctl/call.h"

#include "ctl/say.h"
#include "ctl/text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { ANSWER_TIMEOUT_MS = 60000 };

json_t *call_names(const struct ctl *c)
{
    json_t *names = json_array();

    for (int i = 0; i < c->n_args; i++)
        (void)json_array_append_new(names, json_string(c->args[i]));
    if (c->n_args > 0)
        return json_pack("{s:o}", "names", names);
    json_decref(names);
    return json_object();
}

enum client_result call_begin(struct ctl *c, struct client *client, const char *method, json_t *parameters,
                              bool more, int *why, struct err *e)
{
    *why = 0;
    if (!client_open(client, c->socket, why)) {
        json_decref(parameters);
        return CLIENT_CLOSED;
    }
    return client_send(client, method, parameters, more, e);
}

bool call_again(struct ctl *c, struct client *client, const char *method, const json_t *parameters)
{
    struct err e;
    int why = 0;

    for (int waited = 0; waited <= c->patience_ms; waited += c->pause_ms) {
        (void)poll(NULL, 0, c->pause_ms);
        if (call_begin(c, client, method, json_deep_copy(parameters), true, &why, &e) == CLIENT_OK)
            return true;
    }
    say(c, "the daemon did not come back within %d s", c->patience_ms / 1000);
    (void)say_unreachable(c, why != 0 ? why : ECONNREFUSED);
    return false;
}

enum client_result call_next(struct ctl *c, struct client *client, struct varlink_reply *r, int timeout_ms,
                             struct err *e)
{
    enum client_result result = client_receive(client, r, timeout_ms, e);

    if (result != CLIENT_OK)
        return result;
    if (r->error != NULL && strcmp(r->error, "org.acmed.Control.Stopping") == 0) {
        varlink_reply_clear(r);
        return CLIENT_CLOSED;
    }
    if (r->error == NULL && !c->json && !text_clean_json(r->parameters, c->term.utf8)) {
        varlink_reply_clear(r);
        err_nomem(e, "a reply");
        return CLIENT_BROKEN;
    }
    return CLIENT_OK;
}

/* Whether it is all right to send the call a second time when nobody knows what became of the first. */
static bool repeatable(const char *method)
{
    const struct varlink_method *m = varlink_find_method(method);

    return m != NULL && m->privilege == VARLINK_READ;
}

/* Hands over replies until the last; *n counts them. *status is set when CLIENT_OK is returned. */
static enum client_result drain(struct ctl *c, struct client *client, call_reply_fn *on_reply, void *arg,
                                size_t *n, enum ctl_exit *status, struct err *e)
{
    struct varlink_reply r;
    enum client_result result;
    bool go_on = true;

    *status = CTL_DONE;
    while (go_on) {
        result = call_next(c, client, &r, ANSWER_TIMEOUT_MS, e);
        if (result == CLIENT_INTERRUPTED)
            continue;
        if (result != CLIENT_OK)
            return result;
        ++*n;
        if (r.error != NULL) {
            *status = say_error(c, &r);
            go_on = false;
        } else {
            go_on = on_reply(arg, r.parameters) && r.continues;
        }
        varlink_reply_clear(&r);
    }
    return CLIENT_OK;
}

enum ctl_exit call_run(struct ctl *c, const char *method, json_t *parameters, bool more,
                       call_reply_fn *on_reply, void *arg)
{
    struct client client;
    struct err e;
    enum client_result result = CLIENT_CLOSED;
    enum ctl_exit status = CTL_DONE;
    size_t replies = 0;
    int why = 0;

    client_init(&client, c->out_fd);
    for (int waited = 0; waited <= c->patience_ms; waited += c->pause_ms) {
        result = call_begin(c, &client, method, json_deep_copy(parameters), more, &why, &e);
        if (why != 0 && waited == 0)
            break;
        if (result == CLIENT_OK)
            result = drain(c, &client, on_reply, arg, &replies, &status, &e);
        if (result != CLIENT_CLOSED || replies > 0 || !repeatable(method))
            break;
        (void)poll(NULL, 0, c->pause_ms);
    }
    client_close(&client);
    json_decref(parameters);
    if (result == CLIENT_OK)
        return status;
    return why != 0 ? say_unreachable(c, why) : say_broken(c, result, &e);
}
