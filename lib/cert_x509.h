/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CERT_X509_H
#define ACMED_CERT_X509_H

/* What cert.c and cert_chain.c share. Private to them. */

#include "lib/cert.h"

#include <mbedtls/x509_crt.h>

#define CERT_PEM_MAX ((size_t)256 * 1024) /* bytes of a chain */

/* Parses exactly one certificate into crt, which the caller has initialised. */
bool cert_x509_parse(mbedtls_x509_crt *crt, const uint8_t *der, size_t len, struct err *e);

/* f's old content is not freed; untouched on failure. */
bool cert_facts_from_x509(struct cert_facts *f, const mbedtls_x509_crt *crt, struct err *e);

/* Whether the subjectAltName holds anything else than DNS names and IP addresses: mail boxes, URIs ... */
bool cert_x509_has_other_names(const mbedtls_x509_crt *crt);

/* The name of the certificate in renewal information (RFC 9773 section 4.1): base64url of its authority key
 * identifier, a dot, base64url of its serial number's DER. The caller frees; NULL with true: it has none. */
bool cert_x509_ari_id(const mbedtls_x509_crt *crt, char **id, struct err *e);

/* Unix seconds of an X.509 date. */
int64_t cert_x509_time(const mbedtls_x509_time *t);

#endif
