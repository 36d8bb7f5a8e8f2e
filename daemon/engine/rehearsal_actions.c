/* SPDX-License-Identifier: MIT */
#include "daemon/engine/rehearsal_parts.h"

#include <string.h>

static void on_reply(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct rehearsal *r = arg;

    r->post = NULL;
    rehearsal_wait_for_key(r, false);
    rehearsal_step(r, &(struct order_event){.kind = reply != NULL ? ORDER_EV_REPLY : ORDER_EV_ERROR,
                                            .reply = reply,
                                            .error = e});
}

bool rehearsal_post(struct rehearsal *r, const struct order_action *a, struct err *e)
{
    const char *ca = authority_ca(r->authority)->name;

    switch (a->post) {
    case ORDER_POST_NEW_ORDER:
        r->post = authority_post_order(r->authority, IPC_REHEARSE_ORDER, r->c->name, a->url, r->profile,
                                       on_reply, r);
        break;
    case ORDER_POST_FETCH:
        r->post = authority_post(r->authority, IPC_SIGN_FETCH, ca, a->url, on_reply, r);
        break;
    case ORDER_POST_ANSWER:
        r->post = authority_post(r->authority, IPC_SIGN_ANSWER, ca, a->url, on_reply, r);
        break;
    case ORDER_POST_FINALIZE:
        r->post = authority_post(r->authority, IPC_REHEARSE_FINALIZE, r->c->name, a->url, on_reply, r);
        break;
    }
    rehearsal_wait_for_key(r, a->post == ORDER_POST_FINALIZE && key_type_is_slow(r->c->config->key));
    return r->post != NULL || err_nomem(e, "a request to the CA");
}

static void on_done(void *arg, const struct err *e)
{
    rehearsal_rest(arg, false);
    rehearsal_step(arg,
                   &(struct order_event){.kind = e == NULL ? ORDER_EV_DONE : ORDER_EV_ERROR, .error = e});
}

bool rehearsal_present(struct rehearsal *r, struct err *e)
{
    if (r->solver == NULL)
        r->solver = solver_new(r->g, r->authority, r->c, on_done, r);
    if (r->solver == NULL)
        return err_nomem(e, "the challenges");
    rehearsal_rest(r, challenge_type_is_dns(r->c->config->challenge));
    return solver_present(r->solver, r->order, e);
}

static void on_checked(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct rehearsal *r = arg;

    (void)m;
    r->request = 0;
    on_done(r, e);
}

bool rehearsal_check(struct rehearsal *r, const struct order_action *a, struct err *e)
{
    if (strlen(a->chain) != a->chain_len)
        return err_set(e, ERR_CLASS_TRANSIENT, "the downloaded chain holds a NUL byte");
    r->request = link_request(r->g->keeper, on_checked, r, IPC_REHEARSE_CHECK, r->c->name, a->chain);
    return r->request != 0 || err_set(e, ERR_CLASS_TRANSIENT, "the downloaded chain is too large");
}
