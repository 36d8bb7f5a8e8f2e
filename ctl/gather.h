/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_GATHER_H
#define ACMED_CTL_GATHER_H

/* The answer of Status for the certificates that the command names. */

#include "ctl/ctl.h"
#include "ctl/fleet.h"

struct gather {
    struct fleet fleet;
    json_t *certificates; /* as they came, for --json; owned */
    struct err error;
    bool failed;
};

/* Calls Status; its failure is told. *g is to be cleared whatever is returned. */
enum ctl_exit gather_status(struct ctl *c, struct gather *g);
/* The same, with the generations on disk. */
enum ctl_exit gather_details(struct ctl *c, struct gather *g);
void gather_clear(struct gather *g);

#endif
