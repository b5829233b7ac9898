/* SPDX-License-Identifier: Apache-2.0
 *
 * Landlock by its system calls: the C library has no wrappers, and headers are older than kernels, so
 * the ABI is spelled out here. Every right that the kernel knows is handled, hence forbidden where no
 * rule allows it; a kernel refuses rights that it does not know, so they are cut to its ABI.
 */
#include "plugin/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define VERSION_FLAG 1u
#define PATH_BENEATH 1
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR  (1ULL << 3)
#define NET_ALL      3ULL /* bind and connect by TCP: ABI 4             */
#define SCOPE_ALL    3ULL /* abstract sockets and signals: ABI 6        */

/* As far as the ABI of the kernel goes, so much of it is given. */
struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

unsigned plugin_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

    return abi > 0 ? (unsigned)abi : 0;
}

/* Rights on files of each ABI: 13 at first, then refer, truncate (3) and ioctl on devices (5). */
static uint64_t fs_rights(unsigned abi)
{
    uint64_t rights = (1ULL << 13) - 1;

    if (abi >= 2)
        rights |= 1ULL << 13;
    if (abi >= 3)
        rights |= 1ULL << 14;
    if (abi >= 5)
        rights |= 1ULL << 15;
    return rights;
}

/* What is not there needs no rule: opening it says so. */
static bool allow(int ruleset, const char *path)
{
    struct path_rule rule = {.allowed = FS_READ_FILE};
    struct stat info;
    bool done;

    rule.parent = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent < 0)
        return true;
    if (fstat(rule.parent, &info) == 0 && S_ISDIR(info.st_mode))
        rule.allowed |= FS_READ_DIR;
    done = syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent);
    return done;
}

troupe_status plugin_landlock_restrict(bool libraries, const char *const *files, size_t count,
                                       struct error *err)
{
    /* Where distributions keep libraries and what these read of their own. */
    static const char *const places[] = {
        "/lib",     "/lib64",           "/usr",           "/opt", "/nix", "/gnu/store",
        "/etc/ssl", "/etc/ld.so.cache", "/proc/self/maps"};
    const unsigned abi = plugin_landlock_abi();
    const struct ruleset wanted = {
        .fs = fs_rights(abi), .net = abi >= 4 ? NET_ALL : 0, .scoped = abi >= 6 ? SCOPE_ALL : 0};
    const size_t size = abi >= 6 ? sizeof(wanted) : abi >= 4 ? 16 : 8;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    bool done = ruleset >= 0;

    for (size_t i = 0; done && libraries && i < sizeof(places) / sizeof(places[0]); i++)
        done = allow(ruleset, places[i]);
    for (size_t i = 0; done && i < count; i++)
        done = allow(ruleset, files[i]);
    done = done && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (!done)
        error_set(err, TROUPE_IO, "Landlock cannot be applied to the trial: %s", strerror(errno));
    if (ruleset >= 0)
        close(ruleset);
    return done ? TROUPE_OK : TROUPE_IO;
}
