/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account_answer {
    struct ctl *c;
    bool thumbprints; /* alone */
    const char *done; /* what to say at the end; NULL: nothing */
    char *only;       /* the CA, when there is one; owned */
    size_t n;
};

static const char *text_of(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static void print_line(FILE *out, const char *label, const char *value)
{
    if (value != NULL)
        (void)fprintf(out, "  %-11s %s\n", label, value);
}

/* And what the configuration wants, where that is another one. */
static void print_key(FILE *out, const json_t *j)
{
    const char *type = text_of(j, "key_type");
    const char *wanted = text_of(j, "account_key");

    if (type == NULL || wanted == NULL || strcmp(type, wanted) == 0)
        print_line(out, "key", type);
    else
        (void)fprintf(out, "  %-11s %s, not %s as account_key says: `acmectl account rollover` changes it\n",
                      "key", type, wanted);
}

static void print_account(FILE *out, const json_t *j)
{
    (void)fprintf(out, "%s\n", text_of(j, "ca"));
    print_line(out, "state", text_of(j, "state"));
    print_line(out, "account", text_of(j, "url"));
    print_line(out, "directory", text_of(j, "directory"));
    print_line(out, "contact", text_of(j, "contact"));
    print_key(out, j);
    print_line(out, "thumbprint", text_of(j, "thumbprint"));
    print_line(out, "DNS label", text_of(j, "dns_label"));
    print_line(out, "problem", text_of(j, "error"));
}

static bool on_accounts(void *arg, const json_t *parameters)
{
    struct account_answer *a = arg;
    const json_t *list = json_object_get(parameters, "accounts");
    const json_t *j;
    size_t i;

    a->n = json_array_size(list);
    if (a->c->json) {
        say_json(a->c, parameters, true);
        return true;
    }
    json_array_foreach(list, i, j)
    {
        if (a->thumbprints)
            (void)fprintf(a->c->out, "%s%s%s\n", text_of(j, "thumbprint"), a->n > 1 ? "  " : "",
                          a->n > 1 ? text_of(j, "ca") : "");
        else
            print_account(a->c->out, j);
    }
    if (a->done != NULL)
        (void)fprintf(a->c->out, "%s\n", a->done);
    return true;
}

static bool on_only(void *arg, const json_t *parameters)
{
    struct account_answer *a = arg;
    const json_t *list = json_object_get(parameters, "accounts");

    a->n = json_array_size(list);
    if (a->n == 1)
        a->only = strdup(text_of(json_array_get(list, 0), "ca"));
    return true;
}

/* The CA that is meant: the one named, or the only one in use. NULL: it was said what is missing. */
static char *which(struct ctl *c, const char *name, enum ctl_exit *status)
{
    struct account_answer a = {.c = c};

    if (name != NULL)
        return strdup(name);
    *status = call_run(c, "org.acmed.Control.Accounts", NULL, false, on_only, &a);
    if (*status == CTL_DONE && a.only == NULL) {
        say(c, "%s",
            a.n == 0 ? "no certificate is configured, so there is no account"
                     : "several CAs are in use: say which is meant (`acmectl account show` lists them)");
        *status = CTL_USAGE;
    }
    return a.only;
}

static enum ctl_exit show(struct ctl *c, const char *ca, bool thumbprints)
{
    struct account_answer a = {.c = c, .thumbprints = thumbprints};

    return call_run(c, "org.acmed.Control.Accounts", ca != NULL ? json_pack("{ss}", "ca", ca) : NULL, false,
                    on_accounts, &a);
}

static const struct verb {
    const char *name;
    const char *method;
    bool asks;
    const char *done;
} verbs[] = {
    {"update", "org.acmed.Control.AccountUpdate", false, "The CA has the configured contact."},
    {"rollover", "org.acmed.Control.AccountRollover", false,
     "The account has a new key. Web servers that answer challenges themselves need its thumbprint."},
    {"deactivate", "org.acmed.Control.AccountDeactivate", true, "The account is deactivated."},
};

static enum ctl_exit run_verb(struct ctl *c, const struct verb *verb, const char *name)
{
    struct account_answer a = {.c = c, .done = verb->done};
    enum ctl_exit status = CTL_DONE;
    char *ca = which(c, name, &status);
    char question[512];

    if (ca == NULL)
        return status;
    (void)snprintf(
        question, sizeof question,
        "This deactivates the account with the CA %.200s, which cannot be taken back: nothing is had "
        "from there any more.",
        ca);
    if (verb->asks && !say_confirm(c, question, &status)) {
        free(ca);
        return status;
    }
    status = call_run(c, verb->method, json_pack("{ss}", "ca", ca), false, on_accounts, &a);
    free(ca);
    return status;
}

enum ctl_exit command_account(struct ctl *c)
{
    const char *name = c->n_args > 1 ? c->args[1] : NULL;

    if (strcmp(c->args[0], "show") == 0)
        return show(c, name, false);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(c->args[0], verbs[i].name) == 0)
            return run_verb(c, &verbs[i], name);
    say(c, "account %s: there are account show, update, rollover and deactivate", c->args[0]);
    return CTL_USAGE;
}

enum ctl_exit command_thumbprint(struct ctl *c)
{
    return show(c, c->n_args > 0 ? c->args[0] : NULL, true);
}
