/* SPDX-License-Identifier: MIT */
#include "daemon/ipc.h"
