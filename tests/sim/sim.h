/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SIM_H
#define ACMED_SIM_H

/* One lineage and its CA under a virtual clock. The loop below does what the engine does with the policies
 * (plan, journal before the attempt, attempt, back-off or issuance, journal after it), and nothing else; the
 * journal goes through its JSON at every step. It asserts by itself, at each attempt, what must hold always.
 */

#include "lib/ari.h"
#include "lib/journal.h"
#include "lib/renewal.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define YEAR (365 * DAY)

#define SIM_START     INT64_C(1800000000)
#define SIM_TRACE_MAX 8192

/* What the CA says of when to renew (RFC 9773). */
enum sim_ari {
    SIM_ARI_NONE, /* it offers no renewal information */
    SIM_ARI_SANE, /* as Let's Encrypt does: a fiftieth of the lifetime, around the last third, or half if
                     short */
    SIM_ARI_LATE, /* the last minute */
    SIM_ARI_PAST, /* at once, whatever it just issued */
    SIM_ARI_INVERTED,
    SIM_ARI_9999,
    SIM_ARI_GARBAGE,
    SIM_ARI_ERROR,
    SIM_ARI_ANYTHING, /* one of these, each time */
};

struct sim {
    /* set by the test */
    struct config_certificate config;
    int64_t lifetime;          /* of the certificates that the CA issues */
    int64_t backdate;          /* their not_before lies that far back */
    unsigned restart_one_in;   /* the daemon restarts at one of so many steps; 0: never */
    unsigned crash_one_in;     /* and dies within one of so many attempts */
    enum err_class down_class; /* how the CA fails while it is down */
    int64_t down_from;         /* true time */
    int64_t down_until;
    int64_t retry_after; /* what the CA says while down; 0: nothing */
    enum sim_ari ari;
    int64_t revoked_at; /* true time: what was issued before is to be replaced; 0: nothing is */

    /* the world */
    int64_t now;    /* true time: what the CA's clock says */
    int64_t offset; /* of this machine's clock */
    uint64_t random;
    uint64_t mischief; /* a stream of its own: restarts must not change the dice of back-off */

    /* the daemon */
    struct journal journal;
    char *durable; /* the journal file */
    struct cert_facts live;
    bool has_live;
    struct renewal_clock clock;
    char ari_id[24]; /* of the live certificate */

    /* what happened */
    int64_t issued[SIM_TRACE_MAX]; /* true time */
    unsigned n_issued;
    int64_t attempted[SIM_TRACE_MAX];
    unsigned n_attempted;
    unsigned n_in_window; /* issuances for which the window of what they replaced was open */
    unsigned n_polls;
    int64_t least_left; /* the least true remaining lifetime at any moment since the first issuance */
};

/* A certificate for one name, nothing issued yet, a healthy CA. */
void sim_init(struct sim *s, uint64_t seed, int64_t lifetime);
void sim_clear(struct sim *s);
/* Lets the true time pass until it is `until`. */
void sim_run(struct sim *s, int64_t until);
/* Moves this machine's clock. */
void sim_jump(struct sim *s, int64_t by);
void sim_restart(struct sim *s);

#endif
