/* SPDX-License-Identifier: Apache-2.0
 *
 * The filters: a list of what is allowed, everything else fails with EPERM. They are built by
 * libseccomp, which knows the numbers of each machine; a call that a machine does not have is left
 * out. A process of another calling convention (32-bit, x32) is killed at its first call.
 */
#include "plugin/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Memory, time, what a C library asks about its own process, and its own descriptors. No call here
 * names a file, makes a descriptor or reaches another process. */
static const int always[] = {
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(lseek),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(pause),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(read),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sysinfo),
    SCMP_SYS(time),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

/* While libraries are mapped and their own constructors run, and to apply the next layer. */
static const int loading[] = {
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getcwd),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
    SCMP_SYS(newfstatat),
    SCMP_SYS(pread64),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(seccomp),
    SCMP_SYS(stat),
    SCMP_SYS(statx),
    SCMP_SYS(uname),
};

/* No honest plugin asks for these, and a new hole in the kernel is most often behind one of them:
 * whoever tries ends there. */
static const int fatal[] = {
    SCMP_SYS(add_key),           SCMP_SYS(bpf),
    SCMP_SYS(delete_module),     SCMP_SYS(execve),
    SCMP_SYS(execveat),          SCMP_SYS(finit_module),
    SCMP_SYS(init_module),       SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register), SCMP_SYS(io_uring_setup),
    SCMP_SYS(kexec_load),        SCMP_SYS(keyctl),
    SCMP_SYS(perf_event_open),   SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(ptrace),
    SCMP_SYS(request_key),       SCMP_SYS(userfaultfd),
};

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int code = 0;

    /* Negative numbers are those of other machines. */
    for (size_t i = 0; i < count && code == 0; i++)
        if (calls[i] >= 0)
            code = seccomp_rule_add(filter, action, calls[i], 0);
    return code;
}

/* Memory is written or run, never both; and with `run` false no new code comes in at all. */
static int add_memory(scmp_filter_ctx filter, int call, bool run)
{
    const scmp_datum_t both = PROT_WRITE | PROT_EXEC;
    int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    if (code == 0 && run)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_EXEC));
    return code;
}

/* What is allowed with certain arguments only. */
static int add_some(scmp_filter_ctx filter)
{
    int code;

    if ((code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, F_GETFD, 0))) < 0 ||
        (code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, F_GETFL, 0))) < 0 ||
        /* raise and abort. */
        (code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0))) < 0 ||
        /* Reading one's own limits. */
        (code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                                 SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0))) < 0 ||
        (code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_getaffinity), 1,
                                 SCMP_A0(SCMP_CMP_EQ, 0, 0))) < 0)
        return code;
    /* So that pthread_create asks by the older call, whose answer is EPERM. */
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* For reading only; what makes, empties or writes a file has one of the other bits. O_PATH is for
 * Landlock's rules. */
static int add_open(scmp_filter_ctx filter, unsigned stage)
{
    const scmp_datum_t writing =
        O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
    int code = 0;

    if (stage == PLUGIN_SECCOMP_RUN)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
    code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    return code;
}

static int fill(scmp_filter_ctx filter, unsigned stage)
{
    const bool load = stage == PLUGIN_SECCOMP_LOAD;
    int code;

    /* Whoever calls has no new privileges already. */
    if ((code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0)) < 0 ||
        (code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) < 0 ||
        (code = add_all(filter, SCMP_ACT_ALLOW, always, COUNT(always))) < 0 ||
        (code = add_all(filter, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal))) < 0 ||
        (code = add_some(filter)) < 0 || (code = add_open(filter, stage)) < 0 ||
        (code = add_memory(filter, SCMP_SYS(mmap), load)) < 0 ||
        (code = add_memory(filter, SCMP_SYS(mprotect), load)) < 0)
        return code;
    return load ? add_all(filter, SCMP_ACT_ALLOW, loading, COUNT(loading)) : 0;
}

troupe_status plugin_seccomp_restrict(unsigned stage, struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int code = filter ? fill(filter, stage) : -ENOMEM;

    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    if (code < 0)
        return error_set(err, TROUPE_IO,
                         "the trial cannot be confined: seccomp says %s; a kernel with "
                         "CONFIG_SECCOMP_FILTER is needed, and nothing around the host may forbid "
                         "seccomp",
                         strerror(-code));
    return TROUPE_OK;
}
