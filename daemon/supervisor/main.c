/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/supervisor.h"
#include "lib/json.h"

int main(int argc, char **argv)
{
    json_memory_guard();
    return supervisor_main(argc, argv);
}
