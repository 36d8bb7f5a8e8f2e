/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_IPC_H
#define ACMED_DAEMON_IPC_H

/* What the three processes say to each other over their socketpairs.
 *
 * A message is a frame of fixed header and typed fields. Each type has one row in a table: its name, who may
 * send it, the signature of its fields, the bound of its strings and the number of descriptors that go
 * with it. A frame that does not fit its row is a protocol error and ends the connection: the receiver
 * treats the sender as compromised. The vocabularies are closed; everything else (what URL belongs to the CA,
 * which lineages exist) is checked by the handlers. */

#include "lib/buf.h"
#include "lib/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors which the supervisor leaves open for its children, by fixed number. */
#define IPC_FD_SUPERVISOR 3 /* stream socketpair to the supervisor */
#define IPC_FD_PEER       4 /* stream socketpair between keeper and engine */
#define IPC_FD_LOG        5 /* stream socketpair for log records (daemon/log.h) */
#define IPC_FD_CONFIG     6 /* sealed memfd (daemon/snapshot.h) */
#define IPC_FD_LOCK       7 /* keeper only: the flock on the state directory, held while it lives */

enum ipc_type {
    IPC_NONE,
    /* keeper or engine -> supervisor, first message: build id, confinement in force as a JSON object */
    IPC_HELLO,

    /* engine -> keeper; answered with the same id by the reply named in the comment, or by IPC_ERROR */
    IPC_ACCOUNT_LOAD,      /* ca -> IPC_ACCOUNT: finds or creates the key, durable before the reply */
    IPC_ACCOUNT_SAVE,      /* ca, account URL -> IPC_OK, durable */
    IPC_SIGN_NEW_ACCOUNT,  /* ca, url, nonce -> IPC_SIGNED; with the external account binding, if one is
                              configured */
    IPC_SIGN_FIND_ACCOUNT, /* ca, url, nonce -> IPC_SIGNED: newAccount with onlyReturnExisting */
    IPC_SIGN_NEW_ORDER,    /* lineage, url, nonce, ca, 1: saying that it replaces the live certificate / 0 ->
                              IPC_SIGNED; starts making the certificate key if none is pending */
    IPC_SIGN_FETCH,        /* ca, url, nonce -> IPC_SIGNED: POST-as-GET */
    IPC_SIGN_ANSWER,       /* ca, url, nonce -> IPC_SIGNED: "{}" to a challenge */
    IPC_SIGN_FINALIZE,     /* lineage, url, nonce, ca -> IPC_SIGNED: with the CSR; the pending key is durable
                              before  the reply */
    IPC_REHEARSE_ORDER,    /* lineage, url, nonce, ca, 1: with the configured profile / 0 -> IPC_SIGNED: an
                              order at the CA where the lineage is rehearsed, and at no other */
    IPC_REHEARSE_FINALIZE, /* lineage, url, nonce, ca -> IPC_SIGNED: with a CSR of a key that is never written
                            */
    IPC_REHEARSE_CHECK,    /* lineage, chain -> IPC_OK: it could be installed, with that key */
    IPC_REHEARSE_END,      /* lineage -> IPC_OK: that key is forgotten */
    IPC_DISCARD_KEY,       /* lineage -> IPC_OK: the pending key is refused by the CA */
    IPC_INSTALL,           /* lineage, chain -> IPC_INSTALLED: checked, durable, live */
    IPC_COPY,              /* lineage -> IPC_OK: the configured copies equal the live generation */
    IPC_EXAMINE,           /* lineage -> IPC_EXAMINED: whether the files of the live generation are whole */
    IPC_PUBLISH,      /* lineage, identifier, token, ca -> IPC_OK: the answer to http-01 is in the webroot */
    IPC_WITHDRAW,     /* likewise -> IPC_OK: it is not there any more */
    IPC_MARK_SERVED,  /* lineage, generation -> IPC_OK: deployed and verified; kept until a later one is */
    IPC_ACCOUNT_NEXT, /* ca -> IPC_OK: the next key is made, durable; needs a permit */
    IPC_ACCOUNT_SETTLE,  /* ca, 1: the next key is the account's / 0: it is not -> IPC_OK, durable */
    IPC_ACCOUNT_CLOSE,   /* ca -> IPC_OK: the CA deactivated it, noted, durable; needs a permit and ends it */
    IPC_ACCOUNT_CONTACT, /* ca -> IPC_OK: the CA has the configured contact, noted, durable */
    IPC_SIGN_KEY_CHANGE, /* ca, url, nonce -> IPC_SIGNED: from the key to the next; needs a permit */
    IPC_SIGN_FIND_NEXT,  /* ca, url, nonce -> IPC_SIGNED: IPC_SIGN_FIND_ACCOUNT by the next key */
    IPC_SIGN_UPDATE,     /* ca, url, nonce -> IPC_SIGNED: the configured contact */
    IPC_SIGN_DEACTIVATE, /* ca, url, nonce -> IPC_SIGNED; needs a permit */
    IPC_SIGN_REVOKE,     /* lineage, url, nonce, ca -> IPC_SIGNED: by the account's key; needs a permit, which
                            says which generation and why */
    IPC_SIGN_REVOKE_BY_KEY, /* the same by the certificate's own key */
    IPC_REVOKED,            /* lineage, generation -> IPC_OK: noted, durable; ends the permit */
    IPC_ROLLBACK,           /* lineage, generation -> IPC_INSTALLED: live again; needs a permit and ends it */
    IPC_PING,               /* -> IPC_PONG; supervisor -> keeper and supervisor -> engine, too */

    /* supervisor -> keeper */
    IPC_DNS_RECORD, /* lineage, identifier, token, ca -> IPC_DNS_RECORD_REPLY */
    IPC_FACTS,      /* lineage, generation -> IPC_FACTS_REPLY, for the environment of hooks */
    IPC_PERMIT, /* act, subject, generation, reason (lib/act.h) -> IPC_PERMITTED: a person who may ask for it
                   did */

    /* replies */
    IPC_OK,
    IPC_ERROR,     /* class (enum err_class), text */
    IPC_ACCOUNT,   /* account URL ("": not registered yet), thumbprint, flags IPC_ACCOUNT_*, type of the
                      key */
    IPC_SIGNED,    /* the JWS */
    IPC_INSTALLED, /* generation */
    IPC_EXAMINED,  /* generation, enum ipc_health, what is or was the matter */
    IPC_PONG,      /* unknown system calls seen so far */
    IPC_DNS_RECORD_REPLY, /* name of the TXT record, its content */
    IPC_PERMITTED,        /* generation: what 0 stood for; 0 for acts without one */
    IPC_FACTS_REPLY,      /* directory of the generation, not_after, serial, names joined by blanks */

    /* supervisor -> engine */
    IPC_LISTENER, /* purpose ("control", "http-01", "tls-alpn-01"), address as configured; one descriptor */
    IPC_START, /* confinement of supervisor and keeper (JSON object), warnings (one a line), 1 after a reload,
                  Unix seconds when acmed was started */
    IPC_STOP,  /* grace in seconds: stop ordering, finish requests in flight, exit */

    /* engine -> supervisor */
    IPC_BIND, /* purpose: bind what is configured for it and not bound -> IPC_LISTENER..., then IPC_BOUND */
    IPC_RELEASE, /* purpose: its listeners had by IPC_BIND are not needed any more (no reply) */
    IPC_DEPLOY,  /* lineage, generation, step ("reload", "hook"), event ("issued", "renewed", "deploy") ->
                    IPC_DEPLOYED */
    IPC_DNS,     /* lineage, identifier, token, ca, action ("present", "cleanup"), where CNAME records lead to
                    from     the record's name ("": nowhere) -> IPC_DNS_DONE */
    IPC_GRANT,   /* with a control client's connection, on which its call is still unread -> IPC_GRANTED, or
                    IPC_ERROR: not granted (daemon/supervisor/grant.h) */
    IPC_RELOAD,  /* -> IPC_RELOADED; on success IPC_STOP follows */
    IPC_CHECK,   /* -> IPC_RELOADED */
    IPC_READY,   /* the engine serves: with a sentence for the service manager; again whenever it changes */

    /* supervisor -> engine, replies */
    IPC_BOUND,    /* errors, one a line; "": all are bound */
    IPC_DEPLOYED, /* 1 done / 0 failed, class, text (what failed; or a note), captured output */
    IPC_DNS_DONE, /* 1 done / 0 failed, class, text, captured output */
    IPC_GRANTED,  /* generation, as IPC_PERMITTED has it; the call is read off the connection */
    IPC_RELOADED, /* 1 fine / 0 refused, messages, one a line */
    IPC_TYPE_COUNT
};

/* Of the files of a generation. */
enum ipc_health { IPC_HEALTH_SOUND, IPC_HEALTH_REPAIRED, IPC_HEALTH_DAMAGED };

/* Flags of IPC_ACCOUNT */
#define IPC_ACCOUNT_HAS_NEXT    1U /* a change of the key was begun: which one is the account's is not known */
#define IPC_ACCOUNT_DEACTIVATED 2U /* by us */
#define IPC_ACCOUNT_CONTACT_DUE                                                                              \
    4U /* the CA has another contact than the configured one, as far as is known */

#define IPC_FIELDS_MAX 6
#define IPC_FRAME_MAX  (2 * 1024 * 1024)

struct ipc_msg {
    enum ipc_type type;
    uint32_t id; /* of the request; replies repeat it */
    size_t n;
    struct {
        const char *s; /* 's': NUL-terminated, holds no NUL within; borrowed until the next ipc_next() */
        size_t len;
        uint64_t u; /* 'u' */
    } field[IPC_FIELDS_MAX];
    int fd; /* -1: none; the receiver's to close */
};

struct ipc_conn;

/* Takes over fd (made non-blocking, close-on-exec). NULL: out of memory, fd is not closed. */
struct ipc_conn *ipc_conn_new(int fd);
void ipc_conn_free(struct ipc_conn *c); /* closes */
int ipc_conn_fd(const struct ipc_conn *c);

/* Queues a message; the arguments follow the type's signature: 's' const char *, 'u' uint64_t. False:
 * too large or out of memory (a bug or a hostile size; the connection is still good). */
bool ipc_send(struct ipc_conn *c, enum ipc_type type, uint32_t id, ...);
bool ipc_vsend(struct ipc_conn *c, enum ipc_type type, uint32_t id, va_list ap);
/* With a descriptor; it is duplicated, the caller keeps its own. */
bool ipc_send_fd(struct ipc_conn *c, enum ipc_type type, uint32_t id, int fd, ...);
/* IPC_ERROR from an err. */
bool ipc_send_err(struct ipc_conn *c, uint32_t id, const struct err *e);

enum ipc_result { IPC_RESULT_OK, IPC_RESULT_AGAIN, IPC_RESULT_CLOSED, IPC_RESULT_BROKEN };

/* Writes what is queued. AGAIN: the peer does not take it all now, wait for writability. */
enum ipc_result ipc_flush(struct ipc_conn *c);
bool ipc_wants_write(const struct ipc_conn *c);

/* Reads what has arrived, once. AGAIN: nothing. CLOSED: end of file. */
enum ipc_result ipc_fill(struct ipc_conn *c);

/* The next complete message of those read. AGAIN: none; BROKEN: it does not fit the vocabulary (e says how).
 * Call until AGAIN after each ipc_fill(). */
enum ipc_result ipc_next(struct ipc_conn *c, struct ipc_msg *m, struct err *e);

/* An err from an IPC_ERROR message. */
void ipc_msg_to_err(const struct ipc_msg *m, struct err *e);

const char *ipc_type_to_str(enum ipc_type type);

#endif
