/* SPDX-License-Identifier: MIT */
#include "lib/advice.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* What the problem came of. */
enum source {
    SOURCE_NONE,
    SOURCE_REQUEST,    /* the CA refused a request */
    SOURCE_VALIDATION, /* it could not validate a name */
};

/* Which orders a row is for. */
enum proof { PROOF_ANY, PROOF_HTTP, PROOF_ALPN, PROOF_DNS, PROOF_ACCOUNT, PROOF_PERSIST };

static const char port_80[] =
    "Port 80 of every address that the name has must be open to the world (over IPv6 too, if there is an "
    "AAAA "
    "record) and lead to acmed, or to a web server that hands /.well-known/acme-challenge/ on to it. To see "
    "it "
    "as the CA does, run `curl -i http://NAME/.well-known/acme-challenge/x` from another network: acmed "
    "answers 404 with `Cache-Control: no-store`.";
static const char other_host[] =
    "Something else than acmed answered. Either the name points to another host (look at its A and AAAA "
    "records, the CA's message has the address), or a web server there answers or redirects before it hands "
    "/.well-known/acme-challenge/ on to acmed.";
static const char port_443[] =
    "The CA connects to port 443 of every address that the name has (over IPv6 too, if there is an AAAA "
    "record) "
    "and offers the protocol acme-tls/1: that connection must come to acmed (`tls_alpn_listen`) as it is, "
    "through whatever stands in front, and not to a web server that ends the TLS itself.";
static const char no_address[] =
    "The CA finds no address for the name. Give it an A or AAAA record; a record that is new must have "
    "reached "
    "all name servers of the zone, and a broken DNSSEC signature looks like this, too.";
static const char no_record[] = "The CA did not find the TXT record _acme-challenge.NAME with the value of "
                                "this order. `dns_hook` must not "
                                "end before all name servers of the zone have it: compare `dig TXT "
                                "_acme-challenge.NAME @SERVER` for each "
                                "of them while the order is under way.";
static const char no_account_record[] =
    "The CA did not find the TXT record _LABEL._acme-challenge.NAME (LABEL is that of the account) with the "
    "value of this order. `dns_hook` must not end before all name servers of the zone have it; where CNAME "
    "records are used, this name needs one of its own, and another account, that of a rehearsal, say, has "
    "another LABEL.";
static const char no_lasting_record[] =
    "The CA did not find the TXT record _validation-persist.NAME of this account, or its `policy` or "
    "`persistUntil` do not allow this name now. Publish what `acmectl show NAME` or the error lists, and "
    "compare `dig TXT _validation-persist.NAME @SERVER` for each name server of the zone.";
static const char caa[] =
    "A CAA record of the name, or of a domain above it, does not let this CA issue. Add the CA to it "
    "(`acmectl status --json` shows as caa_identities what it looks for), remove it, or give another `ca`.";

static const struct {
    const char *type;
    enum source source;
    enum proof proof;
    const char *text;
} rows[] = {
    {"connection", SOURCE_VALIDATION, PROOF_HTTP, port_80},
    {"tls", SOURCE_VALIDATION, PROOF_HTTP,
     "The CA was redirected to https and could not finish the TLS handshake there: answer challenges on port "
     "80, without a redirect."},
    {"unauthorized", SOURCE_VALIDATION, PROOF_HTTP, other_host},
    {"incorrectResponse", SOURCE_VALIDATION, PROOF_HTTP, other_host},
    {"rejectedIdentifier", SOURCE_VALIDATION, PROOF_HTTP, other_host}, /* step-ca's word for it */
    {"dns", SOURCE_VALIDATION, PROOF_HTTP, no_address},
    {"connection", SOURCE_VALIDATION, PROOF_ALPN, port_443},
    {"tls", SOURCE_VALIDATION, PROOF_ALPN, port_443},
    {"unauthorized", SOURCE_VALIDATION, PROOF_ALPN, port_443},
    {"incorrectResponse", SOURCE_VALIDATION, PROOF_ALPN, port_443},
    {"rejectedIdentifier", SOURCE_VALIDATION, PROOF_ALPN, port_443},
    {"dns", SOURCE_VALIDATION, PROOF_ALPN, no_address},
    {"unauthorized", SOURCE_VALIDATION, PROOF_DNS, no_record},
    {"incorrectResponse", SOURCE_VALIDATION, PROOF_DNS, no_record},
    {"rejectedIdentifier", SOURCE_VALIDATION, PROOF_DNS, no_record},
    {"dns", SOURCE_VALIDATION, PROOF_DNS, no_record},
    {"unauthorized", SOURCE_VALIDATION, PROOF_ACCOUNT, no_account_record},
    {"incorrectResponse", SOURCE_VALIDATION, PROOF_ACCOUNT, no_account_record},
    {"rejectedIdentifier", SOURCE_VALIDATION, PROOF_ACCOUNT, no_account_record},
    {"dns", SOURCE_VALIDATION, PROOF_ACCOUNT, no_account_record},
    {"unauthorized", SOURCE_VALIDATION, PROOF_PERSIST, no_lasting_record},
    {"incorrectResponse", SOURCE_VALIDATION, PROOF_PERSIST, no_lasting_record},
    {"rejectedIdentifier", SOURCE_VALIDATION, PROOF_PERSIST, no_lasting_record},
    {"dns", SOURCE_VALIDATION, PROOF_PERSIST, no_lasting_record},
    {"caa", SOURCE_VALIDATION, PROOF_ANY, caa},
    {"caa", SOURCE_REQUEST, PROOF_ANY, caa},
    {"rejectedIdentifier", SOURCE_REQUEST, PROOF_ANY,
     "The CA issues no certificate for this name: take it out of `domains`, or give another `ca`."},
    {"unsupportedIdentifier", SOURCE_REQUEST, PROOF_ANY,
     "The CA issues no certificates for names of this kind: take it out of `domains`, or give another `ca`."},
    {"badPublicKey", SOURCE_REQUEST, PROOF_ANY, "The CA takes no key of this type: give another `key`."},
    {"userActionRequired", SOURCE_REQUEST, PROOF_ANY,
     "The CA wants something done by you before it takes another order, such as agreeing to changed terms: "
     "see "
     "to what the error says, then run `acmectl account update`, which also has it tried again at once."},
    {"rateLimited", SOURCE_REQUEST, PROOF_ANY,
     "The CA's limit is used up: it has room again after the time that it names; asking sooner does not "
     "help."},
};

/* The problem's type, as the texts of orders have it: behind "could not be validated: " and "made the order
 * invalid: " for validations, behind "HTTP 403 " for requests. */
static enum source find_type(const char *error, const char **type)
{
    static const char *const marks[] = {"could not be validated: ", "the CA made the order invalid: "};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        *type = strstr(error, marks[i]);
        if (*type != NULL) {
            *type += strlen(marks[i]);
            return SOURCE_VALIDATION;
        }
    }
    *type = strstr(error, "HTTP ");
    if (*type == NULL || strspn(*type + 5, "0123456789") != 3 || (*type)[8] != ' ')
        return SOURCE_NONE;
    *type += 9;
    return SOURCE_REQUEST;
}

static enum proof proof_of(enum challenge_type challenge)
{
    static const enum proof proofs[] = {
        [CHALLENGE_TYPE_HTTP_01] = PROOF_HTTP,
        [CHALLENGE_TYPE_TLS_ALPN_01] = PROOF_ALPN,
        [CHALLENGE_TYPE_DNS_01] = PROOF_DNS,
        [CHALLENGE_TYPE_DNS_ACCOUNT_01] = PROOF_ACCOUNT,
        [CHALLENGE_TYPE_DNS_PERSIST_01] = PROOF_PERSIST,
    };
    static_assert(sizeof proofs / sizeof proofs[0] == CHALLENGE_TYPE_COUNT, "every type is proven somehow");

    return proofs[challenge];
}

/* Let's Encrypt pauses names whose validation failed again and again: only a person can lift that. */
static bool advise_unpause(const char *error, char out[ADVICE_MAX])
{
    char link[UNPAUSE_LINK_MAX];

    if (!unpause_link(error, link) ||
        (strstr(error, "rateLimited") == NULL && strstr(error, "unauthorized") == NULL))
        return false;
    (void)snprintf(
        out, ADVICE_MAX,
        "The CA has paused these names, because their validation failed again and again. Put right what "
        "made it fail, open %s to lift the pause, then run `acmectl renew now`.",
        link);
    return true;
}

bool advice_for(const char *error, enum challenge_type challenge, char out[ADVICE_MAX])
{
    const enum proof proof = proof_of(challenge);
    const char *type;
    enum source source = find_type(error, &type);

    out[0] = '\0';
    if (advise_unpause(error, out))
        return true;
    for (size_t i = 0; source != SOURCE_NONE && i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].type);

        if (rows[i].source != source || (rows[i].proof != PROOF_ANY && rows[i].proof != proof) ||
            strncmp(type, rows[i].type, n) != 0 || strchr(": ;,)", type[n]) == NULL)
            continue;
        (void)snprintf(out, ADVICE_MAX, "%s", rows[i].text);
        return true;
    }
    return false;
}
