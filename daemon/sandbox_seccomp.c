/* SPDX-License-Identifier: MIT */
#include "daemon/sandbox_parts.h"

#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

/* An unknown call traps, and the handler makes it an ENOSYS that was counted. Calls which a C library makes
 * while it blocks all signals (as pthread_create does around clone3) must not trap, as a blocked SIGSYS
 * kills: those get their ENOSYS from the filter itself. */
static atomic_uint_fast64_t unknown;

/* Sanitizers and coverage make calls of their own, which nobody lists. */
#ifdef ACMED_WIDE_SANDBOX
static const bool wide = true;
#else
static const bool wide = false;
#endif

#define LEN(a)     (sizeof(a) / sizeof(a)[0])
#define CALL(name) SCMP_SYS(name)

/* clang-format off */

/* No confined process of acmed has use for these; who calls them is not acmed any more. */
static const int kill_always[] = {
    CALL(execve), CALL(execveat), CALL(process_vm_readv), CALL(process_vm_writev), CALL(mount),
    CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(setns), CALL(unshare), CALL(open_tree),
    CALL(move_mount), CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(fspick), CALL(mount_setattr),
    CALL(bpf), CALL(perf_event_open), CALL(userfaultfd), CALL(init_module), CALL(finit_module),
    CALL(delete_module), CALL(kexec_load), CALL(kexec_file_load), CALL(reboot), CALL(swapon), CALL(swapoff),
    CALL(acct), CALL(quotactl), CALL(add_key), CALL(request_key), CALL(keyctl), CALL(open_by_handle_at),
    CALL(name_to_handle_at), CALL(settimeofday), CALL(clock_settime), CALL(adjtimex), CALL(clock_adjtime),
    CALL(sethostname), CALL(setdomainname), CALL(pidfd_getfd), CALL(kcmp), CALL(syslog), CALL(vhangup)};

/* Likewise, but sanitizers trace themselves. */
static const int kill_tracing[] = {
    CALL(ptrace), CALL(personality)};

static const int kill_keeper[] = {
    CALL(socket), CALL(socketpair), CALL(connect), CALL(bind), CALL(listen)};

/* Memory, time, signals, threads, descriptors in general, and files that Landlock and file modes decide
 * about. */
static const int allow_always[] = {
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mlock), CALL(mlock2), CALL(munlock),
    CALL(membarrier), CALL(futex), CALL(futex_time64), CALL(set_robust_list), CALL(get_robust_list),
    CALL(rseq), CALL(set_tid_address), CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigpending),
    CALL(rt_sigtimedwait), CALL(rt_sigsuspend), CALL(sigaltstack), CALL(restart_syscall), CALL(exit),
    CALL(exit_group), CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid), CALL(getgid),
    CALL(getegid), CALL(getresuid), CALL(getresgid), CALL(getgroups), CALL(capget), CALL(nanosleep),
    CALL(clock_nanosleep), CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday), CALL(time),
    CALL(times), CALL(getrusage), CALL(getrlimit), CALL(uname), CALL(sysinfo), CALL(getrandom), CALL(umask),
    CALL(read), CALL(readv), CALL(pread64), CALL(preadv), CALL(write), CALL(writev), CALL(pwrite64),
    CALL(pwritev), CALL(lseek), CALL(close), CALL(close_range), CALL(dup), CALL(dup2), CALL(dup3),
    CALL(fcntl), CALL(pipe), CALL(pipe2), CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6),
    CALL(eventfd), CALL(eventfd2), CALL(open), CALL(openat), CALL(stat), CALL(fstat), CALL(lstat),
    CALL(newfstatat), CALL(statx), CALL(statfs), CALL(fstatfs), CALL(access), CALL(faccessat),
    CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd), CALL(getdents64), CALL(mkdir),
    CALL(mkdirat), CALL(rmdir), CALL(unlink), CALL(unlinkat), CALL(rename), CALL(renameat), CALL(renameat2),
    CALL(ftruncate), CALL(fallocate), CALL(fadvise64), CALL(fsync), CALL(fdatasync), CALL(flock),
    CALL(fchmod), CALL(sendto), CALL(sendmsg), CALL(recvfrom), CALL(recvmsg), CALL(shutdown),
    CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername)};

/* The network: sockets that are had may be used; which may be made is decided by argument. */
static const int allow_engine[] = {
    CALL(connect), CALL(bind), CALL(accept), CALL(accept4), CALL(sendmmsg), CALL(recvmmsg),
    CALL(epoll_create), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait),
    CALL(epoll_pwait2), CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime), CALL(signalfd),
    CALL(signalfd4), CALL(sched_getparam), CALL(sched_getscheduler), CALL(sched_get_priority_min),
    CALL(sched_get_priority_max)};

/* The store, and the child that makes RSA keys. */
static const int allow_keeper[] = {
    CALL(fork), CALL(wait4), CALL(waitid), CALL(kill), CALL(chown), CALL(fchown), CALL(lchown),
    CALL(fchownat), CALL(chmod), CALL(fchmodat), CALL(link), CALL(linkat), CALL(symlink), CALL(symlinkat),
    CALL(utimensat), CALL(truncate), CALL(sync_file_range), CALL(syncfs), CALL(setpriority),
    CALL(getpriority)};
/* clang-format on */

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
    ucontext_t *u = context;

    (void)signal;
    if (info->si_code != 1 /* SYS_SECCOMP */)
        return;
    atomic_fetch_add_explicit(&unknown, 1, memory_order_relaxed);
#if defined(__x86_64__)
    u->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
    u->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "where does a system call return its result on this machine?"
#endif
}

uint64_t sandbox_unknown_syscalls(void)
{
    return atomic_load_explicit(&unknown, memory_order_relaxed);
}

/* A system call that this machine does not have (its number is negative) needs no rule, nor does what is
 * allowed anyway. */
static int add_rule(scmp_filter_ctx f, uint32_t action, int call, unsigned n, const struct scmp_arg_cmp *cmp)
{
    if (call < 0 || (wide && action == SCMP_ACT_ALLOW))
        return 0;
    return seccomp_rule_add_exact_array(f, action, call, n, cmp);
}

static int add(scmp_filter_ctx f, uint32_t action, const int *calls, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_rule(f, action, calls[i], 0, NULL);
    return rc;
}

static int add_if(scmp_filter_ctx f, uint32_t action, int call, struct scmp_arg_cmp cmp)
{
    return add_rule(f, action, call, 1, &cmp);
}

static int add_if2(scmp_filter_ctx f, uint32_t action, int call, struct scmp_arg_cmp a, struct scmp_arg_cmp b)
{
    const struct scmp_arg_cmp both[] = {a, b};

    return add_rule(f, action, call, LEN(both), both);
}

/* Memory is never writable and executable, not even one after the other. */
static int add_memory(scmp_filter_ctx f)
{
    const uint64_t wx = PROT_WRITE | PROT_EXEC;
    int rc = add_if(f, SCMP_ACT_ALLOW, CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, wx, 0));

    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, wx, PROT_WRITE));
    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, wx, PROT_EXEC));
    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ERRNO(EPERM), CALL(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, wx, wx));
    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ERRNO(EPERM), CALL(mprotect),
                    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    return rc;
}

/* Calls of many purposes, of which a few are needed. What is not listed here is an unknown call. */
static int add_by_argument(scmp_filter_ctx f)
{
    static const unsigned long requests[] = {FIONREAD, FIONBIO,      FIOCLEX,    FIONCLEX,
                                             TCGETS,   SIOCGIFINDEX, SIOCGIFNAME};
    static const int options[] = {
        PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS, PR_GET_DUMPABLE, PR_CAPBSET_READ, PR_SET_NAME,
        PR_GET_NAME,    PR_SET_PDEATHSIG,    0x53564d41 /* PR_SET_VMA: names for anonymous memory */
    };
    int rc = 0;

    for (size_t i = 0; i < LEN(requests) && rc == 0; i++)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
    for (size_t i = 0; i < LEN(options) && rc == 0; i++)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(prctl),
                    SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (unsigned)options[i]));
    if (rc == 0) /* own limits may be read (abort() and threads do) but not changed */
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
    return rc;
}

static int add_sockets(scmp_filter_ctx f)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
    int rc = add_if(f, SCMP_ACT_ALLOW, CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET));

    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_INET6));
    if (rc == 0)
        rc = add_if2(f, SCMP_ACT_ALLOW, CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                     SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
    if (rc == 0)
        rc = add_if2(f, refuse, CALL(socket), SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                     SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
    for (unsigned family = 0; family < AF_MAX && rc == 0; family++)
        if (family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
            rc = add_if(f, refuse, CALL(socket), SCMP_A0(SCMP_CMP_EQ, family));
    if (rc == 0)
        rc = add_if(f, refuse, CALL(socket), SCMP_A0(SCMP_CMP_GE, AF_MAX));
    return rc;
}

/* libcurl wakes its threads and loops through stream pairs; a datagram pair could reach any other socket by
 * address. */
static int add_socketpairs(scmp_filter_ctx f)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
    int rc = add_if2(f, SCMP_ACT_ALLOW, CALL(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
                     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));

    for (unsigned type = 0; type <= 0xf && rc == 0; type++)
        if (type != SOCK_STREAM)
            rc = add_if2(f, refuse, CALL(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
                         SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type));
    if (rc == 0)
        rc = add_if(f, refuse, CALL(socketpair), SCMP_A0(SCMP_CMP_NE, AF_UNIX));
    return rc;
}

/* Threads for the engine, a plain child for the keeper, new namespaces for nobody. clone3 hides its flags
 * from the filter: without it the C library takes clone. */
static int add_clone(scmp_filter_ctx f, enum seccomp_profile profile)
{
    const uint64_t spaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                            CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PTRACE;
    const uint64_t mask = CLONE_THREAD | spaces;
    const int as_process[] = {CALL(fork), CALL(vfork)};
    int rc = add_rule(f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0, NULL);

    if (rc == 0)
        rc = add_if(f, SCMP_ACT_ALLOW, CALL(clone),
                    SCMP_A0(SCMP_CMP_MASKED_EQ, mask, profile == SECCOMP_ENGINE ? CLONE_THREAD : 0));
    if (rc == 0 && profile == SECCOMP_ENGINE)
        rc = add(f, SCMP_ACT_ERRNO(EPERM), as_process, LEN(as_process));
    if (rc == 0 && profile == SECCOMP_ENGINE)
        rc = add_if(f, SCMP_ACT_ERRNO(EPERM), CALL(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    return rc;
}

/* abort() and the C library's threads signal themselves; nobody else is the engine's to signal. */
static int add_signals(scmp_filter_ctx f, enum seccomp_profile profile)
{
    const int own[] = {CALL(tgkill)};

    if (profile == SECCOMP_KEEPER)
        return add(f, SCMP_ACT_ALLOW, own, LEN(own));
    return add_if(f, SCMP_ACT_ALLOW, CALL(tgkill), SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid()));
}

static int fill_allowed(scmp_filter_ctx f, enum seccomp_profile profile)
{
    int rc = add(f, SCMP_ACT_ALLOW, allow_always, LEN(allow_always));

    if (rc == 0)
        rc = add_memory(f);
    if (rc == 0)
        rc = add_by_argument(f);
    if (rc == 0)
        rc = add_clone(f, profile);
    if (rc == 0)
        rc = add_signals(f, profile);
    if (rc == 0 && profile == SECCOMP_KEEPER)
        rc = add(f, SCMP_ACT_ALLOW, allow_keeper, LEN(allow_keeper));
    if (rc == 0 && profile == SECCOMP_ENGINE)
        rc = add(f, SCMP_ACT_ALLOW, allow_engine, LEN(allow_engine));
    return rc;
}

static int fill(scmp_filter_ctx f, enum seccomp_profile profile)
{
    int rc = add(f, SCMP_ACT_KILL_PROCESS, kill_always, LEN(kill_always));

    if (rc == 0 && profile == SECCOMP_KEEPER)
        rc = add(f, SCMP_ACT_KILL_PROCESS, kill_keeper, LEN(kill_keeper));
    if (rc == 0 && profile == SECCOMP_ENGINE)
        rc = add_sockets(f);
    if (rc == 0 && profile == SECCOMP_ENGINE)
        rc = add_socketpairs(f);
    if (rc == 0 && !wide)
        rc = add(f, SCMP_ACT_KILL_PROCESS, kill_tracing, LEN(kill_tracing));
    if (rc == 0 && !wide)
        rc = fill_allowed(f, profile);
    return rc;
}

static bool trap(struct err *e)
{
    struct sigaction sa = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};

    (void)sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSYS, &sa, NULL) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot handle SIGSYS: %s", strerror(errno));
    return true;
}

bool seccomp_confine(enum seccomp_profile profile, struct err *e)
{
    scmp_filter_ctx f = seccomp_init(wide ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
    int rc;

    if (f == NULL)
        return err_set(e, ERR_CLASS_INTERNAL,
                       "cannot make a seccomp filter (out of memory, or the machine is unknown)");
    rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0)
        rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0); /* already set */
    if (rc == 0)
        rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = fill(f, profile);
    if (rc == 0 && !trap(e)) {
        seccomp_release(f);
        return false;
    }
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    if (rc != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot load the seccomp filter: %s", strerror(-rc));
    return true;
}
