/* SPDX-License-Identifier: MIT */
#include "lib/config.h"

#include "lib/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool append(struct config_messages *m, struct config_message message)
{
    struct config_message *v;

    /* Capacities are powers of two, so that the count alone says when to grow. */
    if ((m->n & (m->n - 1)) == 0) {
        v = realloc(m->v, (m->n == 0 ? 1 : 2 * m->n) * sizeof *v);
        if (v == NULL)
            return false;
        m->v = v;
    }
    m->v[m->n++] = message;
    return true;
}

bool config_messages_add(struct config_messages *m, const char *file, unsigned line, bool warning,
                         const char *fmt, ...)
{
    struct config_message message = {.line = line, .warning = warning};
    va_list ap;

    if (!warning)
        m->errors++;
    va_start(ap, fmt);
    if (vasprintf(&message.text, fmt, ap) < 0)
        message.text = NULL;
    va_end(ap);
    message.file = strdup(file);
    if (message.text == NULL || message.file == NULL || !append(m, message)) {
        free(message.text);
        free(message.file);
        return false;
    }
    utf8_make_printable(message.text);
    utf8_make_printable(message.file);
    return true;
}

void config_messages_clear(struct config_messages *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].file);
        free(m->v[i].text);
    }
    free(m->v);
    *m = (struct config_messages){0};
}
