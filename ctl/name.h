/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_NAME_H
#define ACMED_CTL_NAME_H

/* Names of certificates and identifiers as people read them: with U-labels (RFC 5890) where the terminal can
 * show these and nothing in them plays tricks, else as they are. */

#include "ctl/term.h"

/* "bücher.example". The caller frees; NULL: out of memory. */
char *name_short(const char *name, const struct term *t);

/* "bücher.example (xn--bcher-kva.example)": what is also to be found in logs and files. */
char *name_full(const char *name, const struct term *t);

#endif
