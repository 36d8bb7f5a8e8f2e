/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_LOG_LIMIT_H
#define ACMED_DAEMON_LOG_LIMIT_H

/* How much may be logged. A child that was taken over must neither fill the disk nor make journald, which
 * counts by the service, drop what the others say. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LIMIT_SPAN_S  30
#define LOG_LIMIT_RECORDS 8000              /* in one span; journald takes 10,000 of the whole service */
#define LOG_LIMIT_BYTES   (4 * 1024 * 1024) /* likewise */
#define LOG_LIMIT_DEBUG   8                 /* times as much for whom has asked for log_level = debug */

struct log_limit_rule {
    int64_t span_s;
    unsigned records; /* in one span */
    size_t bytes;     /* likewise */
};

/* What one child may log. debug: for whom has asked for log_level = debug. */
struct log_limit_rule log_limit_of_child(bool debug);

/* Zeroed: nothing was logged yet. */
struct log_limit {
    int64_t began; /* the span */
    unsigned records;
    size_t bytes;
    unsigned dropped;
};

/* A record of so many bytes at `now` (seconds of a clock that never goes back). False: it is to be dropped.
 * *lost: how many were dropped in the span that this record ends; 0: none. */
bool log_limit_admit(struct log_limit *l, struct log_limit_rule rule, size_t bytes, int64_t now,
                     unsigned *lost);

#endif
