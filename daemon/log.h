/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_LOG_H
#define ACMED_DAEMON_LOG_H

/* One clear line an event. The supervisor writes to the journal or stderr; keeper and engine hand framed
 * records to the supervisor over a stream socketpair, which bounds and cleans them (log_relay()). */

#include "lib/config.h"

#include <stdbool.h>

/* certificate: the name it is about, becomes a field of the journal and a prefix elsewhere; NULL: none. */
void log_write(enum log_level level, const char *certificate, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(cert, ...)   log_write(LOG_LEVEL_ERROR, cert, __VA_ARGS__)
#define log_warning(cert, ...) log_write(LOG_LEVEL_WARNING, cert, __VA_ARGS__)
#define log_notice(cert, ...)  log_write(LOG_LEVEL_NOTICE, cert, __VA_ARGS__)
#define log_info(cert, ...)    log_write(LOG_LEVEL_INFO, cert, __VA_ARGS__)
#define log_debug(cert, ...)   log_write(LOG_LEVEL_DEBUG, cert, __VA_ARGS__)

/* Records above this level are dropped. LOG_LEVEL_INFO until called. */
void log_set_level(enum log_level level);

#define LOG_JOURNALD "/run/systemd/journal/socket"

/* The supervisor: to journald, in its native protocol (systemd.journal-fields(7)), when stderr is its stream
 * and force_stderr is false; else to stderr. journald: the path of its socket, LOG_JOURNALD but for tests.
 * A record has PRIORITY=, SYSLOG_IDENTIFIER= (the process), MESSAGE= and, where it is about a certificate,
 * ACMED_CERTIFICATE=. */
void log_open(bool force_stderr, const char *journald);
/* Keeper and engine: framed records to fd (blocking writes with a bound: a stuck supervisor loses records,
 * not time). */
void log_open_relay(int fd, const char *process);

/* The supervisor's end of one child's log socketpair: reads what is there and writes it out. False: end of
 * file. */
struct log_relay;
struct log_relay *log_relay_new(int fd, const char *process);
bool log_relay_read(struct log_relay *r);
void log_relay_free(struct log_relay *r); /* drains and closes */

#endif
