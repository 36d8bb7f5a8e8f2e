/* SPDX-License-Identifier: MIT */
#include "lib/err.h"
