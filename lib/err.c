/* SPDX-License-Identifier: MIT */
#include "lib/err.h"

#include "lib/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const class_names[] = {
    [ERR_CLASS_NONE] = "none",           [ERR_CLASS_NETWORK] = "network",
    [ERR_CLASS_TRANSIENT] = "transient", [ERR_CLASS_RATE_LIMITED] = "rate-limited",
    [ERR_CLASS_PERMANENT] = "permanent", [ERR_CLASS_CONFIG] = "configuration",
    [ERR_CLASS_INTERNAL] = "internal",
};
static_assert(sizeof class_names / sizeof class_names[0] == ERR_CLASS_COUNT, "every class has a name");

bool err_set(struct err *e, enum err_class class, const char *fmt, ...)
{
    va_list ap;

    if (e == NULL)
        return false;
    e->class = class;
    e->retry_at = 0;
    e->unsent = false;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    utf8_make_line(e->text); /* no escape sequence of a peer travels to a terminal or the journal */
    return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
    char old[ERR_TEXT_MAX];
    va_list ap;
    int n;

    if (e == NULL)
        return false;
    memcpy(old, e->text, sizeof old);
    va_start(ap, fmt);
    n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->text)
        (void)snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", old);
    utf8_make_line(e->text);
    return false;
}

bool err_nomem(struct err *e, const char *what)
{
    return err_set(e, ERR_CLASS_INTERNAL, "out of memory: %s", what);
}

void err_clear(struct err *e)
{
    if (e == NULL)
        return;
    e->class = ERR_CLASS_NONE;
    e->retry_at = 0;
    e->unsent = false;
    e->text[0] = '\0';
}

const char *err_class_to_str(enum err_class class)
{
    return (unsigned)class < ERR_CLASS_COUNT ? class_names[class] : "unknown";
}

bool err_class_from_str(const char *s, enum err_class *class)
{
    for (unsigned i = 0; i < ERR_CLASS_COUNT; i++) {
        if (strcmp(s, class_names[i]) == 0) {
            *class = (enum err_class)i;
            return true;
        }
    }
    return false;
}
