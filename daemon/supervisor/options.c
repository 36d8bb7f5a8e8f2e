/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/options.h"

#include "daemon/build.h"

#include <stdio.h>
#include <unistd.h>

static const char usage[] =
    "usage: acmed [-c FILE] [-t] [-f] [-V]\n"
    "  -c FILE  configuration (default " OPTIONS_CONF_DEFAULT ", and conf.d/*.conf beside it)\n"
    "  -t       check the configuration and exit\n"
    "  -f       log to stderr\n"
    "  -V       print the version and exit\n";

bool options_parse(struct options *o, int argc, char **argv, int *status)
{
    int c;

    *o = (struct options){.conf = OPTIONS_CONF_DEFAULT};
    while ((c = getopt(argc, argv, "c:tfVh")) != -1) {
        switch (c) {
        case 'c':
            o->conf = optarg;
            break;
        case 't':
            o->check = true;
            break;
        case 'f':
            o->log_stderr = true;
            break;
        case 'V':
            (void)printf("acmed %s (build %s)\n", ACMED_VERSION, build_id);
            *status = 0;
            return false;
        case 'h':
            (void)fputs(usage, stdout);
            *status = 0;
            return false;
        default:
            (void)fputs(usage, stderr);
            *status = 2;
            return false;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr,
                      "acmed: unexpected argument \"%s\" (to control a running acmed use acmectl)\n%s",
                      argv[optind], usage);
        *status = 2;
        return false;
    }
    return true;
}
