/* SPDX-License-Identifier: Apache-2.0
 *
 * A Discord session whose other side does what it likes. Each line of the input is something that
 * happens: ">" connected, "<" not connected, "jTEXT" a message, "cCODE" closed, "b" torn, "tMS" time,
 * "k" and "l" an identify granted or refused. However that goes: the session is never ended by
 * us, identifies are 5 s apart, and there is always a time at which something happens next.
 */
#include "gateway/discord/session_machine.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct discord_machine machine;
    uint64_t now, alarm_at, identified;
    bool open, connecting;
};

static void require(bool held)
{
    if (!held)
        abort();
}

static uint64_t world_now(void *io)
{
    return ((struct world *)io)->now;
}
static double world_random(void *io)
{
    return (double)(((struct world *)io)->now % 100) / 100;
}
static void world_alarm(void *io, uint64_t at)
{
    ((struct world *)io)->alarm_at = at;
}
static void world_connect(void *io, const char *url, uint64_t deadline)
{
    struct world *world = io;

    require(!world->open && !world->connecting && deadline > world->now);
    require(!url || url[0]);
    world->connecting = true;
}
static troupe_status world_send(void *io, const char *text, size_t len)
{
    struct world *world = io;

    require(world->open && len <= DISCORD_PAYLOAD_MAX);
    if (strstr(text, "\"intents\"")) {
        require(!world->identified || world->now - world->identified >= 5000);
        world->identified = world->now;
    }
    return TROUPE_OK;
}
static void world_close(void *io, int code, const char *why)
{
    struct world *world = io;

    require(code != 1000 && code != 1001 && why);
    world->open = world->connecting = false;
}
static void world_count(void *io)
{
    require(((struct world *)io)->open);
}
static const struct discord_machine_io world_io = {
    world_now, world_random, world_alarm, world_connect, world_send, world_close, world_count,
};

static void on_dispatch(void *arg, const struct discord_scan *scan, char *json, size_t len)
{
    (void)arg;
    require(scan->op == 0);
    memset(json, 'x', len);
}
static void on_changed(void *arg, const struct discord_resume *resume)
{
    (void)arg;
    require(resume->session_id[0] || (resume->seq == -1 && !resume->url[0]));
}
static void on_phase(void *arg, enum discord_phase phase, const char *why)
{
    (void)arg;
    require(phase <= DISCORD_ENDED && why[0]);
}
static void on_fatal(void *arg, int code, const char *sentence)
{
    (void)arg;
    require(code >= 4004 && sentence[0]);
}
static const struct discord_session_handler handler = {
    .dispatch = on_dispatch,
    .changed = on_changed,
    .phase = on_phase,
    .fatal = on_fatal,
};

static void pass(struct world *world, uint64_t ms)
{
    uint64_t until = world->now + ms;

    while (world->alarm_at && world->alarm_at <= until) {
        world->now = world->alarm_at > world->now ? world->alarm_at : world->now;
        world->alarm_at = 0;
        discord_machine_alarm(&world->machine);
    }
    world->now = until;
}

static void happen(struct world *world, char *line, size_t len)
{
    struct discord_machine *m = &world->machine;
    uint64_t number = strtoull(line + 1, NULL, 10);

    switch (line[0]) {
    case '>':
    case '<':
        if (!world->connecting)
            break;
        world->connecting = false;
        world->open = line[0] == '>';
        discord_machine_connected(m, world->open ? TROUPE_OK : TROUPE_UNAVAILABLE, "refused");
        break;
    case 'j':
        if (world->open)
            discord_machine_message(m, line + 1, len - 1);
        break;
    case 'c':
        if (!world->open)
            break;
        world->open = false;
        discord_machine_closed(m, (int)(number % 5000), "");
        break;
    case 'b':
        if (world->open)
            discord_machine_broken(m, "torn");
        break;
    case 't': pass(world, number % 100000); break;
    case 'k': discord_machine_counted(m, TROUPE_OK, 0, ""); break;
    case 'l': discord_machine_counted(m, TROUPE_LIMIT, number % 100000, "too many"); break;
    default: break;
    }
    require(m->step == DISCORD_STEP_ENDED ? !world->alarm_at : world->alarm_at != 0);
    require(world->open == discord_machine_is_connected(m));
    require(world->connecting == (m->step == DISCORD_STEP_CONNECTING));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct discord_session_options options = {.token = "token", .resume = {.seq = -1}};
    struct world world = {.now = 1000};
    char *text = mem_strndup((const char *)data, size), *rest = text, *line;

    discord_machine_init(&world.machine, &options, &world_io, &world, &handler, &world);
    discord_machine_start(&world.machine);
    pass(&world, 0);
    while ((line = strsep(&rest, "\n")))
        if (line[0])
            happen(&world, line, strlen(line));
    discord_machine_clear(&world.machine);
    mem_free(text);
    return 0;
}
