/* SPDX-License-Identifier: MIT */
#include "lib/acme.h"

#include "lib/ident.h"

#include <jansson.h>
#include <string.h>

/* Takes the value; the text is the caller's. */
static char *dump(json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    return text;
}

/* Administrators write a mail address; ACME wants a URL (RFC 8555 section 7.3). */
static json_t *contact_url(const char *contact)
{
    return strncmp(contact, "mailto:", 7) == 0 ? json_string(contact) : json_sprintf("mailto:%s", contact);
}

char *acme_payload_new_account(const char *contact, bool agree_terms, const char *binding)
{
    json_t *payload = json_object();

    if (payload == NULL)
        return NULL;
    if ((contact != NULL &&
         json_object_set_new(payload, "contact", json_pack("[o]", contact_url(contact))) != 0) ||
        (agree_terms && json_object_set_new(payload, "termsOfServiceAgreed", json_true()) != 0) ||
        (binding != NULL && json_object_set_new(payload, "externalAccountBinding",
                                                json_loads(binding, JSON_REJECT_DUPLICATES, NULL)) != 0)) {
        json_decref(payload);
        return NULL;
    }
    return dump(payload);
}

char *acme_payload_find_account(void)
{
    return dump(json_pack("{s:b}", "onlyReturnExisting", 1));
}

char *acme_payload_update_account(const char *contact)
{
    return dump(contact != NULL ? json_pack("{s:[o]}", "contact", contact_url(contact))
                                : json_pack("{s:[]}", "contact"));
}

char *acme_payload_deactivate_account(void)
{
    return dump(json_pack("{s:s}", "status", "deactivated"));
}

char *acme_payload_key_change(const char *account_url, const char *old_key)
{
    json_t *jwk = json_loads(old_key, 0, NULL);

    return jwk != NULL ? dump(json_pack("{s:s, s:o}", "account", account_url, "oldKey", jwk)) : NULL;
}

char *acme_payload_revoke(const char *certificate_b64, unsigned reason)
{
    return dump(json_pack("{s:s, s:i}", "certificate", certificate_b64, "reason", (int)reason));
}

char *acme_payload_new_order(const struct strv *names, const char *profile, const char *replaces)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < names->n; i++) {
        const char *type = ident_type_to_str(ident_type(names->v[i]));

        if (json_array_append_new(list, json_pack("{s:s, s:s}", "type", type, "value", names->v[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list != NULL ? dump(json_pack("{s:o s:s* s:s*}", "identifiers", list, "profile", profile,
                                         "replaces", replaces))
                        : NULL;
}

char *acme_payload_finalize(const char *csr_b64)
{
    return dump(json_pack("{s:s}", "csr", csr_b64));
}
