/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_AUTHORITY_PARTS_H
#define ACMED_ENGINE_AUTHORITY_PARTS_H

/* What authority.c (who waits, who asks) and authority_machine.c (the executor of the account machine)
 * share. */

#include "daemon/engine/authority.h"

struct authority {
    struct client *client;
    struct link *keeper;
    const struct config_ca *ca;
    struct nonces *nonces;
    struct posts *posts;
    struct gate *gate;
    unsigned queued; /* certificates that wait to be ordered here */
    struct account *machine;
    char *thumbprint;
    enum key_type key_type;         /* of the account's key, once there is a thumbprint */
    struct authority_wait *waiting; /* in no order */
    struct authority_wait *telling; /* those who waited, while they are told */
    bool running;                   /* the machine has an action under way */
    bool failed;
    bool alarmed;                /* the log has heard of it */
    char *recalled;              /* an earlier process's alarm; NULL: none, or the CA has been asked */
    enum account_event_kind act; /* what a person asked for and waits for; ACCOUNT_EV_START: nothing */
    void (*on_acted)(void *arg, const struct err *e);
    void *act_arg;
    struct err error;        /* why */
    struct client_call *get; /* the directory's */
    uint32_t request;        /* the keeper's, for the machine */
    struct post *post;       /* newAccount */
    struct loop_delay *soon; /* steps never run within the caller */
};

/* Steps the machine and begins what it wants done. */
void authority_step(struct authority *a, const struct account_event *event);
/* It cannot be had, for now. */
void authority_give_up(struct authority *a, const struct err *e);
void authority_tell_waiters(struct authority *a, const struct err *e);

#endif
