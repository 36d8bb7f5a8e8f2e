/* SPDX-License-Identifier: MIT */
#ifndef ACMED_UNPAUSE_H
#define ACMED_UNPAUSE_H

/* Let's Encrypt pauses names after 1,152 failed validations in a row; its refusal holds a link by which a
 * person lifts the pause. The link is only shown, never fetched. */

#include <stdbool.h>

#define UNPAUSE_LINK_MAX 1300 /* bytes, with the NUL */

/* The first https URL about unpausing in a CA's text that is whole; written to link (NULL: not wanted).
 * False: there is none. */
bool unpause_link(const char *text, char link[UNPAUSE_LINK_MAX]);

#endif
