/* SPDX-License-Identifier: Apache-2.0
 *
 * reload [good|bad|isolated]: a host answers a steady load while it is reloaded without end. "good"
 * takes turns between two builds of a plugin and between two pipelines, by the control socket and by
 * bursts of SIGHUP; "isolated" does the same with the plugin in processes of its own, of which one is
 * killed now and then; "bad" offers ten kinds of what must be refused and looks that nothing
 * has changed. How long turns take with reloads is compared with the same host without.
 *
 * TROUPE_LONG_COUNT reloads (10,000; 1,000 bad ones); TROUPE_LONG_RATE turns a second (500);
 * TROUPE_SEED repeats what is random.
 */
#include "host.h"
#include "load.h"

#include "base/clock.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS     30 /* of the 32 that the control socket takes */
#define MEMBERS         4  /* on each */
#define BASELINE_S      10
#define VERDICT_MS      3000
#define ADDED_P99_US    20000
#define RSS_GROWTH_KB   5000
#define MAPPINGS_GROWTH 16
#define WARM_UP         200 /* reloads before sizes are compared */

enum phase { WARM, QUIET, RELOADING };

struct run {
    struct long_host host;
    struct load *load;
    char *plugin;
    bool isolated;
    unsigned long killed; /* processes of the plugin */
    unsigned long count;
    uint64_t slowest_us;
};

/* ---- files ---------------------------------------------------------------------------------- */

static void install(const struct run *run, const char *built)
{
    _cleanup_mem_ char *from = mem_printf("%s/%s.so", run->host.build, built), *data;
    size_t len;

    data = long_read_file(&run->host, from, &len);
    long_replace_file(&run->host, run->plugin, data, len);
}

static void write_ini(const struct run *run, const char *stages, const char *more)
{
    const char *isolation = run->isolated ? "process" : "inprocess";
    _cleanup_mem_ char *text =
        mem_printf("[troupe]\ndata = %s/data\nlog_level = warn\n[admission]\nconcurrent = 100\n"
                   "queue = 10000\nqueue_per_member = 100\n[limits]\nmessages = 0\n"
                   "guild_messages = 0\n[pipeline message]\nstages = %s\n"
                   "[agent front]\nplugin = %s\nisolation = %s\npass = yes\n"
                   "[agent echo]\nplugin = %s\nisolation = %s\n%s[agent hello]\n",
                   run->host.dir, stages, run->plugin, isolation, run->plugin, isolation, more);

    long_replace_file(&run->host, run->host.ini, text, strlen(text));
}

/* Descriptors are as before the first reload; what memory an allocator and a cache take in a while
 * is known after some. */
static void compare(struct run *run, struct long_sizes first, struct long_sizes warm,
                    struct long_sizes end)
{
    if (end.descriptors != first.descriptors)
        long_violation(&run->host, "descriptors", first.descriptors, end.descriptors);
    if (end.children != (run->isolated ? first.children : 0))
        long_violation(&run->host, "children", run->isolated ? first.children : 0, end.children);
    if (end.mappings > warm.mappings + MAPPINGS_GROWTH)
        long_violation(&run->host, "mappings", warm.mappings + MAPPINGS_GROWTH, end.mappings);
    if (end.rss_kb > warm.rss_kb + RSS_GROWTH_KB)
        long_violation(&run->host, "rss in kB", warm.rss_kb + RSS_GROWTH_KB, end.rss_kb);
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
        json_t *result = long_host_ask(&run->host, "reload", &ok);
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

/* Ends one process of the plugin as a crash would, with all that it has to do. */
static void kill_one(struct run *run)
{
    json_t *list = long_host_ask(&run->host, "plugins", NULL);
    size_t at = long_random(&run->host) % (json_array_size(list) + 1);
    pid_t pid = (pid_t)json_get_int(json_array_get(list, at), "pid", 0);

    if (pid > 1 && kill(pid, SIGKILL) == 0)
        run->killed++;
    json_decref(list);
}

static void run_good(struct run *run)
{
    static const char *const builds[] = {"tests/long/plugins/.libs/echo1",
                                         "tests/long/plugins/.libs/echo2"};
    static const char *const pipelines[] = {"front, echo", "echo"};
    struct long_sizes first, start = {0}, end;
    uint64_t began, said = clock_ms();
    unsigned long done = 0;

    rest(run, 2, WARM);
    rest(run, BASELINE_S, QUIET);
    first = long_host_measure_quiet(&run->host);
    long_print_sizes("before", first);
    load_phase(run->load, RELOADING);
    began = clock_ms();
    for (unsigned long i = 0; done < run->count; i++) {
        json_t *result = NULL;

        install(run, builds[i & 1]);
        write_ini(run, pipelines[(i >> 1) & 1], "");
        if (long_random(&run->host) % 10 == 0)
            for (int k = 0; k < 3; k++)
                kill(run->host.pid, SIGHUP);
        if (!reload(run, &result)) {
            long_violation(&run->host, "a good reload was refused", 0, 1);
            printf("# %s", json_get_str(result, "report", "?"));
        }
        json_decref(result);
        done = (unsigned long)long_host_status(&run->host, "reloads");
        if (!start.rss_kb && (done >= WARM_UP || done >= run->count / 2)) {
            start = long_host_measure_quiet(&run->host);
            long_print_sizes("warm", start);
        }
        if (clock_ms() - said > 30000) {
            said = clock_ms();
            printf("# %lu of %lu reloads\n", done, run->count);
            long_print_sizes("now", long_host_measure(&run->host));
        }
        usleep((useconds_t)(long_random(&run->host) % 8000));
        if (run->isolated && long_random(&run->host) % 5 == 0)
            kill_one(run);
    }
    printf("# %lu reloads in %.1f s, the slowest took %.1f ms\n", done,
           (double)(clock_ms() - began) / 1000, (double)run->slowest_us / 1000);
    if (run->isolated)
        printf("# %lu processes of the plugin were killed\n", run->killed);
    rest(run, BASELINE_S, QUIET);
    end = long_host_measure_quiet(&run->host);
    long_print_sizes("after", end);
    if (long_host_status(&run->host, "reloads_refused"))
        long_violation(&run->host, "reloads refused", 0,
                       long_host_status(&run->host, "reloads_refused"));
    compare(run, first, start, end);
}

/* ---- bad reloads ---------------------------------------------------------------------------- */

enum { BAD_KINDS = 10 };

static void install_bytes(struct run *run, const void *data, size_t len)
{
    long_replace_file(&run->host, run->plugin, data, len);
}

/* Puts one in place; what it is called. */
static const char *make_bad(struct run *run, unsigned kind)
{
    _cleanup_mem_ char *good = mem_printf("%s/tests/long/plugins/.libs/echo1.so", run->host.build),
                       *data;
    char garbage[6000];
    size_t len;

    data = long_read_file(&run->host, good, &len);
    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (char)long_random(&run->host);
    switch (kind) {
    case 0: write_ini(run, "echo", "passs = yes\n"); return "INI error";
    case 1: (void)unlink(run->plugin); return "missing file";
    case 2:
        install_bytes(run, data, len * (1 + long_random(&run->host) % 9) / 10);
        return "truncated";
    case 3: install_bytes(run, garbage, sizeof(garbage)); return "garbage";
    case 4: install(run, "tests/plugins/.libs/odd_abi"); return "other ABI";
    case 5: install(run, "tests/plugins/.libs/odd_entry"); return "missing symbol";
    case 6: install(run, "tests/long/plugins/.libs/undefined"); return "undefined symbol";
    case 7:
        install(run, long_random(&run->host) & 1 ? "tests/plugins/.libs/spin_early"
                                                 : "tests/plugins/.libs/crash_early");
        return "constructor";
    case 8: install(run, "tests/integration/plugins/.libs/fail_create"); return "create fails";
    default:
        long_write_file(&run->host, run->plugin, garbage, sizeof(garbage)); /* the same inode */
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
    struct long_sizes sizes = long_host_measure(&run->host);

    for (int tries = 0; sizes.descriptors != want && tries < 100; tries++) {
        usleep(10000);
        sizes = long_host_measure(&run->host);
    }
    return sizes.descriptors;
}

static void refuse_one(struct run *run, unsigned kind, int64_t generation, long descriptors)
{
    const char *what = make_bad(run, kind), *report;
    _cleanup_mem_ char *place = mem_printf("%s:", run->host.ini);
    uint64_t began = clock_ms(), took, answered;
    json_t *result = NULL;
    bool ok = reload(run, &result);

    took = clock_ms() - began;
    report = json_get_str(result, "report", "");
    if (ok)
        long_violation(&run->host, what, 0, 1);
    if (took > VERDICT_MS)
        long_violation(&run->host, "milliseconds to the verdict", VERDICT_MS, (long)took);
    if (!strstr(report, place) || strtol(strstr(report, place) + strlen(place), NULL, 10) < 1) {
        long_violation(&run->host, "the verdict names file and line", 1, 0);
        printf("# %s: %s", what, report);
    }
    json_decref(result);
    if (long_host_status(&run->host, "generation") != generation)
        long_violation(&run->host, "generation", (long)generation,
                       (long)long_host_status(&run->host, "generation"));
    if (long_host_status(&run->host, "pid") != run->host.pid)
        long_violation(&run->host, "process", run->host.pid,
                       (long)long_host_status(&run->host, "pid"));
    if (settled_descriptors(run, descriptors) != descriptors)
        long_violation(&run->host, "descriptors", descriptors,
                       long_host_measure(&run->host).descriptors);
    answered = load_answered(run->load);
    for (int tries = 0; load_answered(run->load) == answered && tries < 500; tries++)
        usleep(10000);
    if (load_answered(run->load) == answered)
        long_violation(&run->host, "answers go on", 1, 0);
    make_good(run);
}

static void run_bad(struct run *run)
{
    struct long_sizes first, warm = {0}, end;
    int64_t generation;
    uint64_t said = clock_ms();

    rest(run, 2, WARM);
    rest(run, BASELINE_S, QUIET);
    generation = long_host_status(&run->host, "generation");
    first = long_host_measure_quiet(&run->host);
    long_print_sizes("before", first);
    load_phase(run->load, RELOADING);
    for (unsigned long i = 0; i < run->count; i++) {
        refuse_one(run, (unsigned)(i % BAD_KINDS), generation, first.descriptors);
        if (!warm.rss_kb && (i >= WARM_UP || i >= run->count / 2)) {
            warm = long_host_measure_quiet(&run->host);
            long_print_sizes("warm", warm);
        }
        if (clock_ms() - said > 30000) {
            said = clock_ms();
            printf("# %lu of %lu bad reloads\n", i, run->count);
            long_print_sizes("now", long_host_measure(&run->host));
        }
    }
    printf("# %lu bad reloads, the slowest verdict took %.1f ms\n", run->count,
           (double)run->slowest_us / 1000);
    end = long_host_measure_quiet(&run->host);
    long_print_sizes("after", end);
    compare(run, first, warm, end);
}

/* ---- all of it ------------------------------------------------------------------------------ */

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
    if (!bad && !run->isolated && added >= ADDED_P99_US)
        long_violation(&run->host, "microseconds added to p99", ADDED_P99_US, (long)added);
    if (lost)
        long_violation(&run->host, "messages lost", 0, (long)lost);
    if (doubled)
        long_violation(&run->host, "messages doubled", 0, (long)doubled);
    if (load_broken(run->load))
        long_violation(&run->host, "connections closed", 0, load_broken(run->load));
    printf("long reload runs %lu lost %lu doubled %lu\n", run->count, (unsigned long)lost,
           (unsigned long)doubled);
    long_host_print_violations(&run->host);
    return run->host.violations ? 1 : 0;
}

int main(int argc, char **argv)
{
    const bool bad = argc > 1 && !strcmp(argv[1], "bad");
    const unsigned long seed = long_setting("TROUPE_SEED", (unsigned long)clock_ns() % 1000000 + 1);
    const unsigned long rate = long_setting("TROUPE_LONG_RATE", 500);
    const bool isolated = argc > 1 && !strcmp(argv[1], "isolated");
    struct run run = {.isolated = isolated,
                      .count = long_setting("TROUPE_LONG_COUNT", bad || isolated ? 1000 : 10000)};
    int code;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("long reload seed %lu\n", seed);
    long_host_make(&run.host, seed);
    run.plugin = mem_printf("%s/echo.so", run.host.dir);
    make_good(&run);
    long_host_start(&run.host);
    run.load = load_start(run.host.socket, CONNECTIONS, MEMBERS, (unsigned)(rate ? rate : 1));
    if (bad)
        run_bad(&run);
    else
        run_good(&run);
    load_stop(run.load, 10000);
    long_host_print_slow(&run.host);
    long_host_stop(&run.host);
    code = report(&run, bad);
    load_free(run.load);
    long_host_clear(&run.host);
    mem_free(run.plugin);
    return code;
}
