/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CONFIG_H
#define ACMED_CONFIG_H

/* The configuration: text -> structs. Pure: files are read (and their owners checked) by the
 * supervisor, users and groups are resolved by it too; all three processes then parse the same text
 * with this code. acmed.conf(5) is the description for people. */

#include "lib/challenge.h"
#include "lib/err.h"
#include "lib/ledger_rates.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_NAME_MAX    200 /* bytes of a section name */
#define CONFIG_DOMAINS_MAX 100 /* identifiers of one certificate */
#define CONFIG_CAS_MAX     8   /* CAs of one certificate, in order of preference */
#define CONFIG_CA_DEFAULT  "letsencrypt"
#define CONFIG_PROFILE_MAX 64 /* bytes of a profile's name */

enum key_type {
    KEY_TYPE_ECDSA_P256,
    KEY_TYPE_ECDSA_P384,
    KEY_TYPE_RSA_2048,
    KEY_TYPE_RSA_3072,
    KEY_TYPE_RSA_4096,
    KEY_TYPE_COUNT
};

/* "ecdsa-p256", ... Static storage. */
const char *key_type_to_str(enum key_type type);
bool key_type_from_str(const char *s, enum key_type *type);
/* Making such a key takes so long (RSA: 0.1 to 4 seconds) that nothing may wait for it but its own order. */
bool key_type_is_slow(enum key_type type);

/* One configuration file: where it came from and what it says. */
struct config_file {
    const char *path; /* as it is to be shown in messages */
    const char *text; /* NUL-terminated */
    size_t len;
};

struct config_message {
    char *file;    /* owned; never NULL */
    unsigned line; /* 1-based; 0: the file as a whole */
    bool warning;
    char *text; /* owned: what is wrong, and what would be right */
};

/* All errors and warnings of one reading, in the order of files and lines. */
struct config_messages {
    struct config_message *v;
    size_t n;
    size_t errors; /* how many of them are not warnings; counts those too for which there was no memory */
};

/* file: "" when it is about no file. False: out of memory (an error is counted all the same). */
bool config_messages_add(struct config_messages *m, const char *file, unsigned line, bool warning,
                         const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void config_messages_clear(struct config_messages *m);

enum listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_SYSTEMD, LISTEN_OFF };

struct listen_addr {
    enum listen_kind kind;
    char *text;      /* as configured: "0.0.0.0:80", "[::1]:5002", "unix:/run/x.sock"; owned */
    char *host;      /* TCP: numeric address without brackets; UNIX: the path; else NULL; owned */
    uint16_t port;   /* TCP only */
    const char *key; /* "http_listen" or "tls_alpn_listen"; static */
    bool explicit_;  /* written in the configuration, not the default */
};

enum http_other { HTTP_OTHER_REDIRECT, HTTP_OTHER_404 };

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct config_ca {
    char *name;       /* section name; also the directory name below accounts/ */
    char *directory;  /* https URL */
    char *ca_file;    /* absolute path of roots for the CA's own HTTPS; NULL: the system's */
    char *contact;    /* e-mail address without "mailto:"; NULL: [acmed] contact, see config_ca_contact() */
    bool agree_terms; /* [ca] value, or [acmed]'s */
    enum key_type account_key; /* of new accounts, and of those whose key is changed */
    char *eab_kid;       /* external account binding (RFC 8555 section 7.3.4); both are given, or neither */
    char *eab_hmac_file; /* absolute path, or "credential:NAME" (daemon/secret.h) */
    char *chain;         /* common name; NULL: the CA's default chain */
    char *staging_name;  /* as configured, or as acmed knows; NULL: none */
    const struct config_ca *staging; /* the CA where orders for this one are rehearsed; NULL: none; one of the
                                        config's */
    bool limits_set;                 /* else what acmed knows of this CA counts (gate_limit()) */
    unsigned limit;                  /* new orders a window; 0: no limit */
    int64_t limit_window;            /* seconds */
    struct ledger_rates rates;       /* the other limits ... */
    bool rates_set[LEDGER_LIMITS];   /* ... else what acmed knows of this CA counts (ledger_rates()) */
    const char *file; /* where it is configured; "" for a built-in one; borrowed from the config */
    unsigned line;
};

enum copy_kind { COPY_PRIVKEY, COPY_CERT, COPY_CHAIN, COPY_FULLCHAIN, COPY_HAPROXY };

/* "privkey", "cert", "chain", "fullchain", "haproxy". */
const char *copy_kind_to_str(enum copy_kind kind);

struct config_copy {
    enum copy_kind kind;
    char *path; /* absolute */
};

/* How the records of a DNS challenge are set and removed. */
enum dns_hook_kind {
    DNS_HOOK_NONE,
    DNS_HOOK_EXEC,       /* acmed's own convention: ACTION NAME VALUE behind the words configured */
    DNS_HOOK_LEGO,       /* lego's exec provider: present|cleanup FQDN VALUE */
    DNS_HOOK_DEHYDRATED, /* dehydrated's hooks: deploy_challenge|clean_challenge DOMAIN TOKEN VALUE */
    DNS_HOOK_ACME_SH,    /* a script of acme.sh's DNS API */
    DNS_HOOK_RFC2136,    /* dynamic updates (RFC 2136) with TSIG (RFC 8945), by nsupdate */
    DNS_HOOK_COUNT
};

/* "exec", "lego", "dehydrated", "acme.sh", "rfc2136". */
const char *dns_hook_kind_to_str(enum dns_hook_kind kind);

struct config_dns_hook {
    enum dns_hook_kind kind;
    /* acme.sh: name of the script (dns_cf), and perhaps the directory of acme.sh; rfc2136: file of the key;
     * else a command. Paths are absolute */
    struct strv argv;
    char *server;  /* rfc2136: host name or address; NULL else */
    uint16_t port; /* its */
};

/* A lineage: one [certificate SECTION] with one of its types of key, defaults applied. */
struct config_certificate {
    char *name;    /* of the lineage: the section's, or SECTION.KEYTYPE */
    char *section; /* lower-cased name of the section */
    struct strv
        domains; /* canonical identifiers (lib/ident.h), no duplicates, in the order they were given */
    struct strv ca_names;
    const struct config_ca **cas; /* in order of preference; the array is owned, they are the config's */
    size_t n_cas;
    const struct config_ca *ca;         /* the first of them */
    enum key_type keys[KEY_TYPE_COUNT]; /* all of the section, as listed */
    unsigned n_keys;
    enum key_type key; /* this lineage's */
    bool reuse_key;    /* a renewal keeps the live key */
    enum challenge_type challenge;
    char *webroot;                   /* directory; NULL: acmed answers http-01 itself */
    struct config_dns_hook dns_hook; /* kind NONE: not given */
    struct strv dns_delegation;      /* domains; none, and not off: not given (lib/dns_delegation.h) */
    bool dns_delegation_off;         /* nowhere but at its own names */
    bool rehearse;                   /* new names are rehearsed before they are ordered */
    char *profile;                   /* which of the CA's profiles; NULL: the CA's default */
    int64_t renew_before;            /* seconds; 0: not given; see renew_before_percent */
    unsigned renew_before_percent;   /* 1..99; 0: not given */
    unsigned keep;                   /* generations besides the live one; default 3 */
    char *owner;                     /* user name or number; NULL: leave as is */
    char *group;
    unsigned mode; /* for files with a key; default 0600; never world-readable */
    struct config_copy *copies;
    size_t n_copies;
    struct strv reload;    /* systemd unit names with suffix ("nginx" -> "nginx.service") */
    struct strv hook;      /* argv; n == 0: none */
    unsigned hook_timeout; /* seconds; default 300 */
    char *hook_user;       /* NULL: the supervisor's own uid */
    char *verify_host;     /* NULL: no verification; numeric address or host name */
    uint16_t verify_port;
    char *chain; /* preferred issuer's common name; NULL: what the CA's section says, see config_chain() */
    const char *file; /* where it is configured; borrowed from the config */
    unsigned line;
};

struct config {
    struct strv files; /* paths, in reading order; `file` pointers above point in here */
    char *contact;     /* [acmed] */
    bool agree_terms;
    char *user;           /* NULL: not set */
    char *state_dir;      /* absolute; default /var/lib/acmed */
    char *control_socket; /* absolute; default /run/acmed/acmed.sock */
    char *control_group;  /* NULL: none */
    struct listen_addr *http_listen;
    size_t n_http_listen;
    bool http_listen_set;                /* false: the default 0.0.0.0:80 [::]:80 is in http_listen */
    struct listen_addr *tls_alpn_listen; /* empty or off: no responder for tls-alpn-01 */
    size_t n_tls_alpn_listen;
    enum http_other http_other;
    struct strv dns_resolvers; /* ADDRESS:PORT, [ADDRESS]:PORT; none: those of /etc/resolv.conf */
    bool dns_off;              /* `dns_resolver = off`: nothing is looked up for DNS challenges */
    bool dns_persist;          /* `experimental = dns-persist-01` */
    unsigned max_orders;       /* orders in flight at one CA; default 8, 1..1000; see lib/places.h */
    bool max_orders_set;       /* false: the default is in max_orders */
    enum log_level log_level;
    struct config_ca *cas;
    size_t n_cas;
    struct config_certificate *certificates; /* lineages, in name order */
    size_t n_certificates;
};

/* What live/ has, for sections with several types of key: the lineage with the section's plain name is the
 * one whose type that is. */
struct config_live_key {
    char *name; /* of the section */
    enum key_type key;
};

struct config_live {
    struct config_live_key *v;
    size_t n;
};

void config_live_clear(struct config_live *live);

/* Parses the files together, applies [defaults], checks everything that text alone can tell: every error is
 * reported, not only the first. Returns NULL when messages->errors > 0 (or memory is out: then a
 * message says so); otherwise the caller frees with config_free(). Warnings may be added in both cases. live:
 * NULL: nothing is known; then the first type of key listed has the plain name. */
struct config *config_parse(const struct config_file *files, size_t n, const struct config_live *live,
                            struct config_messages *messages);
void config_free(struct config *c);

/* A name that a CA's profile may have here: 1 to CONFIG_PROFILE_MAX letters, digits, `.`, `_` and `-`. */
bool config_profile_valid(const char *name);

/* The lineage; NULL when there is none of that name. Borrowed. */
const struct config_certificate *config_find(const struct config *c, const char *name);
/* A section's name stands for all its lineages; SECTION.KEYTYPE for one of them, the plain one too. */
bool config_answers_to(const struct config_certificate *c, const char *name);
/* Says in e that a section's name stands for several lineages, and how each of them is called. */
void config_say_ambiguous(const char *section, const struct strv *key_types, struct err *e);
/* The one lineage that is meant, for what cannot be done to several: as config_answers_to(), but a section's
 * name alone is not enough where it has several types of key. NULL with e: which are to choose from, or there
 * is none. Borrowed. */
const struct config_certificate *config_find_one(const struct config *c, const char *name, struct err *e);
/* NULL when there is none of that name. Borrowed. */
const struct config_ca *config_find_ca(const struct config *c, const char *name);

/* The CA where orders of this certificate are rehearsed: that of the most preferred of its CAs that has one.
 * NULL: none has. Borrowed. */
const struct config_ca *config_rehearsal_ca(const struct config_certificate *c);

/* One key of the configuration, as the table of all keys has it. Static storage. */
struct config_key_info {
    const char *section; /* "acmed", "ca", "certificate"; [defaults] takes every key of "certificate" */
    const char *name;
    const char *default_; /* as it would be written; NULL: none, or help says what it depends on */
    const char *help;     /* one line for people */
    bool list;            /* elements separated by blanks; may be given several times */
};

/* The i-th key (0, 1, ...), in the order of the documentation; false behind the last. */
bool config_key_info(size_t i, struct config_key_info *info);

/* The contact to register with: the CA's own, else [acmed]'s; NULL: none. */
const char *config_ca_contact(const struct config *c, const struct config_ca *ca);

/* The preferred issuer of what is at the top of this certificate's chain, if it is had from this CA; NULL:
 * the CA's default chain. */
const char *config_chain(const struct config_certificate *c, const struct config_ca *ca);

#endif
