/* SPDX-License-Identifier: MIT */
#include "daemon/engine/engine.h"
#include "lib/json.h"

int main(void)
{
    json_memory_guard();
    return engine_main();
}
