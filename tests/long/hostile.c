/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile probes|trials: code that means harm, before it is loaded. "probes" tries every way out of
 * the sandbox of a trial, with Landlock and with seccomp alone. "trials" has a host answer a steady
 * load while builds of a plugin are installed that crash, spin, leak and swarm, in a constructor or
 * in create: each must be refused in time, by name and with the cause, and nothing else happen.
 *
 * TROUPE_LONG_COUNT rounds of all (10 of probes; 20 of trials); TROUPE_LONG_RATE turns a second
 * (200); TROUPE_SEED repeats what is random.
 */
#include "host.h"
#include "load.h"

#include "confined.h"
#include "hostile.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 30
#define MEMBERS     4
#define VERDICT_MS  3050 /* 3 s, and 50 ms to tell it */
#define BASELINE_S  10
#define SAY_MS      30000

enum phase { WARM, QUIET, HOSTILE };

/* ---- probes --------------------------------------------------------------------------------- */

static unsigned long probe_all(unsigned mode, const char *name, unsigned long *ret_runs)
{
    unsigned long open = 0;

    for (size_t i = 0; i < escape_count; i++) {
        struct confined found = confined_run(mode, NULL, 0, &escapes[i]);

        ++*ret_runs;
        if (found.ran && escape_denied(found.outcome))
            continue;
        open++;
        printf("# %s: \"%s\": %s\n", name, escapes[i].name,
               !found.ran      ? found.text
               : found.outcome ? strerror(found.outcome)
                               : "it worked");
    }
    return open;
}

static int run_probes(unsigned long rounds)
{
    const bool landlock = plugin_landlock_abi() > 0;
    unsigned long runs = 0, open = 0;
    uint64_t said = clock_ms();

    printf("# %zu ways out, %s\n", escape_count,
           landlock ? "with Landlock and with seccomp alone"
                    : "with seccomp alone: this kernel has no Landlock");
    for (unsigned long i = 0; i < rounds; i++) {
        if (landlock)
            open += probe_all(0, "with Landlock", &runs);
        open += probe_all(PLUGIN_SANDBOX_NO_LANDLOCK, "with seccomp alone", &runs);
        if (clock_ms() - said > SAY_MS) {
            said = clock_ms();
            printf("# %lu of %lu rounds\n", i + 1, rounds);
        }
    }
    printf("long hostile runs %lu lost %lu doubled 0\n", runs, open);
    return open ? 1 : 0;
}

/* ---- trials --------------------------------------------------------------------------------- */

struct run {
    struct long_host host;
    struct load *load;
    char *plugin, *bytes;
    size_t size;
    uint64_t slowest_ms;
};

static void write_ini(const struct run *run, bool hostile)
{
    _cleanup_mem_ char *more =
        mem_printf("[agent hostile]\nplugin = %s\nisolation = inprocess\n", run->plugin);
    _cleanup_mem_ char *text =
        mem_printf("[troupe]\ndata = %s/data\nlog_level = warn\n[admission]\nconcurrent = 100\n"
                   "queue = 10000\nqueue_per_member = 100\n[limits]\nmessages = 0\n"
                   "guild_messages = 0\n[pipeline message]\nstages = echo\n[agent echo]\n"
                   "plugin = %s/tests/long/plugins/.libs/echo1.so\nisolation = inprocess\n%s",
                   run->host.dir, run->host.build, hostile ? more : "");

    long_replace_file(&run->host, run->host.ini, text, strlen(text));
}

static void look_at_host(struct run *run, int64_t generation)
{
    uint64_t answered = load_answered(run->load);

    if (long_host_status(&run->host, "generation") != generation)
        long_violation(&run->host, "generation", (long)generation,
                       (long)long_host_status(&run->host, "generation"));
    if (long_host_status(&run->host, "pid") != run->host.pid)
        long_violation(&run->host, "process", run->host.pid,
                       (long)long_host_status(&run->host, "pid"));
    for (int tries = 0; load_answered(run->load) == answered && tries < 500; tries++)
        usleep(10000);
    if (load_answered(run->load) == answered)
        long_violation(&run->host, "answers go on", 1, 0);
}

static void refuse_one(struct run *run, const struct hostile *hostile, char phase,
                       int64_t generation)
{
    const char *while_what = phase == 'e' ? "while loading" : "while creating an agent", *report;
    uint64_t began, took;
    json_t *result;
    bool ok = false;

    (void)hostile_order(run->bytes, run->size, phase, hostile->kind);
    long_replace_file(&run->host, run->plugin, run->bytes, run->size);
    write_ini(run, true);
    began = clock_ms();
    result = long_host_ask(&run->host, "reload", &ok);
    took = clock_ms() - began;
    report = json_get_str(result, "report", "");
    if (took > run->slowest_ms)
        run->slowest_ms = took;
    if (ok)
        long_violation(&run->host, "a hostile build was taken", 0, 1);
    if (took > VERDICT_MS)
        long_violation(&run->host, "milliseconds to the verdict", VERDICT_MS, (long)took);
    if (!strstr(report, "\"org.example.hostile\"") || !strstr(report, while_what) ||
        !strstr(report, hostile->cause)) {
        long_violation(&run->host, "the verdict names plugin and cause", 1, 0);
        printf("# order \"%c%c\": %s\n", phase, hostile->kind, report);
    }
    json_decref(result);
    look_at_host(run, generation);
}

static void compare(struct run *run, struct long_sizes first, struct long_sizes end)
{
    if (end.descriptors != first.descriptors)
        long_violation(&run->host, "descriptors", first.descriptors, end.descriptors);
    if (end.children)
        long_violation(&run->host, "children", 0, end.children);
}

static void run_trials(struct run *run, unsigned long rounds)
{
    const int64_t generation = long_host_status(&run->host, "generation");
    struct long_sizes first;
    uint64_t said = clock_ms();

    load_phase(run->load, WARM);
    sleep(2);
    load_phase(run->load, QUIET);
    sleep(BASELINE_S);
    first = long_host_measure_quiet(&run->host);
    long_print_sizes("before", first);
    load_phase(run->load, HOSTILE);
    for (unsigned long i = 0; i < rounds; i++)
        for (size_t k = 0; k < 2 * HOSTILE_COUNT; k++) {
            refuse_one(run, &hostiles[k / 2], k % 2 ? 'l' : 'e', generation);
            if (clock_ms() - said > SAY_MS) {
                said = clock_ms();
                printf("# round %lu of %lu\n", i + 1, rounds);
            }
        }
    write_ini(run, false);
    compare(run, first, long_host_measure_quiet(&run->host));
}

static int report_trials(struct run *run, unsigned long runs)
{
    struct load_figures warm, quiet, hostile;
    uint64_t lost, doubled;

    load_figures(run->load, WARM, &warm);
    load_figures(run->load, QUIET, &quiet);
    load_figures(run->load, HOSTILE, &hostile);
    lost = warm.lost + quiet.lost + hostile.lost;
    doubled = warm.doubled + quiet.doubled + hostile.doubled;
    printf("# quiet: %lu turns, p50 %.2f p99 %.2f ms; beside hostile trials: %lu turns, p50 %.2f "
           "p99 %.2f ms; the slowest verdict took %lu ms\n",
           (unsigned long)quiet.messages, (double)quiet.p50_us / 1000, (double)quiet.p99_us / 1000,
           (unsigned long)hostile.messages, (double)hostile.p50_us / 1000,
           (double)hostile.p99_us / 1000, (unsigned long)run->slowest_ms);
    if (lost)
        long_violation(&run->host, "messages lost", 0, (long)lost);
    if (doubled)
        long_violation(&run->host, "messages doubled", 0, (long)doubled);
    if (load_broken(run->load))
        long_violation(&run->host, "connections closed", 0, load_broken(run->load));
    printf("long hostile runs %lu lost %lu doubled %lu\n", runs, (unsigned long)lost,
           (unsigned long)doubled);
    long_host_print_violations(&run->host);
    return run->host.violations ? 1 : 0;
}

static int with_host(unsigned long seed, unsigned long rounds)
{
    const unsigned long rate = long_setting("TROUPE_LONG_RATE", 200);
    struct run run = {.slowest_ms = 0};
    _cleanup_mem_ char *from = NULL;
    int code;

    long_host_make(&run.host, seed);
    from = mem_printf("%s/tests/plugins/.libs/hostile.so", run.host.build);
    run.plugin = mem_printf("%s/hostile.so", run.host.dir);
    run.bytes = long_read_file(&run.host, from, &run.size);
    write_ini(&run, false);
    long_host_start(&run.host);
    run.load = load_start(run.host.socket, CONNECTIONS, MEMBERS, (unsigned)(rate ? rate : 1));
    run_trials(&run, rounds);
    load_stop(run.load, 10000);
    long_host_print_slow(&run.host);
    long_host_stop(&run.host);
    code = report_trials(&run, rounds * 2 * HOSTILE_COUNT);
    load_free(run.load);
    long_host_clear(&run.host);
    mem_free(run.plugin);
    mem_free(run.bytes);
    return code;
}

int main(int argc, char **argv)
{
    const unsigned long seed = long_setting("TROUPE_SEED", (unsigned long)clock_ns() % 1000000 + 1);
    const char *what = argc > 1 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!strcmp(what, "probes")) {
        printf("long hostile seed %lu\n", seed);
        return run_probes(long_setting("TROUPE_LONG_COUNT", 10));
    }
    if (!strcmp(what, "trials")) {
        printf("long hostile seed %lu\n", seed);
        return with_host(seed, long_setting("TROUPE_LONG_COUNT", 20));
    }
    (void)fprintf(stderr, "long hostile: say which, V=probes or V=trials\n");
    return 64;
}
