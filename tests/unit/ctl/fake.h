/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_CTL_FAKE_H
#define ACMED_TEST_CTL_FAKE_H

/* A daemon that plays a script: a thread behind a socket in a directory of its own. The whole of acmectl is
 * run against it, and what it printed is kept. */

#include "ctl/ctl.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum fake_kind {
    FAKE_END,
    FAKE_ACCEPT, /* the next connection, after the last one was closed */
    FAKE_EXPECT, /* a call whose text holds .text */
    FAKE_SEND,   /* .text and its NUL */
    FAKE_PART,   /* .text without a NUL */
    FAKE_SLOW,   /* .text and its NUL, a byte at a time */
    FAKE_BESIDE, /* a further connection, while the present one stays */
    FAKE_BACK,   /* closes that, and goes on with the one before */
    FAKE_GONE,   /* the socket disappears */
    FAKE_FLOOD   /* more bytes than a reply may have, without a NUL */
};

struct fake_step {
    enum fake_kind kind;
    const char *text;
};

struct fake {
    char directory[32];
    char path[64];
    int listener;
    const struct fake_step *script;
    pthread_t thread;
    char wrong[512]; /* the first call that was not as expected */

    char *out;
    char *err;
    size_t out_len;
    size_t err_len;
    int status;
};

static inline bool fake_send(int fd, const char *data, size_t len, size_t piece)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len < piece ? len : piece, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static inline void fake_expect(struct fake *f, int fd, const char *text)
{
    char call[4096];
    size_t n = 0;

    while (n < sizeof call - 1 && recv(fd, call + n, 1, 0) == 1 && call[n] != '\0')
        n++;
    call[n] = '\0';
    if (strstr(call, text) == NULL && f->wrong[0] == '\0')
        (void)snprintf(f->wrong, sizeof f->wrong, "expected %.200s, got %.250s", text, call);
}

static inline void fake_flood(int fd)
{
    char block[65536];

    memset(block, 'x', sizeof block);
    for (int i = 0; i < 200; i++)
        if (!fake_send(fd, block, sizeof block, sizeof block))
            return;
}

static inline void *fake_play(void *arg)
{
    struct fake *f = arg;
    int fd = -1;
    int before = -1;

    for (const struct fake_step *s = f->script; s->kind != FAKE_END; s++) {
        if (s->kind == FAKE_ACCEPT) {
            if (fd >= 0)
                (void)close(fd);
            fd = accept(f->listener, NULL, NULL);
        } else if (s->kind == FAKE_BESIDE) {
            before = fd;
            fd = accept(f->listener, NULL, NULL);
        } else if (s->kind == FAKE_BACK) {
            (void)close(fd);
            fd = before;
        } else if (s->kind == FAKE_EXPECT) {
            fake_expect(f, fd, s->text);
        } else if (s->kind == FAKE_SEND) {
            (void)fake_send(fd, s->text, strlen(s->text) + 1, SIZE_MAX);
        } else if (s->kind == FAKE_PART) {
            (void)fake_send(fd, s->text, strlen(s->text), SIZE_MAX);
        } else if (s->kind == FAKE_SLOW) {
            (void)fake_send(fd, s->text, strlen(s->text) + 1, 1);
        } else if (s->kind == FAKE_GONE) {
            (void)unlink(f->path);
        } else if (s->kind == FAKE_FLOOD) {
            fake_flood(fd);
        }
    }
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

static int64_t fake_clock;
static int64_t fake_clock_step;

static inline int64_t fake_now(void)
{
    fake_clock += fake_clock_step;
    return fake_clock;
}

static inline void fake_listen(struct fake *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    strcpy(f->directory, "/tmp/acmectl.XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    (void)snprintf(f->path, sizeof f->path, "%s/sock", f->directory);
    strcpy(a.sun_path, f->path);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(f->listener, 4), 0);
}

/* Runs `acmectl --socket PATH words...` against the script. answer: what a person types, NULL when there is
 * none. */
static inline void fake_run(struct fake *f, const struct fake_step *script, const char *words,
                            const char *answer)
{
    struct ctl c = {.term = {.utf8 = true, .width = 80},
                    .now = fake_now,
                    .patience_ms = 1000,
                    .pause_ms = 10,
                    .out_fd = -1};
    char *copy = strdup(words);
    char *typed = answer != NULL ? strdup(answer) : NULL;
    char *argv[16] = {(char *)"acmectl", (char *)"--socket", f->path};
    int argc = 3;

    f->script = script;
    f->wrong[0] = '\0';
    fake_listen(f);
    assert_int_equal(pthread_create(&f->thread, NULL, fake_play, f), 0);
    for (char *w = strtok(copy, " "); w != NULL && argc < 15; w = strtok(NULL, " "))
        argv[argc++] = w;
    c.out = open_memstream(&f->out, &f->out_len);
    c.err = open_memstream(&f->err, &f->err_len);
    c.in = typed != NULL ? fmemopen(typed, strlen(typed), "r") : NULL;
    c.ask = answer != NULL;
    f->status = (int)ctl_run(&c, argc, argv);
    (void)fclose(c.out);
    (void)fclose(c.err);
    if (c.in != NULL)
        (void)fclose(c.in);
    free(copy);
    free(typed);
    /* a script that was not played to its end must not hang the test */
    (void)shutdown(f->listener, SHUT_RDWR);
    (void)pthread_join(f->thread, NULL);
    (void)close(f->listener);
    (void)unlink(f->path);
    (void)rmdir(f->directory);
    if (f->wrong[0] != '\0')
        fail_msg("%s\nstdout: %s\nstderr: %s", f->wrong, f->out, f->err);
}

static inline void fake_clear(struct fake *f)
{
    free(f->out);
    free(f->err);
    f->out = f->err = NULL;
}

#endif
