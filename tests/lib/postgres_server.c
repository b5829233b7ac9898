/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres_server.h"

#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIN         "/usr/lib/postgresql/15/bin"
#define SOCKET_NAME ".s.PGSQL.5432"

enum { PAIRS_MAX = 32 };

/* Between fork and exec: another user, who ends with us. */
static void become_postgres(int end_signal)
{
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    int null = open("/dev/null", O_RDWR);
    int out = open("/dev/null", O_WRONLY);

    if (user && (setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, end_signal);
    setpgid(0, 0);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (chdir("/") < 0)
        _exit(126);
}

static int run(const char *const argv[])
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        become_postgres(SIGKILL);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static pid_t launch(const struct postgres_server_of_test *server)
{
    char data[80];
    pid_t pid;

    snprintf(data, sizeof(data), "%s/data", server->dir);
    pid = fork();
    if (pid == 0) {
        become_postgres(SIGQUIT);
        execl(BIN "/postgres", "postgres", "-D", data, "-k", server->dir, "-c",
              "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c",
              "shared_buffers=16MB", "-c", "max_connections=30", "-c", "autovacuum=off", "-c",
              "max_wal_size=64MB", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* A killed one's children hold its memory for a moment still. */
void postgres_server_again(struct postgres_server_of_test *server)
{
    char url[160];

    server->pid = launch(server);
    snprintf(url, sizeof(url), "postgresql://troupe@/postgres?host=%s", server->dir);
    for (int i = 0; i < 600; i++) {
        if (PQping(url) == PQPING_OK)
            return;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            server->pid = launch(server);
        usleep(20000);
    }
    fail_msg("PostgreSQL did not start");
}

bool postgres_server_start(struct postgres_server_of_test *server)
{
    char data[80];
    const char *const init[] = {BIN "/initdb", "-D",        data, "-U",   "troupe",      "-A",
                                "trust",       "--no-sync", "-E", "UTF8", "--no-locale", NULL};

    if (access(BIN "/postgres", X_OK) < 0 || (getuid() == 0 && !getpwnam("postgres")))
        return false;
    snprintf(server->dir, sizeof(server->dir), "/tmp/troupe-pg-XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    snprintf(data, sizeof(data), "%s/data", server->dir);
    assert_int_equal(mkdir(data, 0700), 0);
    if (getuid() == 0) {
        const struct passwd *user = getpwnam("postgres");

        assert_int_equal(chown(server->dir, user->pw_uid, user->pw_gid), 0);
        assert_int_equal(chown(data, user->pw_uid, user->pw_gid), 0);
        assert_int_equal(chmod(server->dir, 0755), 0);
    }
    assert_int_equal(run(init), 0);
    postgres_server_again(server);
    return true;
}

static void end(struct postgres_server_of_test *server, int number)
{
    int status;

    if (server->pid <= 0)
        return;
    kill(server->pid, number);
    while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    server->pid = 0;
}

/* Of which process that of a directory below /proc is a child; 0: it is over, or none. */
static pid_t parent_of(const char *name)
{
    char path[64], text[512];
    const char *at;
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", name);
    file = fopen(path, "r");
    if (!file)
        return 0;
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    at = strrchr(text, ')'); /* then " S 123": its state and its parent */
    return at && strlen(at) > 4 && at[2] != 'Z' ? (pid_t)strtol(at + 3, NULL, 10) : 0;
}

/* Each of its processes leads a session of its own, and one that lost its parent serves on for a moment, or hangs.
 * The list that the kernel has of children leaves some out while others end. */
static void signal_all(const struct postgres_server_of_test *server, int number)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    assert_non_null(processes);
    while ((entry = readdir(processes))) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 0 && parent_of(entry->d_name) == server->pid)
            kill((pid_t)pid, number);
    }
    closedir(processes);
    kill(server->pid, number); /* last: who lost it has another parent at once */
}

void postgres_server_kill(struct postgres_server_of_test *server)
{
    char path[96];

    kill(server->pid, SIGSTOP); /* it makes no new one meanwhile */
    signal_all(server, SIGKILL);
    end(server, SIGKILL);
    snprintf(path, sizeof(path), "%s/data/postmaster.pid", server->dir);
    unlink(path);
}

void postgres_server_pause(const struct postgres_server_of_test *server, bool pause)
{
    if (pause)
        kill(server->pid, SIGSTOP); /* as above */
    signal_all(server, pause ? SIGSTOP : SIGCONT);
}

void postgres_server_stop(struct postgres_server_of_test *server)
{
    const char *const argv[] = {"/bin/rm", "-rf", "--", server->dir, NULL};
    pid_t pid;

    end(server, SIGQUIT);
    if (!server->dir[0])
        return;
    pid = fork();
    if (pid == 0) {
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

void postgres_server_database(const struct postgres_server_of_test *server, const char *name,
                              const char *dir, char url[160])
{
    char text[160];
    PGconn *pg;
    PGresult *result;

    snprintf(text, sizeof(text), "postgresql://troupe@/postgres?host=%s", server->dir);
    pg = PQconnectdb(text);
    snprintf(text, sizeof(text), "CREATE DATABASE %s TEMPLATE template0", name);
    result = PQexec(pg, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("CREATE DATABASE: %s", PQerrorMessage(pg));
    PQclear(result);
    PQfinish(pg);
    snprintf(url, 160, "postgresql://troupe@/%s?host=%s", name, dir ? dir : server->dir);
}

/* ---- the relay ------------------------------------------------------------------------------ */

static int unix_socket(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* False: the connection is over. */
static bool pass_on(struct relay *relay, int from, int to, int loss_of)
{
    char data[4096];
    ssize_t len = read(from, data, sizeof(data));
    int wanted = loss_of;

    if (len <= 0)
        return false;
    if (atomic_compare_exchange_strong(&relay->loss, &wanted, RELAY_NOTHING)) {
        atomic_fetch_add(&relay->count, 1);
        return false;
    }
    for (ssize_t done = 0; done < len;) {
        ssize_t n = send(to, data + done, (size_t)(len - done), MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        done += n;
    }
    return true;
}

static void *relay_run(void *arg)
{
    struct relay *relay = arg;
    struct pollfd fds[2 + 2 * PAIRS_MAX];
    size_t pairs = 0;

    fds[0] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = relay->stop[0], .events = POLLIN};
    for (;;) {
        if (poll(fds, 2 + 2 * pairs, -1) < 0)
            continue;
        if (fds[1].revents)
            break;
        for (size_t i = 0; i < pairs; i++) {
            struct pollfd *client = &fds[2 + 2 * i], *server = client + 1;

            if ((client->revents && !pass_on(relay, client->fd, server->fd, RELAY_NEXT_QUESTION)) ||
                (server->revents && !pass_on(relay, server->fd, client->fd, RELAY_NEXT_ANSWER))) {
                close(client->fd);
                close(server->fd);
                pairs--;
                memmove(client, client + 2, (pairs - i) * 2 * sizeof(*client));
                i--;
            }
        }
        if (fds[0].revents) {
            struct sockaddr_un address;
            int client = accept(relay->listener, NULL, NULL);
            int server = unix_socket(relay->target, &address);

            if (pairs == PAIRS_MAX || atomic_load(&relay->away) ||
                connect(server, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(client);
                close(server);
                continue;
            }
            fds[2 + 2 * pairs] = (struct pollfd){.fd = client, .events = POLLIN};
            fds[3 + 2 * pairs] = (struct pollfd){.fd = server, .events = POLLIN};
            pairs++;
        }
    }
    for (size_t i = 0; i < 2 * pairs; i++)
        close(fds[2 + i].fd);
    return NULL;
}

void relay_start(struct relay *relay, const struct postgres_server_of_test *server)
{
    struct sockaddr_un address;
    char path[96];

    *relay = (struct relay){0};
    snprintf(relay->dir, sizeof(relay->dir), "/tmp/troupe-relay-XXXXXX");
    assert_non_null(mkdtemp(relay->dir));
    snprintf(path, sizeof(path), "%s/" SOCKET_NAME, relay->dir);
    snprintf(relay->target, sizeof(relay->target), "%s/" SOCKET_NAME, server->dir);
    relay->listener = unix_socket(path, &address);
    assert_int_equal(bind(relay->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(relay->listener, PAIRS_MAX), 0);
    assert_int_equal(pipe2(relay->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&relay->thread, NULL, relay_run, relay), 0);
}

void relay_stop(struct relay *relay)
{
    char path[96];

    assert_int_equal(write(relay->stop[1], "x", 1), 1);
    pthread_join(relay->thread, NULL);
    close(relay->stop[0]);
    close(relay->stop[1]);
    close(relay->listener);
    snprintf(path, sizeof(path), "%s/" SOCKET_NAME, relay->dir);
    unlink(path);
    rmdir(relay->dir);
}
