/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/load_live.h"

#include "lib/buf.h"
#include "lib/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_MAX (256 * 1024) /* bytes */

static bool slurp(int fd, struct buf *text)
{
    char *p;
    ssize_t n;

    while ((p = buf_reserve(text, 4096)) != NULL) {
        n = read(fd, p, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        buf_grew(text, (size_t)n);
    }
    return false;
}

/* The type of key of live/NAME; false: none, or one that cannot be told. */
static bool read_type(const char *state_dir, const char *name, enum key_type *type)
{
    struct cert_facts facts = {0};
    char path[PATH_MAX];
    struct stat st;
    struct buf text;
    bool known = false;
    int fd;

    if (snprintf(path, sizeof path, "%s/live/%s/cert.pem", state_dir, name) >= (int)sizeof path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    buf_init(&text, CERTIFICATE_MAX);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && slurp(fd, &text) &&
        cert_facts_parse(&facts, text.data, text.len, NULL)) {
        known = facts.key_type_known;
        *type = facts.key_type;
    }
    cert_facts_clear(&facts);
    buf_clear(&text);
    (void)close(fd);
    return known;
}

bool load_live(struct load *l)
{
    const struct config *c = l->config;
    enum key_type type;

    for (size_t i = 0; i < c->n_certificates; i++) {
        const struct config_certificate *cert = &c->certificates[i];
        struct config_live_key *grown;

        if (cert->n_keys < 2 || strcmp(cert->name, cert->section) != 0 ||
            !read_type(c->state_dir, cert->section, &type))
            continue;
        grown = realloc(l->live.v, (l->live.n + 1) * sizeof *grown);
        if (grown == NULL)
            return false;
        l->live.v = grown;
        grown[l->live.n] = (struct config_live_key){strdup(cert->section), type};
        if (grown[l->live.n].name == NULL)
            return false;
        l->live.n++;
    }
    return true;
}
