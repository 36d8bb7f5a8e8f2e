/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_NOTIFY_H
#define ACMED_SUPERVISOR_NOTIFY_H

/* What the service manager is told (sd_notify(3)); nothing happens where there is none. */

/* Takes NOTIFY_SOCKET out of the environment: no child is to speak for acmed. */
void notify_open(void);
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
void notify_status(const char *text);

#endif
