/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_COMMANDS_H
#define ACMED_CTL_COMMANDS_H

/* The commands; the command line is in *c already and has the right number of arguments. */

#include "ctl/ctl.h"

enum ctl_exit command_status(struct ctl *c);
enum ctl_exit command_watch(struct ctl *c); /* status --watch */
enum ctl_exit command_renew(struct ctl *c);
enum ctl_exit command_test(struct ctl *c);
enum ctl_exit command_show(struct ctl *c);
enum ctl_exit command_history(struct ctl *c);
enum ctl_exit command_plan(struct ctl *c);
enum ctl_exit command_deploy(struct ctl *c);
enum ctl_exit command_rollback(struct ctl *c);
enum ctl_exit command_revoke(struct ctl *c);
enum ctl_exit command_account(struct ctl *c);
enum ctl_exit command_thumbprint(struct ctl *c);
enum ctl_exit command_reload(struct ctl *c);
enum ctl_exit command_check(struct ctl *c);
enum ctl_exit command_completion(struct ctl *c);
enum ctl_exit command_version(struct ctl *c);

#endif
