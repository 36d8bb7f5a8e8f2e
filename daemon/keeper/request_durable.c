/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/install.h"
#include "daemon/keeper/request_parts.h"

#include <stdlib.h>
#include <time.h>

/* Requests that write. They are begun when they are read, and answered when the batch in which they share the
 * disk's commits is durable. */

/* Who waits for it. */
struct waiter {
    struct keeper *k; /* borrowed: it commits its batch before it ends */
    struct ipc_conn *conn;
    uint32_t id;
    enum ipc_type type;
};

static struct waiter *waiter_new(const struct request *r, struct err *e)
{
    struct waiter *w = malloc(sizeof *w);

    if (w == NULL)
        (void)err_nomem(e, "taking a request");
    else
        *w = (struct waiter){r->k, r->conn, r->m->id, r->m->type};
    return w;
}

/* sent: whether the reply that says so could be queued. */
static void answer_take(struct waiter *w, bool sent, const struct err *failure)
{
    struct err e;

    if (failure != NULL) {
        request_reply_error(w->conn, w->id, w->type, failure);
    } else if (!sent) {
        (void)err_nomem(&e, "replying");
        request_reply_error(w->conn, w->id, w->type, &e);
    }
    free(w);
}

static void on_saved(void *arg, const struct err *e)
{
    struct waiter *w = arg;

    answer_take(w, e == NULL && ipc_send(w->conn, IPC_OK, w->id), e);
}

bool request_account_save(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);
    const char *url = r->m->field[1].s;
    struct waiter *w;

    if (ca == NULL || !request_check_url(ca, url, e))
        return false;
    w = waiter_new(r, e);
    if (w != NULL && accounts_save_url(r->k->accounts, &r->k->batch, ca, url, on_saved, w, e))
        return true;
    free(w);
    return false;
}

static void on_installed(void *arg, uint64_t generation, const struct err *e)
{
    struct waiter *w = arg;

    answer_take(w, e == NULL && ipc_send(w->conn, IPC_INSTALLED, w->id, generation), e);
}

bool request_install(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    struct waiter *w = c != NULL ? waiter_new(r, e) : NULL;

    if (w != NULL && install_begin(&r->k->batch, r->k->snapshot, r->k->pending, c, r->m->field[1].s,
                                   r->m->field[1].len, (int64_t)time(NULL), on_installed, w, e))
        return true;
    free(w);
    return false;
}

struct mark {
    struct waiter *waiter;
    const struct config_certificate *c;
    uint64_t generation;
    struct dir lineage;
};

static bool publish_mark(void *write, struct err *e)
{
    struct mark *m = write;

    return store_mark_served(&m->waiter->k->store, m->c->name, m->generation, &m->lineage, e);
}

static bool sync_mark(void *write, struct err *e)
{
    const struct mark *m = write;

    return dir_sync(&m->lineage, e);
}

static void finish_mark(void *write, const struct err *failure)
{
    struct mark *m = write;
    struct waiter *w = m->waiter;

    answer_take(w, failure == NULL && ipc_send(w->conn, IPC_OK, w->id), failure);
    dir_close(&m->lineage);
    free(m);
}

static const struct batch_steps mark_steps = {
    .publish = publish_mark, .sync = sync_mark, .finish = finish_mark};

bool request_mark_served(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    struct mark *m = c != NULL ? malloc(sizeof *m) : NULL;

    if (m == NULL)
        return c == NULL ? false : err_nomem(e, "taking a request");
    *m = (struct mark){waiter_new(r, e), c, r->m->field[1].u, DIR_CLOSED};
    if (m->waiter == NULL) {
        free(m);
        return false;
    }
    batch_add(&r->k->batch, &mark_steps, m, c);
    batch_want(&r->k->batch);
    return true;
}
