/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_DETAIL_H
#define ACMED_CTL_DETAIL_H

/* `acmectl show`: all that is known of one certificate. Pure: text is appended to out. */

#include "ctl/term.h"
#include "lib/status.h"

#include <stdint.h>

void detail_render(struct buf *out, const struct status_certificate *s, const struct term *t, int64_t now);

#endif
