/* SPDX-License-Identifier: Apache-2.0
 *
 * What it costs that an agent has a process of its own: a call of a function that replies (two
 * messages there, two back), host and child on processors of their own where there are two; the start
 * of a process until it is ready; the memory of one that is alone, and of one of four; and how long
 * calls take from the moment they are due, 5,000 a second, while the agent is swapped ten times a second,
 * against the same without. The baseline of the call is one message of the same
 * sizes there and back between two bare processes, measured in turns with it.
 */
#include "plugin/isolate.h"
#include "plugin/set.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/co.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 10, CALLS = 2000, STARTS = 20, MESSAGE = 256, AGENTS = 4 };

#define CALL_US     100 /* two round trips, of 60 at most each */
#define START_MS    5
#define PSS_BYTES   (500 << 10)

#define RATE        5000 /* calls a second */
#define SECONDS     3
#define SWAP_MS     100
#define SWAP_P99_MS 10

struct bench {
    struct loop *loop;
    struct plugin_manager *manager;
    pid_t echo;
    int socket;
    int failed;
};

/* ---- a turn that takes replies --------------------------------------------------------------- */

struct fake_turn {
    troupe_turn turn; /* first */
    troupe_turn_table table;
    troupe_host *host;
};

static troupe_status take_reply(troupe_turn *turn, const char *text, uint64_t len)
{
    (void)turn;
    return text && len ? TROUPE_OK : TROUPE_FAILED;
}

static troupe_status take_failure(troupe_turn *turn, troupe_status status, const char *code,
                                  const char *sentence, uint64_t len)
{
    (void)turn;
    (void)code;
    (void)sentence;
    (void)len;
    return status;
}

static uint64_t no_id(troupe_turn *turn)
{
    (void)turn;
    return 0;
}

static troupe_host *host_of(troupe_turn *turn)
{
    return ((struct fake_turn *)(void *)turn)->host;
}

static void fake_init(struct fake_turn *fake)
{
    fake->table = (troupe_turn_table){.size = sizeof(fake->table),
                                      .host = host_of,
                                      .id = no_id,
                                      .reply = take_reply,
                                      .fail = take_failure};
    fake->turn.api = &fake->table;
}

/* ---- the baseline ---------------------------------------------------------------------------- */

/* One processor each where there are two. */
static void pin(pid_t pid, int processor)
{
    cpu_set_t set;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    (void)sched_setaffinity(pid, sizeof(set), &set);
}

static void start_echo(struct bench *bench)
{
    char message[MESSAGE];
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        abort();
    bench->echo = fork();
    if (bench->echo == 0) {
        ssize_t n;

        close(ends[0]);
        while ((n = read(ends[1], message, sizeof(message))) > 0)
            if (write(ends[1], message, (size_t)n) != n)
                break;
        _exit(0);
    }
    close(ends[1]);
    bench->socket = ends[0];
    pin(bench->echo, 1);
}

static uint64_t bare_round_trip(struct bench *bench)
{
    char message[MESSAGE] = "x";
    uint64_t begun = clock_ns();

    if (write(bench->socket, message, sizeof(message)) != (ssize_t)sizeof(message) ||
        read(bench->socket, message, sizeof(message)) != (ssize_t)sizeof(message))
        abort();
    return clock_ns() - begun;
}

/* ---- figures --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static double part(uint64_t *samples, size_t count, double share)
{
    qsort(samples, count, sizeof(*samples), by_value);
    return (double)samples[(size_t)((double)(count - 1) * share)];
}

static void bound(struct bench *bench, const char *what, double value, double most)
{
    if (value <= most)
        return;
    fprintf(stderr, "isolate_bench: %s is %.1f, at most %.1f is allowed\n", what, value, most);
    bench->failed = 1;
}

static struct plugin_set *build(struct bench *bench, struct plugin_set *previous, unsigned agents,
                                unsigned number)
{
    const char *dir = getenv("TROUPE_BUILDDIR");
    _cleanup_buf_ struct buf ini = BUF_INIT;
    const char *text;
    struct config_problems problems = {0};
    struct config_raw *raw = NULL;
    struct plugin_set *set = NULL;

    for (unsigned i = 0; i < agents; i++)
        buf_printf(&ini,
                   "[agent dice%u]\nplugin = %s/tests/plugins/.libs/dice1.so\n"
                   "isolation = process\nluck = %u\n",
                   i, dir ? dir : ".", i ? 0 : number % 10);
    text = buf_text(&ini);
    if (config_parse_text("bench", text, strlen(text), &raw, &problems) < 0 ||
        plugin_set_build(bench->manager, raw, previous, 0, &set, &problems) < 0) {
        fprintf(stderr, "isolate_bench: %s\n",
                problems.count ? problems.items[0].text : "no set could be built");
        exit(EXIT_FAILURE);
    }
    config_problems_clear(&problems);
    config_raw_free(raw);
    return set;
}

static void bench_calls(struct bench *bench, struct plugin_set *set)
{
    static uint64_t calls[ROUNDS * CALLS], bare[ROUNDS * CALLS];
    struct plugin_agent *agent = plugin_set_agent(set, "dice0");
    const struct plugin_function *function = plugin_manifest_function(agent->manifest, "version");
    struct fake_turn fake = {.host = &agent->host};
    double p50, p99, base;
    struct error err;

    fake_init(&fake);
    pin(agent->isolate->child->pid, 1);
    for (size_t i = 0; i < ROUNDS * CALLS; i++) {
        uint64_t begun = clock_ns();

        if (plugin_agent_invoke(agent, function, &fake.turn, NULL, NULL, &err) < 0)
            abort();
        calls[i] = clock_ns() - begun;
        bare[i] = bare_round_trip(bench);
    }
    base = part(bare, ROUNDS * CALLS, 0.5) / 1000;
    p50 = part(calls, ROUNDS * CALLS, 0.5) / 1000;
    p99 = part(calls, ROUNDS * CALLS, 0.99) / 1000;
    printf("bench isolated_call_p50 %.1f us baseline %.1f ratio %.1f\n", p50, base, p50 / base);
    printf("bench isolated_call_p99 %.1f us baseline %.1f ratio %.1f\n", p99, base, p99 / base);
    bound(bench, "a call with a reply", p50, CALL_US);
}

static void bench_starts(struct bench *bench, struct plugin_set *set)
{
    uint64_t took[STARTS];
    double ms;

    for (unsigned i = 0; i < STARTS; i++) {
        uint64_t begun = clock_ns();
        struct plugin_set *next = build(bench, set, AGENTS, i + 1);

        took[i] = clock_ns() - begun;
        plugin_set_unpin(next);
        co_sleep(20); /* the processes before it end meanwhile */
    }
    ms = part(took, STARTS, 0.5) / 1e6;
    printf("bench isolated_start_p50 %.2f ms\n", ms);
    bound(bench, "the start of a process", ms, START_MS);
}

/* ---- swaps ----------------------------------------------------------------------------------- */

struct load {
    struct bench *bench;
    struct plugin_set *set; /* that serves */
    struct scope scope;
    uint64_t *took;
    size_t count, failed;
    uint64_t begun_ns;
    bool swaps, ends;
};

/* One call on the set that serves now. */
static troupe_status call_once(void *arg)
{
    struct load *load = arg;
    struct plugin_set *set = plugin_set_pin(load->set);
    struct plugin_agent *agent = plugin_set_agent(set, "dice0");
    const struct plugin_function *function = plugin_manifest_function(agent->manifest, "version");
    struct fake_turn fake = {.host = &agent->host};
    size_t number = load->count++;
    uint64_t due = load->begun_ns + number * (1000000000u / RATE);
    struct error err;

    fake_init(&fake);
    if (plugin_agent_invoke(agent, function, &fake.turn, NULL, NULL, &err) < 0)
        load->failed++;
    load->took[number] = clock_ns() - due;
    plugin_set_unpin(set);
    return TROUPE_OK;
}

static troupe_status swap_all(void *arg)
{
    struct load *load = arg;

    for (unsigned i = 1; load->swaps && !load->ends; i++) {
        struct plugin_set *old = load->set;

        load->set = build(load->bench, old, AGENTS, i);
        plugin_set_unpin(old);
        co_sleep(SWAP_MS);
    }
    return TROUPE_OK;
}

/* The p99 of a load in ms. */
static double run_load(struct bench *bench, struct plugin_set **set, bool swaps, size_t *ret_failed)
{
    const size_t total = (size_t)RATE * SECONDS;
    struct load load = {.bench = bench, .set = *set, .swaps = swaps};
    double p99;

    load.took = mem_zero(total, sizeof(*load.took));
    scope_open(&load.scope, 0);
    if (co_spawn(&load.scope, NULL, swap_all, &load) < 0)
        abort();
    load.begun_ns = clock_ns();
    for (size_t sent = 0; sent < total;) {
        size_t due = (size_t)((clock_ns() - load.begun_ns) * RATE / 1000000000u);

        for (; sent < due && sent < total; sent++)
            if (co_spawn_wait(&load.scope, NULL, call_once, &load, 0) < 0)
                abort();
        co_sleep(1);
    }
    load.ends = true;
    scope_close(&load.scope);
    *set = load.set;
    p99 = part(load.took, total, 0.99) / 1e6;
    *ret_failed = load.failed;
    mem_free(load.took);
    return p99;
}

static void bench_swaps(struct bench *bench, struct plugin_set **set)
{
    size_t before, failed;
    double quiet = run_load(bench, set, false, &before);
    double swapped = run_load(bench, set, true, &failed);

    printf("bench isolated_swap_p99 %.2f ms baseline %.2f ratio %.1f\n", swapped, quiet,
           swapped / quiet);
    /* A machine that is that slow without swaps says nothing about them. */
    if (quiet > SWAP_P99_MS || before)
        return;
    bound(bench, "the p99 of calls under swaps", swapped, SWAP_P99_MS);
    bound(bench, "the number of calls that failed", (double)failed, 0);
}

/* What the first agent's process takes, once it has served. */
static void bench_memory(struct bench *bench, struct plugin_set *set, const char *name)
{
    struct plugin_isolate_info info;

    plugin_isolate_look(plugin_set_agent(set, "dice0")->isolate, &info);
    printf("bench %s %llu kB\n", name, (unsigned long long)info.pss >> 10);
    bound(bench, "the memory of a process", (double)info.pss, PSS_BYTES);
}

static troupe_status run(void *arg)
{
    struct bench *bench = arg;
    struct plugin_set *alone = build(bench, NULL, 1, 0), *set;

    bench_calls(bench, alone);
    bench_memory(bench, alone, "isolated_pss_alone");
    set = build(bench, alone, AGENTS, 0);
    plugin_set_unpin(alone);
    bench_memory(bench, set, "isolated_pss");
    bench_starts(bench, set);
    bench_swaps(bench, &set);
    plugin_set_unpin(set);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

int main(void)
{
    const char *dir = getenv("TROUPE_BUILDDIR");
    _cleanup_mem_ char *runner = mem_printf("%s/troupe-runner", dir ? dir : ".");
    const struct plugin_manager_options options = {.runner = runner, .any_location = true};
    const struct co_owner owner = {"bench", 0};
    struct bench bench = {.echo = 0};
    struct scope scope;
    struct error err;

    start_echo(&bench);
    pin(0, 0);
    if (loop_new(NULL, &bench.loop, &err) < 0)
        return EXIT_FAILURE;
    bench.manager = plugin_manager_new(bench.loop, &options);
    scope_open_root(bench.loop, &scope, 0, ended);
    if (co_spawn(&scope, &owner, run, &bench) < 0)
        return EXIT_FAILURE;
    loop_run(bench.loop);
    scope_close(&scope);
    plugin_manager_free(bench.manager);
    loop_free(bench.loop);
    close(bench.socket);
    waitpid(bench.echo, NULL, 0);
    return bench.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
