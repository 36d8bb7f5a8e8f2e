/* SPDX-License-Identifier: MIT */
#include "daemon/sandbox_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock has no C library; the numbers are the kernel's (landlock(7)), given here because the oldest header
 * acmed is built with knows only the first of them. */
#define FS_EXECUTE                 (UINT64_C(1) << 0)
#define FS_WRITE_FILE              (UINT64_C(1) << 1)
#define FS_READ_FILE               (UINT64_C(1) << 2)
#define FS_READ_DIR                (UINT64_C(1) << 3)
#define FS_REMOVE_DIR              (UINT64_C(1) << 4)
#define FS_REMOVE_FILE             (UINT64_C(1) << 5)
#define FS_MAKE_DIR                (UINT64_C(1) << 7)
#define FS_MAKE_REG                (UINT64_C(1) << 8)
#define FS_ABI_1                   ((UINT64_C(1) << 13) - 1)
#define FS_REFER                   (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE                (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV               (UINT64_C(1) << 15) /* ABI 5 */
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)  /* ABI 6 */
#define SCOPE_SIGNAL               (UINT64_C(1) << 1)  /* ABI 6 */
#define RULE_PATH_BENEATH          1
#define CREATE_RULESET_VERSION     (1U << 0)

#define READ (FS_READ_FILE | FS_READ_DIR)
#define WRITE                                                                                                \
    (READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER |          \
     FS_TRUNCATE)

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

/* What resolvers and TLS libraries read, whenever they like. Directories, as rules bind inodes and these
 * files are replaced by rename. */
static const char *const read_always[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/libx32",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
};

/* c-ares seeds the numbers of its questions from here, and falls back to guessable ones without a word. A
 * device is never replaced. */
static const char random_device[] = "/dev/urandom";

static bool allow(int ruleset, const char *path, uint64_t access, struct err *e)
{
    struct path_beneath_attr rule = {.allowed_access = access};
    int fd = open(path, O_PATH | O_CLOEXEC | ((access & FS_READ_DIR) != 0 ? O_DIRECTORY : 0));
    long rc;

    if (fd < 0) /* what does not exist needs no rule; what cannot be reached needs none either */
        return true;
    rule.parent_fd = fd;
    rc = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    if (rc != 0)
        err_set(e, ERR_CLASS_INTERNAL, "Landlock rule for %s: %s", path, strerror(errno));
    (void)close(fd);
    return rc == 0;
}

static bool allow_all(int ruleset, const struct sandbox_paths *paths, uint64_t handled, struct err *e)
{
    for (size_t i = 0; i < sizeof read_always / sizeof read_always[0]; i++)
        if (!allow(ruleset, read_always[i], READ & handled, e))
            return false;
    for (size_t i = 0; i < paths->read.n; i++)
        if (!allow(ruleset, paths->read.v[i], READ & handled, e))
            return false;
    for (size_t i = 0; i < paths->write.n; i++)
        if (!allow(ruleset, paths->write.v[i], WRITE & handled, e))
            return false;
    return allow(ruleset, random_device, FS_READ_FILE & handled, e);
}

bool landlock_confine(const struct sandbox_paths *paths, int *abi, struct err *e)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    struct ruleset_attr attr = {.handled_access_fs = FS_ABI_1};
    size_t size = sizeof attr.handled_access_fs;
    int ruleset;
    bool ok;

    *abi = 0;
    if (version < 1)
        return true; /* not built in, or switched off: the report says so */
    if (version >= 2)
        attr.handled_access_fs |= FS_REFER;
    if (version >= 3)
        attr.handled_access_fs |= FS_TRUNCATE;
    if (version >= 5)
        attr.handled_access_fs |= FS_IOCTL_DEV;
    if (version >= 6) {
        attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
        size = sizeof attr;
    }
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot make a Landlock ruleset: %s", strerror(errno));
    ok = allow_all(ruleset, paths, attr.handled_access_fs, e);
    if (ok && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        ok = err_set(e, ERR_CLASS_INTERNAL, "cannot enforce the Landlock ruleset: %s", strerror(errno));
    (void)close(ruleset);
    if (ok)
        *abi = (int)version;
    return ok;
}
