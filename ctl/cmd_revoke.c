/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/gather.h"
#include "ctl/say.h"
#include "lib/act.h"
#include "lib/config.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *parameters, const char *key)
{
    const char *s = json_string_value(json_object_get(parameters, key));

    return s != NULL ? s : "";
}

static bool on_revoked(void *arg, const json_t *parameters)
{
    struct ctl *c = arg;

    if (c->json) {
        say_json(c, parameters, true);
        return true;
    }
    (void)fprintf(c->out, "Generation %" JSON_INTEGER_FORMAT " of %s %s (%s, by the %s key).\n",
                  json_integer_value(json_object_get(parameters, "generation")), text_of(parameters, "name"),
                  json_is_true(json_object_get(parameters, "already")) ? "was revoked already" : "is revoked",
                  text_of(parameters, "reason"),
                  strcmp(text_of(parameters, "by"), "certificate") == 0 ? "certificate's own" : "account's");
    (void)fprintf(c->out, "What comes next: %s.\n", text_of(parameters, "next"));
    return true;
}

static bool check_reason(struct ctl *c)
{
    const char *meant = c->reason != NULL ? act_reason_meant(c->reason) : NULL;

    if (c->reason != NULL && meant == NULL) {
        say(c, "--reason %s: the reasons are %s", c->reason, act_reasons());
        return false;
    }
    c->reason = meant;
    return true;
}

/* Who is asked whether that is meant knows which certificate it is about. */
static enum ctl_exit check_subject(struct ctl *c)
{
    struct strv key_types = {0};
    struct gather g;
    enum ctl_exit status = gather_status(c, &g);
    bool ok = true;
    struct err e;

    if (status == CTL_DONE && g.fleet.n > 1) {
        for (size_t i = 0; ok && i < g.fleet.n; i++)
            ok = strv_add(&key_types, g.fleet.v[i].key_type);
        if (ok)
            config_say_ambiguous(c->args[0], &key_types, &e);
        else
            (void)err_nomem(&e, c->args[0]);
        say(c, "%s", e.text);
        status = CTL_FAILED;
    }
    strv_clear(&key_types);
    gather_clear(&g);
    return status;
}

enum ctl_exit command_revoke(struct ctl *c)
{
    json_t *parameters;
    char question[512];
    char generation[40] = "the live certificate";
    enum ctl_exit status;

    if (!check_reason(c))
        return CTL_USAGE;
    if (!c->yes && (status = check_subject(c)) != CTL_DONE)
        return status;
    if (c->generation != 0)
        (void)snprintf(generation, sizeof generation, "generation %" JSON_INTEGER_FORMAT, c->generation);
    (void)snprintf(question, sizeof question,
                   "This has the CA revoke %s of %.255s (%s), which cannot be taken back.", generation,
                   c->args[0], c->reason != NULL ? c->reason : "unspecified");
    if (!say_confirm(c, question, &status))
        return status;
    parameters = json_pack("{s:s}", "name", c->args[0]);
    if (c->reason != NULL)
        (void)json_object_set_new(parameters, "reason", json_string(c->reason));
    if (c->generation != 0)
        (void)json_object_set_new(parameters, "generation", json_integer(c->generation));
    return call_run(c, "org.acmed.Control.Revoke", parameters, false, on_revoked, c);
}
