/* SPDX-License-Identifier: MIT */
#include "daemon/engine/engine.h"

int main(void)
{
    return engine_main();
}
