/* SPDX-License-Identifier: MIT */
#include "daemon/sandbox.h"

#include "daemon/sandbox_parts.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP(name) (UINT64_C(1) << (name))

static const char *const cap_names[] = {
    [CAP_CHOWN] = "CHOWN",
    [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
    [CAP_FOWNER] = "FOWNER",
    [CAP_FSETID] = "FSETID",
    [CAP_KILL] = "KILL",
    [CAP_SETGID] = "SETGID",
    [CAP_SETUID] = "SETUID",
    [CAP_SETPCAP] = "SETPCAP",
    [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
    [CAP_NET_ADMIN] = "NET_ADMIN",
    [CAP_NET_RAW] = "NET_RAW",
    [CAP_SYS_PTRACE] = "SYS_PTRACE",
    [CAP_SYS_ADMIN] = "SYS_ADMIN",
};

static int landlock_abi; /* in force in this process; 0: none */

static bool read_caps(struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &head, data) == 0;
}

bool caps_effective(uint64_t *mask)
{
    struct __user_cap_data_struct data[2];

    if (!read_caps(data))
        return false;
    *mask = data[0].effective | (uint64_t)data[1].effective << 32;
    return true;
}

bool caps_keep(uint64_t mask, struct err *e)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    /* Needs CAP_SETPCAP; who has it not has nothing to gain from the bounding set before an exec of a
     * set-user-id program, which no_new_privs makes ineffective. */
    for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (cap >= 64 || (mask >> cap & 1) == 0)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (!read_caps(data))
        return err_set(e, ERR_CLASS_INTERNAL, "cannot read the capabilities: capget: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(mask >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &head, data) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot give up capabilities: capset: %s", strerror(errno));
    return true;
}

/* What keeper and engine have in common. Keys and tokens must not reach a core file or a debugger. */
static bool give_up(uint64_t caps, struct err *e)
{
    const struct rlimit no_core = {0, 0};

    if (!caps_keep(caps, e))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot set no_new_privs: %s", strerror(errno));
    if (setrlimit(RLIMIT_CORE, &no_core) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot forbid core files: %s", strerror(errno));
#ifndef ACMED_WIDE_SANDBOX /* LeakSanitizer traces its own process */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot forbid core files: %s", strerror(errno));
#endif
    return true;
}

bool sandbox_engine(const struct sandbox_paths *paths, struct err *e)
{
    json_object_seed(0); /* reads /dev/urandom, which is out of reach afterwards */
    if (!give_up(0, e))
        return err_wrap(e, "confining the engine");
#ifndef ACMED_WIDE_SANDBOX /* reports and counters are written to the build tree */
    if (!landlock_confine(paths, &landlock_abi, e))
        return err_wrap(e, "confining the engine");
#else
    (void)paths;
#endif
    if (!seccomp_confine(SECCOMP_ENGINE, e))
        return err_wrap(e, "confining the engine");
    return true;
}

bool sandbox_keeper(struct err *e)
{
    json_object_seed(0);
    if (!give_up(CAP(CAP_CHOWN) | CAP(CAP_FOWNER) | CAP(CAP_DAC_OVERRIDE), e) ||
        !seccomp_confine(SECCOMP_KEEPER, e))
        return err_wrap(e, "confining the keeper");
    return true;
}

bool sandbox_supervisor(struct err *e)
{
    const uint64_t caps = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) | CAP(CAP_KILL) |
                          CAP(CAP_SETUID) | CAP(CAP_SETGID) | CAP(CAP_NET_BIND_SERVICE);

    if (!caps_keep(caps, e))
        return err_wrap(e, "confining the supervisor");
    return true;
}

static json_t *report_caps(uint64_t mask)
{
    json_t *list = json_array();

    for (unsigned cap = 0; cap < 64; cap++) {
        char number[16];
        const char *name = cap < sizeof cap_names / sizeof cap_names[0] ? cap_names[cap] : NULL;

        if ((mask >> cap & 1) == 0)
            continue;
        (void)snprintf(number, sizeof number, "%u", cap);
        if (json_array_append_new(list, json_string(name != NULL ? name : number)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *sandbox_report(void)
{
    uint64_t caps = 0;
    int seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    json_t *report;

    (void)caps_effective(&caps);
    report = json_pack("{s:I, s:I, s:b, s:b, s:s, s:i, s:o}", "uid", (json_int_t)geteuid(), "gid",
                       (json_int_t)getegid(), "no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
                       "dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0, "seccomp",
                       seccomp == 2 ? "filter" : "none", "landlock_abi", landlock_abi, "capabilities",
                       report_caps(caps));
    if (report != NULL && seccomp == 2 &&
        json_object_set_new(report, "unknown_syscalls",
                            json_integer((json_int_t)sandbox_unknown_syscalls())) != 0) {
        json_decref(report);
        return NULL;
    }
#ifdef ACMED_WIDE_SANDBOX
    if (report != NULL && json_object_set_new(report, "widened", json_string(ACMED_WIDE_SANDBOX)) != 0) {
        json_decref(report);
        return NULL;
    }
#endif
    return report;
}
