/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_ISSUANCE_PARTS_H
#define ACMED_ENGINE_ISSUANCE_PARTS_H

/* What issuance.c (beginning, steps and end of an attempt) and issuance_actions.c (what a step asks for)
 * share. */

#include "daemon/engine/issuance.h"
#include "daemon/engine/solver.h"
#include "lib/order.h"

struct issuance {
    struct certificate *c;
    struct engine *g;
    struct authority *authority;
    struct order *order; /* NULL until the authority is ready */
    struct authority_wait ready;
    bool resting;  /* it holds no place at the CA: it waits for what may take long */
    bool keyless;  /* for its key */
    bool resumed;  /* the order is one that an earlier process began */
    bool no_nonce; /* the last request could not even be sent: the CA gave no nonce */
    const struct err
        *refusal;          /* the order's, borrowed from it: whether the account was ended is being asked */
    bool forget;           /* likewise */
    enum gate_scope scope; /* likewise: what the refusal is about, when the account is good */
    struct post *post;
    uint32_t request;         /* install */
    struct loop_delay *delay; /* waits of the machine, and the first step */
    struct solver *solver;    /* from its first challenge on */
    unsigned generation;      /* installed */
    char *chain;              /* the issuer that its chain leads to; owned; NULL: it has no name */
};

/* It leaves its place to another, or goes on. */
void issuance_rest(struct issuance *i, bool resting);
/* Likewise, for a key that takes long to make. */
void issuance_wait_for_key(struct issuance *i, bool waits);
void issuance_step(struct issuance *i, const struct order_event *event);
void issuance_step_done(struct issuance *i);
void issuance_step_error(struct issuance *i, const struct err *e);

/* The actions, in the order of the flow. What comes of them is fed back by issuance_step(), never before they
 * return. False: the action could not be begun (e). */

/* The intent to order, and later the order's URL: durable before the machine goes on (L2). */
bool issuance_save(struct issuance *i, struct err *e);
bool issuance_post(struct issuance *i, const struct order_action *a, struct err *e);
/* Makes all challenges of the order answerable. */
bool issuance_present(struct issuance *i, struct err *e);
bool issuance_install(struct issuance *i, const struct order_action *a, struct err *e);
/* The key is one that the CA does not want. */
void issuance_discard_key(struct issuance *i);

#endif
