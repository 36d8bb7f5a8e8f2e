/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/log.h"

#include <stdlib.h>
#include <string.h>

/* Check and Reload: the supervisor reads the files, the engine only passes on what it says. */
struct config_call {
    struct peer *peer;
    uint32_t request;
    bool reload;
};

static void end_call(void *arg)
{
    struct config_call *c = arg;

    link_forget(peer_engine(c->peer)->supervisor, c->request);
    free(c);
}

static json_t *lines_to_json(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        if (n > 0)
            (void)json_array_append_new(list, json_pack("s%", text, n));
        text += n + (text[n] == '\n');
    }
    return list;
}

static void on_reloaded(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct config_call *c = arg;
    bool ok = m != NULL && m->type == IPC_RELOADED && m->field[0].u != 0;
    json_t *messages;

    c->request = 0;
    if (m != NULL && m->type == IPC_RELOADED)
        messages = lines_to_json(m->field[1].s);
    else
        messages = json_pack("[s]", e != NULL ? e->text : "no answer of the supervisor");
    if (!c->reload)
        peer_reply(c->peer, json_pack("{sb so}", "ok", ok, "messages", messages), false);
    else if (ok)
        peer_reply(c->peer, json_pack("{so}", "messages", messages), false);
    else
        peer_error(c->peer, VARLINK_CONTROL_INTERFACE ".ConfigurationInvalid",
                   json_pack("{so}", "messages", messages));
}

static void ask(struct peer *p, bool reload)
{
    struct config_call *c = calloc(1, sizeof *c);

    if (c == NULL) {
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return;
    }
    c->peer = p;
    c->reload = reload;
    peer_continue(p, NULL, end_call, c);
    c->request = link_request(peer_engine(p)->supervisor, on_reloaded, c, reload ? IPC_RELOAD : IPC_CHECK);
    if (c->request == 0)
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
}

void method_check(struct peer *p, const json_t *parameters)
{
    (void)parameters;
    ask(p, false);
}

void method_reload(struct peer *p, const json_t *parameters)
{
    (void)parameters;
    log_info(NULL, "control socket: %s asks to reload the configuration", peer_name(p));
    ask(p, true);
}
