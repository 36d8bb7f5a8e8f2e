/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ALPN_CERTIFICATE_USE_H
#define ACMED_ALPN_CERTIFICATE_USE_H

/* What alpn_server.c needs of alpn_certificate.c. Private to them. */

#include "lib/alpn_certificate.h"

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

struct alpn_certificate {
    mbedtls_x509_crt crt;
    mbedtls_pk_context key;
    unsigned holders;
};

#endif
