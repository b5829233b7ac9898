/* SPDX-License-Identifier: Apache-2.0
 *
 * What it costs that an agent has a process of its own: a call of a function that replies (two
 * messages there, two back), host and child on processors of their own where there are two; the start
 * of a process until it is ready; the memory of one of four. The baseline of the call is one message of the same
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

#define CALL_US   120 /* two round trips of 60 */
#define START_MS  5
#define PSS_BYTES (500 << 10)

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

static troupe_host *host_of(troupe_turn *turn)
{
    return ((struct fake_turn *)(void *)turn)->host;
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

static struct plugin_set *build(struct bench *bench, struct plugin_set *previous, unsigned number)
{
    const char *dir = getenv("TROUPE_BUILDDIR");
    _cleanup_buf_ struct buf ini = BUF_INIT;
    const char *text;
    struct config_problems problems = {0};
    struct config_raw *raw = NULL;
    struct plugin_set *set = NULL;

    for (unsigned i = 0; i < AGENTS; i++)
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

    fake.table =
        (troupe_turn_table){.size = sizeof(fake.table), .host = host_of, .reply = take_reply};
    fake.turn.api = &fake.table;
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
        struct plugin_set *next = build(bench, set, i + 1);

        took[i] = clock_ns() - begun;
        plugin_set_unpin(next);
        co_sleep(20); /* the processes before it end meanwhile */
    }
    ms = part(took, STARTS, 0.5) / 1e6;
    printf("bench isolated_start_p50 %.2f ms\n", ms);
    bound(bench, "the start of a process", ms, START_MS);
}

static troupe_status run(void *arg)
{
    struct bench *bench = arg;
    struct plugin_set *set = build(bench, NULL, 0);
    struct plugin_isolate_info info;

    bench_calls(bench, set);
    plugin_isolate_look(plugin_set_agent(set, "dice0")->isolate, &info);
    printf("bench isolated_pss %llu kB\n", (unsigned long long)info.pss >> 10);
    bound(bench, "the memory of a process", (double)info.pss, PSS_BYTES);
    bench_starts(bench, set);
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
