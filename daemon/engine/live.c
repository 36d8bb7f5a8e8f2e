/* SPDX-License-Identifier: MIT */
#include "daemon/engine/live.h"

#include "lib/act.h"
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

/* 0: not the name of a generation's directory. */
static unsigned parse_number(const char *text)
{
    unsigned long number;
    char *end;

    if (*text < '1' || *text > '9')
        return 0;
    errno = 0;
    number = strtoul(text, &end, 10);
    return *end != '\0' || errno != 0 || number > 1000000000 ? 0 : (unsigned)number;
}

/* "../certs/<lineage>/<n>" and nothing else. */
static bool parse_target(const char *target, const char *lineage, unsigned *generation)
{
    size_t n = strlen(lineage);

    if (strncmp(target, "../certs/", 9) != 0 || strncmp(target + 9, lineage, n) != 0 || target[9 + n] != '/')
        return false;
    *generation = parse_number(target + 9 + n + 1);
    return *generation != 0;
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
static void read_revoked(const struct live *l, const char *lineage, struct revoked *r)
{
    char path[CONFIG_NAME_MAX + 32];
    char *text;
    size_t len;

    *r = (struct revoked){0};
    (void)snprintf(path, sizeof path, "%s/" REVOKED_FILE, lineage);
    text = read_file(l, path, &len);
    if (text != NULL)
        (void)revoked_from_json(r, text, len, NULL);
    free(text);
}

static bool is_revoked(const struct live *l, const char *lineage, unsigned generation)
{
    struct revoked r;
    bool revoked;

    read_revoked(l, lineage, &r);
    revoked = revoked_find(&r, generation) != NULL;
    revoked_clear(&r);
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
static bool is_type(int dir_fd, const struct dirent *d, unsigned char type, mode_t format)
{
    struct stat st;

    if (d->d_type != DT_UNKNOWN)
        return d->d_type == type;
    return fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == format;
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
        if (d->d_name[0] != '.' && is_type(fd, d, DT_LNK, S_IFLNK))
            ok = strv_add(names, d->d_name);
    (void)closedir(dir);
    if (!ok)
        return err_nomem(e, "the list of live certificates");
    if (names->n > 1)
        qsort(names->v, names->n, sizeof *names->v, compare);
    return true;
}

/* ---- what is on disk ---- */

/* The newest numbers, newest first, and how many there are in all. */
struct newest {
    unsigned v[STATUS_GENERATIONS_MAX];
    size_t n;
    unsigned all;
};

static void newest_add(struct newest *s, unsigned number)
{
    size_t at = s->n < STATUS_GENERATIONS_MAX ? s->n++ : s->n - 1;

    s->all++;
    if (s->all > STATUS_GENERATIONS_MAX && s->v[at] > number)
        return;
    for (; at > 0 && s->v[at - 1] < number; at--)
        s->v[at] = s->v[at - 1];
    s->v[at] = number;
}

/* *served: the number in the link that the keeper leaves; 0: there is none. False: errno says why. */
static bool find_newest(const struct live *l, const char *lineage, struct newest *s, unsigned *served)
{
    int fd = openat(l->certs_fd, lineage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *d;
    char target[32];
    ssize_t n;

    *s = (struct newest){0};
    *served = 0;
    if (dir == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    while ((d = readdir(dir)) != NULL)
        if (parse_number(d->d_name) != 0 && is_type(fd, d, DT_DIR, S_IFDIR))
            newest_add(s, parse_number(d->d_name));
    n = readlinkat(fd, "served", target, sizeof target - 1);
    if (n > 0) {
        target[n] = '\0';
        *served = parse_number(target);
    }
    (void)closedir(dir);
    return true;
}

static void say_unreadable(struct status_generation *g, const char *what, const char *why)
{
    if (asprintf(&g->error, "cannot read %s: %s", what, why) < 0)
        g->error = NULL;
}

/* False: it is gone. */
static bool read_generation(const struct live *l, const char *lineage, struct status_generation *g)
{
    char path[CONFIG_NAME_MAX + 48];
    struct cert_facts facts;
    struct stat st;
    struct err e;
    size_t len;
    char *text = read_leaf(l, lineage, g->generation, &len);
    int why = errno;

    (void)snprintf(path, sizeof path, "%s/%u", lineage, g->generation);
    if (text == NULL && fstatat(l->certs_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return false;
    (void)snprintf(path, sizeof path, "certs/%s/%u/cert.pem", lineage, g->generation);
    if (text == NULL) {
        say_unreadable(g, path, strerror(why));
    } else if (!cert_facts_parse(&facts, text, len, &e)) {
        say_unreadable(g, path, e.text);
    } else {
        g->serial = facts.serial;
        facts.serial = NULL;
        g->not_before = facts.not_before;
        g->not_after = facts.not_after;
        cert_facts_clear(&facts);
    }
    free(text);
    return true;
}

static void note_revoked(struct status_generation *g, const struct revoked *r)
{
    const struct revoked_entry *entry = revoked_find(r, g->generation);
    const char *reason = entry != NULL ? act_reason_to_str(entry->reason) : NULL;

    if (entry == NULL)
        return;
    g->revoked = strdup(reason != NULL ? reason : "unspecified");
    g->revoked_at = entry->at;
}

/* The live one is known of all the same. */
static void list_live_only(const char *lineage, int why, struct status_certificate *s)
{
    char path[CONFIG_NAME_MAX + 16];
    struct status_generation *g = calloc(1, sizeof *g);

    s->generations = (struct record_list){g, g != NULL ? 1 : 0};
    if (g == NULL)
        return;
    *g = (struct status_generation){.generation = s->generation, .live = true};
    (void)snprintf(path, sizeof path, "certs/%s", lineage);
    say_unreadable(g, path, strerror(why));
}

void live_generations(const struct live *l, const char *lineage, struct status_certificate *s)
{
    struct status_generation *v;
    struct revoked revoked;
    struct newest found;
    unsigned served;

    if (!find_newest(l, lineage, &found, &served)) {
        if (s->generation != 0)
            list_live_only(lineage, errno, s);
        return;
    }
    v = calloc(STATUS_GENERATIONS_MAX, sizeof *v);
    if (v == NULL)
        return;
    s->generations.v = v;
    s->generations_older = found.all - (unsigned)found.n;
    read_revoked(l, lineage, &revoked);
    for (size_t i = 0; i < found.n; i++) {
        struct status_generation *g = &v[s->generations.n];

        *g = (struct status_generation){.generation = found.v[i],
                                        .live = found.v[i] == s->generation,
                                        .served_last = found.v[i] == served};
        if (!read_generation(l, lineage, g))
            continue;
        note_revoked(g, &revoked);
        s->generations.n++;
    }
    revoked_clear(&revoked);
}
