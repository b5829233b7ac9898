/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include "base/clock.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRINTED_MAX 50

void long_violation(struct long_host *host, const char *what, long expected, long seen)
{
    if (host->violations++ < PRINTED_MAX)
        buf_printf(&host->said, "violation: %s: expected %ld, seen %ld\n", what, expected, seen);
}

void long_host_print_violations(const struct long_host *host)
{
    if (!host->violations)
        return;
    printf("%s%u violations; the data is in %s\n", buf_text(&host->said), host->violations,
           host->dir);
}

uint64_t long_random(struct long_host *host)
{
    host->random ^= host->random << 13;
    host->random ^= host->random >> 7;
    host->random ^= host->random << 17;
    return host->random;
}

unsigned long long_setting(const char *name, unsigned long otherwise)
{
    const char *value = getenv(name);

    return value && *value ? strtoul(value, NULL, 10) : otherwise;
}

/* ---- files ---------------------------------------------------------------------------------- */

static _Noreturn void die(const struct long_host *host, const char *what)
{
    (void)fprintf(stderr, "%s: %s; what there is stays in %s\n", what, strerror(errno), host->dir);
    if (host->pid > 0)
        kill(host->pid, SIGKILL);
    exit(70);
}

char *long_read_file(const struct long_host *host, const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    char *data;

    if (!file || fstat(fileno(file), &info) < 0)
        die(host, path);
    data = mem_alloc((size_t)info.st_size + 1);
    *ret_len = fread(data, 1, (size_t)info.st_size, file);
    data[*ret_len] = '\0';
    (void)fclose(file);
    return data;
}

void long_write_file(const struct long_host *host, const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0)
        die(host, path);
}

/* By rename, as a package manager does it. */
void long_replace_file(const struct long_host *host, const char *path, const void *data, size_t len)
{
    _cleanup_mem_ char *next = mem_printf("%s.next", path);

    long_write_file(host, next, data, len);
    if (rename(next, path) < 0)
        die(host, path);
}

/* ---- asking --------------------------------------------------------------------------------- */

json_t *long_host_ask(struct long_host *host, const char *command, bool *ret_ok)
{
    json_t *result = NULL;
    struct error err = {0};
    int code = 0;
    troupe_status status = ops_client_call(&host->client, json_pack("{s:s}", "cmd", command), 30000,
                                           &result, &code, &err);

    if (ret_ok)
        *ret_ok = status >= 0 && code == 0;
    else if (status < 0)
        die(host, err.text);
    return result;
}

int64_t long_host_status(struct long_host *host, const char *field)
{
    json_t *status = long_host_ask(host, "status", NULL);
    int64_t value = json_get_int(status, field, -1);

    json_decref(status);
    return value;
}

void long_host_start(struct long_host *host)
{
    _cleanup_mem_ char *program = mem_printf("%s/troupe", host->build);
    _cleanup_mem_ char *log = mem_printf("%s/log", host->dir);
    struct error err = {0};

    host->pid = fork();
    if (host->pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        (void)dup2(fd, 1);
        (void)dup2(fd, 2);
        (void)execl(program, "troupe", "run", "-c", host->ini, (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; ops_client_open(&host->client, host->socket, &err) < 0; tries++) {
        if (tries > 300 || waitpid(host->pid, NULL, WNOHANG) != 0)
            die(host, err.text);
        usleep(50000);
    }
}

static long count_entries(const char *path)
{
    DIR *dir = opendir(path);
    long count = -2;

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static long count_lines(const char *path)
{
    FILE *file = fopen(path, "re");
    long count = 0;

    for (int c; file && (c = getc(file)) != EOF;)
        count += c == '\n';
    if (file)
        (void)fclose(file);
    return count;
}

static long count_children(pid_t pid)
{
    _cleanup_mem_ char *path = mem_printf("/proc/%ld/task", (long)pid);
    DIR *dir = opendir(path);
    struct dirent *entry;
    long count = 0, child;

    while (dir && (entry = readdir(dir))) {
        _cleanup_mem_ char *list = mem_printf("%s/%s/children", path, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(list, "re");

        while (file && fscanf(file, "%ld", &child) == 1)
            count++;
        if (file)
            (void)fclose(file);
    }
    if (dir)
        closedir(dir);
    return count;
}

struct long_sizes long_host_measure(const struct long_host *host)
{
    _cleanup_mem_ char *maps = mem_printf("/proc/%ld/maps", (long)host->pid);
    _cleanup_mem_ char *fds = mem_printf("/proc/%ld/fd", (long)host->pid);
    _cleanup_mem_ char *statm = mem_printf("/proc/%ld/statm", (long)host->pid);
    FILE *file = fopen(statm, "re");
    long pages = 0;

    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        die(host, statm);
    (void)fclose(file);
    return (struct long_sizes){.rss_kb = pages * (sysconf(_SC_PAGESIZE) / 1024),
                               .mappings = count_lines(maps),
                               .descriptors = count_entries(fds),
                               .children = count_children(host->pid)};
}

void long_print_sizes(const char *when, struct long_sizes sizes)
{
    printf("# %s: rss %ld kB, mappings %ld, descriptors %ld, children %ld\n", when, sizes.rss_kb,
           sizes.mappings, sizes.descriptors, sizes.children);
}

/* Once nothing of an old generation lingers: the smallest of what is seen in a moment. */
struct long_sizes long_host_measure_quiet(const struct long_host *host)
{
    struct long_sizes least = long_host_measure(host);

    for (int tries = 0; tries < 20; tries++) {
        struct long_sizes sizes = long_host_measure(host);

        if (sizes.descriptors < least.descriptors || sizes.mappings < least.mappings)
            least = sizes;
        usleep(5000);
    }
    return least;
}

/* What held the loop for longer than the watchdog lets pass; some lines as examples. */
void long_host_print_slow(struct long_host *host)
{
    _cleanup_mem_ char *path = mem_printf("%s/log", host->dir);
    json_t *status = long_host_ask(host, "status", NULL);
    FILE *log = fopen(path, "re");
    char line[512];
    long count = 0;

    while (log && fgets(line, sizeof(line), log))
        if (strstr(line, " held the loop for ") && count++ < 10)
            printf("# %.150s\n", line);
    if (log)
        (void)fclose(log);
    printf("# the loop was held for more than 5 ms %ld times, for at most %.1f ms\n", count,
           (double)json_get_int(json_object_get(status, "loop"), "longest_slice_us", 0) / 1000);
    json_decref(status);
}

/* ---- life ----------------------------------------------------------------------------------- */

void long_host_make(struct long_host *host, unsigned long seed)
{
    const char *build = getenv("TROUPE_BUILDDIR");

    *host = (struct long_host){.build = build ? build : ".",
                               .dir = "/tmp/troupe-long-XXXXXX",
                               .random = seed * 0x9e3779b97f4a7c15ull + 1};
    if (!mkdtemp(host->dir))
        die(host, "directory");
    host->ini = mem_printf("%s/troupe.ini", host->dir);
    host->socket = mem_printf("%s/data/control.sock", host->dir);
}

void long_host_stop(struct long_host *host)
{
    int status = 0;

    ops_client_close(&host->client);
    kill(host->pid, SIGTERM);
    if (waitpid(host->pid, &status, 0) < 0 || status != 0)
        long_violation(host, "the host's status", 0, status);
    host->pid = 0;
}

static void remove_dir(const struct long_host *host)
{
    _cleanup_mem_ char *command = mem_printf("rm -rf '%s'", host->dir);

    (void)!system(command);
}

void long_host_clear(struct long_host *host)
{
    if (!host->violations)
        remove_dir(host);
    mem_free(host->ini);
    mem_free(host->socket);
    buf_clear(&host->said);
}
