/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_SERVICE_H
#define ACMED_SUPERVISOR_SERVICE_H

/* The running supervisor: keeps a pair of children alive, answers the engine, reloads, stops. */

#include "daemon/supervisor/listen.h"
#include "daemon/supervisor/load.h"

struct service_setup {
    const char *conf;        /* read again at a reload */
    struct load *load;       /* taken over: the configuration in force */
    int lock_fd;             /* taken over: of its state_dir */
    const char *keeper_path; /* executables */
    const char *engine_path;
    const char *systemctl; /* NULL: the machine's */
    uid_t uid;             /* that acmed runs as */
};

/* Runs until a signal stops it. The exit status of the process. */
int service_run(struct service_setup *setup);

#endif
