/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/config.h"

#include <string.h>

#define LIMIT_MAX 1000000

/* "280/3h": that many in that time; "none": 0. */
static bool parse_rate(const struct config_key *key, const char *word, unsigned *limit, int64_t *window,
                       struct err *e)
{
    const char *slash = strchr(word, '/');
    int64_t n;

    *limit = 0;
    if (strcmp(word, "none") == 0)
        return true;
    if (slash == NULL || !config_number_parse(word, (size_t)(slash - word), &n) || n < 1 || n > LIMIT_MAX)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" is neither none nor a number (1 to %d) in a time, like 280/3h", word,
                       LIMIT_MAX);
    if (!config_duration_parse(key, slash + 1, window, e))
        return false;
    *limit = (unsigned)n;
    return true;
}

/* Which limit the word is about: the one that its prefix names, else that on new orders. */
static bool parse_word(struct config_ca *ca, const struct config_key *key, const char *word, struct err *e)
{
    const char *colon = strchr(word, ':');

    if (colon == NULL && ca->limits_set)
        return err_set(e, ERR_CLASS_CONFIG, "the limit on new orders is given twice");
    if (colon == NULL) {
        ca->limits_set = true;
        return parse_rate(key, word, &ca->limit, &ca->limit_window, e);
    }
    for (unsigned i = 0; i < LEDGER_LIMITS; i++) {
        const char *name = ledger_limit_to_str((enum ledger_limit)i);

        if (strlen(name) != (size_t)(colon - word) || strncmp(word, name, strlen(name)) != 0)
            continue;
        if (ca->rates_set[i])
            return err_set(e, ERR_CLASS_CONFIG, "%s: is given twice", name);
        ca->rates_set[i] = true;
        return parse_rate(key, colon + 1, &ca->rates.v[i].n, &ca->rates.v[i].window_s, e);
    }
    return err_set(e, ERR_CLASS_CONFIG,
                   "\"%.80s\" is about none of the limits domain:, set: and failures:", word);
}

bool config_value_limits(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_ca *ca = object;
    char word[128];

    for (const char *p = value + strspn(value, " \t"); *p != '\0'; p += strspn(p, " \t")) {
        size_t len = strcspn(p, " \t");

        if (len >= sizeof word)
            return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is too long for a limit like 280/3h", p);
        memcpy(word, p, len);
        word[len] = '\0';
        if (!parse_word(ca, key, word, e))
            return false;
        p += len;
    }
    return true;
}
