/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/load_files.h"

#include "daemon/secret.h"
#include "daemon/supervisor/convention.h"
#include "daemon/supervisor/hook.h"
#include "daemon/supervisor/trust.h"
#include "lib/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (16 * 1024 * 1024) /* bytes of one configuration file */

static void add_error(struct load *l, const char *file, unsigned line, const char *text)
{
    (void)config_messages_add(&l->messages, file, line, false, "%s", text);
}

static bool slurp(int fd, struct buf *text, struct err *e)
{
    for (;;) {
        char *p = buf_reserve(text, 65536);
        ssize_t n;

        if (p == NULL)
            return err_set(e, ERR_CLASS_CONFIG, "the file is larger than %d MiB", FILE_MAX / 1024 / 1024);
        n = read(fd, p, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_CLASS_CONFIG, "cannot be read: %s", strerror(errno));
        if (n == 0)
            return true;
        buf_grew(text, (size_t)n);
    }
}

/* What is checked is what is read: everything is done on one descriptor. */
static bool read_trusted(const char *path, uid_t uid, struct buf *text, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    bool ok;

    if (fd < 0)
        return err_set(e, ERR_CLASS_CONFIG, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        ok = err_set(e, ERR_CLASS_CONFIG, "is not a regular file");
    else
        ok = trust_stat(path, &st, uid, e) && trust_parents(path, uid, e) && slurp(fd, text, e);
    (void)close(fd);
    return ok;
}

static bool keep_file(struct load *l, const char *path, struct buf *text)
{
    struct config_file *grown = realloc(l->files, (l->n_files + 1) * sizeof *grown);
    struct config_file f = {0};

    if (grown == NULL)
        return false;
    l->files = grown;
    f.path = strdup(path);
    f.text = buf_take(text, &f.len);
    if (f.path == NULL || f.text == NULL) {
        free((char *)f.path);
        free((char *)f.text);
        return false;
    }
    l->files[l->n_files++] = f;
    return true;
}

static void load_file(struct load *l, const char *path, uid_t uid)
{
    struct buf text;
    struct err e;

    buf_init(&text, FILE_MAX);
    if (!read_trusted(path, uid, &text, &e))
        add_error(l, path, 0, e.text);
    else if (!keep_file(l, path, &text))
        add_error(l, path, 0, "out of memory");
    buf_clear(&text);
}

static int is_conf(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* the same in every locale */
}

static void load_directory(struct load *l, const char *dir, uid_t uid)
{
    struct dirent **found = NULL;
    int n = scandir(dir, &found, is_conf, by_name);
    char path[PATH_MAX];

    if (n < 0 && errno != ENOENT) {
        char text[256];

        (void)snprintf(text, sizeof text, "cannot be listed: %s", strerror(errno));
        add_error(l, dir, 0, text);
    }
    for (int i = 0; i < n; i++) {
        if (snprintf(path, sizeof path, "%s/%s", dir, found[i]->d_name) < (int)sizeof path)
            load_file(l, path, uid);
        free(found[i]);
    }
    free(found);
}

void load_files(struct load *l, const char *path, uid_t uid)
{
    char full[PATH_MAX], cwd[PATH_MAX], dir[PATH_MAX];
    char *slash;
    int n;

    if (path[0] == '/')
        n = snprintf(full, sizeof full, "%s", path);
    else /* the supervisor changes to "/" and reads the files again at a reload */
        n = snprintf(full, sizeof full, "%s/%s", getcwd(cwd, sizeof cwd) != NULL ? cwd : "", path);
    if (n >= (int)sizeof full - (int)sizeof "/conf.d") {
        add_error(l, path, 0, "the path is too long");
        return;
    }
    load_file(l, full, uid);
    (void)snprintf(dir, sizeof dir, "%s", full);
    slash = strrchr(dir, '/');
    (void)snprintf(slash, sizeof dir - (size_t)(slash - dir), "/conf.d");
    load_directory(l, dir, uid);
}

/* The supervisor looks how a secret is kept and does not open it. One that is not there is no error: an
 * account that is registered needs it no more, and a certificate must not expire for the lack of it. */
static void check_secret(struct load *l, const struct config_ca *ca, uid_t uid)
{
    const char *value = ca->eab_hmac_file;
    bool credential = secret_is_credential(value);
    char path[PATH_MAX];
    bool warning = false;
    struct stat st;
    struct err e;

    if (!secret_path(value, path, &e)) {
        warning = true;
    } else if (stat(path, &st) != 0) {
        warning = true;
        if (errno == EACCES)
            (void)err_set(&e, ERR_CLASS_CONFIG, "not checked: uid %u may not look there", (unsigned)uid);
        else
            (void)err_set(
                &e, ERR_CLASS_CONFIG,
                "%s; it is needed until the account is registered (later eab_kid and eab_hmac_file can "
                "be removed)",
                strerror(errno));
    } else if (secret_check(value, &st, uid, &e) && (credential || trust_parents(path, uid, &e))) {
        return;
    }
    (void)config_messages_add(&l->messages, ca->file, ca->line, warning, "eab_hmac_file of [ca %s]: %s: %s",
                              ca->name, value, e.text);
}

/* As the keeper will find it (daemon/keeper/webroot.h); what changes until then it says itself. */
static bool check_webroot(const char *path, struct err *e)
{
    char real[PATH_MAX];
    struct stat st;

    if (realpath(path, real) == NULL || stat(path, &st) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_CLASS_CONFIG, "%s is no directory", path);
    if (strcmp(real, path) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s is reached through a symbolic link: write %s", path, real);
    return (st.st_mode & S_IWOTH) == 0 ||
           err_set(e, ERR_CLASS_CONFIG, "%s can be written by everybody (mode %04o): chmod o-w %s", path,
                   (unsigned)st.st_mode & 07777, path);
}

/* Its files may belong to hook_user, if it is run by that one. */
static bool check_dns_hook(const struct load *l, const struct config_certificate *c, struct err *e)
{
    char *home;
    uid_t hook_uid;
    bool ok;

    if (!hook_identity(l, c, &hook_uid, &home, e))
        return true; /* a user who is not known is told of already */
    ok = convention_check(&c->dns_hook, hook_uid, home, e);
    free(home);
    return ok;
}

void load_check_paths(struct load *l, uid_t uid)
{
    struct err e;

    for (size_t i = 0; i < l->config->n_cas; i++) {
        const struct config_ca *ca = &l->config->cas[i];

        if (ca->ca_file != NULL && !trust_file(ca->ca_file, uid, false, &e))
            (void)config_messages_add(&l->messages, ca->file, ca->line, false, "ca_file of [ca %s]: %s",
                                      ca->name, e.text);
        if (ca->eab_hmac_file != NULL)
            check_secret(l, ca, uid);
    }
    for (size_t i = 0; i < l->config->n_certificates; i++) {
        const struct config_certificate *c = &l->config->certificates[i];

        if (c->dns_hook.kind != DNS_HOOK_NONE && !check_dns_hook(l, c, &e))
            (void)config_messages_add(&l->messages, c->file, c->line, false,
                                      "dns_hook of [certificate %s]: %s", c->section, e.text);
        if (c->webroot != NULL && c->challenge == CHALLENGE_TYPE_HTTP_01 && !check_webroot(c->webroot, &e))
            (void)config_messages_add(&l->messages, c->file, c->line, false,
                                      "webroot of [certificate %s]: %s", c->section, e.text);
        if (c->hook.n > 0 && c->hook.v[0][0] != '/')
            (void)config_messages_add(&l->messages, c->file, c->line, false,
                                      "hook of [certificate %s]: \"%s\" must be an absolute path", c->name,
                                      c->hook.v[0]);
        else if (c->hook.n > 0 && !trust_file(c->hook.v[0], uid, true, &e))
            (void)config_messages_add(&l->messages, c->file, c->line, false, "hook of [certificate %s]: %s",
                                      c->name, e.text);
    }
}
