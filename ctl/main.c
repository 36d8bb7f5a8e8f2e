/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"

#include "lib/json.h"

#include <locale.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int64_t wall_clock(void)
{
    return time(NULL);
}

static void look_again(struct ctl *c)
{
    term_detect(&c->term, STDOUT_FILENO);
}

/* That the signal interrupts a wait is all that is wanted of it. */
static void on_resize(int signo)
{
    (void)signo;
}

int main(int argc, char **argv)
{
    const struct sigaction resize = {.sa_handler = on_resize};
    struct ctl c = {
        .in = stdin,
        .out = stdout,
        .err = stderr,
        .out_fd = STDOUT_FILENO,
        .now = wall_clock,
        .patience_ms = 30000,
        .pause_ms = 200,
        .refresh = look_again,
    };

    json_memory_guard();
    (void)setlocale(LC_CTYPE, "");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGWINCH, &resize, NULL);
    look_again(&c);
    c.ask = c.term.tty && isatty(STDIN_FILENO) == 1;
    return (int)ctl_run(&c, argc, argv);
}
