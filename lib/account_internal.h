/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ACCOUNT_INTERNAL_H
#define ACMED_ACCOUNT_INTERNAL_H

/* What account.c (getting ready) and account_act.c (what a person asks for) share. */

#include "lib/account.h"

#define BAD_NONCES_MAX                                                                                       \
    60 /* there is no waiting in this machine, so that many at once (even 90 % refused gets through) */

struct account {
    enum account_state state;
    char *ca_name;       /* owned */
    char *directory_url; /* owned */
    bool agree_terms;
    char *eab_kid; /* owned; NULL: no external account binding is configured */
    struct acme_directory directory;
    bool have_directory; /* kept for good: orders borrow it */
    char *url;           /* owned; the account's */
    unsigned bad_nonces;
    bool
        refused; /* newAccount was, for the reason `refusal`, and the CA is asked once more for the account */
    struct err refusal;
    struct err error;
    bool suspected; /* of having been ended */
    bool ended;     /* it is, for this reason: */
    struct err end;
    bool contact_due;  /* the CA has another contact than the configured one */
    bool contact_sent; /* no: it was given it with newAccount */
    bool contact_tried;
    bool own;         /* what is under way is by nobody's wish, and may fail */
    bool acting;      /* a person asked for something, and waits */
    bool maybe_over;  /* its end was asked for, and the CA may have heard it */
    bool has_refusal; /* of what was asked for last: */
    struct err act_error;
};

struct account_action account_go(struct account *a, enum account_state state, enum account_action_kind kind,
                                 const char *url);
/* Ends, for now, with a->error. */
struct account_action account_fail(struct account *a);
struct account_action account_fail_unexpected(struct account *a, const struct account_event *event);

/* The end of all ways, of what a person asked for, too. */
struct account_action account_ready(struct account *a);
/* The same, but the contact goes first where that is due. */
struct account_action account_settled(struct account *a);
struct account_action account_fail_deactivated(struct account *a);
/* The CA has deactivated it, as a person asked. */
struct account_action account_close(struct account *a);
/* The same, as the CA has it. how: what follows the account's URL in a sentence. */
struct account_action account_fail_ended(struct account *a, const char *how);
/* The CA is asked whether it is ended, and says. */
struct account_action account_check(struct account *a);
struct account_action account_on_checked(struct account *a, const struct account_event *event, int64_t now);
/* Finds or makes the account. */
struct account_action account_register(struct account *a);
/* Two keys: the CA is asked which is the account's. */
struct account_action account_find_next(struct account *a);
/* What a person asks for, and the steps of it. */
struct account_action account_act(struct account *a, const struct account_event *event);
struct account_action account_act_step(struct account *a, const struct account_event *event, int64_t now);

#endif
