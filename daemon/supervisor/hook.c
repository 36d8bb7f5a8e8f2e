/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/hook.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TERM_S 5

bool hook_event_known(const char *event)
{
    static const char *const events[] = {"issued", "renewed", "deploy"};

    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (strcmp(event, events[i]) == 0)
            return true;
    return false;
}

bool hook_set(struct strv *env, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    bool ok;

    va_start(ap, fmt);
    ok = vasprintf(&text, fmt, ap) >= 0;
    va_end(ap);
    ok = ok && strv_add(env, text);
    free(text);
    return ok;
}

/* True when the blank-separated list has the name. */
static bool lists(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = strstr(list, name); p != NULL; p = strstr(p + 1, name))
        if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
            return true;
    return false;
}

/* The certificate's names, those of the configuration in its order first: scripts take the first one for the
 * name. The caller frees; NULL: out of memory. */
static char *domains(const struct config_certificate *c, const char *names)
{
    struct strv ordered = {0};
    char *copy = strdup(names), *rest = copy, *name, *joined = NULL;
    bool ok = copy != NULL;

    for (size_t i = 0; ok && i < c->domains.n; i++)
        if (lists(names, c->domains.v[i]))
            ok = strv_add(&ordered, c->domains.v[i]);
    while (ok && (name = strsep(&rest, " ")) != NULL)
        if (*name != '\0' && !strv_contains(&ordered, name))
            ok = strv_add(&ordered, name);
    if (ok)
        joined = strv_join(&ordered, " ");
    strv_clear(&ordered);
    free(copy);
    return joined;
}

/* What a deployment is about. */
static bool facts(struct strv *env, const char *event, const struct hook_facts *f, const char *names)
{
    return hook_set(env, "ACMED_DOMAINS=%s", names) && hook_set(env, "ACMED_EVENT=%s", event) &&
           hook_set(env, "ACMED_GENERATION=%u", f->generation) && hook_set(env, "ACMED_DIR=%s", f->dir) &&
           hook_set(env, "ACMED_FULLCHAIN=%s/fullchain.pem", f->dir) &&
           hook_set(env, "ACMED_PRIVKEY=%s/privkey.pem", f->dir) &&
           hook_set(env, "ACMED_CERT=%s/cert.pem", f->dir) &&
           hook_set(env, "ACMED_CHAIN=%s/chain.pem", f->dir) &&
           hook_set(env, "ACMED_HAPROXY=%s/haproxy.pem", f->dir) &&
           hook_set(env, "ACMED_NOT_AFTER=%" PRId64, f->not_after) &&
           hook_set(env, "ACMED_SERIAL=%s", f->serial);
}

/* What every program of a certificate's finds. */
static bool common(struct strv *env, const struct config_certificate *c, const char *home)
{
    const char *lang = getenv("LANG");

    return hook_set(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") &&
           hook_set(env, "LANG=%s", lang != NULL ? lang : "C.UTF-8") && hook_set(env, "HOME=%s", home) &&
           hook_set(env, "ACMED_CERTIFICATE=%s", c->section) && hook_set(env, "ACMED_LINEAGE=%s", c->name);
}

bool hook_identity(const struct load *l, const struct config_certificate *c, uid_t *uid, char **home,
                   struct err *e)
{
    const struct passwd *pw;

    *uid = geteuid();
    if (c->hook_user != NULL && !load_uid(l, c->hook_user, uid))
        return err_set(e, ERR_CLASS_CONFIG, "hook_user %s is not known", c->hook_user);
    pw = getpwuid(*uid);
    *home = strdup(pw != NULL ? pw->pw_dir : "/");
    return *home != NULL || err_nomem(e, "hook");
}

struct job *hook_launch(struct event_base *base, const struct load *l, const struct config_certificate *c,
                        const struct strv *argv, struct strv *env, const char *input,
                        void (*done)(void *arg, const struct job_result *result), void *arg, struct err *e)
{
    struct runner_spec spec = {
        .argv = argv, .env = env, .input = input, .timeout_s = c->hook_timeout, .term_s = TERM_S};
    const struct passwd *pw;
    struct job *job = NULL;
    char *home = NULL, *user = NULL;

    if (!hook_identity(l, c, &spec.uid, &home, e))
        return NULL;
    if (spec.uid != geteuid()) {
        pw = getpwuid(spec.uid);
        user = pw != NULL ? strdup(pw->pw_name) : NULL; /* looking at the program asks for other users */
        spec.switch_user = true;
        spec.user = user;
        spec.gid =
            pw != NULL ? pw->pw_gid : (gid_t)spec.uid; /* a bare number: the group of the same number */
        if (pw != NULL && user == NULL) {
            err_nomem(e, "hook");
            goto end;
        }
    }
    if (common(env, c, home))
        job = job_start(base, &spec, done, arg, e);
    else
        err_nomem(e, "hook");
end:
    free(home);
    free(user);
    return job;
}

struct job *hook_start(struct event_base *base, const struct load *l, const struct config_certificate *c,
                       const char *event, const struct hook_facts *f,
                       void (*done)(void *arg, const struct job_result *result), void *arg, struct err *e)
{
    struct strv env = {0};
    struct job *job = NULL;
    char *names = domains(c, f->names);

    if (names == NULL || !facts(&env, event, f, names))
        err_nomem(e, "hook");
    else
        job = hook_launch(base, l, c, &c->hook, &env, NULL, done, arg, e);
    strv_clear(&env);
    free(names);
    return job;
}
