/* SPDX-License-Identifier: MIT */
#include "daemon/engine/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    struct job *next;
    char *lineage; /* owned */
    char *text;    /* owned; NULL: a later job has the text, this one only waits with it */
    bool history;  /* nobody is told of its failure; without a text it only waits for those before it */
    void (*on_durable)(void *arg, const struct err *e);
    void *arg;
    struct state_write write; /* open between writing and publishing */
    bool failed;
    struct err error;
};

struct jobs {
    struct job *first;
    struct job **end;
};

struct writer {
    struct state_files *files; /* borrowed */
    int event_fd;
    struct loop_io *io;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under lock, as are: */
    struct jobs queued;
    struct jobs writing; /* the thread's, but for on_durable, which is the loop's and under lock */
    struct jobs done;
    struct jobs calling; /* the loop's own: being reported right now */
};

static void jobs_init(struct jobs *js)
{
    js->first = NULL;
    js->end = &js->first;
}

static void jobs_add(struct jobs *js, struct job *j)
{
    j->next = NULL;
    *js->end = j;
    js->end = &j->next;
}

/* Moves all of src behind dst. */
static void jobs_move(struct jobs *dst, struct jobs *src)
{
    if (src->first == NULL)
        return;
    *dst->end = src->first;
    dst->end = src->end;
    jobs_init(src);
}

static void job_free(struct job *j)
{
    free(j->lineage);
    free(j->text);
    free(j);
}

static void jobs_clear(struct jobs *js)
{
    while (js->first != NULL) {
        struct job *j = js->first;

        js->first = j->next;
        job_free(j);
    }
    jobs_init(js);
}

/* Of several texts for one lineage only the last is written; the earlier jobs share its outcome. */
static struct job *later_text(struct job *j)
{
    if (j->history)
        return NULL;
    for (struct job *k = j->next; k != NULL; k = k->next)
        if (!k->history && strcmp(k->lineage, j->lineage) == 0)
            return k;
    return NULL;
}

static void share_outcomes(struct jobs *batch)
{
    for (struct job *j = batch->first; j != NULL; j = j->next) {
        struct job *last = j;

        if (j->text != NULL)
            continue;
        for (struct job *k = later_text(j); k != NULL; k = later_text(k))
            last = k;
        j->failed = last->failed;
        j->error = last->error;
    }
}

/* All files are written first and synced then: the first sync's journal commit in the file system carries
 * most of the others. */
static void write_texts(struct writer *w, struct jobs *batch)
{
    for (struct job *j = batch->first; j != NULL; j = j->next) {
        j->write.fd = -1;
        if (j->text == NULL)
            continue;
        if (j->history)
            state_files_append(w->files, j->lineage, j->text);
        else
            (void)state_files_write(w->files, j->lineage, j->text, &j->write, &j->error);
    }
}

static void write_batch(struct writer *w, struct jobs *batch)
{
    struct err e;

    for (struct job *j = batch->first; j != NULL; j = j->next) {
        if (later_text(j) != NULL) {
            free(j->text);
            j->text = NULL;
        }
    }
    write_texts(w, batch);
    for (struct job *j = batch->first; j != NULL; j = j->next)
        j->failed = !j->history &&
                    (j->write.fd < 0 || !state_files_publish(w->files, j->lineage, &j->write, &j->error));
    share_outcomes(batch);
    if (!state_files_sync(w->files, &e)) {
        for (struct job *j = batch->first; j != NULL; j = j->next) {
            j->failed = true;
            j->error = e;
        }
    }
}

static void *writer_main(void *arg)
{
    const uint64_t one = 1;
    struct writer *w = arg;

    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->queued.first == NULL && !w->stop)
            (void)pthread_cond_wait(&w->wake, &w->lock);
        if (w->queued.first == NULL)
            break;
        jobs_move(&w->writing, &w->queued);
        (void)pthread_mutex_unlock(&w->lock);
        write_batch(w, &w->writing);
        (void)pthread_mutex_lock(&w->lock);
        jobs_move(&w->done, &w->writing);
        (void)!write(w->event_fd, &one, sizeof one);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void on_done(void *arg, bool readable, bool writable)
{
    struct writer *w = arg;
    uint64_t count;

    (void)readable;
    (void)writable;
    (void)!read(w->event_fd, &count, sizeof count);
    (void)pthread_mutex_lock(&w->lock);
    jobs_move(&w->calling, &w->done);
    (void)pthread_mutex_unlock(&w->lock);
    while (w->calling.first != NULL) {
        struct job *j = w->calling.first;

        w->calling.first = j->next;
        if (w->calling.first == NULL)
            jobs_init(&w->calling);
        if (j->on_durable != NULL)
            j->on_durable(j->arg, j->failed ? &j->error : NULL);
        job_free(j);
    }
}

struct writer *writer_new(struct loop *l, struct state_files *files, struct err *e)
{
    struct writer *w = calloc(1, sizeof *w);

    if (w == NULL) {
        err_nomem(e, "the journal's writer");
        return NULL;
    }
    w->files = files;
    jobs_init(&w->queued);
    jobs_init(&w->writing);
    jobs_init(&w->done);
    jobs_init(&w->calling);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->wake, NULL);
    w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->event_fd >= 0)
        w->io = loop_io_new(l, w->event_fd, on_done, w);
    if (w->io != NULL && loop_io_want(w->io, true, false)) {
        errno = pthread_create(&w->thread, NULL, writer_main, w);
        w->started = errno == 0;
    }
    if (!w->started) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot start the journal's writer: %s", strerror(errno));
        writer_free(w);
        return NULL;
    }
    return w;
}

void writer_free(struct writer *w)
{
    if (w == NULL)
        return;
    if (w->started) {
        (void)pthread_mutex_lock(&w->lock);
        w->stop = true;
        (void)pthread_cond_signal(&w->wake);
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_join(w->thread, NULL);
    }
    jobs_clear(&w->queued);
    jobs_clear(&w->done);
    jobs_clear(&w->calling);
    loop_io_free(w->io);
    if (w->event_fd >= 0)
        (void)close(w->event_fd);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

/* text: taken; NULL: nothing is written. */
static bool enqueue(struct writer *w, const char *lineage, char *text, bool history,
                    void (*on_durable)(void *arg, const struct err *e), void *arg)
{
    struct job *j = calloc(1, sizeof *j);

    if (j != NULL)
        j->lineage = strdup(lineage);
    if (j == NULL || j->lineage == NULL) {
        free(j);
        free(text);
        return false;
    }
    j->text = text;
    j->history = history;
    j->on_durable = on_durable;
    j->arg = arg;
    (void)pthread_mutex_lock(&w->lock);
    jobs_add(&w->queued, j);
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    return true;
}

bool writer_put(struct writer *w, const char *lineage, char *text,
                void (*on_durable)(void *arg, const struct err *e), void *arg)
{
    return text != NULL && enqueue(w, lineage, text, false, on_durable, arg);
}

void writer_append(struct writer *w, const char *lineage, char *line)
{
    size_t len = line != NULL ? strlen(line) : 0;
    char *text = line != NULL ? realloc(line, len + 2) : NULL;

    if (text == NULL) {
        free(line);
        return;
    }
    memcpy(text + len, "\n", 2);
    (void)enqueue(w, lineage, text, true, NULL, NULL);
}

bool writer_settle(struct writer *w, void (*on_settled)(void *arg, const struct err *e), void *arg)
{
    bool is_settled;

    (void)pthread_mutex_lock(&w->lock);
    is_settled = w->queued.first == NULL && w->writing.first == NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return !is_settled && enqueue(w, "", NULL, true, on_settled, arg);
}

static void forget(struct jobs *js, const void *arg)
{
    for (struct job *j = js->first; j != NULL; j = j->next)
        if (j->arg == arg)
            j->on_durable = NULL;
}

void writer_forget(struct writer *w, const void *arg)
{
    (void)pthread_mutex_lock(&w->lock);
    forget(&w->queued, arg);
    forget(&w->writing, arg);
    forget(&w->done, arg);
    (void)pthread_mutex_unlock(&w->lock);
    forget(&w->calling, arg);
}
