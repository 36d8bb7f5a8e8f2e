/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/keeper.h"

int main(void)
{
    return keeper_main();
}
