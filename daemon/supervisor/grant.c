/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/grant.h"

#include "daemon/peer_group.h"
#include "lib/varlink.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct name {
    struct sockaddr_un addr;
    socklen_t len;
};

static bool name_of(int fd, struct name *n)
{
    memset(n, 0, sizeof *n);
    n->len = sizeof n->addr;
    return getsockname(fd, (struct sockaddr *)&n->addr, &n->len) == 0 && n->len <= sizeof n->addr &&
           n->len > offsetof(struct sockaddr_un, sun_path) && n->addr.sun_family == AF_UNIX;
}

static bool option_is(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

/* Accepted sockets have the name of their listener; the one that connected has none. */
static bool is_ours(int fd, const struct listeners *l)
{
    const struct listener *v;
    struct name theirs;
    struct name ours;

    if (!option_is(fd, SO_DOMAIN, AF_UNIX) || !option_is(fd, SO_TYPE, SOCK_STREAM) ||
        !option_is(fd, SO_ACCEPTCONN, 0) || !name_of(fd, &theirs))
        return false;
    for (size_t i = 0; (v = listeners_get(l, i)) != NULL; i++)
        if (strcmp(v->purpose, "control") == 0 && name_of(v->fd, &ours) && ours.len == theirs.len &&
            memcmp(&ours.addr, &theirs.addr, ours.len) == 0)
            return true;
    return false;
}

static bool may_ask(int fd, const struct grant_rules *rules, char who[64])
{
    struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t size = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 || size != sizeof cred)
        return false;
    (void)snprintf(who, 64, "uid %u, pid %d", (unsigned)cred.uid, (int)cred.pid);
    if (cred.pid == rules->engine_pid || (cred.uid == rules->engine && rules->engine != rules->own))
        return false;
    return cred.uid == 0 || cred.uid == rules->own ||
           (rules->has_group && peer_in_group(fd, cred.gid, rules->group));
}

static bool parse(struct act *act, const char *text, size_t len, struct err *e)
{
    struct varlink_call call;
    const char *parameter;
    bool ok;

    if (!varlink_call_parse(&call, text, len, e))
        return false;
    ok = act_parse(act, call.method, call.parameters, &parameter) ||
         err_set(e, ERR_CLASS_PERMANENT, "the call %.100s asks for nothing that needs a grant (%s)",
                 call.method, parameter);
    varlink_call_clear(&call);
    return ok;
}

bool grant_read(int fd, const struct listeners *l, const struct grant_rules *rules, struct act *act,
                char who[64], struct err *e)
{
    char seen[GRANT_CALL_MAX];
    char taken[GRANT_CALL_MAX];
    const char *end;
    ssize_t n;
    size_t len;

    (void)snprintf(who, 64, "somebody unknown");
    if (!is_ours(fd, l))
        return err_set(e, ERR_CLASS_INTERNAL, "that is no connection to the control socket");
    if (!may_ask(fd, rules, who))
        return err_set(e, ERR_CLASS_PERMANENT, "%s may not ask for that", who);
    n = recv(fd, seen, sizeof seen, MSG_PEEK | MSG_DONTWAIT);
    end = n > 0 ? memchr(seen, '\0', (size_t)n) : NULL;
    if (end == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "no call of at most %d bytes is waiting on the connection",
                       GRANT_CALL_MAX);
    len = (size_t)(end - seen) + 1;
    if (!parse(act, seen, len - 1, e))
        return false;
    if (recv(fd, taken, len, MSG_DONTWAIT) != (ssize_t)len || memcmp(seen, taken, len) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "the call was taken away while it was read");
    return true;
}
