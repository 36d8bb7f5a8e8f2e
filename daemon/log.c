/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"

#include "daemon/log_limit.h"
#include "lib/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOG_TEXT_MAX   3000  /* bytes of a message, with its NUL */
#define LOG_NAME_MAX   256   /* bytes of a certificate's name, with its NUL */
#define LOG_WAIT_MS    50    /* how long a child waits for a stuck supervisor */
#define LOG_READ_MAX   65536 /* bytes that one log_relay_read() takes */
#define LOG_LAST_READS 64    /* of them at the end: who holds the other end can write for ever */

/* A record on its way to the supervisor. Both ends are of the same build, on the same machine. */
struct record {
    uint16_t level;
    uint16_t name_len;
    uint16_t text_len;
    char data[LOG_NAME_MAX + LOG_TEXT_MAX]; /* name, then text; neither is terminated */
};
#define RECORD_HEAD offsetof(struct record, data)

/* A process has one log, as it has one stderr. */
static struct {
    enum { TO_STDERR, TO_JOURNAL, TO_RELAY } to;
    enum log_level level;
    int fd; /* of journald or of the relay */
    char process[32];
    struct record rest; /* the record of which the supervisor has taken only a part */
    size_t rest_off;
    size_t rest_len;
    unsigned lost;
} out = {.to = TO_STDERR, .level = LOG_LEVEL_INFO, .fd = -1, .process = "acmed"};

static const struct {
    const char *name;
    int priority; /* of syslog(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},   [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_NOTICE] = {"notice", 5}, [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static void write_stderr(enum log_level level, const char *process, const char *name, const char *text)
{
    char line[LOG_NAME_MAX + LOG_TEXT_MAX + 128], when[32] = "";
    struct tm tm;
    time_t now = time(NULL);
    int n;

    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    n = snprintf(line, sizeof line, "%s %s: %s: %s%s%s\n", when, process, levels[level].name, name,
                 *name != '\0' ? ": " : "", text);
    if (n > 0)
        while (write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0 &&
               errno == EINTR)
            ;
}

static bool write_journal(enum log_level level, const char *process, const char *name, const char *text)
{
    char entry[LOG_NAME_MAX + LOG_TEXT_MAX + 256];
    int n = snprintf(entry, sizeof entry, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s%s%s\n%s%s%s",
                     levels[level].priority, process, name, *name != '\0' ? ": " : "", text,
                     *name != '\0' ? "ACMED_CERTIFICATE=" : "", name, *name != '\0' ? "\n" : "");

    return n > 0 &&
           send(out.fd, entry, (size_t)n < sizeof entry ? (size_t)n : sizeof entry - 1, MSG_NOSIGNAL) >= 0;
}

/* Sends what is left of the record begun; false: it is not gone, none may follow. */
static bool relay_rest(int wait_ms)
{
    while (out.rest_len > 0) {
        ssize_t n =
            send(out.fd, (const char *)&out.rest + out.rest_off, out.rest_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd p = {.fd = out.fd, .events = POLLOUT};

        if (n >= 0) {
            out.rest_off += (size_t)n;
            out.rest_len -= (size_t)n;
        } else if (errno == EAGAIN) {
            if (wait_ms == 0 || poll(&p, 1, wait_ms) <= 0)
                return false;
            wait_ms = 0;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool relay_record(enum log_level level, const char *name, const char *text)
{
    size_t name_len = strlen(name), text_len = strlen(text);

    if (!relay_rest(LOG_WAIT_MS))
        return false;
    out.rest.level = (uint16_t)level;
    out.rest.name_len = (uint16_t)name_len;
    out.rest.text_len = (uint16_t)text_len;
    memcpy(out.rest.data, name, name_len);
    memcpy(out.rest.data + name_len, text, text_len);
    out.rest_off = 0;
    out.rest_len = RECORD_HEAD + name_len + text_len;
    (void)relay_rest(LOG_WAIT_MS); /* what does not go now goes before the next record */
    return true;
}

static void write_relay(enum log_level level, const char *name, const char *text)
{
    char lost[64];

    if (out.lost > 0) {
        (void)snprintf(lost, sizeof lost, "%u log records were lost before this one", out.lost);
        if (!relay_record(LOG_LEVEL_WARNING, "", lost)) {
            out.lost++;
            return;
        }
        out.lost = 0;
    }
    if (!relay_record(level, name, text))
        out.lost++;
}

/* name and text are clean and bounded. */
static void emit(enum log_level level, const char *process, const char *name, const char *text)
{
    if (out.to == TO_RELAY)
        write_relay(level, name, text);
    else if (out.to == TO_STDERR || !write_journal(level, process, name, text))
        write_stderr(level, process, name, text);
}

void log_write(enum log_level level, const char *certificate, const char *fmt, ...)
{
    char name[LOG_NAME_MAX] = "", text[LOG_TEXT_MAX];
    int saved = errno;
    va_list ap;

    if (level > out.level)
        return;
    if (certificate != NULL)
        (void)snprintf(name, sizeof name, "%s", certificate);
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    utf8_make_line(name);
    utf8_make_line(text);
    emit(level, out.process, name, text);
    errno = saved;
}

void log_set_level(enum log_level level)
{
    out.level = level;
}

/* JOURNAL_STREAM=device:inode says which descriptor is the journal's (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    char end;

    return stream != NULL && sscanf(stream, "%llu:%llu%c", &dev, &ino, &end) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

void log_open(bool force_stderr, const char *journald)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;

    out.to = TO_STDERR;
    if (force_stderr || !stderr_is_journal() || strlen(journald) >= sizeof addr.sun_path)
        return;
    memcpy(addr.sun_path, journald, strlen(journald));
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        (void)close(fd);
        return;
    }
    out.fd = fd;
    out.to = TO_JOURNAL;
}

void log_open_relay(int fd, const char *process)
{
    out.to = TO_RELAY;
    out.fd = fd;
    (void)snprintf(out.process, sizeof out.process, "%s", process);
}

struct log_relay {
    int fd; /* owned */
    char process[32];
    struct log_limit limit;
    size_t len; /* bytes in `in` */
    union {
        struct record record;
        char bytes[sizeof(struct record)];
    } in;
};

struct log_relay *log_relay_new(int fd, const char *process)
{
    struct log_relay *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->fd = fd;
    (void)snprintf(r->process, sizeof r->process, "%s", process);
    return r;
}

static void tell_lost(const struct log_relay *r, unsigned lost)
{
    if (lost > 0)
        log_warning(NULL,
                    "%s logs too much: %u of its records were dropped (it may write %d, or %d MiB, in %d s)",
                    r->process, lost, LOG_LIMIT_RECORDS, LOG_LIMIT_BYTES / 1024 / 1024, LOG_LIMIT_SPAN_S);
}

static bool is_admitted(struct log_relay *r, enum log_level level, size_t size)
{
    struct timespec t = {0};
    unsigned lost;
    bool ok;

    if (level > out.level)
        return false;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    ok = log_limit_admit(&r->limit, log_limit_of_child(out.level == LOG_LEVEL_DEBUG), size, t.tv_sec, &lost);
    tell_lost(r, lost);
    return ok;
}

/* Writes out the first record of the buffer. False: none is complete. */
static bool relay_next(struct log_relay *r, bool *broken)
{
    struct record *rec = &r->in.record;
    char name[LOG_NAME_MAX], text[LOG_TEXT_MAX];
    size_t size;

    if (r->len < RECORD_HEAD)
        return false;
    if (rec->level > LOG_LEVEL_DEBUG || rec->name_len >= LOG_NAME_MAX || rec->text_len >= LOG_TEXT_MAX) {
        *broken = true;
        return false;
    }
    size = RECORD_HEAD + rec->name_len + rec->text_len;
    if (r->len < size)
        return false;
    memcpy(name, rec->data, rec->name_len);
    name[rec->name_len] = '\0';
    memcpy(text, rec->data + rec->name_len, rec->text_len);
    text[rec->text_len] = '\0';
    utf8_make_line(name);
    utf8_make_line(text);
    if (is_admitted(r, (enum log_level)rec->level, size))
        emit((enum log_level)rec->level, r->process, name, text);
    memmove(r->in.bytes, r->in.bytes + size, r->len - size);
    r->len -= size;
    return true;
}

bool log_relay_read(struct log_relay *r)
{
    size_t taken = 0;
    bool broken = false;

    while (taken < LOG_READ_MAX) {
        ssize_t n = recv(r->fd, r->in.bytes + r->len, sizeof r->in - r->len, MSG_DONTWAIT);

        if (n == 0)
            return false;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        r->len += (size_t)n;
        taken += (size_t)n;
        while (relay_next(r, &broken))
            ;
        if (broken) {
            log_error(NULL, "%s sends log records that are none; its log is not read any more", r->process);
            return false;
        }
    }
    return true;
}

void log_relay_free(struct log_relay *r)
{
    if (r == NULL)
        return;
    /* Until nothing is there: a child's last words matter most. */
    for (int i = 0; i < LOG_LAST_READS && log_relay_read(r); i++) {
        struct pollfd p = {.fd = r->fd, .events = POLLIN};

        if (poll(&p, 1, 0) <= 0)
            break;
    }
    tell_lost(r, r->limit.dropped);
    (void)close(r->fd);
    free(r);
}
