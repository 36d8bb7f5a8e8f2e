/* SPDX-License-Identifier: MIT */
#include "ctl/name.h"

#include "ctl/text.h"
#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

/* Takes text, which may be NULL. */
static char *shown(char *text, const char *name)
{
    char *clean = text != NULL ? text_clean(text, true, false) : NULL;
    bool same = clean != NULL && strcmp(text, clean) == 0;

    free(clean);
    if (same)
        return text;
    free(text);
    return strdup(name);
}

char *name_short(const char *name, const struct term *t)
{
    return shown(t->utf8 ? ident_to_unicode(name) : NULL, name);
}

char *name_full(const char *name, const struct term *t)
{
    return shown(t->utf8 ? ident_to_people(name) : NULL, name);
}
