/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_METHODS_H
#define ACMED_ENGINE_METHODS_H

/* What the methods of lib/org.acmed.Control.varlink do. */

#include "daemon/engine/certificate.h"
#include "daemon/engine/peer.h"

/* Answers the call, now or later; parameters are borrowed for the call. */
void method_call(struct peer *p, enum varlink_method_id id, const json_t *parameters);

/* One file each. */
void method_status(struct peer *p, const json_t *parameters);
void method_watch(struct peer *p, const json_t *parameters);
void method_history(struct peer *p, const json_t *parameters);
void method_plan(struct peer *p, const json_t *parameters);
void method_renew(struct peer *p, const json_t *parameters);
void method_test(struct peer *p, const json_t *parameters);
void method_deploy(struct peer *p, const json_t *parameters);
void method_check(struct peer *p, const json_t *parameters);
void method_reload(struct peer *p, const json_t *parameters);
void method_revoke(struct peer *p, const json_t *parameters);
void method_rollback(struct peer *p, const json_t *parameters);
void method_accounts(struct peer *p, const json_t *parameters);
void method_account_update(struct peer *p, const json_t *parameters);
void method_account_rollover(struct peer *p, const json_t *parameters);
void method_account_deactivate(struct peer *p, const json_t *parameters);
/* Answers with Refused. */
void method_refuse(struct peer *p, const struct err *e);
/* Why peer_grant() was not possible. Static storage. */
extern const char method_no_grant[];

/* Parameters, checked: false when the type is wrong, the peer has its InvalidParameter then. Absent or null
 * leaves *value as it is. */
bool method_bool(struct peer *p, const json_t *parameters, const char *name, bool *value);
bool method_int(struct peer *p, const json_t *parameters, const char *name, int64_t least, int64_t most,
                int64_t *value);
/* Borrowed. */
bool method_string(struct peer *p, const json_t *parameters, const char *name, const char **value);
/* The certificates that `names` selects (all, where it is absent or empty), as an array of n the caller
 * frees. Unknown ones: the peer has its NoSuchCertificate, and false. */
bool method_selection(struct peer *p, const json_t *parameters, struct certificate ***v, size_t *n,
                      bool *named);
/* The same for the one name of a call, which stands for all certificates of its section; NULL: there is
 * none. */
bool method_named(struct peer *p, const char *name, struct certificate ***v, size_t *n);
/* NoSuchCertificate, with the names there are. */
void method_unknown_certificate(struct peer *p, const char *name);

#endif
