/* SPDX-License-Identifier: MIT */
#ifndef ACMED_RANDOM_H
#define ACMED_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* len bytes straight from the kernel: there is no state of a generator which a fork could duplicate. Waits
 * until the kernel has some, early at boot. False: it gives none. (As crypto_draw of lib/key.h.) */
bool random_bytes(void *out, size_t len);

/* What spreads times, so that not all hosts come at once: no secret, so that the kernel is not waited for. 0
 * while it has none. */
uint64_t random_choice(void);

/* The same, as most want it. */
uint32_t random_jitter(void);

#endif
