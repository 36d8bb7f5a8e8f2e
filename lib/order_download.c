/* SPDX-License-Identifier: MIT */
/* The states of the order in which its certificate is downloaded, with the chain that is preferred
 * (RFC 8555 section 7.4.2). */

#include "lib/order_internal.h"

#include "lib/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void order_prefer_chain(struct order *o, const char *issuer)
{
    o->preferred = issuer;
}

const char *order_chain_note(const struct order *o)
{
    return o->chain_note[0] != '\0' ? o->chain_note : NULL;
}

static bool holds_certificate(const struct http_reply *reply)
{
    static const char pem[] = "-----BEGIN CERTIFICATE-----";

    return memmem(reply->body, reply->body_len, pem, sizeof pem - 1) != NULL;
}

static bool take_chain(struct order *o, const struct http_reply *reply)
{
    char *chain = malloc(reply->body_len + 1);

    if (chain == NULL)
        return err_nomem(&o->error, "the certificate");
    memcpy(chain, reply->body, reply->body_len);
    chain[reply->body_len] = '\0';
    free(o->chain);
    o->chain = chain;
    o->chain_len = reply->body_len;
    return true;
}

/* What cannot be read is not preferred: the keeper says what is wrong with it, if it is to be installed. */
static bool is_preferred(const struct order *o, const struct http_reply *reply)
{
    char *issuer = cert_top_issuer(reply->body, reply->body_len, NULL);
    bool same = issuer != NULL && strcasecmp(issuer, o->preferred) == 0;

    free(issuer);
    return same;
}

/* URLs of another origin are passed over: the keeper would sign no request for them. */
static bool take_alternates(struct order *o, const struct http_reply *reply)
{
    for (size_t i = 0; reply->alternates != NULL && i < reply->alternates->n; i++)
        if (http_same_origin(reply->alternates->v[i], o->directory->url) &&
            !strv_add(&o->alternates, reply->alternates->v[i]))
            return err_nomem(&o->error, "other chains");
    return true;
}

bool order_on_download(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action)
{
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return order_post(o, ORDER_POST_FETCH, o->current.certificate, ORDER_RETRIES, action);
    if (out->kind == ORDER_OUTCOME_REFUSED && order_is_gone(out->reply) && order_retry(o, now, action))
        return true; /* some CAs say "valid" a moment before the certificate can be had */
    if (out->kind != ORDER_OUTCOME_REPLY)
        return order_give_up(o, out, action);
    if (!holds_certificate(out->reply)) {
        err_set(&o->error, ERR_CLASS_TRANSIENT, "the CA's reply holds no PEM certificate");
        return order_unusable(o, false, now, action);
    }
    if (!take_chain(o, out->reply))
        return order_fail(o, false, action);
    if (o->preferred == NULL || is_preferred(o, out->reply))
        return order_go(o, ORDER_STATE_INSTALL);
    if (!take_alternates(o, out->reply))
        return order_fail(o, false, action);
    return order_go(o, ORDER_STATE_ALTERNATE);
}

/* The certificate is there, only not with that chain: it is worth more than the wish. */
static bool settle(struct order *o)
{
    char *issuer = cert_top_issuer(o->chain, o->chain_len, NULL);

    (void)snprintf(
        o->chain_note, sizeof o->chain_note,
        "none of the CA's %zu chains leads to \"%s\"%s%s: its default one is taken, which leads to "
        "\"%s\"",
        o->alternates.n + 1, o->preferred, o->alternate_failed ? ", as far as they could be had; " : "",
        o->alternate_failed ? o->error.text : "", issuer != NULL ? issuer : "an issuer without a name");
    free(issuer);
    return order_go(o, ORDER_STATE_INSTALL);
}

static bool fetch_next(struct order *o, struct order_action *action)
{
    if (o->alternate == o->alternates.n)
        return settle(o);
    return order_post(o, ORDER_POST_FETCH, o->alternates.v[o->alternate], ORDER_RETRIES, action);
}

bool order_on_alternate(struct order *o, const struct order_outcome *out, int64_t now,
                        struct order_action *action)
{
    (void)now;
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return fetch_next(o, action);
    if (out->kind == ORDER_OUTCOME_REPLY && is_preferred(o, out->reply)) {
        if (!take_chain(o, out->reply))
            return order_fail(o, false, action);
        return order_go(o, ORDER_STATE_INSTALL);
    }
    if (out->kind != ORDER_OUTCOME_REPLY)
        o->alternate_failed = true;
    o->alternate++;
    return fetch_next(o, action);
}
