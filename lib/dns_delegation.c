/* SPDX-License-Identifier: MIT */
#include "lib/dns_delegation.h"

#include "lib/challenge.h"
#include "lib/dns_reply.h"
#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

#define CHALLENGE_LABEL "_acme-challenge."

static bool is_own(const struct config_certificate *c, const char *target)
{
    size_t label = challenge_account_label(target);

    if (strncmp(target + label, CHALLENGE_LABEL, strlen(CHALLENGE_LABEL)) != 0)
        return false;
    target += label + strlen(CHALLENGE_LABEL);
    for (size_t i = 0; i < c->domains.n; i++)
        if (strcmp(ident_base(c->domains.v[i]), target) == 0)
            return true;
    return false;
}

bool dns_delegation_check(const struct config_certificate *c, const char *identifier, const char *target,
                          struct err *e)
{
    char *list;

    if ((!c->dns_delegation_off && c->dns_delegation.n == 0) || is_own(c, target))
        return true;
    for (size_t i = 0; i < c->dns_delegation.n; i++)
        if (dns_name_is_below(target, c->dns_delegation.v[i]))
            return true;
    list = strv_join(&c->dns_delegation, " ");
    if (list == NULL)
        return err_nomem(e, "a DNS record");
    err_set(
        e, ERR_CLASS_CONFIG,
        "CNAME records lead from the name of the record for %.253s to %s, where `dns_delegation = %.500s` of "
        "[certificate %s] lets none be set; if they are right, add %s, or a domain above it, to that list",
        identifier, target, c->dns_delegation_off ? "off" : list, c->section, target);
    free(list);
    return false;
}
