/* SPDX-License-Identifier: MIT */
/* Every parser of what a CA sends. What one accepts must be safe to use: URLs of the CA, tokens of base64url.
 */

#include "lib/acme.h"
#include "lib/b64.h"
#include "lib/http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY "https://ca.test/dir"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void try_directory(const struct http_reply *reply)
{
    struct acme_directory d;
    struct err e;

    if (!acme_directory_parse(&d, DIRECTORY, reply, &e))
        return;
    must(http_same_origin(d.new_nonce, DIRECTORY));
    must(http_same_origin(d.new_account, DIRECTORY));
    must(http_same_origin(d.new_order, DIRECTORY));
    acme_directory_clear(&d);
}

static void try_order(const struct acme_directory *d, const struct http_reply *reply)
{
    char *one[] = {(char[]){"a.example.com"}};
    const struct strv names = {one, 1};
    struct acme_order o;
    struct err e;

    if (!acme_order_parse(&o, d, &names, reply, &e))
        return;
    must(o.authorizations.n > 0 && o.authorizations.n <= ACME_AUTHORIZATIONS_MAX);
    for (size_t i = 0; i < o.authorizations.n; i++)
        must(http_same_origin(o.authorizations.v[i], DIRECTORY));
    must(http_same_origin(o.finalize, DIRECTORY));
    must(o.certificate == NULL || http_same_origin(o.certificate, DIRECTORY));
    must(o.certificate != NULL || o.status != ACME_ORDER_VALID);
    must(o.error == NULL || strpbrk(o.error, "\n\r\033") == NULL);
    acme_order_clear(&o);
}

static void try_authorization(const struct acme_directory *d, const struct http_reply *reply)
{
    struct acme_authorization a;
    struct err e;

    if (!acme_authorization_parse(&a, d, CHALLENGE_TYPE_HTTP_01, reply, &e))
        return;
    must(a.identifier != NULL && a.offered != NULL);
    must(a.token == NULL || b64url_valid(a.token, ACME_TOKEN_MAX));
    must(a.challenge_url == NULL || http_same_origin(a.challenge_url, DIRECTORY));
    if (a.status == ACME_AUTHORIZATION_PENDING && a.has_challenge)
        must(a.token != NULL && a.challenge_url != NULL);
    must(a.error == NULL || strpbrk(a.error, "\n\r\033") == NULL);
    acme_authorization_clear(&a);
}

static void try_persistent(const struct acme_directory *d, const struct http_reply *reply)
{
    struct acme_authorization a;
    struct err e;

    if (!acme_authorization_parse(&a, d, CHALLENGE_TYPE_DNS_PERSIST_01, reply, &e))
        return;
    must(a.token == NULL || *a.token == '\0');
    must(a.issuers.n <= ACME_ISSUERS_MAX);
    if (a.status == ACME_AUTHORIZATION_PENDING && a.has_challenge)
        must(a.issuers.n > 0 && a.challenge_url != NULL);
    for (size_t i = 0; i < a.issuers.n; i++)
        must(strpbrk(a.issuers.v[i], "; \"\\") == NULL);
    acme_authorization_clear(&a);
}

static void try_account(const struct acme_directory *d, const struct http_reply *reply)
{
    enum acme_account_status status;
    char *url = NULL;
    struct err e;

    if (acme_account_parse(d, reply, &status, &url, &e))
        must(http_same_origin(url, DIRECTORY));
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 201, 400, 403, 429, 500, 503, 302};
    struct acme_directory d = {.url = (char[]){DIRECTORY}};
    struct http_reply reply = {.retry_after = -1};
    struct err e = {0};
    char *text;

    if (size < 1)
        return 0;
    text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    reply.status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
    reply.body = text;
    reply.body_len = size - 1;
    reply.location = http_url_check(text, &e) ? text : NULL;
    reply.retry_after = http_retry_after(text, 1794000000);
    must(reply.retry_after == -1 || (reply.retry_after >= 1 && reply.retry_after <= 86400));
    if (!acme_reply_check(&reply, 1794000000, NULL, &e))
        must(e.class != ERR_CLASS_NONE && strpbrk(e.text, "\n\r\033") == NULL);
    try_directory(&reply);
    try_order(&d, &reply);
    try_authorization(&d, &reply);
    try_persistent(&d, &reply);
    try_account(&d, &reply);
    free(text);
    return 0;
}
