/* SPDX-License-Identifier: MIT */
#include "daemon/random.h"

#include <errno.h>
#include <sys/random.h>

bool random_bytes(void *out, size_t len)
{
    unsigned char *p = out;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

uint64_t random_choice(void)
{
    uint64_t r = 0;

    (void)!getrandom(&r, sizeof r, GRND_NONBLOCK);
    return r;
}

uint32_t random_jitter(void)
{
    return (uint32_t)random_choice();
}
