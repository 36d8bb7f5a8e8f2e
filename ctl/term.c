/* SPDX-License-Identifier: MIT */
#include "ctl/term.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, LEAST_WIDTH = 20, MOST_WIDTH = 1000 };

static const char *const paints[TERM_PAINTS] = {
    [TERM_PLAIN] = "",         [TERM_DIM] = "\033[2m",      [TERM_BOLD] = "\033[1m",
    [TERM_GREEN] = "\033[32m", [TERM_YELLOW] = "\033[33m",  [TERM_RED] = "\033[31m",
    [TERM_CYAN] = "\033[36m",  [TERM_ALARM] = "\033[1;31m",
};

static int find_width(struct winsize ws)
{
    const char *columns;
    long width = DEFAULT_WIDTH;

    if (ws.ws_col > 0) {
        width = ws.ws_col;
    } else {
        columns = getenv("COLUMNS");
        if (columns != NULL && *columns != '\0')
            width = strtol(columns, NULL, 10);
        if (width <= 0)
            width = DEFAULT_WIDTH;
    }
    return width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : (int)width;
}

void term_detect(struct term *t, int fd)
{
    const char *type = getenv("TERM");
    struct winsize ws = {0};
    const char *no_colour = getenv("NO_COLOR");

    t->tty = isatty(fd) == 1;
    t->cursor = t->tty && type != NULL && strcmp(type, "dumb") != 0;
    t->colour = t->cursor && (no_colour == NULL || *no_colour == '\0');
    t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (t->tty)
        (void)ioctl(fd, TIOCGWINSZ, &ws);
    t->width = find_width(ws);
    t->height = ws.ws_row;
}

void term_set(const struct term *t, struct buf *out, enum term_paint paint)
{
    if (t->colour)
        (void)buf_addstr(out, paints[paint]);
}

void term_reset(const struct term *t, struct buf *out)
{
    if (t->colour)
        (void)buf_addstr(out, "\033[0m");
}

void term_add(const struct term *t, struct buf *out, enum term_paint paint, const char *s)
{
    if (paint == TERM_PLAIN || !t->colour) {
        (void)buf_addstr(out, s);
        return;
    }
    term_set(t, out, paint);
    (void)buf_addstr(out, s);
    term_reset(t, out);
}
