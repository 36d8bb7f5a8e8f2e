/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_LOOP_H
#define ACMED_ENGINE_LOOP_H

/* The engine's event loop: descriptors, short delays, deferred calls. The only file that sees
 * libevent. One thread; callbacks may free the object they were called for. */

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_delay;

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Returns after loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Unix milliseconds of the system's clock; and of a clock that nobody sets, which stands still during suspend
 * (that of the delays) or does not. */
int64_t loop_wall_ms(void);
int64_t loop_monotonic_ms(void);
int64_t loop_boot_ms(void);

/* Watches fd (the caller's, never closed here). Nothing is watched until loop_io_want(). NULL: out of memory.
 */
struct loop_io *loop_io_new(struct loop *l, int fd, void (*on_ready)(void *arg, bool readable, bool writable),
                            void *arg);
bool loop_io_want(struct loop_io *io, bool read, bool write);
void loop_io_free(struct loop_io *io);

/* A one-shot delay on the monotonic clock. Starting it again replaces the former time. */
struct loop_delay *loop_delay_new(struct loop *l, void (*on_expired)(void *arg), void *arg);
void loop_delay_start(struct loop_delay *d, int64_t ms);
void loop_delay_stop(struct loop_delay *d);
bool loop_delay_running(const struct loop_delay *d);
void loop_delay_free(struct loop_delay *d);

#endif
