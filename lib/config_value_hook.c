/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/buf.h"
#include "lib/config.h"

#include <stdlib.h>
#include <string.h>

/* A command line split into words as a shell would quote them, and nothing else of a shell: what would be
 * expanded or interpreted by one, and is not by us, is an error instead of a surprise. */

struct splitter {
    const char *p;
    struct buf word;
    bool quoted; /* the word has a quoted part: it may be empty or look like an operator */
    struct err *e;
};

static bool add(struct splitter *s, char c)
{
    return buf_addch(&s->word, c) || err_nomem(s->e, "reading the configuration");
}

static bool single_quoted(struct splitter *s)
{
    for (s->p++; *s->p != '\''; s->p++) {
        if (*s->p == '\0')
            return err_set(s->e, ERR_CLASS_CONFIG, "a single quote is opened and not closed");
        if (!add(s, *s->p))
            return false;
    }
    s->p++;
    return true;
}

static bool expands(struct splitter *s)
{
    return err_set(
        s->e, ERR_CLASS_CONFIG,
        "`%c` is not expanded, for no shell runs the command (it finds ACMED_... in its environment): "
        "put it into single quotes if it is meant literally, or run /bin/sh -c '...'",
        *s->p);
}

static bool double_quoted(struct splitter *s)
{
    for (s->p++; *s->p != '"'; s->p++) {
        if (*s->p == '\\' && s->p[1] != '\0' && strchr("\\\"$`", s->p[1]) != NULL)
            s->p++;
        else if (*s->p == '$' || *s->p == '`')
            return expands(s);
        if (*s->p == '\0')
            return err_set(s->e, ERR_CLASS_CONFIG, "a double quote is opened and not closed");
        if (!add(s, *s->p))
            return false;
    }
    s->p++;
    return true;
}

static bool unquoted(struct splitter *s)
{
    if (*s->p == '$' || *s->p == '`')
        return expands(s);
    if (strchr("|&;<>", *s->p) != NULL)
        return err_set(
            s->e, ERR_CLASS_CONFIG,
            "`%c` has no meaning here, for no shell runs the command: put it into quotes if it is meant "
            "literally, or run /bin/sh -c '...'",
            *s->p);
    if (*s->p == '#' && s->word.len == 0 && !s->quoted)
        return err_set(s->e, ERR_CLASS_CONFIG, "a comment needs a line of its own");
    if (*s->p == '\\') {
        if (s->p[1] == '\0')
            return err_set(s->e, ERR_CLASS_CONFIG, "a backslash quotes nothing at the end");
        s->quoted = true;
        s->p++;
    }
    return add(s, *s->p++);
}

static bool next_word(struct splitter *s)
{
    bool ok = true;

    buf_consume(&s->word, s->word.len);
    s->quoted = false;
    while (ok && *s->p != '\0' && *s->p != ' ' && *s->p != '\t') {
        if (*s->p == '\'' || *s->p == '"') {
            s->quoted = true;
            ok = *s->p == '"' ? double_quoted(s) : single_quoted(s);
        } else {
            ok = unquoted(s);
        }
    }
    return ok;
}

static bool split(struct splitter *s, struct strv *argv)
{
    for (;;) {
        s->p += strspn(s->p, " \t");
        if (*s->p == '\0')
            return true;
        if (!next_word(s))
            return false;
        if (argv->n >= CONFIG_LIST_MAX)
            return err_set(s->e, ERR_CLASS_CONFIG, "more than %d words: put them into a script",
                           CONFIG_LIST_MAX);
        if (!strv_addn(argv, s->word.len > 0 ? s->word.data : "", s->word.len))
            return err_nomem(s->e, "reading the configuration");
    }
}

static bool check_program(struct strv *argv, struct err *e)
{
    char *path;

    if (argv->n == 0)
        return err_set(e, ERR_CLASS_CONFIG, "the program is missing");
    if (argv->v[0][0] != '/')
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.200s\" is not an absolute path: name the program as in /usr/local/bin/deploy",
                       argv->v[0]);
    path = config_path_normalise(argv->v[0], e);
    if (path == NULL)
        return false;
    free(argv->v[0]);
    argv->v[0] = path;
    return true;
}

bool config_words_parse(struct strv *argv, const char *value, struct err *e)
{
    struct splitter s = {.p = value, .e = e};
    struct strv words = {0};
    bool ok;

    buf_init(&s.word, strlen(value));
    ok = split(&s, &words);
    buf_clear(&s.word);
    if (!ok) {
        strv_clear(&words);
        return false;
    }
    strv_clear(argv);
    *argv = words;
    return true;
}

bool config_command_parse(struct strv *argv, const char *value, struct err *e)
{
    struct strv words = {0};

    if (!config_words_parse(&words, value, e) || !check_program(&words, e)) {
        strv_clear(&words);
        return false;
    }
    strv_clear(argv);
    *argv = words;
    return true;
}

bool config_value_hook(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;

    (void)key;
    return config_command_parse(&c->hook, value, e);
}
