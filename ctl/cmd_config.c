/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/say.h"

/* What the callbacks of this file tell their command. */
struct answer {
    struct ctl *c;
    bool ok;
};

static size_t print_messages(FILE *out, const json_t *parameters)
{
    const json_t *message;
    size_t n = 0;
    size_t i;

    json_array_foreach(json_object_get(parameters, "messages"), i, message)
    {
        if (json_is_string(message) && fprintf(out, "%s\n", json_string_value(message)) > 0)
            n++;
    }
    return n;
}

static bool on_check(void *arg, const json_t *parameters)
{
    struct answer *a = arg;

    a->ok = json_is_true(json_object_get(parameters, "ok"));
    if (a->c->json) {
        say_json(a->c, parameters, true);
        return true;
    }
    (void)print_messages(a->c->out, parameters);
    (void)fprintf(a->c->out, "%s\n",
                  a->ok ? "The configuration is good."
                        : "The configuration has errors: a reload would refuse it.");
    return true;
}

enum ctl_exit command_check(struct ctl *c)
{
    struct answer a = {.c = c};
    enum ctl_exit status = call_run(c, "org.acmed.Control.Check", NULL, false, on_check, &a);

    return status == CTL_DONE && !a.ok ? CTL_USAGE : status;
}

static bool on_reload(void *arg, const json_t *parameters)
{
    struct answer *a = arg;

    if (a->c->json) {
        say_json(a->c, parameters, true);
        return true;
    }
    if (a->c->quiet)
        return true;
    (void)print_messages(a->c->out, parameters);
    (void)fputs("The daemon took over the configuration.\n", a->c->out);
    return true;
}

enum ctl_exit command_reload(struct ctl *c)
{
    struct answer a = {.c = c};

    return call_run(c, "org.acmed.Control.Reload", NULL, false, on_reload, &a);
}

static bool on_info(void *arg, const json_t *parameters)
{
    struct answer *a = arg;
    const char *version = json_string_value(json_object_get(parameters, "version"));

    if (a->c->json)
        say_json(a->c, parameters, true);
    else
        (void)fprintf(a->c->out, "acmed %s, running (%s)\n", version != NULL ? version : "of unknown version",
                      a->c->socket);
    return true;
}

enum ctl_exit command_version(struct ctl *c)
{
    struct answer a = {.c = c};

    if (!c->json)
        (void)fprintf(c->out, "acmectl %s\n", ACMED_VERSION);
    (void)fflush(c->out);
    return call_run(c, "org.varlink.service.GetInfo", NULL, false, on_info, &a);
}
