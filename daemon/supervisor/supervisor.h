/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_SUPERVISOR_H
#define ACMED_SUPERVISOR_SUPERVISOR_H

/* The supervisor as a whole. */

/* Runs until it is stopped; returns the exit status of the process: 0 stopped, 1 runtime error, 2
 * configuration, 75 restart me. */
int supervisor_main(int argc, char **argv);

#endif
