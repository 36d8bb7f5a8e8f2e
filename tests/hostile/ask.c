/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include "daemon/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CA      "test" /* https://ca.test:14000/dir */
#define LINEAGE "www.example.com"
#define NONCE   "abc-_123"
#define GOOD    "https://ca.test:14000/acme/1"
#define TRIAL   "https://trial.test:14000/acme/1" /* of the CA trial, where LINEAGE is rehearsed */

static const char *const foreign_urls[] = {
    "https://evil.test/",
    "https://evil.test:14000/",
    "https://ca.test:14000@evil.test/",
    "https://ca.test%3A14000@evil.test/",
    "https://evil.test#@ca.test:14000/",
    "https://evil.test\\@ca.test:14000/",
    "https://evil.test?@ca.test:14000/",
    "https://ca.test/",
    "https://ca.test:443/",
    "https://ca.test:14001/",
    "https://ca.test:140000/",
    "https://ca.test:4294981296/", /* 14000 more than 2^32 */
    "https://ca.test:-14000/",
    "https://ca.test:14000 /",
    "https://ca.test:14000.evil.test/",
    "https://ca.test:14000evil.test/",
    "https://ca.test.:14000/",
    "https://ca.test.evil.test:14000/",
    "https://xca.test:14000/",
    "https://ca%2etest:14000/",
    "https://ca.test%00.evil.test:14000/",
    "https://[::1]:14000/",
    "https://[ca.test]:14000/",
    "https://127.0.0.1:14000/",
    "https://ca.test:14000/\r\nHost: evil.test\r\n\r\n",
    "https://ca.test:14000/\tx",
    "https://ca.test:14000/\"}",
    "http://ca.test:14000/",
    "file:///etc/shadow",
    "//ca.test:14000/",
    "https:ca.test:14000/",
    "https:///ca.test:14000/",
    "",
};

static const char *const foreign_lineages[] = {
    "",
    ".",
    "..",
    "../accounts/test",
    "other.example.com",
    "www.example.com/",
    "www.example.com/../x",
    "/etc/passwd",
    "*",
    "*.com",
    "WWW.",
    "www.example.com.",
    "www.example.com ",
    "www.example.com\n",
    "%s%n",
};

static const char *const foreign_identifiers[] = {
    "",        "example.com",      "*.example.com",     "other.example.com",
    "..",      "../accounts/test", "www.example.com/x", "www.example.com\n",
    "10.0.0.1"};

static const char *const bad_tokens[] = {"",    ".",   "..",   "../x", "a/b", "/etc/passwd",
                                         "a.b", "a b", "a\nb", "a%2e", "\x80"};

static const char *const foreign_cas[] = {"",     ".",      "..",    "../../etc", "test/",
                                          "/etc", "te\nst", "Other", "%n"};

static void keeper_url(struct hostile *h, const char *url)
{
    static const enum ipc_type for_ca[] = {IPC_SIGN_NEW_ACCOUNT, IPC_SIGN_FETCH, IPC_SIGN_ANSWER};
    static const enum ipc_type for_lineage[] = {IPC_SIGN_NEW_ORDER, IPC_SIGN_FINALIZE, IPC_REHEARSE_ORDER,
                                                IPC_REHEARSE_FINALIZE};
    struct ipc_msg m;
    bool granted = false;

    for (size_t i = 0; i < sizeof for_ca / sizeof for_ca[0]; i++)
        granted |= !hostile_ask(h, h->keeper, &m, for_ca[i], CA, url, NONCE) || m.type != IPC_ERROR;
    for (size_t i = 0; i < sizeof for_lineage / sizeof for_lineage[0]; i++)
        granted |= !hostile_ask(h, h->keeper, &m, for_lineage[i], LINEAGE, url, NONCE, CA, (uint64_t)1) ||
                   m.type != IPC_ERROR;
    for (size_t i = 0; i < sizeof for_lineage / sizeof for_lineage[0]; i++)
        granted |= !hostile_ask(h, h->keeper, &m, for_lineage[i], LINEAGE, GOOD, NONCE, "letsencrypt",
                                (uint64_t)1) ||
                   m.type != IPC_ERROR; /* a CA, but not this certificate's */
    granted |= !hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_SAVE, CA, url) || m.type != IPC_ERROR;
    hostile_tell(url, granted);
}

static void keeper_lineage(struct hostile *h, const char *name)
{
    static const enum ipc_type alone[] = {IPC_DISCARD_KEY, IPC_COPY};
    struct ipc_msg m;
    bool granted = false;

    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
        granted |= !hostile_ask(h, h->keeper, &m, alone[i], name) || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_SIGN_NEW_ORDER, name, GOOD, NONCE, CA, (uint64_t)1) ||
               m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_SIGN_FINALIZE, name, GOOD, NONCE, CA, (uint64_t)1) ||
               m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_ORDER, name, GOOD, NONCE, CA, (uint64_t)1) ||
               m.type != IPC_ERROR;
    granted |=
        !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_FINALIZE, name, GOOD, NONCE, CA) || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_CHECK, name, "x") || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_END, name) || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_INSTALL, name, "x") || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_MARK_SERVED, name, (uint64_t)1) || m.type != IPC_ERROR;
    hostile_tell(name, granted);
}

static void keeper_ca(struct hostile *h, const char *name)
{
    struct ipc_msg m;
    bool granted = false;

    granted |= !hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_LOAD, name) || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_SAVE, name, GOOD) || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_SIGN_FETCH, name, GOOD, NONCE) || m.type != IPC_ERROR;
    hostile_tell(name, granted);
}

/* A rehearsal is no way to the real CA, nor round the checks of an installation. */
static void keeper_rehearsal(struct hostile *h)
{
    struct ipc_msg m;
    bool granted =
        !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_ORDER, LINEAGE, GOOD, NONCE, CA, (uint64_t)0) ||
        m.type != IPC_ERROR;

    granted |= !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_FINALIZE, LINEAGE, GOOD, NONCE, CA) ||
               m.type != IPC_ERROR;
    granted |=
        !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_ORDER, LINEAGE, GOOD, NONCE, "trial", (uint64_t)0) ||
        m.type != IPC_ERROR;
    granted |=
        !hostile_ask(h, h->keeper, &m, IPC_SIGN_NEW_ORDER, LINEAGE, TRIAL, NONCE, "trial", (uint64_t)0) ||
        m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_SIGN_FINALIZE, LINEAGE, TRIAL, NONCE, "trial") ||
               m.type != IPC_ERROR;
    hostile_tell("a rehearsal at the real CA", granted);
    granted = !hostile_ask(h, h->keeper, &m, IPC_REHEARSE_CHECK, LINEAGE, "x") || m.type != IPC_ERROR;
    hostile_tell("a check without a rehearsal", granted);
}

static bool keeper_file(struct hostile *h, const char *lineage, const char *identifier, const char *token,
                        const char *ca)
{
    struct ipc_msg m;
    bool granted =
        !hostile_ask(h, h->keeper, &m, IPC_PUBLISH, lineage, identifier, token, ca) || m.type != IPC_ERROR;

    granted |=
        !hostile_ask(h, h->keeper, &m, IPC_WITHDRAW, lineage, identifier, token, ca) || m.type != IPC_ERROR;
    return granted;
}

/* Files of the webroot: none but those of a challenge for the certificate's own name. */
static void keeper_files(struct hostile *h)
{
    char token[300]; /* more than a file system takes */
    struct ipc_msg m;
    bool sound = hostile_ask(h, h->keeper, &m, IPC_PUBLISH, LINEAGE, LINEAGE, "abc", CA) &&
                 m.type == IPC_OK &&
                 hostile_ask(h, h->keeper, &m, IPC_WITHDRAW, LINEAGE, LINEAGE, "abc", CA) && m.type == IPC_OK;

    log_info(NULL, "a file that is asked for properly is %s", sound ? "made and removed" : "NOT MADE");
    for (size_t i = 0; i < sizeof bad_tokens / sizeof bad_tokens[0]; i++)
        hostile_tell("a file of another name", keeper_file(h, LINEAGE, LINEAGE, bad_tokens[i], CA));
    memset(token, 'a', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    hostile_tell("a file of a long name", keeper_file(h, LINEAGE, LINEAGE, token, CA));
    for (size_t i = 0; i < sizeof foreign_identifiers / sizeof foreign_identifiers[0]; i++)
        hostile_tell("a file for another name", keeper_file(h, LINEAGE, foreign_identifiers[i], "abc", CA));
    for (size_t i = 0; i < sizeof foreign_lineages / sizeof foreign_lineages[0]; i++)
        hostile_tell("a file for a foreign lineage", keeper_file(h, foreign_lineages[i], LINEAGE, "abc", CA));
    for (size_t i = 0; i < sizeof foreign_cas / sizeof foreign_cas[0]; i++)
        hostile_tell("a file for a foreign CA", keeper_file(h, LINEAGE, LINEAGE, "abc", foreign_cas[i]));
}

static void keeper_rest(struct hostile *h)
{
    static char chain[256 * 1024];
    static const char *const nonces[] = {"", "a b", "a\"", "\r\n", "+/=="};
    struct ipc_msg m;
    bool granted = false;

    for (size_t i = 0; i < sizeof nonces / sizeof nonces[0]; i++)
        granted |= !hostile_ask(h, h->keeper, &m, IPC_SIGN_FETCH, CA, GOOD, nonces[i]) || m.type != IPC_ERROR;
    hostile_tell("nonces", granted);
    hostile_read(h, "chain.pem", chain, sizeof chain); /* for the right name, of another key */
    granted = !hostile_ask(h, h->keeper, &m, IPC_INSTALL, LINEAGE, chain) || m.type != IPC_ERROR;
    hostile_tell("a chain for another key", granted || strlen(chain) < 100);
    memset(chain, 'A', sizeof chain - 1);
    granted = !hostile_ask(h, h->keeper, &m, IPC_INSTALL, LINEAGE, chain) || m.type != IPC_ERROR;
    hostile_tell("a chain of garbage", granted);
    granted = !hostile_ask(h, h->keeper, &m, IPC_MARK_SERVED, LINEAGE, (uint64_t)77) || m.type != IPC_ERROR;
    granted |= !hostile_ask(h, h->keeper, &m, IPC_MARK_SERVED, LINEAGE, UINT64_MAX) || m.type != IPC_ERROR;
    hostile_tell("generations that are not there", granted);
}

void hostile_ask_keeper(struct hostile *h)
{
    char url[4090];
    struct ipc_msg m;
    bool sound = hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_LOAD, CA) && m.type == IPC_ACCOUNT &&
                 hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_SAVE, CA, GOOD) && m.type == IPC_OK &&
                 hostile_ask(h, h->keeper, &m, IPC_SIGN_FINALIZE, LINEAGE, GOOD, NONCE, CA) &&
                 m.type == IPC_SIGNED;

    /* Or all that follows would be refused for want of an account. */
    log_info(NULL, "what is asked properly is %s", sound ? "answered" : "NOT ANSWERED");
    for (size_t i = 0; i < sizeof foreign_urls / sizeof foreign_urls[0]; i++)
        keeper_url(h, foreign_urls[i]);
    memset(url, 'a', sizeof url);
    memcpy(url, GOOD, strlen(GOOD));
    url[sizeof url - 1] = '\0';
    keeper_url(h, url);
    for (size_t i = 0; i < sizeof foreign_lineages / sizeof foreign_lineages[0]; i++)
        keeper_lineage(h, foreign_lineages[i]);
    for (size_t i = 0; i < sizeof foreign_cas / sizeof foreign_cas[0]; i++)
        keeper_ca(h, foreign_cas[i]);
    keeper_rehearsal(h);
    keeper_files(h);
    keeper_rest(h);
    for (int i = 0; i < 20000; i++) /* a flood, whose replies are read all the same */
        if (!hostile_ask(h, h->keeper, &m, IPC_PING) || m.type != IPC_PONG)
            hostile_tell("a flood", true);
}

static void supervisor_deploy(struct hostile *h, const char *what, const char *lineage, uint64_t generation,
                              const char *step, const char *event)
{
    struct ipc_msg m;
    bool granted = !hostile_ask(h, h->supervisor, &m, IPC_DEPLOY, lineage, generation, step, event) ||
                   m.type != IPC_DEPLOYED || m.field[0].u != 0;

    hostile_tell(what, granted);
}

static bool is_record_set(struct hostile *h, const char *lineage, const char *identifier, const char *token,
                          const char *ca, const char *action, const char *target)
{
    struct ipc_msg m;

    return !hostile_ask(h, h->supervisor, &m, IPC_DNS, lineage, identifier, token, ca, action, target) ||
           (m.type == IPC_DNS_DONE && m.field[0].u != 0);
}

/* Records at names that are not the certificate's: `dns_delegation` is acme.example.net, and the DNS hook
 * works. */
static void supervisor_records(struct hostile *h)
{
    static const char *const places[] = {"example.com",
                                         "_acme-challenge.other.example.com",
                                         "www.example.com",
                                         "acme.example.net.evil.test",
                                         "xacme.example.net",
                                         "example.net",
                                         "-x",
                                         "a b",
                                         "a..b",
                                         ".",
                                         "acme.example.net\n",
                                         "$(reboot).acme.example.net"};
    struct ipc_msg m;
    bool sound = hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_LOAD, CA) && m.type == IPC_ACCOUNT &&
                 hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_SAVE, CA, GOOD) && m.type == IPC_OK &&
                 is_record_set(h, LINEAGE, LINEAGE, "abc", CA, "present", "of.acme.example.net");

    log_info(NULL, "a record that is asked for properly is %s", sound ? "set" : "NOT SET");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        hostile_tell(places[i], is_record_set(h, LINEAGE, LINEAGE, "abc", CA, "present", places[i]) ||
                                    is_record_set(h, LINEAGE, LINEAGE, "abc", CA, "cleanup", places[i]));
    }
    for (size_t i = 0; i < sizeof bad_tokens / sizeof bad_tokens[0]; i++)
        hostile_tell("a token", is_record_set(h, LINEAGE, LINEAGE, bad_tokens[i], CA, "present", ""));
    for (size_t i = 0; i < sizeof foreign_identifiers / sizeof foreign_identifiers[0]; i++)
        hostile_tell("another name",
                     is_record_set(h, LINEAGE, foreign_identifiers[i], "abc", CA, "present", ""));
    for (size_t i = 0; i < sizeof foreign_lineages / sizeof foreign_lineages[0]; i++)
        hostile_tell("a foreign lineage",
                     is_record_set(h, foreign_lineages[i], LINEAGE, "abc", CA, "present", ""));
    for (size_t i = 0; i < sizeof foreign_cas / sizeof foreign_cas[0]; i++)
        hostile_tell("a foreign CA",
                     is_record_set(h, LINEAGE, LINEAGE, "abc", foreign_cas[i], "present", ""));
    hostile_tell("action exec", is_record_set(h, LINEAGE, LINEAGE, "abc", CA, "exec", ""));
    hostile_tell("no action", is_record_set(h, LINEAGE, LINEAGE, "abc", CA, "", ""));
}

void hostile_ask_supervisor(struct hostile *h)
{
    static const char forged[] = "<0>forged on stderr\n\x1b[31mred\x1b[0m\n";
    char text[2900];
    struct ipc_msg m;

    for (size_t i = 0; i < sizeof foreign_lineages / sizeof foreign_lineages[0]; i++)
        supervisor_deploy(h, "a foreign lineage", foreign_lineages[i], 1, "hook", "issued");
    supervisor_deploy(h, "generation 0", LINEAGE, 0, "hook", "issued");
    supervisor_deploy(h, "no such generation", LINEAGE, 7, "hook", "issued");
    supervisor_deploy(h, "generation 2^32 + 1", LINEAGE, (UINT64_C(1) << 32) + 1, "hook", "issued");
    supervisor_deploy(h, "generation 2^64 - 1", LINEAGE, UINT64_MAX, "hook", "issued");
    supervisor_deploy(h, "step exec", LINEAGE, 1, "exec", "issued");
    supervisor_deploy(h, "step /bin/sh", LINEAGE, 1, "/bin/sh", "issued");
    supervisor_deploy(h, "no step", LINEAGE, 1, "", "issued");
    supervisor_deploy(h, "event x", LINEAGE, 1, "hook", "x");
    supervisor_deploy(h, "event of two lines", LINEAGE, 1, "hook", "issued\nLD_PRELOAD=/tmp/x.so");
    supervisor_records(h);
    for (int i = 0; i < 300; i++) /* a flood of questions about the configuration */
        if (!hostile_ask(h, h->supervisor, &m, IPC_CHECK) || m.type != IPC_RELOADED)
            hostile_tell("a flood", true);
    (void)ipc_send(h->supervisor, IPC_READY, 0, "all is well\nMAINPID=1\nSTOPPING=1");
    log_info("www.example.com\nMESSAGE=forged", "one\n<0>forged on a line\r\x1b[31m\x07");
    memset(text, 'A', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 3500; i++) /* 10 MB */
        log_info(NULL, "%s", text);
    (void)!write(STDERR_FILENO, forged, sizeof forged - 1);
}
