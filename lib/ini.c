/* SPDX-License-Identifier: MIT */
#include "lib/ini.h"

#include "lib/utf8.h"

#include <string.h>

#define BOM "\xef\xbb\xbf"

struct line {
    const char *s;
    size_t n;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(struct line *l)
{
    while (l->n > 0 && is_blank(l->s[0])) {
        l->s++;
        l->n--;
    }
    while (l->n > 0 && is_blank(l->s[l->n - 1]))
        l->n--;
}

void ini_init(struct ini *r, const char *text, size_t len)
{
    *r = (struct ini){.text = text, .len = len};
    buf_init(&r->joined, INI_LINE_MAX);
}

void ini_clear(struct ini *r)
{
    buf_clear(&r->joined);
}

/* The next line of the file without its end (LF or CRLF) and the blanks around it. */
static bool next_line(struct ini *r, struct line *l)
{
    const char *end;

    if (r->pos >= r->len)
        return false;
    l->s = r->text + r->pos;
    end = memchr(l->s, '\n', r->len - r->pos);
    l->n = end != NULL ? (size_t)(end - l->s) : r->len - r->pos;
    r->pos += l->n + (end != NULL ? 1 : 0);
    r->line++;
    if (l->n > 0 && l->s[l->n - 1] == '\r')
        l->n--;
    trim(l);
    return true;
}

/* What is wrong with the bytes of a line, or NULL. */
static const char *check_bytes(const struct line *l)
{
    size_t step;

    for (size_t i = 0; i < l->n; i += step) {
        step = utf8_char(l->s + i, l->n - i);
        if (step == 0)
            return "this line is not valid UTF-8: save the file in UTF-8";
        if (l->s[i] == '\0')
            return "this line contains a NUL byte: is this a text file?";
        if (((unsigned char)l->s[i] < 0x20 && l->s[i] != '\t') || l->s[i] == 0x7f)
            return "this line contains a control character: remove it";
    }
    return NULL;
}

static bool is_comment(const struct line *l)
{
    return l->n > 0 && (l->s[0] == '#' || l->s[0] == ';');
}

/* A line goes on when it ends in an odd number of backslashes: two are a backslash. */
static bool goes_on(const struct line *l)
{
    size_t n = 0;

    while (n < l->n && l->s[l->n - 1 - n] == '\\')
        n++;
    return n % 2 == 1;
}

/* Appends to the joined line; false with *kind and *error set. */
static bool join(struct ini *r, const char *s, size_t n, struct ini_item *item)
{
    if (r->joined.len + n > INI_LINE_MAX) {
        item->kind = INI_ERROR;
        item->error = "this line is longer than 64 KiB: split it (a list key may be given several times)";
        return false;
    }
    if (!buf_add(&r->joined, s, n)) {
        item->kind = INI_NOMEM;
        return false;
    }
    return true;
}

static void note_error(struct ini_item *item, const char *error)
{
    if (item->kind == INI_END) {
        item->kind = INI_ERROR;
        item->error = error;
    }
}

static const char *take_bom(struct ini *r)
{
    if (r->pos != 0 || r->len < strlen(BOM) || memcmp(r->text, BOM, strlen(BOM)) != 0)
        return NULL;
    r->pos = strlen(BOM);
    return "the file begins with a byte order mark: save it in UTF-8 without one";
}

/* Collects the next line that is neither empty nor a comment, with its continuations. False at the end of the
 * file. item->kind stays INI_END while all is well. */
static bool next_joined(struct ini *r, struct ini_item *item)
{
    struct line l;
    const char *error;
    bool more = false;

    while (next_line(r, &l)) {
        error = check_bytes(&l);
        if (error == NULL && is_comment(&l))
            continue; /* also between the parts of a continued line, as systemd has it */
        if (item->line == 0) {
            if (l.n == 0)
                continue;
            item->line = r->line;
            item->heading = l.s[0] == '[';
        }
        more = goes_on(&l);
        if (error != NULL)
            note_error(item, error);
        else if (item->kind == INI_END && join(r, l.s, l.n - (more ? 1 : 0), item) && more)
            (void)join(r, " ", 1, item);
        if (!more)
            return true;
    }
    if (more)
        note_error(item, "the file ends in a backslash, which continues a line: remove it");
    return item->line != 0;
}

/* Ends the string s of n bytes, which is part of the joined line, without the blanks around it. */
static const char *cut(struct ini *r, const char *s, size_t n)
{
    struct line l = {s, n};

    trim(&l);
    r->joined.data[(size_t)(l.s - r->joined.data) + l.n] = '\0';
    return l.s;
}

static void parse_section(struct ini *r, struct ini_item *item)
{
    char *s = r->joined.data + 1;
    size_t n = r->joined.len - 1;
    size_t word;

    while (n > 0 && is_blank(s[n - 1]))
        n--;
    if (n == 0 || s[n - 1] != ']' || memchr(s, '[', n) != NULL || memchr(s, ']', n - 1) != NULL) {
        note_error(item, "a section's heading is [KIND] or [KIND NAME], alone on its line");
        return;
    }
    item->name = cut(r, s, n - 1);
    word = strcspn(item->name, " \t");
    if (word == 0) {
        note_error(item,
                   "this section has no name: write [acmed], [certificate NAME], [ca NAME] or [defaults]");
        return;
    }
    item->value = item->name + word + strspn(item->name + word, " \t");
    r->joined.data[(size_t)(item->name - r->joined.data) + word] = '\0';
    item->kind = INI_SECTION;
}

static void parse_entry(struct ini *r, struct ini_item *item)
{
    char *s = r->joined.data;
    char *eq = strchr(s, '=');

    if (eq == NULL) {
        note_error(item, "this is neither `key = value` nor a [section] nor a comment");
        return;
    }
    item->value = cut(r, eq + 1, r->joined.len - (size_t)(eq + 1 - s));
    item->name = cut(r, s, (size_t)(eq - s));
    if (item->name[0] == '\0' || strpbrk(item->name, " \t") != NULL) {
        note_error(item, "the part before the `=` is not one word: a line is `key = value`");
        return;
    }
    item->kind = INI_ENTRY;
}

void ini_next(struct ini *r, struct ini_item *item)
{
    const char *bom = take_bom(r);

    *item = (struct ini_item){.kind = INI_END};
    if (bom != NULL) {
        *item = (struct ini_item){.kind = INI_ERROR, .line = 1, .error = bom};
        return;
    }
    buf_consume(&r->joined, r->joined.len);
    if (!next_joined(r, item))
        return;
    if (item->kind == INI_NOMEM)
        r->pos = r->len;
    if (item->kind != INI_END)
        return;
    if (r->joined.len > 0 && r->joined.data[0] == '[')
        parse_section(r, item);
    else
        parse_entry(r, item);
}
