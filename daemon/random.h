/* SPDX-License-Identifier: MIT */
#ifndef ACMED_RANDOM_H
#define ACMED_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* len bytes straight from the kernel: there is no state of a generator which a fork could duplicate. Waits
 * until the kernel has some, early at boot. False: it gives none. (As crypto_draw of lib/key.h.) */
bool random_bytes(void *out, size_t len);

#endif
