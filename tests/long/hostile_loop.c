/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile_loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define SAY_MS      30000
#define PARKED_S    36 /* a question waits 30 s before its stage is put aside */
#define CRASHES_OFF 5

static const char *const loops[] = {"stubborn ask", "stubborn value", "stubborn look"};
#define LOOP_COUNT (sizeof(loops) / sizeof(loops[0]))

void hostile_loop_ini(const struct long_host *host)
{
    _cleanup_mem_ char *text = mem_printf(
        "[troupe]\ndata = %s/data\nlog_level = warn\n[limits]\nmessages = 0\nguild_messages = 0\n"
        "[pipeline message]\nstages = harm\n[agent harm]\n"
        "plugin = %s/tests/plugins_turn/.libs/harm.so\nisolation = process\n",
        host->dir, host->build);

    long_replace_file(host, host->ini, text, strlen(text));
}

/* ---- people ---------------------------------------------------------------------------------- */

/* A member who says one thing and stays; NULL where nobody could be started. */
static FILE *say(const struct long_host *host, const char *text, unsigned stay_s)
{
    _cleanup_mem_ char *command =
        mem_printf("(printf '%%s\\n' '%s'; sleep %u) | '%s/troupe' chat -c '%s' 2>&1", text, stay_s,
                   host->build, host->ini);

    return popen(command, "r");
}

/* What came, until the member left. */
static void hear(FILE *from, struct buf *ret)
{
    char part[512];
    size_t n;

    buf_reset(ret);
    while (from && (n = fread(part, 1, sizeof(part), from)) > 0)
        buf_append(ret, part, n);
    if (from)
        (void)pclose(from);
}

static void must_hear(struct long_host *host, const char *text, const char *answer)
{
    _cleanup_buf_ struct buf heard = BUF_INIT;

    hear(say(host, text, 0), &heard);
    if (strstr(buf_text(&heard), answer))
        return;
    long_violation(host, answer, 1, 0);
    printf("# \"%s\": %s\n", text, buf_text(&heard));
}

/* ---- the agent ------------------------------------------------------------------------------- */

struct agent {
    long pid, crashes;
    bool ready, off;
};

static struct agent look(struct long_host *host)
{
    json_t *list = long_host_ask(host, "plugins", NULL), *row;
    struct agent agent = {0};
    size_t i;

    json_array_foreach (list, i, row) {
        const char *state = json_get_str(row, "state", "");

        if (strcmp(json_get_str(row, "agent", ""), "harm") != 0)
            continue;
        agent.pid = (long)json_get_int(row, "pid", 0);
        agent.crashes = (long)json_get_int(row, "crashes", 0);
        agent.ready = !strcmp(state, "ready");
        agent.off = !strcmp(state, "off");
    }
    json_decref(list);
    return agent;
}

/* Until it has crashed so often and is ready again, or off. */
static struct agent settle(struct long_host *host, long crashes)
{
    const uint64_t until = clock_ms() + PATIENCE_MS;
    struct agent agent = look(host);

    while ((agent.crashes < crashes || (!agent.ready && !agent.off)) && clock_ms() < until) {
        usleep(5000);
        agent = look(host);
    }
    if (agent.crashes != crashes)
        long_violation(host, "crashes", crashes, agent.crashes);
    return agent;
}

static void must_be_same(struct long_host *host)
{
    if (long_host_status(host, "pid") != host->pid)
        long_violation(host, "process", host->pid, (long)long_host_status(host, "pid"));
}

/* ---- loops ----------------------------------------------------------------------------------- */

static void reload(struct long_host *host)
{
    bool ok = false;

    json_decref(long_host_ask(host, "reload", &ok));
    if (!ok)
        long_violation(host, "a reload starts it again", 1, 0);
}

static void poison(struct long_host *host, const char *kind)
{
    _cleanup_mem_ char *command =
        mem_printf("'%s/troupe' why last -c '%s' 2>&1", host->build, host->ini);
    _cleanup_buf_ struct buf why = BUF_INIT;

    must_hear(host, kind, "it brought me down twice");
    hear(popen(command, "r"), &why);
    if (!strstr(buf_text(&why), "dead") || !strstr(buf_text(&why), "2 crashes blamed on it"))
        long_violation(host, "the message is a dead letter", 1, 0);
    if (!settle(host, 2).ready)
        long_violation(host, "the agent serves on after a poison message", 1, 0);
    must_hear(host, "echo well again", "well again");
}

static void crash_loop(struct long_host *host)
{
    for (long crashes = 3; crashes <= CRASHES_OFF; crashes++) {
        struct agent agent = look(host);

        if (!agent.pid || kill((pid_t)agent.pid, SIGKILL) < 0)
            long_violation(host, "a process to kill", 1, 0);
        agent = settle(host, crashes);
        if (agent.off != (crashes == CRASHES_OFF))
            long_violation(host, "switched off by the fifth crash alone", crashes == CRASHES_OFF,
                           agent.off);
    }
    must_hear(host, "echo anybody", "is switched off");
}

/* All at once, for each takes the time until it is put aside. */
static void ask_on_and_on(struct long_host *host)
{
    FILE *members[LOOP_COUNT];
    struct agent agent;
    uint64_t until;

    for (size_t i = 0; i < LOOP_COUNT; i++)
        members[i] = say(host, loops[i], PARKED_S);
    must_hear(host, "echo meanwhile", "meanwhile");
    for (size_t i = 0; i < LOOP_COUNT; i++) {
        _cleanup_buf_ struct buf heard = BUF_INIT;

        hear(members[i], &heard);
        if (!strstr(buf_text(&heard), "Sure?"))
            long_violation(host, "a question", 1, 0);
    }
    until = clock_ms() + PATIENCE_MS;
    do
        agent = look(host);
    while (!agent.ready && clock_ms() < until);
    printf("# loops around PARKED: %ld crashes\n", agent.crashes);
    if (!agent.ready || !agent.crashes)
        long_violation(host, "processes that ask on and on are ended, and the agent serves", 1, 0);
    must_hear(host, "echo and on", "and on");
    must_be_same(host);
}

unsigned long hostile_loop_run(struct long_host *host, unsigned long rounds)
{
    static const char *const kinds[] = {"segv", "abort", "exit", "overflow"};
    uint64_t said = clock_ms();
    unsigned long runs = LOOP_COUNT;

    ask_on_and_on(host);
    /* Off, so that a reload starts it with nothing to its name. */
    while (!look(host).off) {
        struct agent agent = settle(host, look(host).crashes);

        if (!agent.off && (!agent.pid || kill((pid_t)agent.pid, SIGKILL) < 0))
            break;
        usleep(50000);
    }
    for (unsigned long i = 0; i < rounds; i++) {
        reload(host);
        poison(host, kinds[i % (sizeof(kinds) / sizeof(kinds[0]))]);
        crash_loop(host);
        must_be_same(host);
        runs += 2;
        if (clock_ms() - said > SAY_MS) {
            said = clock_ms();
            printf("# round %lu of %lu\n", i + 1, rounds);
        }
    }
    return runs;
}
