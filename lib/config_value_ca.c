/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/config.h"

#include <ctype.h>
#include <string.h>

/* Values of [ca NAME]. */

#define EAB_KID_MAX     256
#define COMMON_NAME_MAX 200
#define CREDENTIAL_MAX  200

static char **string_field(void *object, const struct config_key *key)
{
    void *field = (char *)object + key->offset;

    return field;
}

bool config_value_account_key(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_ca *ca = object;

    (void)key;
    return key_type_from_str(value, &ca->account_key) ||
           err_set(e, ERR_CLASS_CONFIG,
                   "\"%.80s\" is none of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 and rsa-4096", value);
}

/* It goes into a JSON string as it is. */
bool config_value_eab_kid(void *object, const struct config_key *key, const char *value, struct err *e)
{
    size_t len = strlen(value);

    if (len > EAB_KID_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is longer than %d characters", value, EAB_KID_MAX);
    for (const char *p = value; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || *p == '"' || *p == '\\')
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.80s\" holds a character that key identifiers do not have: give it as the CA "
                           "showed it, without quotes",
                           value);
    return config_string_set(string_field(object, key), value, e);
}

bool config_value_secret(void *object, const struct config_key *key, const char *value, struct err *e)
{
    static const char prefix[] = "credential:";
    const char *name = value + sizeof prefix - 1;

    if (value[0] == '/')
        return config_value_path(object, key, value, e);
    if (strncmp(value, prefix, sizeof prefix - 1) != 0)
        /* The value may be the secret itself: it is not repeated. */
        return err_set(e, ERR_CLASS_CONFIG,
                       "this is neither an absolute path nor credential:NAME: secrets are not written into "
                       "the configuration, put it into a file of its own (mode 0600) and give its path");
    if (!isalnum((unsigned char)*name) || strlen(name) > CREDENTIAL_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no name of a credential", name);
    for (const char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
            return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no name of a credential", name);
    return config_string_set(string_field(object, key), value, e);
}

bool config_value_common_name(void *object, const struct config_key *key, const char *value, struct err *e)
{
    if (strlen(value) > COMMON_NAME_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is longer than %d bytes", value, COMMON_NAME_MAX);
    return config_string_set(string_field(object, key), value, e);
}

bool config_value_staging(void *object, const struct config_key *key, const char *value, struct err *e)
{
    char name[CONFIG_NAME_MAX + 1];

    return config_ca_name_parse(value, name, sizeof name, e) &&
           config_string_set(string_field(object, key), name, e);
}
