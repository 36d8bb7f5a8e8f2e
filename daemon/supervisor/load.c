/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/load.h"

#include "daemon/log.h"
#include "daemon/supervisor/load_files.h"
#include "daemon/supervisor/load_live.h"
#include "lib/buf.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool find(const struct load *l, bool group, const char *name, uint32_t *id)
{
    for (size_t i = 0; i < l->n_ids; i++) {
        if (l->ids[i].group == group && strcmp(l->ids[i].name, name) == 0) {
            *id = l->ids[i].id;
            return true;
        }
    }
    return false;
}

static bool remember(struct load *l, bool group, const char *name, uint32_t id)
{
    struct snapshot_id *grown = realloc(l->ids, (l->n_ids + 1) * sizeof *grown);
    char *copy = strdup(name);

    if (grown != NULL)
        l->ids = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    l->ids[l->n_ids++] = (struct snapshot_id){.group = group, .name = copy, .id = id};
    return true;
}

static bool is_number(const char *s, uint32_t *id)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(s, &end, 10);
    if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || n >= UINT32_MAX)
        return false;
    *id = (uint32_t)n;
    return true;
}

/* False: a message was added. NULL names nobody and is fine. */
static bool resolve(struct load *l, const char *file, unsigned line, const char *key, bool group,
                    const char *name)
{
    const struct passwd *pw = NULL;
    const struct group *gr = NULL;
    uint32_t id;

    if (name == NULL || find(l, group, name, &id))
        return true;
    if (is_number(name, &id))
        return remember(l, group, name, id);
    if (group)
        gr = getgrnam(name);
    else
        pw = getpwnam(name);
    if (gr == NULL && pw == NULL) {
        (void)config_messages_add(&l->messages, file, line, false,
                                  "%s = %s: there is no such %s on this machine", key, name,
                                  group ? "group" : "user");
        return false;
    }
    return remember(l, group, name, group ? gr->gr_gid : pw->pw_uid);
}

/* What the engine runs as: `user`, else acmed, else nobody; without root who we are. */
static void choose_engine(struct load *l, uid_t uid)
{
    const char *name = l->config->user != NULL ? l->config->user : "acmed";
    const char *file = l->config->files.n > 0 ? l->config->files.v[0] : "";
    const struct passwd *pw;
    uint32_t number;

    l->engine_uid = uid;
    l->engine_gid = getgid();
    if (uid != 0)
        return;
    if (is_number(name, &number))
        pw = getpwuid((uid_t)number);
    else
        pw = getpwnam(name);
    if (pw == NULL && l->config->user != NULL) {
        (void)config_messages_add(&l->messages, file, 0, false,
                                  "user = %s: there is no such user on this machine", name);
        return;
    }
    if (pw == NULL) {
        (void)config_messages_add(
            &l->messages, file, 0, true,
            "there is no user \"acmed\": the part of acmed that speaks to the network runs as "
            "\"nobody\", which other programs use, too (useradd --system acmed)");
        pw = getpwnam("nobody");
    }
    if (pw == NULL || pw->pw_uid == 0) {
        (void)config_messages_add(
            &l->messages, file, 0, false,
            "user: the part of acmed that speaks to the network must not run as root; name an "
            "unprivileged user");
        return;
    }
    l->engine_uid = pw->pw_uid;
    l->engine_gid = pw->pw_gid;
}

void load_resolve_ids(struct load *l, uid_t uid)
{
    const struct config *c = l->config;
    uint32_t id;

    choose_engine(l, uid);
    (void)resolve(l, c->files.n > 0 ? c->files.v[0] : "", 0, "control_group", true, c->control_group);
    for (size_t i = 0; i < c->n_certificates; i++) {
        const struct config_certificate *cert = &c->certificates[i];

        (void)resolve(l, cert->file, cert->line, "owner", false, cert->owner);
        (void)resolve(l, cert->file, cert->line, "group", true, cert->group);
        if (resolve(l, cert->file, cert->line, "hook_user", false, cert->hook_user) &&
            cert->hook_user != NULL && uid != 0 && find(l, false, cert->hook_user, &id) && id != uid)
            (void)config_messages_add(
                &l->messages, cert->file, cert->line, false,
                "hook_user = %s: only an acmed that runs as root can run hooks as somebody else",
                cert->hook_user);
    }
}

/* What is on disk decides the names of lineages, and the configuration where to look: it is read again when
 * there is something to say. */
static bool parse(struct load *l)
{
    struct config_messages again = {0};
    struct config *config;

    l->config = config_parse(l->files, l->n_files, NULL, &l->messages);
    if (l->config == NULL)
        return false;
    if (!load_live(l))
        return config_messages_add(&l->messages, "", 0, false, "out of memory") && false;
    if (l->live.n == 0)
        return true;
    config = config_parse(l->files, l->n_files, &l->live, &again);
    if (config == NULL) { /* collisions depend on the names, too */
        config_messages_clear(&l->messages);
        l->messages = again;
        return false;
    }
    config_messages_clear(&again);
    config_free(l->config);
    l->config = config;
    return true;
}

bool load_read(struct load *l, const char *path, uid_t uid)
{
    *l = (struct load){0};
    load_files(l, path, uid);
    if (!parse(l))
        return false;
    load_resolve_ids(l, uid);
    load_check_paths(l, uid);
    return l->messages.errors == 0;
}

void load_clear(struct load *l)
{
    config_free(l->config);
    for (size_t i = 0; i < l->n_files; i++) {
        free((char *)l->files[i].path);
        free((char *)l->files[i].text);
    }
    free(l->files);
    for (size_t i = 0; i < l->n_ids; i++)
        free(l->ids[i].name);
    free(l->ids);
    config_live_clear(&l->live);
    config_messages_clear(&l->messages);
    *l = (struct load){0};
}

/* "file:line: " as far as they are known. */
static void where(const struct config_message *m, char *out, size_t size)
{
    if (m->file[0] == '\0')
        out[0] = '\0';
    else if (m->line == 0)
        (void)snprintf(out, size, "%s: ", m->file);
    else
        (void)snprintf(out, size, "%s:%u: ", m->file, m->line);
}

char *load_messages(const struct config_messages *m, bool errors, bool warnings)
{
    char place[PATH_MAX + 16];
    struct buf b;
    char *text;

    buf_init(&b, 256 * 1024);
    for (size_t i = 0; i < m->n; i++) {
        const struct config_message *v = &m->v[i];

        if (v->warning ? !warnings : !errors)
            continue;
        where(v, place, sizeof place);
        (void)buf_addf(&b, "%s%s%s%s", b.len > 0 ? "\n" : "", place, v->warning && errors ? "warning: " : "",
                       v->text);
    }
    b.failed = false; /* so many messages that they do not fit: the first ones do */
    text = buf_take(&b, NULL);
    buf_clear(&b);
    return text;
}

void load_log_messages(const struct config_messages *m, bool errors, bool warnings)
{
    char place[PATH_MAX + 16];

    for (size_t i = 0; i < m->n; i++) {
        const struct config_message *v = &m->v[i];

        if (v->warning ? !warnings : !errors)
            continue;
        where(v, place, sizeof place);
        log_write(v->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, NULL, "%s%s", place, v->text);
    }
}

int load_snapshot(const struct load *l, struct err *e)
{
    const struct snapshot_source source = {.files = l->files,
                                           .n_files = l->n_files,
                                           .ids = l->ids,
                                           .n_ids = l->n_ids,
                                           .live = &l->live,
                                           .engine_uid = l->engine_uid,
                                           .engine_gid = l->engine_gid};

    return snapshot_write(&source, e);
}

bool load_uid(const struct load *l, const char *name, uid_t *uid)
{
    uint32_t id;

    if (!find(l, false, name, &id))
        return false;
    *uid = (uid_t)id;
    return true;
}

bool load_gid(const struct load *l, const char *name, gid_t *gid)
{
    uint32_t id;

    if (!find(l, true, name, &id))
        return false;
    *gid = (gid_t)id;
    return true;
}
