/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_MULTI_H
#define ACMED_ENGINE_MULTI_H

/* libcurl's transfers in the engine's loop: its descriptors are watched, its timer runs, and after each of
 * its steps somebody looks at what has come to an end. */

#include "daemon/engine/loop.h"

#include <curl/curl.h>

struct multi;

/* on_step is called in turns of the loop, whenever transfers may have ended (curl_multi_info_read()). NULL:
 * out of memory. */
struct multi *multi_new(struct loop *l, void (*on_step)(void *arg), void *arg);
/* All transfers were removed before. NULL is ignored. */
void multi_free(struct multi *m);
/* To add and remove transfers, and to read which have ended. */
CURLM *multi_curl(const struct multi *m);

#endif
