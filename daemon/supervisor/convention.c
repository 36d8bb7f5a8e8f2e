/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/convention.h"

#include "daemon/secret.h"
#include "daemon/supervisor/child.h"
#include "daemon/supervisor/trust.h"
#include "lib/dns_reply.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TTL      60   /* seconds */
#define UPDATE_S "60" /* after which nsupdate gives up */

static const char nsupdate[] = "/usr/bin/nsupdate"; /* of BIND */

const char *convention_place(const struct convention_record *r)
{
    return r->target[0] != '\0' ? r->target : r->name;
}

bool convention_is_parallel(enum dns_hook_kind kind)
{
    return kind == DNS_HOOK_EXEC || kind == DNS_HOOK_RFC2136;
}

struct call {
    const struct config_dns_hook *hook;
    const struct convention_record *record;
    uid_t uid;
    const char *home;
    struct strv *argv;
    char **input;
};

static bool add_words(struct strv *argv, const char *a, const char *b, const char *c)
{
    return strv_add(argv, a) && strv_add(argv, b) && strv_add(argv, c);
}

static bool exec_words(struct call *c, struct err *e)
{
    const struct convention_record *r = c->record;

    return (strv_copy(c->argv, &c->hook->argv) &&
            add_words(c->argv, r->cleanup ? "cleanup" : "present", convention_place(r), r->value)) ||
           err_nomem(e, "dns_hook");
}

static bool lego_words(struct call *c, struct err *e)
{
    const struct convention_record *r = c->record;
    char fqdn[DNS_NAME_MAX + 2];

    (void)snprintf(fqdn, sizeof fqdn, "%s.", convention_place(r));
    return (strv_copy(c->argv, &c->hook->argv) &&
            add_words(c->argv, r->cleanup ? "cleanup" : "present", fqdn, r->value)) ||
           err_nomem(e, "dns_hook");
}

/* dehydrated's hooks put the label before the domain themselves; what an alias leads to can be said only if
 * it has that label, too. */
static bool dehydrated_words(struct call *c, struct err *e)
{
    static const char label[] = "_acme-challenge.";
    const struct convention_record *r = c->record;
    bool labelled = strncmp(r->target, label, sizeof label - 1) == 0;

    return (strv_copy(c->argv, &c->hook->argv) &&
            strv_add(c->argv, r->cleanup ? "clean_challenge" : "deploy_challenge") &&
            add_words(c->argv, labelled ? r->target + sizeof label - 1 : r->identifier, r->token,
                      r->value)) ||
           err_nomem(e, "dns_hook");
}

/* ---- rfc2136: nsupdate ---- */

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool rfc2136_words(struct call *c, struct err *e)
{
    const struct config_dns_hook *h = c->hook;
    const struct convention_record *r = c->record;
    char *text;

    if (!add_words(c->argv, nsupdate, "-k", h->argv.v[0]) || !strv_add(c->argv, "-t") ||
        !strv_add(c->argv, UPDATE_S))
        return err_nomem(e, "dns_hook");
    if (asprintf(&text, "server %s %u\nupdate %s %s. %d TXT \"%s\"\nsend\n", h->server, h->port,
                 r->cleanup ? "delete" : "add", convention_place(r), TTL, r->value) < 0)
        return err_nomem(e, "dns_hook");
    *c->input = text;
    return true;
}

static bool rfc2136_check(const struct config_dns_hook *h, uid_t uid, const char *home, struct err *e)
{
    const char *key = h->argv.v[0];
    struct stat st;

    (void)home;
    if (!is_there(nsupdate))
        return err_set(e, ERR_CLASS_CONFIG, "%s is missing, which rfc2136: needs (Debian: bind9-dnsutils)",
                       nsupdate);
    if (!trust_file(nsupdate, uid, true, e))
        return false;
    if (stat(key, &st) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s: %s", key, strerror(errno));
    return (secret_check(key, &st, uid, e) || err_wrap(e, "%s", key)) && trust_parents(key, uid, e);
}

/* ---- acme.sh: its DNS API ---- */

static bool join(char path[PATH_MAX], const char *dir, const char *file)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, file) < PATH_MAX;
}

/* Where acme.sh is. */
static bool find_acme_sh(const struct config_dns_hook *h, const char *home, char dir[PATH_MAX], struct err *e)
{
    static const char *const usual[] = {"/usr/share/acme.sh", "/opt/acme.sh", "/usr/local/share/acme.sh"};
    char file[PATH_MAX];

    if (h->argv.n > 1)
        return snprintf(dir, PATH_MAX, "%s", h->argv.v[1]) < PATH_MAX ||
               err_set(e, ERR_CLASS_CONFIG, "the path is too long");
    if (join(dir, home, ".acme.sh") && join(file, dir, "acme.sh") && is_there(file))
        return true;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (snprintf(dir, PATH_MAX, "%s", usual[i]) > 0 && join(file, dir, "acme.sh") && is_there(file))
            return true;
    return err_set(e, ERR_CLASS_CONFIG,
                   "acme.sh is neither in %s/.acme.sh nor in %s, %s or %s: write acme.sh:%s DIRECTORY", home,
                   usual[0], usual[1], usual[2], h->argv.v[0]);
}

/* The shell reads these files as its own: they are as good as the program. */
static bool acme_sh_check(const struct config_dns_hook *h, uid_t uid, const char *home, struct err *e)
{
    char dir[PATH_MAX], file[PATH_MAX], script[NAME_MAX];

    if (!find_acme_sh(h, home, dir, e))
        return false;
    (void)snprintf(script, sizeof script, "dnsapi/%.200s.sh", h->argv.v[0]);
    if (!join(file, dir, "acme.sh") || !trust_file(file, uid, false, e))
        return false;
    if (!join(file, dir, script) || !trust_file(file, uid, false, e))
        return false;
    return !join(file, dir, "account.conf") || !is_there(file) || trust_file(file, uid, false, e);
}

static bool acme_sh_words(struct call *c, struct err *e)
{
    const struct convention_record *r = c->record;
    char dir[PATH_MAX];
    char *program;
    bool ok;

    if (!acme_sh_check(c->hook, c->uid, c->home, e) || !find_acme_sh(c->hook, c->home, dir, e))
        return false;
    program = child_find("acme.sh-dnsapi", e);
    if (program == NULL)
        return false;
    ok = add_words(c->argv, program, dir, c->hook->argv.v[0]) &&
         add_words(c->argv, r->cleanup ? "rm" : "add", convention_place(r), r->value);
    free(program);
    return ok || err_nomem(e, "dns_hook");
}

/* ---- all ---- */

static bool program_check(const struct config_dns_hook *h, uid_t uid, const char *home, struct err *e)
{
    (void)home;
    return trust_file(h->argv.v[0], uid, true, e);
}

static const struct {
    bool (*words)(struct call *c, struct err *e);
    bool (*check)(const struct config_dns_hook *h, uid_t uid, const char *home, struct err *e);
} conventions[] = {
    [DNS_HOOK_EXEC] = {exec_words, program_check},
    [DNS_HOOK_LEGO] = {lego_words, program_check},
    [DNS_HOOK_DEHYDRATED] = {dehydrated_words, program_check},
    [DNS_HOOK_ACME_SH] = {acme_sh_words, acme_sh_check},
    [DNS_HOOK_RFC2136] = {rfc2136_words, rfc2136_check},
};
static_assert(sizeof conventions / sizeof conventions[0] == DNS_HOOK_COUNT, "every convention is known");

bool convention_words(const struct config_dns_hook *h, const struct convention_record *r, uid_t uid,
                      const char *home, struct strv *argv, char **input, struct err *e)
{
    struct call c = {.hook = h, .record = r, .uid = uid, .home = home, .argv = argv, .input = input};

    *input = NULL;
    return conventions[h->kind].words(&c, e);
}

bool convention_check(const struct config_dns_hook *h, uid_t uid, const char *home, struct err *e)
{
    return conventions[h->kind].check(h, uid, home, e);
}
