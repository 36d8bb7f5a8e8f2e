/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_PAIR_H
#define ACMED_SUPERVISOR_PAIR_H

/* Keeper and engine: started together, ended together. A pair lives from pair_start() to on_end; what comes
 * after it (the next pair, the end of acmed) is the owner's to say. */

#include "daemon/ipc.h"

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

struct pair;

struct pair_spec {
    const char *keeper_path;
    const char *engine_path;
    int config_fd; /* snapshot */
    int lock_fd;
    bool switch_user; /* the engine's: to engine_uid and engine_gid */
    uid_t engine_uid;
    gid_t engine_gid;
};

struct pair_ops {
    /* Both said hello. keeper_confinement: JSON object as the keeper sent it. */
    void (*on_hello)(void *arg, const char *keeper_confinement);
    /* All but hello. False: not for the sender to say; both are ended. */
    bool (*on_engine_message)(void *arg, const struct ipc_msg *m);
    bool (*on_keeper_message)(void *arg, const struct ipc_msg *m);
    /* Both processes have ended; the pair may be freed. asked: pair_stop() was called. mismatch: a child is
     * of another build. */
    void (*on_end)(void *arg, bool asked, bool mismatch);
};

/* Starts both. NULL with e: nothing runs. Borrowed until on_end: ops, arg; the descriptors of spec stay the
 * caller's. */
struct pair *pair_start(struct event_base *base, const struct pair_spec *spec, const struct pair_ops *ops,
                        void *arg, struct err *e);
/* Not while processes run, except at exit: they are killed then. NULL is accepted. */
void pair_free(struct pair *p);

/* Asks the engine to finish within grace_s seconds, then ends both; on_end follows. */
void pair_stop(struct pair *p, unsigned grace_s);

/* True from pair_stop() or the end of a child on. */
bool pair_is_ending(const struct pair *p);
/* A child (the keeper, or the engine) did not answer for so many seconds: both are ended; on_end follows. */
void pair_kill(struct pair *p, bool keeper, unsigned seconds);

/* To send with; flush afterwards. Neither is NULL before on_end. */
struct ipc_conn *pair_engine(struct pair *p);
struct ipc_conn *pair_keeper(struct pair *p);
void pair_flush(struct pair *p);
/* The engine's process; 0: it has ended. */
pid_t pair_engine_pid(const struct pair *p);

#endif
