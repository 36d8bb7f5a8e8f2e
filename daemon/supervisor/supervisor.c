/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/supervisor.h"

#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "daemon/supervisor/child.h"
#include "daemon/supervisor/load.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/notify.h"
#include "daemon/supervisor/options.h"
#include "daemon/supervisor/service.h"
#include "daemon/supervisor/state_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_MS 10000 /* for the keeper of an acmed that was killed or is being replaced */

#define EXIT_RUNTIME 1
#define EXIT_CONFIG  2

static void print_messages(const struct config_messages *m)
{
    char *text = load_messages(m, true, true);

    if (text != NULL && text[0] != '\0')
        (void)fprintf(stderr, "%s\n", text);
    free(text);
}

/* acmed -t */
static int check(const char *conf)
{
    struct load l;
    struct err e;
    int status = EXIT_CONFIG;

    if (load_read(&l, conf, geteuid()) && !state_dir_check(l.config->state_dir, geteuid(), &e))
        (void)config_messages_add(&l.messages, conf, 0, false, "%s", e.text);
    print_messages(&l.messages);
    if (l.messages.errors == 0) {
        (void)printf("configuration is fine: %zu certificate%s\n", l.config->n_certificates,
                     l.config->n_certificates == 1 ? "" : "s");
        status = 0;
    } else {
        (void)fprintf(stderr, "%zu error%s\n", l.messages.errors, l.messages.errors == 1 ? "" : "s");
    }
    if (geteuid() != 0)
        (void)fprintf(
            stderr,
            "not checked, as this is not root: whether files that root may read are in trusted hands for "
            "an acmed that runs as root\n");
    load_clear(&l);
    return status;
}

/* A reload finds the file again, wherever we are then. The caller frees. */
static char *absolute(const char *path)
{
    char cwd[PATH_MAX], *full = NULL;

    if (path[0] == '/')
        return strdup(path);
    if (getcwd(cwd, sizeof cwd) == NULL || asprintf(&full, "%s/%s", cwd, path) < 0)
        return NULL;
    return full;
}

/* From a good configuration on. */
static int serve(const char *conf, struct load *l)
{
    struct service_setup setup = {.conf = conf, .load = l, .uid = geteuid()};
    char *keeper = NULL, *engine = NULL;
    struct err e;
    int status;

    log_set_level(l->config->log_level);
    load_log_messages(&l->messages, false, true);
    notify_open();
    keeper = child_find("acmed-keeper", &e);
    if (keeper != NULL)
        engine = child_find("acmed-engine", &e);
    setup.keeper_path = keeper;
    setup.engine_path = engine;
    setup.lock_fd = -1;
    if (engine != NULL && sandbox_supervisor(&e) && state_dir_prepare(l->config->state_dir, setup.uid, &e))
        setup.lock_fd = lock_take(l->config->state_dir, LOCK_WAIT_MS, &e);
    if (setup.lock_fd >= 0) {
        status = service_run(&setup);
    } else {
        log_error(NULL, "%s", e.text);
        status = e.class == ERR_CLASS_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
    }
    free(keeper);
    free(engine);
    return status;
}

int supervisor_main(int argc, char **argv)
{
    struct options o;
    struct load l;
    char *conf;
    int status;

    if (!options_parse(&o, argc, argv, &status))
        return status;
    if (o.check)
        return check(o.conf);
    (void)umask(077); /* what is to be wider says so */
    log_open(o.log_stderr, LOG_JOURNALD);
    conf = absolute(o.conf);
    if (conf == NULL)
        return EXIT_RUNTIME;
    if (load_read(&l, conf, geteuid())) {
        (void)!chdir("/");
        status = serve(conf, &l);
    } else {
        load_log_messages(&l.messages, true, true);
        status = EXIT_CONFIG;
    }
    load_clear(&l);
    free(conf);
    return status;
}
