/* SPDX-License-Identifier: Apache-2.0 */
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define TEMP "/tmp/troupe-escape"

bool escape_denied(int outcome)
{
    return outcome == EPERM || outcome == EACCES || outcome == ENOSYS;
}

/* An outcome from what a system call returned; what it opened is closed. */
static int done(long result)
{
    return result < 0 ? errno : 0;
}

static int opened(long fd)
{
    if (fd < 0)
        return errno;
    close((int)fd);
    return 0;
}

/* Through the system call itself, so that no library decides before the kernel does. */
static long call(long number, long a, long b, long c, long d, long e)
{
    return syscall(number, a, b, c, d, e, 0L);
}

#define ADDRESS(x) ((long)(intptr_t)(x))

static int open_path(const char *path, int flags)
{
    return opened(call(SYS_openat, AT_FDCWD, ADDRESS(path), flags, 0600, 0));
}

/* ---- files ---------------------------------------------------------------------------------- */

static int read_passwd(void)
{
    return open_path("/etc/passwd", O_RDONLY);
}

static int read_library(void)
{
    return open_path("/usr/lib/os-release", O_RDONLY);
}

static int read_directory(void)
{
    return open_path("/", O_RDONLY | O_DIRECTORY);
}

static int hold_path(void)
{
    return open_path("/", O_PATH);
}

static int write_null(void)
{
    return open_path("/dev/null", O_WRONLY);
}

static int create_file(void)
{
    int outcome = open_path(TEMP, O_WRONLY | O_CREAT);

    if (outcome == 0)
        unlink(TEMP);
    return outcome;
}

static int create_nameless(void)
{
    return open_path("/tmp", O_RDWR | O_TMPFILE);
}

static int open_newer(void)
{
    const uint64_t how[3] = {O_RDONLY, 0, 0};

    return opened(
        call(SYS_openat2, AT_FDCWD, ADDRESS("/etc/passwd"), ADDRESS(how), sizeof(how), 0));
}

static int open_by_handle(void)
{
    struct {
        uint32_t bytes;
        int type;
        unsigned char data[128];
    } handle = {.bytes = sizeof(handle.data)};
    int mount;

    return done(call(SYS_name_to_handle_at, AT_FDCWD, ADDRESS("/etc/passwd"), ADDRESS(&handle),
                     ADDRESS(&mount), 0));
}

static int stat_file(void)
{
    struct stat info;

    return done(call(SYS_newfstatat, AT_FDCWD, ADDRESS("/etc/passwd"), ADDRESS(&info), 0, 0));
}

static int statx_file(void)
{
    struct statx info;

    return done(
        call(SYS_statx, AT_FDCWD, ADDRESS("/etc/passwd"), 0, STATX_BASIC_STATS, ADDRESS(&info)));
}

static int find_file(void)
{
    return done(call(SYS_faccessat, AT_FDCWD, ADDRESS("/etc/passwd"), F_OK, 0, 0));
}

static int read_link(void)
{
    char name[256];

    return done(
        call(SYS_readlinkat, AT_FDCWD, ADDRESS("/proc/self/exe"), ADDRESS(name), sizeof(name), 0));
}

static int make_directory(void)
{
    int outcome = done(call(SYS_mkdirat, AT_FDCWD, ADDRESS(TEMP), 0700, 0, 0));

    if (outcome == 0)
        rmdir(TEMP);
    return outcome;
}

static int make_fifo(void)
{
    int outcome = done(call(SYS_mknodat, AT_FDCWD, ADDRESS(TEMP), S_IFIFO | 0600, 0, 0));

    if (outcome == 0)
        unlink(TEMP);
    return outcome;
}

static int make_link(void)
{
    int outcome = done(call(SYS_symlinkat, ADDRESS("/"), AT_FDCWD, ADDRESS(TEMP), 0, 0));

    if (outcome == 0)
        unlink(TEMP);
    return outcome;
}

static int remove_file(void)
{
    return done(call(SYS_unlinkat, AT_FDCWD, ADDRESS(TEMP ".none"), 0, 0, 0));
}

static int rename_file(void)
{
    return done(call(SYS_renameat2, AT_FDCWD, ADDRESS(TEMP ".none"), AT_FDCWD, ADDRESS(TEMP), 0));
}

static int change_mode(void)
{
    return done(call(SYS_fchmodat, AT_FDCWD, ADDRESS(TEMP ".none"), 0600, 0, 0));
}

static int cut_file(void)
{
    return done(call(SYS_truncate, ADDRESS(TEMP ".none"), 0, 0, 0, 0));
}

static int change_directory(void)
{
    return done(call(SYS_chdir, ADDRESS("."), 0, 0, 0, 0));
}

static int change_root(void)
{
    return done(call(SYS_chroot, ADDRESS(TEMP ".none"), 0, 0, 0, 0));
}

static int mount_something(void)
{
    return done(call(SYS_mount, 0, 0, 0, 0, 0));
}

static int watch_files(void)
{
    return opened(call(SYS_inotify_init1, 0, 0, 0, 0, 0));
}

/* ---- /proc ---------------------------------------------------------------------------------- */

static int read_environment(void)
{
    return open_path("/proc/self/environ", O_RDONLY);
}

static int write_memory(void)
{
    return open_path("/proc/self/mem", O_RDWR);
}

static int read_mappings(void)
{
    return open_path("/proc/self/maps", O_RDONLY);
}

static int read_descriptors(void)
{
    return open_path("/proc/self/fd", O_RDONLY | O_DIRECTORY);
}

static int read_others(void)
{
    return open_path("/proc/1/cmdline", O_RDONLY);
}

static int reopen_descriptor(void)
{
    return open_path("/proc/self/fd/0", O_RDONLY);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static int make_socket(int family, int type)
{
    return opened(call(SYS_socket, family, type, 0, 0, 0));
}

static int socket_tcp(void)
{
    return make_socket(AF_INET, SOCK_STREAM);
}

static int socket_udp6(void)
{
    return make_socket(AF_INET6, SOCK_DGRAM);
}

static int socket_unix(void)
{
    return make_socket(AF_UNIX, SOCK_STREAM);
}

static int socket_raw(void)
{
    return make_socket(AF_INET, SOCK_RAW);
}

static int socket_packet(void)
{
    return make_socket(AF_PACKET, SOCK_RAW);
}

static int socket_netlink(void)
{
    return make_socket(AF_NETLINK, SOCK_RAW);
}

static int socket_vsock(void)
{
    return make_socket(AF_VSOCK, SOCK_STREAM);
}

static int socket_crypto(void)
{
    return make_socket(AF_ALG, SOCK_SEQPACKET);
}

static int socket_pair(void)
{
    int ends[2];
    int outcome = done(call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ADDRESS(ends), 0));

    if (outcome == 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return outcome;
}

static int abstract_socket(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0troupe-escape"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), outcome;

    if (fd < 0)
        return errno;
    outcome = done(bind(fd, (struct sockaddr *)&name, sizeof(name)));
    close(fd);
    return outcome;
}

static int connect_inherited(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    return done(call(SYS_connect, 0, ADDRESS(&name), sizeof(name), 0, 0));
}

static int send_inherited(void)
{
    return done(syscall(SYS_sendto, 0, "x", 1L, 0L, 0L, 0L));
}

static int receive_descriptors(void)
{
    struct msghdr message = {0};

    return done(call(SYS_recvmsg, 0, ADDRESS(&message), 0, 0, 0));
}

/* ---- processes ------------------------------------------------------------------------------ */

static int fork_child(void)
{
    long pid = call(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return done(pid);
}

static int fork_newer(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, rest[6];
    } how = {.exit_signal = SIGCHLD};
    long pid = call(SYS_clone3, ADDRESS(&how), sizeof(how), 0, 0, 0);

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return done(pid);
}

static void *idle(void *arg)
{
    return arg;
}

static int start_thread(void)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, idle, NULL);

    if (code == 0)
        pthread_join(thread, NULL);
    return code;
}

static int run_program(void)
{
    return done(call(SYS_execve, ADDRESS(TEMP ".none"), 0, 0, 0, 0));
}

static int run_descriptor(void)
{
    return done(call(SYS_execveat, 0, ADDRESS(""), 0, 0, AT_EMPTY_PATH));
}

static int signal_parent(void)
{
    return done(call(SYS_kill, getppid(), 0, 0, 0, 0));
}

static int signal_group(void)
{
    return done(call(SYS_kill, 0, 0, 0, 0, 0));
}

static int signal_thread(void)
{
    return done(call(SYS_tgkill, getppid(), getppid(), 0, 0, 0));
}

static int signal_thread_older(void)
{
    return done(call(SYS_tkill, getppid(), 0, 0, 0, 0));
}

static int signal_queue(void)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    return done(call(SYS_rt_sigqueueinfo, getppid(), 0, ADDRESS(&info), 0, 0));
}

static int hold_process(void)
{
    return opened(call(SYS_pidfd_open, getppid(), 0, 0, 0, 0));
}

static int signal_held(void)
{
    return done(call(SYS_pidfd_send_signal, 0, 0, 0, 0, 0));
}

static int take_descriptor(void)
{
    return opened(call(SYS_pidfd_getfd, 0, 0, 0, 0, 0));
}

static int trace_parent(void)
{
    return done(call(SYS_ptrace, PTRACE_SEIZE, -1, 0, 0, 0));
}

static int read_process(void)
{
    char byte = 0;
    struct iovec here = {&byte, 1};

    return done(syscall(SYS_process_vm_readv, (long)getpid(), &here, 1L, &here, 1L, 0L));
}

static int leave_session(void)
{
    return done(call(SYS_setsid, 0, 0, 0, 0, 0));
}

static int change_priority(void)
{
    return done(call(SYS_setpriority, PRIO_PROCESS, (long)getppid(), 19, 0, 0));
}

static int raise_limit(void)
{
    struct rlimit some = {1, 1};

    return done(call(SYS_prlimit64, 0, RLIMIT_CORE, ADDRESS(&some), 0, 0));
}

static int limit_parent(void)
{
    struct rlimit now;

    return done(call(SYS_prlimit64, getppid(), RLIMIT_CORE, 0, ADDRESS(&now), 0));
}

static int become_root(void)
{
    return done(call(SYS_setuid, getuid(), 0, 0, 0, 0));
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static int io_uring(void)
{
    return opened(call(SYS_io_uring_setup, 0, 0, 0, 0, 0));
}

static int load_bpf(void)
{
    return done(call(SYS_bpf, 1000, 0, 0, 0, 0));
}

static int measure_kernel(void)
{
    return opened(call(SYS_perf_event_open, 0, 0, -1, -1, 0));
}

static int handle_faults(void)
{
    return opened(call(SYS_userfaultfd, 0, 0, 0, 0, 0));
}

static int read_keys(void)
{
    return done(call(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0));
}

static int load_module(void)
{
    return done(call(SYS_finit_module, -1, ADDRESS(""), 0, 0, 0));
}

static int own_namespace(void)
{
    return done(call(SYS_unshare, CLONE_NEWUSER, 0, 0, 0, 0));
}

static int enter_namespace(void)
{
    return done(call(SYS_setns, 0, 0, 0, 0, 0));
}

static int change_filter(void)
{
    return done(call(SYS_seccomp, 2 /* is this action known? */, 0, ADDRESS(&(uint32_t){0}), 0, 0));
}

static int be_traceable(void)
{
    return done(call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int read_implies_exec(void)
{
    return done(call(SYS_personality, 0xffffffff, 0, 0, 0, 0));
}

/* ---- memory --------------------------------------------------------------------------------- */

static int map_memory(int protection)
{
    void *page = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return errno;
    munmap(page, 4096);
    return 0;
}

static int write_and_run(void)
{
    return map_memory(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int map_code(void)
{
    return map_memory(PROT_READ | PROT_EXEC);
}

static int write_then_run(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int outcome;

    if (page == MAP_FAILED)
        return errno;
    outcome = done(mprotect(page, 4096, PROT_READ | PROT_EXEC));
    munmap(page, 4096);
    return outcome;
}

static int protect_by_key(void)
{
    return done(call(SYS_pkey_mprotect, 0, 0, PROT_READ, -1, 0));
}

static int memory_file(void)
{
    return opened(call(SYS_memfd_create, ADDRESS("escape"), 0, 0, 0, 0));
}

static int secret_memory(void)
{
    return opened(call(SYS_memfd_secret, 0, 0, 0, 0, 0));
}

static int shared_memory(void)
{
    long id = call(SYS_shmget, 0 /* private */, 4096, 0600, 0, 0);

    if (id < 0)
        return errno;
    return done(call(SYS_shmctl, id, 0 /* remove */, 0, 0, 0));
}

/* ---- descriptors and messages --------------------------------------------------------------- */

static int make_pipe(void)
{
    int ends[2];
    int outcome = done(call(SYS_pipe2, ADDRESS(ends), 0, 0, 0, 0));

    if (outcome == 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return outcome;
}

static int copy_descriptor(void)
{
    return opened(call(SYS_dup, 0, 0, 0, 0, 0));
}

static int copy_by_fcntl(void)
{
    return opened(call(SYS_fcntl, 0, F_DUPFD, 0, 0, 0));
}

static int make_event(void)
{
    return opened(call(SYS_eventfd2, 0, 0, 0, 0, 0));
}

static int make_epoll(void)
{
    return opened(call(SYS_epoll_create1, 0, 0, 0, 0, 0));
}

static int message_queue(void)
{
    return opened(call(SYS_mq_open, ADDRESS("troupe-escape"), O_RDONLY, 0, 0, 0));
}

static int control_device(void)
{
    int waiting;

    return done(call(SYS_ioctl, 0, 0x541B /* FIONREAD */, ADDRESS(&waiting), 0, 0));
}

const struct escape escapes[] = {
    {"read /etc/passwd", read_passwd, ESCAPE_ALWAYS},
    {"read a file beside the libraries", read_library, 0},
    {"read a directory", read_directory, ESCAPE_ALWAYS},
    {"hold a path", hold_path, ESCAPE_ALWAYS},
    {"write to a device", write_null, ESCAPE_ALWAYS},
    {"create a file", create_file, ESCAPE_ALWAYS},
    {"create a nameless file", create_nameless, 0},
    {"open by openat2", open_newer, 0},
    {"open by handle", open_by_handle, 0},
    {"look at a file", stat_file, ESCAPE_ALWAYS},
    {"look at a file by statx", statx_file, ESCAPE_ALWAYS},
    {"find a file", find_file, ESCAPE_ALWAYS},
    {"read a link", read_link, ESCAPE_ALWAYS},
    {"make a directory", make_directory, ESCAPE_ALWAYS},
    {"make a FIFO", make_fifo, ESCAPE_ALWAYS},
    {"make a link", make_link, ESCAPE_ALWAYS},
    {"remove a file", remove_file, ESCAPE_ALWAYS},
    {"rename a file", rename_file, ESCAPE_ALWAYS},
    {"change a mode", change_mode, ESCAPE_ALWAYS},
    {"cut a file", cut_file, ESCAPE_ALWAYS},
    {"change the directory", change_directory, ESCAPE_ALWAYS},
    {"change the root", change_root, 0},
    {"mount", mount_something, 0},
    {"watch files", watch_files, 0},
    {"read the environment in /proc", read_environment, ESCAPE_ALWAYS},
    {"write the memory in /proc", write_memory, ESCAPE_ALWAYS},
    {"read the mappings in /proc", read_mappings, ESCAPE_ALWAYS},
    {"read the descriptors in /proc", read_descriptors, ESCAPE_ALWAYS},
    {"read another process in /proc", read_others, 0},
    {"open a descriptor again", reopen_descriptor, 0},
    {"socket of TCP", socket_tcp, ESCAPE_ALWAYS},
    {"socket of UDP over IPv6", socket_udp6, 0},
    {"socket of the machine", socket_unix, ESCAPE_ALWAYS},
    {"raw socket", socket_raw, 0},
    {"packet socket", socket_packet, 0},
    {"netlink socket", socket_netlink, 0},
    {"socket of the hypervisor", socket_vsock, 0},
    {"socket of the kernel's ciphers", socket_crypto, 0},
    {"pair of sockets", socket_pair, ESCAPE_ALWAYS},
    {"abstract socket", abstract_socket, ESCAPE_ALWAYS},
    {"connect what was inherited", connect_inherited, ESCAPE_ALWAYS},
    {"send on what was inherited", send_inherited, ESCAPE_ALWAYS},
    {"receive descriptors", receive_descriptors, ESCAPE_ALWAYS},
    {"fork", fork_child, ESCAPE_ALWAYS},
    {"fork by clone3", fork_newer, 0},
    {"thread", start_thread, ESCAPE_ALWAYS},
    {"run a program", run_program, ESCAPE_FATAL | ESCAPE_ALWAYS},
    {"run a descriptor", run_descriptor, ESCAPE_FATAL},
    {"signal the parent", signal_parent, 0},
    {"signal the group", signal_group, 0},
    {"signal the parent's thread", signal_thread, 0},
    {"signal the parent's thread by tkill", signal_thread_older, 0},
    {"signal with a value", signal_queue, 0},
    {"hold a process", hold_process, 0},
    {"signal a held process", signal_held, 0},
    {"take a descriptor of a process", take_descriptor, 0},
    {"trace", trace_parent, ESCAPE_FATAL},
    {"read a process", read_process, ESCAPE_FATAL},
    {"leave the session", leave_session, 0},
    {"change a priority", change_priority, 0},
    {"set a limit", raise_limit, 0},
    {"read the parent's limits", limit_parent, 0},
    {"set the user", become_root, ESCAPE_ALWAYS},
    {"io_uring", io_uring, ESCAPE_FATAL},
    {"bpf", load_bpf, ESCAPE_FATAL},
    {"measure the kernel", measure_kernel, ESCAPE_FATAL},
    {"handle page faults", handle_faults, ESCAPE_FATAL},
    {"read keys", read_keys, ESCAPE_FATAL},
    {"load a module", load_module, ESCAPE_FATAL},
    {"namespace of one's own", own_namespace, 0},
    {"enter a namespace", enter_namespace, 0},
    {"change the filter", change_filter, ESCAPE_ALWAYS},
    {"be traceable", be_traceable, ESCAPE_ALWAYS},
    {"change the personality", read_implies_exec, ESCAPE_ALWAYS},
    {"memory to write and run", write_and_run, 0},
    {"memory to run", map_code, ESCAPE_ALWAYS},
    {"run what was written", write_then_run, 0},
    {"protect by a key", protect_by_key, 0},
    {"memory as a file", memory_file, ESCAPE_ALWAYS},
    {"secret memory", secret_memory, 0},
    {"shared memory", shared_memory, 0},
    {"pipe", make_pipe, ESCAPE_ALWAYS},
    {"copy a descriptor", copy_descriptor, ESCAPE_ALWAYS},
    {"copy a descriptor by fcntl", copy_by_fcntl, ESCAPE_ALWAYS},
    {"event descriptor", make_event, ESCAPE_ALWAYS},
    {"epoll", make_epoll, ESCAPE_ALWAYS},
    {"message queue", message_queue, 0},
    {"control a device", control_device, ESCAPE_ALWAYS},
};

const size_t escape_count = sizeof(escapes) / sizeof(escapes[0]);
