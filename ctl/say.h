/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_SAY_H
#define ACMED_CTL_SAY_H

/* What acmectl tells when something goes wrong, and which exit status that is; and how JSON is printed. */

#include "ctl/client.h"
#include "ctl/ctl.h"

/* "acmectl: ..." to the error stream. */
void say(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The socket could not be opened, for the reason `why` (errno): where was looked, and how to start the
 * daemon. */
enum ctl_exit say_unreachable(struct ctl *c, int why);

/* The connection did not work out (anything but CLIENT_OK). */
enum ctl_exit say_broken(struct ctl *c, enum client_result result, const struct err *e);

/* The daemon answered with an error. Its strings need not be clean yet. */
enum ctl_exit say_error(struct ctl *c, struct varlink_reply *r);

/* After a question was printed to the error stream: whether the answer is yes. */
bool say_wait_yes(struct ctl *c);

/* For what cannot be undone: true when --yes was given, or a person says yes to the question "... Go on?".
 * Else what is missing was said, and *status is the command's. */
bool say_confirm(struct ctl *c, const char *question, enum ctl_exit *status);

/* Prints j on a line of its own, or on many where `pretty`. */
void say_json(struct ctl *c, const json_t *j, bool pretty);

/* Prints text as it is and takes it out of the buffer. */
void say_buf(struct ctl *c, struct buf *text);

#endif
