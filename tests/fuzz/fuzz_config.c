/* SPDX-License-Identifier: MIT */
#include "lib/config.h"
#include "lib/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_messages(const struct config_messages *m)
{
    size_t left;
    size_t n;

    for (size_t i = 0; i < m->n; i++) {
        left = strlen(m->v[i].text);
        for (const char *p = m->v[i].text; left > 0; p += n, left -= n) {
            n = utf8_char(p, left);
            assert(n > 0 && ((unsigned char)*p >= 0x20));
        }
    }
}

static void check_config(const struct config *c)
{
    const struct config_certificate *cert;

    for (size_t i = 0; i < c->n_certificates; i++) {
        cert = &c->certificates[i];
        assert(config_find(c, cert->name) == cert);
        assert(config_find_ca(c, cert->ca->name) == cert->ca);
        assert(cert->ca->agree_terms && strncmp(cert->ca->directory, "https://", 8) == 0);
        assert(cert->domains.n > 0 && (cert->mode & 07) == 0);
        assert(cert->hook.n == 0 || cert->hook.v[0][0] == '/');
    }
    assert(c->state_dir != NULL && c->n_http_listen > 0);
}

/* The input is one file, or two with a 0xff byte between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_file files[2] = {{.path = "a.conf"}, {.path = "b.conf"}};
    struct config_messages m = {0};
    char *text = malloc(size + 1);
    char *second;
    struct config *c;

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    files[0].text = text;
    files[0].len = size;
    second = memchr(text, 0xff, size);
    if (second != NULL) {
        files[0].len = (size_t)(second - text);
        files[1].text = second + 1;
        files[1].len = size - files[0].len - 1;
    }
    c = config_parse(files, second != NULL ? 2 : 1, NULL, &m);
    assert((c == NULL) == (m.errors > 0));
    check_messages(&m);
    if (c != NULL)
        check_config(c);
    config_free(c);
    config_messages_clear(&m);
    free(text);
    return 0;
}
