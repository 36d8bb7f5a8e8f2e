/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_H
#define ACMED_TEST_H

/* cmocka wants these, in this order, before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
