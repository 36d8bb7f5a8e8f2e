/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/binding.h"

#include "daemon/secret.h"
#include "lib/b64.h"
#include "lib/jws.h"

#include <string.h>
#include <unistd.h>

#define KEY_MIN 16  /* bytes: what is shorter was cut off; RFC 7518 section 3.2 wants 32 */
#define KEY_MAX 512 /* bytes */

/* base64url as CAs hand it out: padding is no part of it, nor is a line's end. */
static bool decode(struct buf *key, const char *text, size_t len, struct err *e)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL && text[len - 1] != '\0')
        len--;
    for (int padding = 0; padding < 2 && len > 0 && text[len - 1] == '='; padding++)
        len--;
    if (!b64url_decode(key, text, len))
        return key->failed
                   ? err_set(e, ERR_CLASS_CONFIG, "it is longer than any HMAC key, or memory is out")
                   : err_set(
                         e, ERR_CLASS_CONFIG,
                         "it is not base64url: it has to hold the HMAC key as the CA showed it and nothing "
                         "else");
    if (key->len < KEY_MIN)
        return err_set(e, ERR_CLASS_CONFIG, "it holds %zu bytes of key, which is too short for an HMAC key",
                       key->len);
    return true;
}

char *binding_make(const struct config_ca *ca, const struct key *account_key, const char *url, struct err *e)
{
    struct buf text;
    struct buf key;
    char *binding = NULL;

    buf_init_secret(&text, SECRET_MAX);
    buf_init_secret(&key, KEY_MAX);
    if (!secret_read(ca->eab_hmac_file, &text, e) ||
        !decode(&key, text.data != NULL ? text.data : "", text.len, e))
        (void)err_wrap(e, "eab_hmac_file %s of [ca %s]", ca->eab_hmac_file, ca->name);
    else
        binding = jws_external_account(account_key, ca->eab_kid, key.data, key.len, url, e);
    buf_clear(&text);
    buf_clear(&key);
    return binding;
}
