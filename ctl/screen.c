/* SPDX-License-Identifier: MIT */
#include "ctl/screen.h"

#include "ctl/text.h"

#include <stdlib.h>
#include <string.h>

void screen_forget(struct screen *s)
{
    free(s->shown);
    *s = (struct screen){0};
}

/* Columns of the line of len bytes, its colours not counted. */
static int line_width(const char *line, size_t len)
{
    struct buf plain;
    int width;

    buf_init(&plain, TEXT_MAX);
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\033')
            i += strcspn(line + i, "m");
        else
            (void)buf_addch(&plain, line[i]);
    }
    width = plain.data != NULL ? text_width(plain.data) : 0;
    buf_clear(&plain);
    return width;
}

void screen_draw(struct screen *s, struct buf *out, const char *frame, const struct term *t)
{
    int room = t->height > 1 ? t->height - 1 : 1;
    int rows = 0;

    if (s->shown != NULL && s->width == t->width && strcmp(s->shown, frame) == 0)
        return;
    /* lines that were wrapped anew by a resized terminal cannot be counted: start on a clean one */
    if (s->rows > 0 && s->width != t->width)
        (void)buf_addstr(out, "\033[H\033[2J");
    else if (s->rows > 0)
        (void)buf_addf(out, "\033[%dA\r", s->rows);
    for (const char *p = frame; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        int width = line_width(p, len);
        int need = width > t->width ? (width + t->width - 1) / t->width : 1;

        if (rows + need > room)
            break;
        (void)buf_add(out, p, len);
        (void)buf_addstr(out, "\033[K\n");
        rows += need;
        p += len + (p[len] == '\n');
    }
    (void)buf_addstr(out, "\033[J");
    free(s->shown);
    s->shown = strdup(frame);
    s->rows = rows;
    s->width = t->width;
}
