/* SPDX-License-Identifier: MIT */
#include "ctl/say.h"

#include "ctl/suggest.h"
#include "ctl/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void say(struct ctl *c, const char *fmt, ...)
{
    va_list ap;

    (void)fputs("acmectl: ", c->err);
    va_start(ap, fmt);
    (void)vfprintf(c->err, fmt, ap);
    va_end(ap);
    (void)fputc('\n', c->err);
}

enum ctl_exit say_unreachable(struct ctl *c, int why)
{
    if (why == ENAMETOOLONG) {
        say(c, "%s is too long for the path of a socket", c->socket);
        return CTL_USAGE;
    }
    if (why == ENOENT)
        say(c, "the daemon cannot be reached: there is no socket %s", c->socket);
    else if (why == ECONNREFUSED)
        say(c, "the daemon cannot be reached: %s is there, but no daemon listens on it", c->socket);
    else if (why == EACCES || why == EPERM)
        say(c, "the daemon cannot be reached: you may not open %s (try as root)", c->socket);
    else
        say(c, "the daemon cannot be reached at %s: %s", c->socket, strerror(why));
    if (why != EACCES && why != EPERM)
        (void)fputs("  Start it with `systemctl start acmed`, or by hand with `acmed -c FILE`.\n"
                    "  Where its configuration sets another control_socket, say --socket PATH.\n",
                    c->err);
    return CTL_UNREACHABLE;
}

enum ctl_exit say_broken(struct ctl *c, enum client_result result, const struct err *e)
{
    switch (result) {
    case CLIENT_OK:
    case CLIENT_QUIT:
    case CLIENT_INTERRUPTED:
        return CTL_DONE;
    case CLIENT_CLOSED:
        say(c, "the daemon closed the connection before it had answered (`acmectl status` tells how it is)");
        return CTL_UNREACHABLE;
    case CLIENT_TIMEOUT:
        say(c, "the daemon accepted the call at %s but does not answer", c->socket);
        return CTL_UNREACHABLE;
    case CLIENT_BROKEN:
        break;
    }
    if (e->class == ERR_CLASS_CONFIG || e->class == ERR_CLASS_INTERNAL) {
        say(c, "%s", e->text);
        return e->class == ERR_CLASS_CONFIG ? CTL_USAGE : CTL_FAILED;
    }
    say(c, "what listens on %s does not speak acmed's protocol: %s", c->socket, e->text);
    return CTL_UNREACHABLE;
}

static const char *text_of(const json_t *parameters, const char *key)
{
    const char *s = json_string_value(json_object_get(parameters, key));

    return s != NULL ? s : "";
}

static enum ctl_exit say_no_such(struct ctl *c, const json_t *p)
{
    const json_t *known = json_object_get(p, "known");
    const char *name = text_of(p, "name");
    size_t n = json_array_size(known);
    const char **candidates = n > 0 ? calloc(n, sizeof *candidates) : NULL;
    const char *nearest = NULL;
    const char *one;
    size_t used = 0;

    for (size_t i = 0; candidates != NULL && i < n; i++) {
        one = json_string_value(json_array_get(known, i));
        if (one != NULL)
            candidates[used++] = one;
    }
    if (candidates != NULL)
        nearest = suggest_nearest(name, candidates, used);
    if (nearest != NULL)
        say(c, "there is no certificate %s; did you mean %s?", name, nearest);
    else if (n > 0)
        say(c, "there is no certificate %s (`acmectl status` lists them)", name);
    else
        say(c, "there is no certificate %s: none is configured", name);
    free(candidates);
    return CTL_USAGE;
}

static enum ctl_exit say_invalid(struct ctl *c, const json_t *p)
{
    const json_t *message;
    size_t i;

    if (c->quiet)
        return CTL_USAGE;
    json_array_foreach(json_object_get(p, "messages"), i, message)
    {
        if (json_is_string(message))
            (void)fprintf(c->err, "%s\n", json_string_value(message));
    }
    say(c, "the configuration was refused; the daemon goes on with the one it has");
    return CTL_USAGE;
}

static enum ctl_exit say_denied(struct ctl *c, const json_t *p)
{
    (void)p;
    say(c, "not permitted: this needs root, the user that acmed runs as, or a member of its control_group");
    return CTL_DENIED;
}

static enum ctl_exit say_too_many(struct ctl *c, const json_t *p)
{
    say(c, "%s", text_of(p, "text"));
    return CTL_USAGE;
}

static enum ctl_exit say_no_such_ca(struct ctl *c, const json_t *p)
{
    const json_t *known = json_object_get(p, "known");
    const json_t *name;
    size_t i;

    say(c, "no certificate is had from a CA %s; those in use are:", text_of(p, "ca"));
    json_array_foreach(known, i, name)
    {
        if (json_is_string(name))
            (void)fprintf(c->err, "  %s\n", json_string_value(name));
    }
    return CTL_USAGE;
}

static enum ctl_exit say_refused(struct ctl *c, const json_t *p)
{
    say(c, "%s", text_of(p, "text"));
    return strcmp(text_of(p, "class"), "configuration") == 0 ? CTL_USAGE : CTL_FAILED;
}

static enum ctl_exit say_other_version(struct ctl *c, const json_t *p)
{
    (void)p;
    say(c,
        "the running daemon is of another version and does not know this command (acmectl is %s): restart it",
        ACMED_VERSION);
    return CTL_FAILED;
}

static const struct {
    const char *error;
    enum ctl_exit (*say)(struct ctl *c, const json_t *parameters);
} errors[] = {
    {"org.acmed.Control.NoSuchCertificate", say_no_such},
    {"org.acmed.Control.TooMany", say_too_many},
    {"org.acmed.Control.ConfigurationInvalid", say_invalid},
    {"org.acmed.Control.Refused", say_refused},
    {"org.acmed.Control.NoSuchCa", say_no_such_ca},
    {"org.varlink.service.PermissionDenied", say_denied},
    {"org.varlink.service.MethodNotFound", say_other_version},
    {"org.varlink.service.MethodNotImplemented", say_other_version},
    {"org.varlink.service.InterfaceNotFound", say_other_version},
};

enum ctl_exit say_error(struct ctl *c, struct varlink_reply *r)
{
    json_t *whole;
    char *text;

    if (c->json) {
        whole = json_pack("{s:s, s:O}", "error", r->error, "parameters", r->parameters);
        say_json(c, whole, true);
        json_decref(whole);
    }
    if (!text_clean_json(r->parameters, c->term.utf8))
        return CTL_FAILED;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(errors[i].error, r->error) == 0)
            return errors[i].say(c, r->parameters);
    text = text_clean(r->error, c->term.utf8, false);
    say(c, "the daemon answered with the error %s", text != NULL ? text : "");
    free(text);
    text = json_dumps(r->parameters, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text != NULL && json_object_size(r->parameters) > 0)
        (void)fprintf(c->err, "  %s\n", text);
    free(text);
    return CTL_FAILED;
}

bool say_wait_yes(struct ctl *c)
{
    char answer[16];

    (void)fflush(c->err);
    return fgets(answer, sizeof answer, c->in) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

bool say_confirm(struct ctl *c, const char *question, enum ctl_exit *status)
{
    *status = CTL_USAGE;
    if (c->yes)
        return true;
    if (!c->ask) {
        say(c, "%s Without a terminal to ask on, say --yes if that is meant; nothing was done", question);
        return false;
    }
    (void)fprintf(c->err, "%s Go on? [y/N] ", question);
    if (say_wait_yes(c))
        return true;
    *status = CTL_FAILED;
    say(c, "nothing was done");
    return false;
}

void say_json(struct ctl *c, const json_t *j, bool pretty)
{
    char *text =
        json_dumps(j, (pretty ? JSON_INDENT(2) : JSON_COMPACT) | (c->term.tty ? JSON_ENSURE_ASCII : 0));
    char *clean = text != NULL && c->term.tty ? text_clean(text, true, true) : NULL;

    if (text != NULL)
        (void)fprintf(c->out, "%s\n", clean != NULL ? clean : text);
    (void)fflush(c->out);
    free(clean);
    free(text);
}

void say_buf(struct ctl *c, struct buf *text)
{
    if (text->failed)
        say(c, "out of memory: the output is not complete");
    if (text->len > 0)
        (void)fwrite(text->data, 1, text->len, c->out);
    (void)fflush(c->out);
    buf_consume(text, text->len);
    text->failed = false;
}
