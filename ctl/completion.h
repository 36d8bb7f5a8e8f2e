/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_COMPLETION_H
#define ACMED_CTL_COMPLETION_H

/* The scripts of ctl/completion/, built into acmectl: what is installed and what is printed is the same. */

extern const char completion_bash[];
extern const char completion_zsh[];
extern const char completion_fish[];

#endif
