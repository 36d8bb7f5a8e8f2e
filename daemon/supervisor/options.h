/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_OPTIONS_H
#define ACMED_SUPERVISOR_OPTIONS_H

#include <stdbool.h>

#define OPTIONS_CONF_DEFAULT "/etc/acmed/acmed.conf"

struct options {
    const char *conf; /* borrowed from argv */
    bool check;       /* -t */
    bool log_stderr;  /* -f */
};

/* True: go on. False: *status is the exit status (what there was to say has been printed). */
bool options_parse(struct options *o, int argc, char **argv, int *status);

#endif
