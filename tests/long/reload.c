/* SPDX-License-Identifier: Apache-2.0
 *
 * reload [good|bad]: a host answers a steady load while it is reloaded without end. "good" takes
 * turns between two builds of a plugin and between two pipelines, by the control socket and by
 * bursts of SIGHUP; "bad" offers ten kinds of what must be refused (bad_kinds) and looks that nothing
 * has changed. How long turns take with reloads is compared with the same host without.
 *
 * TROUPE_LONG_COUNT reloads (10,000; 1,000 bad ones); TROUPE_LONG_RATE turns a second (500; 100);
 * TROUPE_SEED repeats the order and the pauses.
 */
#include "load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ops/client.h"

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

#define CONNECTIONS  30 /* of the 32 that the control socket takes */
#define MEMBERS      4  /* on each */
#define BASELINE_S   10
#define VERDICT_MS   3000
#define ADDED_P99_US 20000
#define RSS_GROWTH   5000 /* kB */
#define WARM_UP      200  /* reloads before sizes are compared */

enum phase { WARM, QUIET, RELOADING };

struct sizes {
    long rss_kb, mappings, descriptors, children;
};

struct run {
    const char *build;
    char dir[64], *ini, *plugin, *socket;
    pid_t pid;
    unsigned long seed, count, rate;
    uint64_t random;
    struct ops_client client;
    struct load *load;
    unsigned violations;
    uint64_t slowest_us;
};

static void violation(struct run *run, const char *what, long expected, long seen)
{
    if (run->violations++ < 50)
        printf("# violation: %s: expected %ld, seen %ld\n", what, expected, seen);
}

static uint64_t next_random(struct run *run)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random;
}

/* ---- files ---------------------------------------------------------------------------------- */

static _Noreturn void die(const struct run *run, const char *what)
{
    (void)fprintf(stderr, "reload: %s: %s; what there is stays in %s\n", what, strerror(errno),
                  run->dir);
    if (run->pid > 0)
        kill(run->pid, SIGKILL);
    exit(70);
}

static char *read_file(const struct run *run, const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    char *data;

    if (!file || fstat(fileno(file), &info) < 0)
        die(run, path);
    data = mem_alloc((size_t)info.st_size + 1);
    *ret_len = fread(data, 1, (size_t)info.st_size, file);
    data[*ret_len] = '\0';
    (void)fclose(file);
    return data;
}

static void write_file(const struct run *run, const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0)
        die(run, path);
}

/* By rename, as a package manager does it. */
static void replace_file(const struct run *run, const char *path, const void *data, size_t len)
{
    _cleanup_mem_ char *next = mem_printf("%s.next", path);

    write_file(run, next, data, len);
    if (rename(next, path) < 0)
        die(run, path);
}

static void install(const struct run *run, const char *built)
{
    _cleanup_mem_ char *from = mem_printf("%s/%s.so", run->build, built), *data;
    size_t len;

    data = read_file(run, from, &len);
    replace_file(run, run->plugin, data, len);
}

static void write_ini(const struct run *run, const char *stages, const char *more)
{
    _cleanup_mem_ char *text =
        mem_printf("[troupe]\ndata = %s/data\nlog_level = warn\n[admission]\nconcurrent = 100\n"
                   "queue = 10000\nqueue_per_member = 100\n[pipeline message]\nstages = %s\n"
                   "[agent front]\nplugin = %s\nisolation = inprocess\npass = yes\n"
                   "[agent echo]\nplugin = %s\nisolation = inprocess\n%s[agent hello]\n",
                   run->dir, stages, run->plugin, run->plugin, more);

    replace_file(run, run->ini, text, strlen(text));
}

/* ---- the host ------------------------------------------------------------------------------- */

static json_t *ask(struct run *run, const char *command, bool *ret_ok)
{
    json_t *result = NULL;
    struct error err = {0};
    int code = 0;
    troupe_status status = ops_client_call(&run->client, json_pack("{s:s}", "cmd", command), 30000,
                                           &result, &code, &err);

    if (ret_ok)
        *ret_ok = status >= 0 && code == 0;
    else if (status < 0)
        die(run, err.text);
    return result;
}

static int64_t status_of(struct run *run, const char *field)
{
    json_t *status = ask(run, "status", NULL);
    int64_t value = json_get_int(status, field, -1);

    json_decref(status);
    return value;
}

static void start_host(struct run *run)
{
    _cleanup_mem_ char *program = mem_printf("%s/troupe", run->build);
    _cleanup_mem_ char *log = mem_printf("%s/log", run->dir);
    struct error err = {0};

    run->pid = fork();
    if (run->pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        (void)dup2(fd, 1);
        (void)dup2(fd, 2);
        (void)execl(program, "troupe", "run", "-c", run->ini, (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; ops_client_open(&run->client, run->socket, &err) < 0; tries++) {
        if (tries > 300 || waitpid(run->pid, NULL, WNOHANG) != 0)
            die(run, err.text);
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

static struct sizes measure(const struct run *run)
{
    _cleanup_mem_ char *maps = mem_printf("/proc/%ld/maps", (long)run->pid);
    _cleanup_mem_ char *fds = mem_printf("/proc/%ld/fd", (long)run->pid);
    _cleanup_mem_ char *statm = mem_printf("/proc/%ld/statm", (long)run->pid);
    FILE *file = fopen(statm, "re");
    long pages = 0;

    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        die(run, statm);
    (void)fclose(file);
    return (struct sizes){.rss_kb = pages * (sysconf(_SC_PAGESIZE) / 1024),
                          .mappings = count_lines(maps),
                          .descriptors = count_entries(fds),
                          .children = count_children(run->pid)};
}

static void print_sizes(const char *when, struct sizes sizes)
{
    printf("# %s: rss %ld kB, mappings %ld, descriptors %ld, children %ld\n", when, sizes.rss_kb,
           sizes.mappings, sizes.descriptors, sizes.children);
}

/* Once nothing of an old generation lingers: the smallest of what is seen in a moment. */
static struct sizes measure_quiet(const struct run *run)
{
    struct sizes least = measure(run);

    for (int tries = 0; tries < 20; tries++) {
        struct sizes sizes = measure(run);

        if (sizes.descriptors < least.descriptors || sizes.mappings < least.mappings)
            least = sizes;
        usleep(5000);
    }
    return least;
}

/* ---- good reloads --------------------------------------------------------------------------- */

static void rest(const struct run *run, unsigned seconds, enum phase phase)
{
    load_phase(run->load, phase);
    sleep(seconds);
}

/* One reload by command, which waits for its turn behind those that signals asked for. */
static bool reload(struct run *run, json_t **ret_result)
{
    for (;;) {
        uint64_t began = clock_ns(), took;
        bool ok = false;
        json_t *result = ask(run, "reload", &ok);
        const char *report = json_get_str(result, "report", "");

        took = (clock_ns() - began) / 1000;
        if (!ok && !*report) { /* busy */
            json_decref(result);
            usleep(1000);
            continue;
        }
        if (took > run->slowest_us)
            run->slowest_us = took;
        *ret_result = result;
        return ok;
    }
}

static void run_good(struct run *run)
{
    static const char *const builds[] = {"tests/long/plugins/.libs/echo1",
                                         "tests/long/plugins/.libs/echo2"};
    static const char *const pipelines[] = {"front, echo", "echo"};
    struct sizes first, start = {0}, end;
    uint64_t began, said = clock_ms();
    unsigned long done = 0;

    rest(run, 2, WARM);
    rest(run, BASELINE_S, QUIET);
    first = measure_quiet(run);
    print_sizes("before", first);
    load_phase(run->load, RELOADING);
    began = clock_ms();
    for (unsigned long i = 0; done < run->count; i++) {
        json_t *result = NULL;

        install(run, builds[i & 1]);
        write_ini(run, pipelines[(i >> 1) & 1], "");
        if (next_random(run) % 10 == 0)
            for (int k = 0; k < 3; k++)
                kill(run->pid, SIGHUP);
        if (!reload(run, &result)) {
            violation(run, "a good reload was refused", 0, 1);
            printf("# %s", json_get_str(result, "report", "?"));
        }
        json_decref(result);
        done = (unsigned long)status_of(run, "reloads");
        if (!start.rss_kb && (done >= WARM_UP || done >= run->count / 2)) {
            start = measure_quiet(run);
            print_sizes("warm", start);
        }
        if (clock_ms() - said > 30000) {
            said = clock_ms();
            printf("# %lu of %lu reloads\n", done, run->count);
            print_sizes("now", measure(run));
        }
        usleep((useconds_t)(next_random(run) % 3000));
    }
    printf("# %lu reloads in %.1f s, the slowest took %.1f ms\n", done,
           (double)(clock_ms() - began) / 1000, (double)run->slowest_us / 1000);
    rest(run, BASELINE_S, QUIET);
    end = measure_quiet(run);
    print_sizes("after", end);
    if (status_of(run, "reloads_refused"))
        violation(run, "reloads refused", 0, status_of(run, "reloads_refused"));
    if (end.descriptors != first.descriptors)
        violation(run, "descriptors", first.descriptors, end.descriptors);
    if (end.children)
        violation(run, "children", 0, end.children);
    if (end.mappings > start.mappings + 16)
        violation(run, "mappings", start.mappings, end.mappings);
    if (end.rss_kb > start.rss_kb + RSS_GROWTH)
        violation(run, "rss_kb", start.rss_kb + RSS_GROWTH, end.rss_kb);
}

/* ---- bad reloads ---------------------------------------------------------------------------- */

enum { BAD_KINDS = 10 };

static void install_bytes(struct run *run, const void *data, size_t len)
{
    replace_file(run, run->plugin, data, len);
}

/* Puts one in place; what it is called. */
static const char *make_bad(struct run *run, unsigned kind)
{
    _cleanup_mem_ char *good = mem_printf("%s/tests/long/plugins/.libs/echo1.so", run->build),
                       *data;
    char garbage[6000];
    size_t len;

    data = read_file(run, good, &len);
    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (char)next_random(run);
    switch (kind) {
    case 0: write_ini(run, "echo", "passs = yes\n"); return "INI error";
    case 1: (void)unlink(run->plugin); return "missing file";
    case 2: install_bytes(run, data, len * (1 + next_random(run) % 9) / 10); return "truncated";
    case 3: install_bytes(run, garbage, sizeof(garbage)); return "garbage";
    case 4: install(run, "tests/plugins/.libs/odd_abi"); return "other ABI";
    case 5: install(run, "tests/plugins/.libs/odd_entry"); return "missing symbol";
    case 6: install(run, "tests/long/plugins/.libs/undefined"); return "undefined symbol";
    case 7:
        install(run, next_random(run) & 1 ? "tests/plugins/.libs/spin_early"
                                          : "tests/plugins/.libs/crash_early");
        return "constructor";
    case 8: install(run, "tests/integration/plugins/.libs/fail_create"); return "create fails";
    default:
        write_file(run, run->plugin, garbage, sizeof(garbage)); /* the same inode */
        return "overwritten in place";
    }
}

static void make_good(struct run *run)
{
    install(run, "tests/long/plugins/.libs/echo1");
    write_ini(run, "echo", "");
}

/* Once it is so, at most for a second; what is there then. */
static long settled_descriptors(const struct run *run, long want)
{
    struct sizes sizes = measure(run);

    for (int tries = 0; sizes.descriptors != want && tries < 100; tries++) {
        usleep(10000);
        sizes = measure(run);
    }
    return sizes.descriptors;
}

static void refuse_one(struct run *run, unsigned kind, int64_t generation, long descriptors)
{
    const char *what = make_bad(run, kind), *report;
    _cleanup_mem_ char *place = mem_printf("%s:", run->ini);
    uint64_t began = clock_ms(), took, answered;
    json_t *result = NULL;
    bool ok = reload(run, &result);

    took = clock_ms() - began;
    report = json_get_str(result, "report", "");
    if (ok)
        violation(run, what, 0, 1);
    if (took > VERDICT_MS)
        violation(run, "milliseconds to the verdict", VERDICT_MS, (long)took);
    if (!strstr(report, place) || strtol(strstr(report, place) + strlen(place), NULL, 10) < 1) {
        violation(run, "the verdict names file and line", 1, 0);
        printf("# %s: %s", what, report);
    }
    json_decref(result);
    if (status_of(run, "generation") != generation)
        violation(run, "generation", (long)generation, (long)status_of(run, "generation"));
    if (status_of(run, "pid") != run->pid)
        violation(run, "process", run->pid, (long)status_of(run, "pid"));
    if (settled_descriptors(run, descriptors) != descriptors)
        violation(run, "descriptors", descriptors, measure(run).descriptors);
    answered = load_answered(run->load);
    for (int tries = 0; load_answered(run->load) == answered && tries < 500; tries++)
        usleep(10000);
    if (load_answered(run->load) == answered)
        violation(run, "answers go on", 1, 0);
    make_good(run);
}

static void run_bad(struct run *run)
{
    struct sizes start, end;
    int64_t generation;
    uint64_t said = clock_ms();

    make_good(run);
    rest(run, 2, WARM);
    rest(run, BASELINE_S, QUIET);
    load_phase(run->load, RELOADING);
    for (unsigned kind = 0; kind < BAD_KINDS; kind++) /* each once, so that sizes are warm */
        refuse_one(run, kind, status_of(run, "generation"), measure(run).descriptors);
    generation = status_of(run, "generation");
    start = measure(run);
    print_sizes("warm", start);
    for (unsigned long i = BAD_KINDS; i < run->count; i++) {
        refuse_one(run, (unsigned)(i % BAD_KINDS), generation, start.descriptors);
        if (clock_ms() - said > 30000) {
            said = clock_ms();
            printf("# %lu of %lu bad reloads\n", i, run->count);
            print_sizes("now", measure(run));
        }
    }
    printf("# %lu bad reloads, the slowest verdict took %.1f ms\n", run->count,
           (double)run->slowest_us / 1000);
    end = measure_quiet(run);
    print_sizes("after", end);
    if (end.children)
        violation(run, "children", 0, end.children);
    if (end.mappings > start.mappings + 16)
        violation(run, "mappings", start.mappings, end.mappings);
    if (end.rss_kb > start.rss_kb + RSS_GROWTH)
        violation(run, "rss_kb", start.rss_kb + RSS_GROWTH, end.rss_kb);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static unsigned long setting(const char *name, unsigned long otherwise)
{
    const char *value = getenv(name);

    return value && *value ? strtoul(value, NULL, 10) : otherwise;
}

/* What held the loop for longer than the watchdog lets pass; some lines as examples. */
static void print_slow(struct run *run)
{
    _cleanup_mem_ char *path = mem_printf("%s/log", run->dir);
    json_t *status = ask(run, "status", NULL);
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

static void stop_host(struct run *run)
{
    int status = 0;

    print_slow(run);
    ops_client_close(&run->client);
    kill(run->pid, SIGTERM);
    if (waitpid(run->pid, &status, 0) < 0 || status != 0)
        violation(run, "the host's status", 0, status);
    run->pid = 0;
}

static int report(struct run *run, bool bad)
{
    struct load_figures warm, quiet, reloading;
    uint64_t lost, doubled;
    int64_t added;

    load_figures(run->load, WARM, &warm);
    load_figures(run->load, QUIET, &quiet);
    load_figures(run->load, RELOADING, &reloading);
    lost = warm.lost + quiet.lost + reloading.lost;
    doubled = warm.doubled + quiet.doubled + reloading.doubled;
    added = (int64_t)reloading.p99_us - (int64_t)quiet.p99_us;
    printf("# without reloads: %lu turns, p50 %.2f p99 %.2f max %.2f ms\n",
           (unsigned long)quiet.messages, (double)quiet.p50_us / 1000, (double)quiet.p99_us / 1000,
           (double)quiet.max_us / 1000);
    printf("# with reloads: %lu turns, p50 %.2f p99 %.2f max %.2f ms, added p99 %.2f ms\n",
           (unsigned long)reloading.messages, (double)reloading.p50_us / 1000,
           (double)reloading.p99_us / 1000, (double)reloading.max_us / 1000, (double)added / 1000);
    if (!bad && added >= ADDED_P99_US)
        violation(run, "microseconds added to p99", ADDED_P99_US, (long)added);
    if (load_broken(run->load))
        violation(run, "connections closed", 0, load_broken(run->load));
    printf("long reload runs %lu lost %lu doubled %lu\n", run->count, (unsigned long)lost,
           (unsigned long)doubled);
    if (run->violations)
        printf("violations %u, see above; the data is in %s\n", run->violations, run->dir);
    return lost || doubled || run->violations ? 1 : 0;
}

static void remove_dir(const struct run *run)
{
    _cleanup_mem_ char *command = mem_printf("rm -rf '%s'", run->dir);

    (void)!system(command);
}

int main(int argc, char **argv)
{
    const bool bad = argc > 1 && !strcmp(argv[1], "bad");
    const char *build = getenv("TROUPE_BUILDDIR");
    struct run run = {.build = build ? build : ".",
                      .dir = "/tmp/troupe-long-XXXXXX",
                      .seed = setting("TROUPE_SEED", (unsigned long)clock_ns() % 1000000 + 1),
                      .count = setting("TROUPE_LONG_COUNT", bad ? 1000 : 10000),
                      .rate = setting("TROUPE_LONG_RATE", bad ? 100 : 500)};
    int code;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("long reload seed %lu\n", run.seed);
    run.random = run.seed * 0x9e3779b97f4a7c15ull + 1;
    if (!mkdtemp(run.dir))
        die(&run, "directory");
    run.ini = mem_printf("%s/troupe.ini", run.dir);
    run.plugin = mem_printf("%s/echo.so", run.dir);
    run.socket = mem_printf("%s/data/control.sock", run.dir);
    make_good(&run);
    start_host(&run);
    run.load = load_start(run.socket, CONNECTIONS, MEMBERS, (unsigned)run.rate);
    if (bad)
        run_bad(&run);
    else
        run_good(&run);
    load_stop(run.load, 10000);
    stop_host(&run);
    code = report(&run, bad);
    if (!code)
        remove_dir(&run);
    load_free(run.load);
    mem_free(run.ini);
    mem_free(run.plugin);
    mem_free(run.socket);
    return code;
}
