/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/keeper.h"
#include "lib/json.h"

int main(void)
{
    json_memory_guard();
    return keeper_main();
}
