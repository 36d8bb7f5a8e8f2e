/* SPDX-License-Identifier: MIT */
#include "lib/dns_reply.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define HEADER       12
#define CLASS_IN     1
#define LABEL_MAX    63
#define POINTERS_MAX 64 /* of one name */
#define HOST_MAX     253

struct reader {
    const uint8_t *p;
    size_t len;
    size_t at;
};

static bool take(struct reader *r, size_t n, const uint8_t **bytes)
{
    if (n > r->len - r->at)
        return false;
    *bytes = r->p + r->at;
    r->at += n;
    return true;
}

static bool take_u16(struct reader *r, unsigned *out)
{
    const uint8_t *b;

    if (!take(r, 2, &b))
        return false;
    *out = (unsigned)b[0] << 8 | b[1];
    return true;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*';
}

struct name {
    char text[DNS_NAME_MAX + 1];
    size_t len;
    bool odd; /* has bytes that are in no host's name, or is too long */
};

static void add_label(struct name *name, const uint8_t *label, size_t n)
{
    if (name->len + (name->len > 0) + n > HOST_MAX) {
        name->odd = true;
        return;
    }
    if (name->len > 0)
        name->text[name->len++] = '.';
    for (size_t i = 0; i < n; i++) {
        char c = (char)label[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        name->odd = name->odd || !is_host_char(c);
        name->text[name->len++] = c;
    }
}

/* Pointers lead only backwards, so that no name is endless. False: malformed. */
static bool take_name(struct reader *r, struct name *name)
{
    struct reader at = *r;
    const uint8_t *b;
    unsigned pointers = 0;

    *name = (struct name){0};
    for (;;) {
        size_t here = at.at;
        unsigned n;

        if (!take(&at, 1, &b))
            return false;
        n = *b;
        if (n >= 0xc0) {
            const uint8_t *low;
            size_t target;

            if (!take(&at, 1, &low))
                return false;
            target = (size_t)(n & 0x3f) << 8 | *low;
            if (target >= here || ++pointers > POINTERS_MAX)
                return false;
            if (pointers == 1)
                r->at = at.at;
            at.at = target;
        } else if (n == 0) {
            break;
        } else if (n > LABEL_MAX || !take(&at, n, &b)) {
            return false;
        } else {
            add_label(name, b, n);
        }
    }
    if (pointers == 0)
        r->at = at.at;
    if (name->len == 0 && !name->odd)
        name->text[name->len++] = '.';
    name->text[name->len] = '\0';
    return true;
}

/* Character strings, one after the other. NULL: malformed, a NUL within, or out of memory. */
static char *text_of(struct reader *data)
{
    char *text = malloc(data->len - data->at + 1);
    size_t len = 0;
    const uint8_t *b;

    while (text != NULL && data->at < data->len) {
        size_t n = data->p[data->at++];

        if (!take(data, n, &b) || memchr(b, '\0', n) != NULL) {
            free(text);
            return NULL;
        }
        memcpy(text + len, b, n);
        len += n;
    }
    if (text != NULL)
        text[len] = '\0';
    return text;
}

/* What is of use in a record's data; NULL: nothing, or out of memory. */
static char *data_of(unsigned type, struct reader *data)
{
    char address[INET6_ADDRSTRLEN];
    struct name name;
    const uint8_t *b;

    switch (type) {
    case DNS_TYPE_A:
    case DNS_TYPE_AAAA:
        if (!take(data, type == DNS_TYPE_A ? 4 : 16, &b) || data->at != data->len)
            return NULL;
        (void)inet_ntop(type == DNS_TYPE_A ? AF_INET : AF_INET6, b, address, sizeof address);
        return strdup(address);
    case DNS_TYPE_NS:
    case DNS_TYPE_CNAME:
    case DNS_TYPE_SOA:
        return take_name(data, &name) && !name.odd ? strdup(name.text) : NULL;
    case DNS_TYPE_TXT:
        return text_of(data);
    default:
        return NULL;
    }
}

static bool take_record(struct reader *r, struct dns_reply *reply, bool answer)
{
    struct name name;
    struct reader data;
    const uint8_t *b;
    unsigned type, class, len;
    char *text, *owner;

    if (!take_name(r, &name) || !take_u16(r, &type) || !take_u16(r, &class) || !take(r, 4, &b) ||
        !take_u16(r, &len))
        return false;
    data = (struct reader){.p = r->p, .at = r->at};
    if (!take(r, len, &b))
        return false;
    data.len = r->at; /* a name in the data may point to what is before it */
    if (class != CLASS_IN || name.odd || reply->n == DNS_RECORDS_MAX)
        return true;
    text = data_of(type, &data);
    owner = text != NULL ? strdup(name.text) : NULL;
    if (owner == NULL) {
        free(text);
        return true;
    }
    reply->v[reply->n++] =
        (struct dns_record){.name = owner, .type = (uint16_t)type, .answer = answer, .data = text};
    return true;
}

static bool take_questions(struct reader *r, unsigned n)
{
    struct name name;
    const uint8_t *b;

    while (n-- > 0)
        if (!take_name(r, &name) || !take(r, 4, &b))
            return false;
    return true;
}

static bool take_all(struct reader *r, struct dns_reply *reply)
{
    unsigned id, flags, questions, answers, authorities, more;
    bool ok = take_u16(r, &id) && take_u16(r, &flags) && take_u16(r, &questions) && take_u16(r, &answers) &&
              take_u16(r, &authorities) && take_u16(r, &more) && (flags & 0x8000U) != 0 &&
              take_questions(r, questions);

    if (!ok)
        return false;
    reply->rcode = flags & 0xfU;
    reply->authoritative = (flags & 0x0400U) != 0;
    for (unsigned i = 0; ok && i < answers; i++)
        ok = take_record(r, reply, true);
    for (unsigned i = 0; ok && i < authorities; i++)
        ok = take_record(r, reply, false);
    return ok;
}

bool dns_reply_parse(struct dns_reply *r, const uint8_t *message, size_t len, struct err *e)
{
    struct reader reader = {.p = message, .len = len};
    struct dns_reply reply = {.v = calloc(DNS_RECORDS_MAX, sizeof *reply.v)};

    if (reply.v == NULL)
        return err_nomem(e, "a DNS reply");
    if (len < HEADER || len > DNS_MESSAGE_MAX || !take_all(&reader, &reply)) {
        dns_reply_clear(&reply);
        return err_set(e, ERR_CLASS_TRANSIENT, "the reply is malformed");
    }
    *r = reply;
    return true;
}

void dns_reply_clear(struct dns_reply *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->v[i].name);
        free(r->v[i].data);
    }
    free(r->v);
    *r = (struct dns_reply){0};
}

const char *dns_reply_find(const struct dns_reply *r, const char *name, enum dns_type type, size_t i)
{
    for (size_t k = 0; k < r->n; k++)
        if (r->v[k].answer && r->v[k].type == type && strcmp(r->v[k].name, name) == 0 && i-- == 0)
            return r->v[k].data;
    return NULL;
}

bool dns_name_valid(const char *name)
{
    size_t label = 0, len = 0;

    if (name[0] == '-') /* it becomes a word of a program's command line, where it would be an option */
        return false;
    for (; name[len] != '\0'; len++) {
        label = name[len] == '.' ? 0 : label + 1;
        if (len >= HOST_MAX || label > LABEL_MAX || (label == 0 && (len == 0 || name[len - 1] == '.')) ||
            (label > 0 && (!is_host_char(name[len]) || name[len] == '*')))
            return false;
    }
    return label > 0;
}

bool dns_name_is_below(const char *name, const char *zone)
{
    size_t n = strlen(name), z = strlen(zone);

    if (strcmp(zone, ".") == 0)
        return true;
    return n >= z && strcmp(name + n - z, zone) == 0 && (n == z || name[n - z - 1] == '.');
}
