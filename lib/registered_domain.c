/* SPDX-License-Identifier: MIT */
#include "lib/registered_domain.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

/* A libpsl that was built without its list: the last two labels are more often too much in one pot than too
 * little, so that acmed rather waits than is refused. */
static const char *last_two_labels(const char *name)
{
    const char *found = name;
    unsigned dots = 0;

    for (const char *p = name + strlen(name); p > name && dots < 2; p--) {
        if (p[-1] != '.')
            continue;
        if (++dots == 2)
            found = p;
    }
    return found;
}

void registered_domain(const char *name, char out[REGISTERED_DOMAIN_MAX])
{
    unsigned char address[16];
    const psl_ctx_t *list;
    const char *found;

    if (inet_pton(AF_INET6, name, address) == 1) {
        (void)snprintf(out, REGISTERED_DOMAIN_MAX, "%x:%x:%x:%x::/64", address[0] << 8 | address[1],
                       address[2] << 8 | address[3], address[4] << 8 | address[5],
                       address[6] << 8 | address[7]);
        return;
    }
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    list = psl_builtin();
    if (inet_pton(AF_INET, name, address) == 1)
        found = name;
    else
        found = list != NULL ? psl_registrable_domain(list, name) : last_two_labels(name);
    (void)snprintf(out, REGISTERED_DOMAIN_MAX, "%s", found != NULL ? found : name);
}
