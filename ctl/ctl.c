/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"

#include "ctl/commands.h"
#include "ctl/say.h"
#include "ctl/suggest.h"
#include "lib/act.h"
#include "lib/ident.h"
#include "lib/strv.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS_DEFAULT = 7, DAYS_MAX = 366 };

enum option_bit {
    OPT_JSON = 1,
    OPT_WATCH = 2,
    OPT_CHECK = 4,
    OPT_ALL = 8,
    OPT_FORCE = 16,
    OPT_NO_WAIT = 32,
    OPT_FOLLOW = 64,
    OPT_QUIET = 128,
    OPT_DAYS = 256,
    OPT_YES = 512,
    OPT_REASON = 1024,
    OPT_GENERATION = 2048
};

static enum ctl_exit command_help(struct ctl *c);

struct command {
    const char *name;
    enum ctl_exit (*run)(struct ctl *c);
    int least_args;
    int most_args; /* -1: any number */
    unsigned options;
    const char *usage;
    const char *help;
};

static const struct command commands[] = {
    {"status", command_status, 0, -1, OPT_JSON | OPT_WATCH | OPT_CHECK, "[NAME...] [--watch] [--check]",
     "the state of all or the named certificates; --check exits 1 if any needs attention"},
    {"renew", command_renew, 1, -1, OPT_JSON | OPT_ALL | OPT_FORCE | OPT_NO_WAIT,
     "now [NAME...] [--all] [--force] [--no-wait]",
     "renew the named certificates, or all that are older than 24 hours, at once"},
    {"test", command_test, 0, -1, OPT_JSON | OPT_ALL, "[NAME...] [--all]",
     "rehearse the order of all or the named certificates at the CA for trials; nothing is installed"},
    {"show", command_show, 1, 1, OPT_JSON, "NAME", "all that is known of one certificate"},
    {"history", command_history, 0, 1, OPT_JSON | OPT_FOLLOW, "[NAME] [-f]",
     "what happened so far; -f goes on with what happens from now on"},
    {"plan", command_plan, 0, -1, OPT_JSON | OPT_DAYS, "[NAME...] [--days N]",
     "what will happen when in the next 7 (or N) days, and what the CAs' limits leave"},
    {"deploy", command_deploy, 1, 1, OPT_JSON | OPT_NO_WAIT, "NAME [--no-wait]",
     "copy, reload, run the hook and verify again, with the certificate on disk"},
    {"rollback", command_rollback, 1, 1, OPT_JSON | OPT_NO_WAIT | OPT_GENERATION,
     "NAME [--generation N] [--no-wait]", "make an earlier generation live again, and deploy it"},
    {"revoke", command_revoke, 1, 1, OPT_JSON | OPT_YES | OPT_REASON | OPT_GENERATION,
     "NAME [--reason R] [--generation N] [--yes]", "have the CA revoke a certificate, for good"},
    {"account", command_account, 1, 2, OPT_JSON | OPT_YES, "show|update|rollover|deactivate [CA] [--yes]",
     "the accounts with the CAs; send the contact, change the key, end one for good"},
    {"thumbprint", command_thumbprint, 0, 1, OPT_JSON, "[CA]",
     "of the account's key, for web servers that answer challenges themselves"},
    {"reload", command_reload, 0, 0, OPT_JSON | OPT_QUIET, "[--quiet]",
     "take over the configuration files; --quiet leaves it to the daemon's log why it refuses them"},
    {"check", command_check, 0, 0, OPT_JSON, "", "check the configuration files, change nothing"},
    {"completion", command_completion, 1, 1, 0, "bash|zsh|fish", "print the completion script of a shell"},
    {"version", command_version, 0, 0, OPT_JSON, "", "the versions of acmectl and of the running daemon"},
    {"help", command_help, 0, 1, 0, "[COMMAND]", "this text, or how one command is used"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

enum {
    KEY_SOCKET = 256,
    KEY_JSON,
    KEY_WATCH,
    KEY_CHECK,
    KEY_ALL,
    KEY_FORCE,
    KEY_NO_WAIT,
    KEY_QUIET,
    KEY_DAYS,
    KEY_YES,
    KEY_REASON,
    KEY_GENERATION
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, KEY_SOCKET},
    {"json", no_argument, NULL, KEY_JSON},
    {"watch", no_argument, NULL, KEY_WATCH},
    {"check", no_argument, NULL, KEY_CHECK},
    {"all", no_argument, NULL, KEY_ALL},
    {"force", no_argument, NULL, KEY_FORCE},
    {"no-wait", no_argument, NULL, KEY_NO_WAIT},
    {"quiet", no_argument, NULL, KEY_QUIET},
    {"days", required_argument, NULL, KEY_DAYS},
    {"yes", no_argument, NULL, KEY_YES},
    {"reason", required_argument, NULL, KEY_REASON},
    {"generation", required_argument, NULL, KEY_GENERATION},
    {"follow", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct parsed {
    unsigned options; /* option_bits that were given */
    bool help;
    bool version;
};

static void print_usage(FILE *out, const struct command *command)
{
    (void)fprintf(out, "usage: acmectl %s%s%s\n  %s\n", command->name, *command->usage != '\0' ? " " : "",
                  command->usage, command->help);
}

static void print_overview(FILE *out)
{
    (void)fputs("usage: acmectl COMMAND [ARGUMENT...]\n\n", out);
    for (int i = 0; i < COMMANDS; i++)
        (void)fprintf(out, "  %s%s%s\n      %s\n", commands[i].name, *commands[i].usage != '\0' ? " " : "",
                      commands[i].usage, commands[i].help);
    (void)fputs("\nEvery command takes\n"
                "  --socket PATH  the daemon's control socket (" CTL_SOCKET ")\n"
                "  --json         the daemon's own answer as JSON (not help)\n"
                "  -h             how the command is used\n"
                "\n"
                "Exit status: 0 done, 1 something failed or needs attention, 2 usage or configuration,\n"
                "3 the daemon cannot be reached, 4 not permitted.\n",
                out);
}

/* Complains itself when there is none. */
static const struct command *find_command(struct ctl *c, const char *name)
{
    const char *names[COMMANDS];
    const char *nearest;

    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    nearest = suggest_nearest(name, names, COMMANDS);
    if (nearest != NULL)
        say(c, "there is no command %s; did you mean %s?", name, nearest);
    else
        say(c, "there is no command %s (`acmectl help` lists them)", name);
    return NULL;
}

static enum ctl_exit command_help(struct ctl *c)
{
    const struct command *command;

    if (c->n_args == 0) {
        print_overview(c->out);
        return CTL_DONE;
    }
    command = find_command(c, c->args[0]);
    if (command == NULL)
        return CTL_USAGE;
    print_usage(c->out, command);
    return CTL_DONE;
}

static bool parse_days(struct ctl *c, const char *value)
{
    char *end;
    long days = strtol(value, &end, 10);

    if (*value >= '0' && *value <= '9' && *end == '\0' && days >= 1 && days <= DAYS_MAX) {
        c->days = (int)days;
        return true;
    }
    say(c, "--days %s is not a number of days from 1 to %d", value, DAYS_MAX);
    return false;
}

static bool take_generation(struct ctl *c, const char *text)
{
    char *end;

    errno = 0;
    c->generation = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && c->generation >= 1 &&
        c->generation <= ACT_GENERATION_MAX)
        return true;
    say(c, "--generation %s: a generation is a number from 1 on (the directories below certs/NAME)", text);
    return false;
}

static bool take_option(struct ctl *c, struct parsed *p, int key, char **argv)
{
    static const struct {
        int key;
        enum option_bit bit;
    } bits[] = {{KEY_JSON, OPT_JSON},     {KEY_WATCH, OPT_WATCH},
                {KEY_CHECK, OPT_CHECK},   {KEY_ALL, OPT_ALL},
                {KEY_FORCE, OPT_FORCE},   {KEY_NO_WAIT, OPT_NO_WAIT},
                {'f', OPT_FOLLOW},        {KEY_YES, OPT_YES},
                {KEY_REASON, OPT_REASON}, {KEY_GENERATION, OPT_GENERATION},
                {KEY_QUIET, OPT_QUIET},   {KEY_DAYS, OPT_DAYS}};

    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (bits[i].key == key)
            p->options |= bits[i].bit;
    switch (key) {
    case KEY_SOCKET:
        c->socket = optarg;
        break;
    case KEY_DAYS:
        return parse_days(c, optarg);
    case KEY_REASON:
        c->reason = optarg;
        break;
    case KEY_GENERATION:
        return take_generation(c, optarg);
    case 'h':
        p->help = true;
        break;
    case 'V':
        p->version = true;
        break;
    case ':':
        say(c, "%s needs a value", argv[optind - 1]);
        return false;
    case '?':
        say(c, "there is no option %s (`acmectl help` lists them)", argv[optind - 1]);
        return false;
    default:
        break;
    }
    return true;
}

static bool parse(struct ctl *c, struct parsed *p, int argc, char **argv)
{
    int key;

    *p = (struct parsed){0};
    c->socket = CTL_SOCKET;
    c->days = DAYS_DEFAULT;
    c->reason = NULL;
    c->generation = 0;
    optind = 0;
    opterr = 0;
    while ((key = getopt_long(argc, argv, ":fhV", long_options, NULL)) != -1)
        if (!take_option(c, p, key, argv))
            return false;
    c->args = argv + optind;
    c->n_args = argc - optind;
    c->json = (p->options & OPT_JSON) != 0;
    c->watch = (p->options & OPT_WATCH) != 0;
    c->check = (p->options & OPT_CHECK) != 0;
    c->all = (p->options & OPT_ALL) != 0;
    c->force = (p->options & OPT_FORCE) != 0;
    c->no_wait = (p->options & OPT_NO_WAIT) != 0;
    c->follow = (p->options & OPT_FOLLOW) != 0;
    c->quiet = (p->options & OPT_QUIET) != 0;
    c->yes = (p->options & OPT_YES) != 0;
    return true;
}

/* Certificates have names of lower-case ASCII: who types bücher.example means xn--bcher-kva.example. What is
 * no DNS name stays as it is. */
static bool name_arguments(struct ctl *c, struct strv *names)
{
    char ascii[IDENT_MAX + 1];

    for (int i = 0; i < c->n_args; i++)
        if (!strv_add(names, ident_dns(c->args[i], ascii, NULL) ? ascii : c->args[i]))
            return false;
    return true;
}

static enum ctl_exit run_with_names(struct ctl *c, const struct command *command)
{
    struct strv names = {0};
    enum ctl_exit status = CTL_FAILED;

    if (name_arguments(c, &names)) {
        c->args = names.v;
        status = command->run(c);
    } else {
        say(c, "out of memory");
    }
    strv_clear(&names);
    return status;
}

static enum ctl_exit run_command(struct ctl *c, const struct command *command, const struct parsed *p)
{
    if (p->help) {
        print_usage(c->out, command);
        return CTL_DONE;
    }
    if ((p->options & ~command->options) != 0 || c->n_args < command->least_args ||
        (command->most_args >= 0 && c->n_args > command->most_args)) {
        print_usage(c->err, command);
        return CTL_USAGE;
    }
    return strstr(command->usage, "NAME") != NULL ? run_with_names(c, command) : command->run(c);
}

static bool reader_is_gone(const struct ctl *c)
{
    struct pollfd p = {.fd = c->out_fd};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* Output that could not be written is a failure, unless nobody wanted to read it. */
static enum ctl_exit finish(struct ctl *c, enum ctl_exit status)
{
    bool failed = ferror(c->out) != 0;

    failed = fflush(c->out) != 0 || failed;
    if (!failed || reader_is_gone(c))
        return status;
    say(c, "the output could not be written (is the disk full?)");
    return status != CTL_DONE ? status : CTL_FAILED;
}

void ctl_refresh(struct ctl *c)
{
    if (c->refresh != NULL)
        c->refresh(c);
}

enum ctl_exit ctl_run(struct ctl *c, int argc, char **argv)
{
    const struct command *command;
    struct parsed p;

    if (!parse(c, &p, argc, argv))
        return CTL_USAGE;
    if (p.version) {
        (void)fprintf(c->out, "acmectl %s\n", ACMED_VERSION);
        return finish(c, CTL_DONE);
    }
    if (c->n_args == 0) {
        print_overview(p.help ? c->out : c->err);
        return p.help ? finish(c, CTL_DONE) : CTL_USAGE;
    }
    command = find_command(c, c->args[0]);
    if (command == NULL)
        return CTL_USAGE;
    c->args++;
    c->n_args--;
    return finish(c, run_command(c, command, &p));
}
