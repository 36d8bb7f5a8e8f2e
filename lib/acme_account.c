/* SPDX-License-Identifier: MIT */
#include "lib/acme_internal.h"

#include "lib/json.h"

static const char *const status_names[] = {
    [ACME_ACCOUNT_VALID] = "valid",
    [ACME_ACCOUNT_DEACTIVATED] = "deactivated",
    [ACME_ACCOUNT_REVOKED] = "revoked",
};

bool acme_account_parse(const struct acme_directory *d, const struct http_reply *reply,
                        enum acme_account_status *status, char **url, struct err *e)
{
    json_t *root = acme_body(reply, "account", e);
    const char *name = NULL;
    int found = -1;

    if (root == NULL)
        return false;
    if (json_need_string(root, "status", &name, e)) {
        found = acme_name_find(status_names, sizeof status_names / sizeof status_names[0], name);
        if (found < 0)
            err_set(e, ERR_CLASS_TRANSIENT, "status \"%.40s\" is unknown", name);
    }
    json_decref(root);
    if (found >= 0 && reply->location == NULL) {
        err_set(e, ERR_CLASS_TRANSIENT, "the reply does not say the account's URL (Location)");
        found = -1;
    }
    if (found < 0 || !acme_url_copy(url, d, "account", reply->location, e))
        return err_wrap(e, "the CA's account cannot be used");
    *status = (enum acme_account_status)found;
    return true;
}
