/* SPDX-License-Identifier: MIT */
#include "lib/ledger_rates.h"

#include "lib/ca.h"

#include <assert.h>
#include <stdio.h>

#define DAY (24 * 3600)

static const char *const names_of_limits[] = {
    [LEDGER_DOMAIN] = "domain", [LEDGER_SET] = "set", [LEDGER_FAILURES] = "failures"};
static_assert(sizeof names_of_limits / sizeof *names_of_limits == LEDGER_LIMITS, "every limit has a name");

const char *ledger_limit_to_str(enum ledger_limit limit)
{
    return names_of_limits[limit];
}

void ledger_window_to_str(int64_t window_s, char *text, size_t size)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{DAY, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;

    while (window_s % units[i].seconds != 0)
        i++;
    if (window_s == DAY)
        (void)snprintf(text, size, "a day");
    else
        (void)snprintf(text, size, "%lld %s", (long long)(window_s / units[i].seconds), units[i].unit);
}

const struct ledger_rates *ledger_rates(const char *directory_url)
{
    const struct ca_info *ca = ca_by_directory(directory_url);

    for (unsigned i = 0; ca != NULL && i < LEDGER_LIMITS; i++)
        if (ca->rates.v[i].n > 0)
            return &ca->rates;
    return NULL;
}
