/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile [probes|trials|calls|loops]: code that means harm, all of it or one part. "probes" tries every way
 * out of the sandbox of a trial, with Landlock and with seccomp alone. "trials" has a host answer a steady
 * load while builds of a plugin are installed that crash, spin, leak and swarm, in a constructor or
 * in create: each must be refused in time, by name and with the cause, and nothing else happen. "calls"
 * does the same in calls of an isolated agent: each has its verdict in time, the host stays the same
 * process, and its neighbours answer in less than twice the time. "loops" is harm again and again: see
 * hostile_loop.h.
 *
 * TROUPE_LONG_COUNT rounds of all (10 of probes; 20 of the others); TROUPE_LONG_RATE turns a second
 * (200); TROUPE_SEED repeats what is random.
 */
#include "host.h"
#include "hostile_loop.h"
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
#define CALL_MS     1000  /* of a call                              */
#define LATE_MS     50    /* and to tell it                         */
#define QUIET_S     2     /* between rounds                         */
#define ENOUGH      5000  /* turns, of which a p99 says something   */
#define NOTICED_US  20000 /* of fewer: below it, a p99 is the machine's alone */
#define SAY_MS      30000

enum phase { WARM, QUIET, HOSTILE };

/* What the parts add up to. */
struct totals {
    unsigned long runs, violations;
    uint64_t lost, doubled;
    struct buf said; /* about what was violated */
};

/* What a part's host saw; the host is no more. */
static void add_host(struct totals *totals, struct long_host *host)
{
    totals->violations += host->violations;
    if (host->violations)
        buf_printf(&totals->said, "%s%u violations; the data is in %s\n", buf_text(&host->said),
                   host->violations, host->dir);
    long_host_clear(host);
}

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

static void run_probes(struct totals *totals, unsigned long rounds)
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
    printf("# probes: %lu runs, %lu were not denied\n", runs, open);
    totals->runs += runs;
    totals->lost += open;
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

/* The load alone, then what is hostile beside it; what the host is made of before. */
static struct long_sizes begin(struct run *run)
{
    struct long_sizes first;

    load_phase(run->load, WARM);
    sleep(2);
    load_phase(run->load, QUIET);
    sleep(BASELINE_S);
    first = long_host_measure_quiet(&run->host);
    long_print_sizes("before", first);
    load_phase(run->load, HOSTILE);
    return first;
}

static void say_round(uint64_t *said, unsigned long i, unsigned long rounds)
{
    if (clock_ms() - *said <= SAY_MS)
        return;
    *said = clock_ms();
    printf("# round %lu of %lu\n", i + 1, rounds);
}

static void run_trials(struct run *run, unsigned long rounds)
{
    const int64_t generation = long_host_status(&run->host, "generation");
    struct long_sizes first;
    uint64_t said = clock_ms();

    first = begin(run);
    for (unsigned long i = 0; i < rounds; i++)
        for (size_t k = 0; k < 2 * HOSTILE_COUNT; k++) {
            refuse_one(run, &hostiles[k / 2], k % 2 ? 'l' : 'e', generation);
            say_round(&said, i, rounds);
        }
    write_ini(run, false);
    compare(run, first, long_host_measure_quiet(&run->host));
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    bool late; /* it ends at the call's deadline */
} harms[] = {
    {"segv", false},        {"abort", false},         {"exit", false},       {"overflow", false},
    {"leak", false},        {"fork", false},          {"threads", false},    {"exec", false},
    {"spin", true},         {"deadlock", true},       {"forge id", false},   {"forge kind", false},
    {"forge order", false}, {"forge payload", false}, {"forge size", false}, {"forge long", false},
    {"forge short", false}, {"forge flood", false},   {"forge shut", false},
};

#define HARM_COUNT (sizeof(harms) / sizeof(harms[0]))

static void write_calls_ini(const struct run *run)
{
    _cleanup_mem_ char *text = mem_printf(
        "[troupe]\ndata = %s/data\nlog_level = warn\n[admission]\nconcurrent = 100\n"
        "queue = 10000\nqueue_per_member = 100\n[limits]\nmessages = 0\n"
        "guild_messages = 0\n[pipeline message]\nstages = echo\n[agent echo]\n"
        "plugin = %s/tests/long/plugins/.libs/echo1.so\nisolation = inprocess\n[agent harm]\n"
        "plugin = %s/tests/plugins_turn/.libs/harm.so\nisolation = process\ntimeout = %ds\n",
        run->host.dir, run->host.build, run->host.build, CALL_MS / 1000);

    long_replace_file(&run->host, run->host.ini, text, strlen(text));
}

/* The state of the agent's process. */
static bool is_state(struct run *run, const char *state)
{
    json_t *list = long_host_ask(&run->host, "plugins", NULL), *row;
    bool is = false;
    size_t i;

    json_array_foreach (list, i, row)
        is |= !strcmp(json_get_str(row, "state", ""), state);
    json_decref(list);
    return is;
}

/* A reload starts it again where it was switched off. */
static void revive(struct run *run)
{
    bool ok = false;

    if (!is_state(run, "off"))
        return;
    json_decref(long_host_ask(&run->host, "reload", &ok));
    if (!ok)
        long_violation(&run->host, "a reload starts it again", 1, 0);
}

static void call_one(struct run *run, size_t kind)
{
    json_t *result = NULL;
    struct error err = {0};
    uint64_t began, took;
    int code = 0;
    troupe_status status;

    revive(run);
    began = clock_ms();
    status = ops_client_call(&run->host.client,
                             json_pack("{s:s, s:s, s:{s:s}}", "cmd", "call", "function",
                                       "harm.harm", "arguments", "what", harms[kind].what),
                             30000, &result, &code, &err);
    took = clock_ms() - began;
    json_decref(result);
    if (status >= 0 && code == 0)
        long_violation(&run->host, harms[kind].what, 0, 1);
    if (took > run->slowest_ms)
        run->slowest_ms = took;
    look_at_host(run, long_host_status(&run->host, "generation"));
}

static void wait_ready(struct run *run)
{
    revive(run);
    for (int tries = 0; !is_state(run, "ready") && tries < 500; tries++) {
        usleep(10000);
        revive(run);
    }
}

/* The neighbours alone, again and again: a disk that is slower for a minute is so for both. */
static void be_quiet(struct run *run)
{
    load_phase(run->load, WARM);
    wait_ready(run);
    load_phase(run->load, QUIET);
    sleep(QUIET_S);
    load_phase(run->load, HOSTILE);
}

static void run_calls(struct run *run, unsigned long rounds)
{
    struct long_sizes first, end;
    uint64_t said = clock_ms();

    first = begin(run);
    for (unsigned long i = 0; i < rounds; i++) {
        for (size_t k = 0; k < HARM_COUNT; k++) {
            call_one(run, k);
            say_round(&said, i, rounds);
        }
        be_quiet(run);
    }
    load_phase(run->load, WARM);
    wait_ready(run);
    end = long_host_measure_quiet(&run->host);
    long_print_sizes("after", end);
    if (end.descriptors != first.descriptors)
        long_violation(&run->host, "descriptors", first.descriptors, end.descriptors);
    if (end.children != first.children)
        long_violation(&run->host, "children", first.children, end.children);
}

/* Each verdict came in time, with what the machine takes by itself; and neighbours answer in less than
 * twice the time, where that can be told from chance. */
static void compare_neighbours(struct run *run)
{
    struct load_figures quiet, hostile;

    load_figures(run->load, QUIET, &quiet);
    load_figures(run->load, HOSTILE, &hostile);
    if (run->slowest_ms > CALL_MS + LATE_MS + quiet.p99_us / 1000)
        long_violation(&run->host, "milliseconds to the verdict",
                       (long)(CALL_MS + LATE_MS + quiet.p99_us / 1000), (long)run->slowest_ms);
    if (hostile.p99_us > 2 * quiet.p99_us &&
        (quiet.messages >= ENOUGH || hostile.p99_us > NOTICED_US))
        long_violation(&run->host, "microseconds of a neighbour's p99", (long)(2 * quiet.p99_us),
                       (long)hostile.p99_us);
}

static void report_load(struct totals *totals, struct run *run)
{
    struct load_figures warm, quiet, hostile;
    uint64_t lost, doubled;

    load_figures(run->load, WARM, &warm);
    load_figures(run->load, QUIET, &quiet);
    load_figures(run->load, HOSTILE, &hostile);
    lost = warm.lost + quiet.lost + hostile.lost;
    doubled = warm.doubled + quiet.doubled + hostile.doubled;
    printf("# quiet: %lu turns, p50 %.2f p99 %.2f ms; beside hostile code: %lu turns, p50 %.2f "
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
    totals->lost += lost;
    totals->doubled += doubled;
}

static void under_load(struct totals *totals, unsigned long seed, unsigned long rounds, bool calls)
{
    const unsigned long rate = long_setting("TROUPE_LONG_RATE", 200);
    struct run run = {.slowest_ms = 0};
    _cleanup_mem_ char *from = NULL;

    long_host_make(&run.host, seed);
    from = mem_printf("%s/tests/plugins/.libs/hostile.so", run.host.build);
    run.plugin = mem_printf("%s/hostile.so", run.host.dir);
    run.bytes = long_read_file(&run.host, from, &run.size);
    if (calls)
        write_calls_ini(&run);
    else
        write_ini(&run, false);
    long_host_start(&run.host);
    run.load = load_start(run.host.socket, CONNECTIONS, MEMBERS, (unsigned)(rate ? rate : 1));
    if (calls)
        run_calls(&run, rounds);
    else
        run_trials(&run, rounds);
    load_stop(run.load, 10000);
    if (calls)
        compare_neighbours(&run);
    long_host_print_slow(&run.host);
    long_host_stop(&run.host);
    report_load(totals, &run);
    totals->runs += rounds * (calls ? HARM_COUNT : 2 * HOSTILE_COUNT);
    load_free(run.load);
    add_host(totals, &run.host);
    mem_free(run.plugin);
    mem_free(run.bytes);
}

static void run_loops(struct totals *totals, unsigned long seed, unsigned long rounds)
{
    struct long_host host = {.pid = 0};

    long_host_make(&host, seed);
    hostile_loop_ini(&host);
    long_host_start(&host);
    totals->runs += hostile_loop_run(&host, rounds);
    long_host_stop(&host);
    add_host(totals, &host);
}

/* ---- the parts ------------------------------------------------------------------------------- */

static const char *const parts[] = {"probes", "trials", "calls", "loops"};
enum part { PROBES, TRIALS, CALLS, LOOPS, PART_COUNT };

static void run_part(struct totals *totals, enum part part, unsigned long seed)
{
    const unsigned long rounds = long_setting("TROUPE_LONG_COUNT", part == PROBES ? 10 : 20);

    printf("# %s, %lu rounds\n", parts[part], rounds);
    switch (part) {
    case PROBES: run_probes(totals, rounds); break;
    case TRIALS:
    case CALLS: under_load(totals, seed, rounds, part == CALLS); break;
    case LOOPS: run_loops(totals, seed, rounds); break;
    case PART_COUNT: break;
    }
}

int main(int argc, char **argv)
{
    const unsigned long seed = long_setting("TROUPE_SEED", (unsigned long)clock_ns() % 1000000 + 1);
    const char *what = argc > 1 ? argv[1] : "";
    struct totals totals = {.runs = 0};
    unsigned known = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned part = 0; part < PART_COUNT; part++)
        known += !*what || !strcmp(what, parts[part]);
    if (!known) {
        (void)fprintf(stderr, "long hostile: V=%s is none of probes, trials, calls and loops\n",
                      what);
        return 64;
    }
    printf("long hostile seed %lu\n", seed);
    for (unsigned part = 0; part < PART_COUNT; part++)
        if (!*what || !strcmp(what, parts[part]))
            run_part(&totals, part, seed);
    printf("long hostile runs %lu lost %lu doubled %lu\n%s", totals.runs,
           (unsigned long)totals.lost, (unsigned long)totals.doubled, buf_text(&totals.said));
    buf_clear(&totals.said);
    return totals.violations || totals.lost || totals.doubled ? 1 : 0;
}
