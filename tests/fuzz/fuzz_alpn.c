/* SPDX-License-Identifier: MIT */
#include "tests/unit/draw.h"
#include "lib/alpn_server.h"
#include "lib/crypto.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define NAME "a.example"
#define PROTOCOL                                                                                             \
    "\x0a"                                                                                                   \
    "acme-tls/1"

#define ALERT_SIZE 7

static struct alpn_certificate *certificate; /* of NAME */
static bool asked_for;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const uint8_t digest[KEY_AUTHORIZATION_DIGEST] = {1};
    struct err e;

    (void)argc;
    (void)argv;
    assert(crypto_init(draw, &e));
    certificate = alpn_certificate_new(NAME, digest, INT64_C(1800000000), &e);
    assert(certificate != NULL);
    return 0;
}

static struct alpn_certificate *find(void *arg, const char *name, size_t len)
{
    (void)arg;
    assert(len > 0 && len <= ALPN_SERVER_NAME_MAX);
    if (len != strlen(NAME) || memcmp(name, NAME, len) != 0)
        return NULL;
    asked_for = true;
    return certificate;
}

/* A client of the TLS responder: the first byte cuts the rest into pieces. No byte of a certificate comes out
 * unless it asked for a name that is known, and offered the protocol. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct alpn_server *s = alpn_server_new(find, NULL);
    enum alpn_result result = ALPN_MORE;
    size_t piece = size > 0 && data[0] > 0 ? data[0] * 16U : SIZE_MAX;

    if (s == NULL)
        return 0;
    asked_for = false;
    for (size_t at = 1; at < size && result == ALPN_MORE; at += piece) {
        piece = piece < size - at ? piece : size - at;
        result = alpn_server_feed(s, (const char *)data + at, piece);
    }
    if (alpn_server_output(s)->len > ALERT_SIZE)
        assert(asked_for && memmem(data, size, PROTOCOL, sizeof PROTOCOL - 1) != NULL);
    alpn_server_free(s);
    return 0;
}
