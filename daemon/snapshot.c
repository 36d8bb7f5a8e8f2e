/* SPDX-License-Identifier: MIT */
#include "daemon/snapshot.h"

#include "lib/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The text is a run of NUL-terminated lines:
 *   "acmed 1", "engine UID GID", ("user"|"group") " ID NAME" ..., "live KEYTYPE NAME" ..., "file LENGTH PATH"
 * followed by so many bytes and a NUL ..., "end" so that everything read back can be pointed to where it
 * lies. */
#define SNAPSHOT_MAX   (64 * 1024 * 1024)
#define SNAPSHOT_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool write_all(int fd, const char *data, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, ERR_CLASS_INTERNAL, "cannot write the configuration snapshot: %s",
                           strerror(errno));
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static int seal(const struct buf *b, struct err *e)
{
    int fd = memfd_create("acmed configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot make the configuration snapshot: memfd_create: %s",
                strerror(errno));
        return -1;
    }
    if (!write_all(fd, b->data, b->len, e)) {
        (void)close(fd);
        return -1;
    }
    if (fcntl(fd, F_ADD_SEALS, SNAPSHOT_SEALS) != 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot seal the configuration snapshot: %s", strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

int snapshot_write(const struct snapshot_source *s, struct err *e)
{
    struct buf b;
    int fd;

    buf_init(&b, SNAPSHOT_MAX);
    (void)buf_addf(&b, "acmed 1%c", 0);
    (void)buf_addf(&b, "engine %" PRIu32 " %" PRIu32 "%c", (uint32_t)s->engine_uid, (uint32_t)s->engine_gid,
                   0);
    for (size_t i = 0; i < s->n_ids; i++)
        (void)buf_addf(&b, "%s %" PRIu32 " %s%c", s->ids[i].group ? "group" : "user", s->ids[i].id,
                       s->ids[i].name, 0);
    for (size_t i = 0; s->live != NULL && i < s->live->n; i++)
        (void)buf_addf(&b, "live %s %s%c", key_type_to_str(s->live->v[i].key), s->live->v[i].name, 0);
    for (size_t i = 0; i < s->n_files; i++) {
        (void)buf_addf(&b, "file %zu %s%c", s->files[i].len, s->files[i].path, 0);
        (void)buf_add(&b, s->files[i].text, s->files[i].len);
        (void)buf_addch(&b, '\0');
    }
    (void)buf_addf(&b, "end%c", 0);
    if (b.failed) {
        err_set(e, ERR_CLASS_CONFIG, "the configuration files do not fit into memory (or %d MiB)",
                SNAPSHOT_MAX / 1024 / 1024);
        buf_clear(&b);
        return -1;
    }
    fd = seal(&b, e);
    buf_clear(&b);
    return fd;
}

/* The whole memfd plus a NUL; only a sealed one is believed, as it cannot change any more. */
static char *read_all(int fd, size_t *len, struct err *e)
{
    struct stat st;
    size_t have = 0;
    char *text;

    if ((fcntl(fd, F_GET_SEALS) & SNAPSHOT_SEALS) != SNAPSHOT_SEALS || fstat(fd, &st) != 0 ||
        st.st_size > SNAPSHOT_MAX) {
        err_set(e, ERR_CLASS_INTERNAL, "the configuration snapshot is not a sealed memfd");
        return NULL;
    }
    text = malloc((size_t)st.st_size + 1);
    if (text == NULL) {
        err_nomem(e, "configuration snapshot");
        return NULL;
    }
    while (have < (size_t)st.st_size) { /* pread: keeper and engine share the file offset */
        ssize_t n = pread(fd, text + have, (size_t)st.st_size - have, (off_t)have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err_set(e, ERR_CLASS_INTERNAL, "cannot read the configuration snapshot: %s", strerror(errno));
            free(text);
            return NULL;
        }
        have += (size_t)n;
    }
    text[have] = '\0';
    *len = have;
    return text;
}

static bool add_id(struct snapshot *s, bool group, uint32_t id, const char *name)
{
    struct snapshot_id *grown = realloc(s->ids, (s->n_ids + 1) * sizeof *grown);

    if (grown == NULL)
        return false;
    s->ids = grown;
    s->ids[s->n_ids] = (struct snapshot_id){.group = group, .name = strdup(name), .id = id};
    if (s->ids[s->n_ids].name == NULL)
        return false;
    s->n_ids++;
    return true;
}

static bool add_live(struct snapshot *s, const char *type, const char *name)
{
    struct config_live_key *grown = realloc(s->live.v, (s->live.n + 1) * sizeof *grown);

    if (grown == NULL)
        return false;
    s->live.v = grown;
    grown[s->live.n].name = strdup(name);
    if (grown[s->live.n].name == NULL)
        return false;
    return key_type_from_str(type, &grown[s->live.n++].key);
}

static bool add_file(struct snapshot *s, const char *path, const char *text, size_t len)
{
    struct config_file *grown = realloc(s->files, (s->n_files + 1) * sizeof *grown);

    if (grown == NULL)
        return false;
    s->files = grown;
    s->files[s->n_files++] = (struct config_file){.path = path, .text = text, .len = len};
    return true;
}

/* One line at *at (its end is at `end`); moves *at behind it. False: not a line of ours. */
static bool take_line(struct snapshot *s, char **at, const char *end, bool *done)
{
    char *line = *at, *next = line + strlen(line) + 1;
    char type[16];
    uint32_t a, b;
    size_t len;
    int n = 0;

    if (next > end)
        return false;
    *at = next;
    if (strcmp(line, "end") == 0) {
        *done = true;
        return next == end;
    }
    if (sscanf(line, "engine %" SCNu32 " %" SCNu32 "%n", &a, &b, &n) == 2 && n > 0 && line[n] == '\0') {
        s->engine_uid = (uid_t)a;
        s->engine_gid = (gid_t)b;
        return true;
    }
    if (sscanf(line, "user %" SCNu32 " %n", &a, &n) == 1 && n > 0)
        return add_id(s, false, a, line + n);
    if (sscanf(line, "group %" SCNu32 " %n", &a, &n) == 1 && n > 0)
        return add_id(s, true, a, line + n);
    if (sscanf(line, "live %15s %n", type, &n) == 1 && n > 0)
        return add_live(s, type, line + n);
    if (sscanf(line, "file %zu %n", &len, &n) == 1 && n > 0) {
        if (len >= (size_t)(end - next) || next[len] != '\0')
            return false;
        *at = next + len + 1;
        return add_file(s, line + n, next, len);
    }
    return false;
}

static bool parse(struct snapshot *s, size_t len, struct err *e)
{
    static const char magic[] = "acmed 1";
    char *at = s->text + sizeof magic;
    const char *end = s->text + len;
    bool done = false;

    if (len < sizeof magic || memcmp(s->text, magic, sizeof magic) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "the configuration snapshot is of another version of acmed");
    while (!done)
        if (at >= end || !take_line(s, &at, end, &done))
            return err_set(e, ERR_CLASS_INTERNAL, "the configuration snapshot is damaged, or memory is out");
    return true;
}

static bool parse_config(struct snapshot *s, struct err *e)
{
    struct config_messages messages = {0};

    s->config = config_parse(s->files, s->n_files, &s->live, &messages);
    if (s->config == NULL) {
        if (messages.n > 0)
            err_set(e, ERR_CLASS_CONFIG, "%s:%u: %s", messages.v[0].file, messages.v[0].line,
                    messages.v[0].text);
        else
            err_nomem(e, "configuration");
    }
    config_messages_clear(&messages);
    return s->config != NULL;
}

struct snapshot *snapshot_read(int fd, struct err *e)
{
    struct snapshot *s = calloc(1, sizeof *s);
    size_t len = 0;

    if (s == NULL) {
        err_nomem(e, "configuration snapshot");
        return NULL;
    }
    s->text = read_all(fd, &len, e);
    if (s->text == NULL || !parse(s, len, e) || !parse_config(s, e)) {
        snapshot_free(s);
        return NULL;
    }
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    config_free(s->config);
    for (size_t i = 0; i < s->n_ids; i++)
        free(s->ids[i].name);
    free(s->ids);
    config_live_clear(&s->live);
    free(s->files);
    free(s->text);
    free(s);
}

/* A number as it is; (uint32_t)-1 means "leave as is" to chown(2) and is no id. */
static bool numeric_id(const char *name, uint32_t *id)
{
    char *end;
    unsigned long long n;

    if (*name < '0' || *name > '9')
        return false;
    errno = 0;
    n = strtoull(name, &end, 10);
    if (errno != 0 || *end != '\0' || n >= UINT32_MAX)
        return false;
    *id = (uint32_t)n;
    return true;
}

static bool find_id(const struct snapshot *s, bool group, const char *name, uint32_t *id)
{
    for (size_t i = 0; i < s->n_ids; i++) {
        if (s->ids[i].group == group && strcmp(s->ids[i].name, name) == 0) {
            *id = s->ids[i].id;
            return true;
        }
    }
    return numeric_id(name, id);
}

bool snapshot_uid(const struct snapshot *s, const char *name, uid_t *uid)
{
    uint32_t id;

    if (!find_id(s, false, name, &id))
        return false;
    *uid = (uid_t)id;
    return true;
}

bool snapshot_gid(const struct snapshot *s, const char *name, gid_t *gid)
{
    uint32_t id;

    if (!find_id(s, true, name, &id))
        return false;
    *gid = (gid_t)id;
    return true;
}
