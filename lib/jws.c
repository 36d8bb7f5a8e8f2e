/* SPDX-License-Identifier: MIT */
#include "lib/jws.h"

#include "lib/b64.h"
#include "lib/crypto.h"
#include "lib/jwk.h"
#include "lib/key_use.h"

#include <stdlib.h>
#include <string.h>

#define PROTECTED_MAX ((size_t)16 * 1024)
#define PAYLOAD_MAX   ((size_t)256 * 1024)
#define JWS_MAX       ((size_t)512 * 1024)

static const char *algorithm(const struct key *k)
{
    switch (key_type(k)) {
    case KEY_TYPE_ECDSA_P256:
        return "ES256";
    case KEY_TYPE_ECDSA_P384:
        return "ES384";
    default:
        return "RS256";
    }
}

/* Whether s can stand in a JSON string as it is; URLs and nonces never need more than these characters. */
static bool is_plain(const char *s)
{
    for (; *s != '\0'; s++)
        if (*s <= 0x20 || *s >= 0x7f || *s == '"' || *s == '\\')
            return false;
    return true;
}

/* The protected header, base64url; RFC 8555 section 6.2 allows exactly one of jwk and kid. */
static char *protected_header(const struct key *k, const char *kid, const char *url, const char *nonce,
                              struct err *e)
{
    struct buf b;
    char *jwk = NULL;
    char *out;

    if ((kid != NULL && !is_plain(kid)) || !is_plain(url) || (nonce != NULL && !is_plain(nonce))) {
        err_set(e, ERR_CLASS_TRANSIENT,
                "the CA gave a URL or nonce with characters that do not belong there");
        return NULL;
    }
    if (kid == NULL) {
        jwk = jwk_public(k, e);
        if (jwk == NULL)
            return NULL;
    }
    buf_init(&b, PROTECTED_MAX);
    buf_addf(&b, "{\"alg\":\"%s\",", algorithm(k));
    if (kid == NULL)
        buf_addf(&b, "\"jwk\":%s", jwk);
    else
        buf_addf(&b, "\"kid\":\"%s\"", kid);
    if (nonce != NULL)
        buf_addf(&b, ",\"nonce\":\"%s\"", nonce);
    buf_addf(&b, ",\"url\":\"%s\"}", url);
    out = b.failed ? NULL : b64url_encode(b.data, b.len);
    if (out == NULL)
        err_set(e, ERR_CLASS_INTERNAL,
                "a request's header is too long (more than %zu bytes), or memory is out", PROTECTED_MAX);
    buf_clear(&b);
    free(jwk);
    return out;
}

/* Who signs: an account key, or, where there is none, a key shared with the CA. */
struct signer {
    const struct key *key;
    const void *mac_key;
    size_t mac_key_len;
};

static bool sign(const struct signer *signer, const struct buf *input, uint8_t *sig, size_t *sig_len,
                 struct err *e)
{
    if (signer->key != NULL)
        return key_sign(signer->key, KEY_SIG_JOSE, input->data, input->len, sig, sig_len, e);
    *sig_len = 32;
    return crypto_hmac_sha256(signer->mac_key, signer->mac_key_len, input->data, input->len, sig) ||
           err_nomem(e, "external account binding");
}

/* Signs "header.payload" and puts the three parts into the flattened form. */
static char *assemble(const struct signer *signer, const char *header, const char *payload, struct err *e)
{
    uint8_t sig[KEY_SIG_MAX];
    size_t sig_len;
    struct buf b;
    char *sig_text;
    char *out;
    bool signed_;

    buf_init(&b, JWS_MAX);
    buf_addf(&b, "%s.%s", header, payload);
    if (b.failed) {
        buf_clear(&b);
        err_nomem(e, "request to be signed");
        return NULL;
    }
    signed_ = sign(signer, &b, sig, &sig_len, e);
    buf_clear(&b);
    if (!signed_)
        return NULL;
    sig_text = b64url_encode(sig, sig_len);
    if (sig_text != NULL)
        buf_addf(&b, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", header, payload,
                 sig_text);
    out = sig_text != NULL ? buf_take(&b, NULL) : NULL;
    if (out == NULL)
        err_nomem(e, "signed request");
    buf_clear(&b);
    free(sig_text);
    return out;
}

char *jws_sign(const struct key *account_key, const char *kid, const char *url, const char *nonce,
               const char *payload, struct err *e)
{
    size_t payload_len = payload != NULL ? strlen(payload) : 0;
    char *header;
    char *body;
    char *out = NULL;

    if (payload_len > PAYLOAD_MAX) {
        err_set(e, ERR_CLASS_INTERNAL, "a request to the CA of %zu bytes is too long", payload_len);
        return NULL;
    }
    header = protected_header(account_key, kid, url, nonce, e);
    if (header == NULL)
        return NULL;
    body = b64url_encode(payload, payload_len);
    if (body != NULL)
        out = assemble(&(struct signer){.key = account_key}, header, body, e);
    else
        err_nomem(e, "request to be signed");
    free(header);
    free(body);
    return out;
}

/* The protected header of a binding, base64url: no nonce, and the kid is no URL. */
static char *binding_header(const char *kid, const char *url, struct err *e)
{
    struct buf b;
    char *out;

    if (!is_plain(kid) || !is_plain(url)) {
        err_set(
            e, ERR_CLASS_CONFIG,
            "the key identifier or URL of an external account binding holds characters that do not belong "
            "there");
        return NULL;
    }
    buf_init(&b, PROTECTED_MAX);
    buf_addf(&b, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"%s\"}", kid, url);
    out = b.failed ? NULL : b64url_encode(b.data, b.len);
    if (out == NULL)
        err_nomem(e, "external account binding");
    buf_clear(&b);
    return out;
}

char *jws_external_account(const struct key *account_key, const char *kid, const void *mac_key,
                           size_t mac_key_len, const char *url, struct err *e)
{
    const struct signer signer = {.mac_key = mac_key, .mac_key_len = mac_key_len};
    char *header = binding_header(kid, url, e);
    char *jwk;
    char *payload = NULL;
    char *out = NULL;

    if (header == NULL)
        return NULL;
    jwk = jwk_public(account_key, e);
    if (jwk != NULL) {
        payload = b64url_encode(jwk, strlen(jwk));
        if (payload != NULL)
            out = assemble(&signer, header, payload, e);
        else
            err_nomem(e, "external account binding");
    }
    free(payload);
    free(jwk);
    free(header);
    return out;
}

char *jws_thumbprint(const struct key *account_key, struct err *e)
{
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    char *jwk = jwk_public(account_key, e);
    char *out = NULL;

    if (jwk == NULL)
        return NULL;
    if (crypto_hash(MBEDTLS_MD_SHA256, jwk, strlen(jwk), hash))
        out = b64url_encode(hash, 32);
    if (out == NULL)
        err_nomem(e, "thumbprint of the account key");
    free(jwk);
    return out;
}
