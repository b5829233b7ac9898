/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits come first, because the filters forbid to change them; Landlock before the filter of the
 * same step for the same reason.
 */
#include "plugin/sandbox.h"

#include "loop/sanitize.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE 5

static bool limit(int what, rlim_t most)
{
    struct rlimit now;

    /* Where less is allowed already, it stays so. */
    if (getrlimit(what, &now) == 0 && now.rlim_max < most)
        most = now.rlim_max;
    return setrlimit(what, &(struct rlimit){most, most}) == 0;
}

troupe_status plugin_sandbox_limits(unsigned flags, int first_closed, struct error *err)
{
    bool done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Not to be traced, and no core of it: core files are written by a helper too, which limits do
     * not hold. A sanitizer looks at its own process like a tracer. */
#ifndef LOOP_SANITIZED
    done &= prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
#endif
    /* One that spins shall not take the time of those that answer. */
    if (!(flags & PLUGIN_SANDBOX_SERVES))
        (void)!nice(NICE);
    done &= limit(RLIMIT_CORE, 0);
    done &= limit(RLIMIT_FSIZE, 0);
    if (!(flags & PLUGIN_SANDBOX_SERVES))
        done &= limit(RLIMIT_CPU, PLUGIN_SANDBOX_CPU_S);
    done &= limit(RLIMIT_NOFILE, PLUGIN_SANDBOX_FILES);
    done &= limit(RLIMIT_NPROC, 0);
    done &= limit(RLIMIT_MEMLOCK, 0);
    done &= limit(RLIMIT_MSGQUEUE, 0);
#ifndef LOOP_SANITIZED
    /* A sanitizer reserves terabytes of addresses for its shadow. */
    done &= limit(RLIMIT_AS, PLUGIN_SANDBOX_ADDRESSES);
    done &= limit(RLIMIT_DATA, PLUGIN_SANDBOX_MEMORY);
#endif
    if (!done)
        return error_set(err, TROUPE_IO, "the limits of the trial cannot be set: %s",
                         strerror(errno));
    if (syscall(SYS_close_range, (unsigned)first_closed, ~0U, 0) < 0)
        for (int fd = first_closed; fd < PLUGIN_SANDBOX_FILES; fd++)
            close(fd);
    return TROUPE_OK;
}

static bool landlocked(unsigned flags)
{
    return !(flags & PLUGIN_SANDBOX_NO_LANDLOCK) && plugin_landlock_abi() > 0;
}

troupe_status plugin_sandbox_first(unsigned flags, const char *const *files, size_t count,
                                   struct error *err)
{
    troupe_status status = TROUPE_OK;

    if (landlocked(flags))
        status = plugin_landlock_restrict(true, files, count, err);
    return status < 0 ? status : plugin_seccomp_restrict(PLUGIN_SECCOMP_LOAD, err);
}

troupe_status plugin_sandbox_second(unsigned flags, const char *const *files, size_t count,
                                    struct error *err)
{
    troupe_status status = TROUPE_OK;

    if (landlocked(flags))
        status = plugin_landlock_restrict(false, files, count, err);
    if (status < 0)
        return status;
    return plugin_seccomp_restrict(count ? PLUGIN_SECCOMP_READ : PLUGIN_SECCOMP_RUN, err);
}
