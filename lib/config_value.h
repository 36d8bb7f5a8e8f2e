/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CONFIG_VALUE_H
#define ACMED_CONFIG_VALUE_H

/* Parsers of values, as the table of keys (lib/config_table.h) names them: text -> field. The text is valid
 * UTF-8 without control characters and never empty. Those without a struct in their comment write at
 * key->offset. */

#include "lib/config_table.h"
#include "lib/strv.h"

#define CONFIG_PATH_MAX   4095
#define CONFIG_LIST_MAX   100 /* elements of a list */
#define CONFIG_SOCKET_MAX 107 /* bytes of a Unix socket's path: sun_path less its NUL */

bool config_value_bool(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_unsigned(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_seconds(void *object, const struct config_key *key, const char *value,
                          struct err *e); /* unsigned */
bool config_value_path(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_socket_path(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_user(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_email(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_https_url(void *object, const struct config_key *key, const char *value, struct err *e);

/* struct config */
bool config_value_listen(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_tls_alpn_listen(void *object, const struct config_key *key, const char *value,
                                  struct err *e);
bool config_value_http_other(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_dns_resolver(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_experimental(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_log_level(void *object, const struct config_key *key, const char *value, struct err *e);

/* struct config_ca */
bool config_value_account_key(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_eab_kid(void *object, const struct config_key *key, const char *value, struct err *e);
/* An absolute path, or "credential:NAME": secrets are never values. */
bool config_value_secret(void *object, const struct config_key *key, const char *value, struct err *e);
/* Also of certificates. */
bool config_value_staging(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_common_name(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_limits(void *object, const struct config_key *key, const char *value, struct err *e);

/* struct config_certificate */
bool config_value_domain(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_ca(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_key_type(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_challenge(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_profile(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_renew_before(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_mode(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_copy(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_unit(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_dns_hook(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_dns_delegation(void *object, const struct config_key *key, const char *value,
                                 struct err *e);
bool config_value_hook(void *object, const struct config_key *key, const char *value, struct err *e);
bool config_value_verify(void *object, const struct config_key *key, const char *value, struct err *e);

/* Helpers the parsers share. */

/* Digits only, no sign, no blanks; false also when it does not fit. */
bool config_number_parse(const char *s, size_t len, int64_t *out);
/* "90s", "5m", "12h", "30d" within the key's bounds. */
bool config_duration_parse(const struct config_key *key, const char *value, int64_t *seconds, struct err *e);
/* An absolute path without `.` or `..`, repeated slashes made one; the caller frees. NULL with e. */
char *config_path_normalise(const char *value, struct err *e);
/* A command line, split into words as a shell would quote them. Replaces *argv. */
bool config_words_parse(struct strv *argv, const char *value, struct err *e);
/* Likewise; the first word is a program, an absolute path. */
bool config_command_parse(struct strv *argv, const char *value, struct err *e);
/* "1".."65535" */
bool config_port_parse(const char *s, uint16_t *port);
/* Replaces an owned string. False: out of memory. */
bool config_string_set(char **field, const char *value, struct err *e);

/* [a-z0-9][a-z0-9._-]{0,199}, lower-cased into out. */
bool config_name_parse(const char *s, char *out, size_t size);
/* The same, where a CA is named. */
bool config_ca_name_parse(const char *s, char *out, size_t size, struct err *e);

#endif
