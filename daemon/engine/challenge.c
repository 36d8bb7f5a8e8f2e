/* SPDX-License-Identifier: MIT */
#include "daemon/engine/challenge.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

struct challenge {
    struct challenge *next;
    unsigned users;
    size_t token_len;
    char key_authorization[]; /* token, '.', thumbprint */
};

struct challenges {
    struct challenge *buckets[BUCKETS];
};

struct challenges *challenges_new(void)
{
    return calloc(1, sizeof(struct challenges));
}

void challenges_free(struct challenges *cs)
{
    if (cs == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (cs->buckets[i] != NULL) {
            struct challenge *c = cs->buckets[i];

            cs->buckets[i] = c->next;
            free(c);
        }
    }
    free(cs);
}

/* FNV-1a. Tokens are the CA's random numbers: nobody else can choose them to collide. */
static size_t bucket_of(const char *token, size_t len)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)token[i]) * 16777619U;
    return h % BUCKETS;
}

/* Where the token is, or would be, linked. */
static struct challenge **find(struct challenges *cs, const char *token, size_t len)
{
    struct challenge **p = &cs->buckets[bucket_of(token, len)];

    while (*p != NULL && ((*p)->token_len != len || memcmp((*p)->key_authorization, token, len) != 0))
        p = &(*p)->next;
    return p;
}

bool challenge_add(struct challenges *cs, const char *token, const char *thumbprint)
{
    size_t len = strlen(token);
    size_t size = len + 1 + strlen(thumbprint) + 1;
    struct challenge **p = find(cs, token, len);
    struct challenge *c;

    if (*p != NULL) {
        (*p)->users++;
        return true;
    }
    c = calloc(1, sizeof *c + size);
    if (c == NULL)
        return false;
    c->users = 1;
    c->token_len = len;
    (void)snprintf(c->key_authorization, size, "%s.%s", token, thumbprint);
    *p = c;
    return true;
}

void challenge_remove(struct challenges *cs, const char *token)
{
    struct challenge **p = find(cs, token, strlen(token));
    struct challenge *c = *p;

    if (c == NULL || --c->users > 0)
        return;
    *p = c->next;
    free(c);
}

const char *challenge_find(const struct challenges *cs, const char *token, size_t len)
{
    const struct challenge *c = cs->buckets[bucket_of(token, len)];

    while (c != NULL && (c->token_len != len || memcmp(c->key_authorization, token, len) != 0))
        c = c->next;
    return c != NULL ? c->key_authorization : NULL;
}
