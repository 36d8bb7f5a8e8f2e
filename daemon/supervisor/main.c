/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/supervisor.h"

int main(int argc, char **argv)
{
    return supervisor_main(argc, argv);
}
