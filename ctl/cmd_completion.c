/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/completion.h"
#include "ctl/gather.h"
#include "ctl/say.h"

#include <string.h>

/* The names that a script offers, a line each. Somebody waits at a prompt: a daemon that is away just now is
 * not waited for. */
static enum ctl_exit print_names(struct ctl *c)
{
    struct gather g;
    enum ctl_exit status;

    c->args++;
    c->n_args--;
    c->patience_ms = 0;
    status = gather_status(c, &g);
    for (size_t i = 0; status == CTL_DONE && i < g.fleet.n; i++)
        (void)fprintf(c->out, "%s\n", g.fleet.v[i].lineage);
    gather_clear(&g);
    return status;
}

enum ctl_exit command_completion(struct ctl *c)
{
    static const struct {
        const char *shell;
        const char *script;
    } scripts[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(c->args[0], scripts[i].shell) == 0) {
            (void)fputs(scripts[i].script, c->out);
            return CTL_DONE;
        }
    }
    if (strcmp(c->args[0], "names") == 0)
        return print_names(c);
    say(c, "there is no completion for %s, only for bash, zsh and fish", c->args[0]);
    return CTL_USAGE;
}
