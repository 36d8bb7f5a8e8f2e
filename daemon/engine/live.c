/* SPDX-License-Identifier: MIT */
#include "daemon/engine/live.h"

#include "lib/config.h"
#include "lib/revoked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAF_MAX REVOKED_FILE_MAX /* bytes of a file read here */

bool live_open(struct live *l, const char *state_dir, struct err *e)
{
    int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    l->live_fd = l->certs_fd = -1;
    if (fd >= 0) {
        l->live_fd = openat(fd, "live", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        l->certs_fd = openat(fd, "certs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        (void)close(fd);
    }
    if (l->live_fd < 0 || l->certs_fd < 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot open %s/live and certs: %s", state_dir, strerror(errno));
        live_close(l);
        return false;
    }
    return true;
}

void live_close(struct live *l)
{
    if (l->live_fd >= 0)
        (void)close(l->live_fd);
    if (l->certs_fd >= 0)
        (void)close(l->certs_fd);
    l->live_fd = l->certs_fd = -1;
}

/* "../certs/<lineage>/<n>" and nothing else. */
static bool parse_target(const char *target, const char *lineage, unsigned *generation)
{
    size_t n = strlen(lineage);
    unsigned long number;
    char *end;

    if (strncmp(target, "../certs/", 9) != 0 || strncmp(target + 9, lineage, n) != 0 || target[9 + n] != '/')
        return false;
    target += 9 + n + 1;
    if (*target < '1' || *target > '9')
        return false;
    errno = 0;
    number = strtoul(target, &end, 10);
    if (*end != '\0' || errno != 0 || number > 1000000000)
        return false;
    *generation = (unsigned)number;
    return true;
}

/* NULL: errno says why. */
static char *read_file(const struct live *l, const char *path, size_t *len)
{
    char *text;
    ssize_t n = -1;
    int fd;

    fd = openat(l->certs_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    text = malloc(LEAF_MAX + 1);
    if (text != NULL)
        n = read(fd, text, LEAF_MAX);
    (void)close(fd);
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    *len = (size_t)n;
    return text;
}

static char *read_leaf(const struct live *l, const char *lineage, unsigned generation, size_t *len)
{
    char path[CONFIG_NAME_MAX + 32];

    (void)snprintf(path, sizeof path, "%s/%u/cert.pem", lineage, generation);
    return read_file(l, path, len);
}

/* What cannot be read is as good as nothing here: it is the keeper's, who tells. */
static bool is_revoked(const struct live *l, const char *lineage, unsigned generation)
{
    char path[CONFIG_NAME_MAX + 32];
    struct revoked r = {0};
    bool revoked = false;
    char *text;
    size_t len;

    (void)snprintf(path, sizeof path, "%s/" REVOKED_FILE, lineage);
    text = read_file(l, path, &len);
    if (text != NULL && revoked_from_json(&r, text, len, NULL))
        revoked = revoked_find(&r, generation) != NULL;
    revoked_clear(&r);
    free(text);
    return revoked;
}

bool live_load(const struct live *l, const char *lineage, unsigned *generation, struct cert_facts *facts,
               struct err *e)
{
    char target[CONFIG_NAME_MAX + 64];
    ssize_t n = readlinkat(l->live_fd, lineage, target, sizeof target - 1);
    char *text;
    size_t len;
    bool ok;

    err_clear(e);
    if (n < 0 && errno == ENOENT)
        return false;
    if (n < 0)
        return err_set(e, ERR_CLASS_INTERNAL, "live/%s is not a link of acmed's: %s", lineage,
                       strerror(errno));
    target[n] = '\0';
    if (!parse_target(target, lineage, generation))
        return err_set(e, ERR_CLASS_INTERNAL,
                       "live/%s points to %s, which is no generation of this certificate", lineage, target);
    text = read_leaf(l, lineage, *generation, &len);
    if (text == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot read certs/%s/%u/cert.pem: %s", lineage, *generation,
                       strerror(errno));
    ok = cert_facts_parse(facts, text, len, e);
    free(text);
    if (ok)
        facts->revoked = is_revoked(l, lineage, *generation);
    return ok || err_wrap(e, "certs/%s/%u/cert.pem", lineage, *generation);
}

/* Not every file system tells the type in its directory. */
static bool is_link(const struct live *l, const struct dirent *d)
{
    struct stat st;

    if (d->d_type != DT_UNKNOWN)
        return d->d_type == DT_LNK;
    return fstatat(l->live_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool live_list(const struct live *l, struct strv *names, struct err *e)
{
    int fd = openat(l->live_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *d;
    bool ok = true;

    if (dir == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return err_set(e, ERR_CLASS_INTERNAL, "cannot read live/: %s", strerror(errno));
    }
    while (ok && (d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.' && is_link(l, d))
            ok = strv_add(names, d->d_name);
    (void)closedir(dir);
    if (!ok)
        return err_nomem(e, "the list of live certificates");
    if (names->n > 1)
        qsort(names->v, names->n, sizeof *names->v, compare);
    return true;
}
