/* SPDX-License-Identifier: Apache-2.0
 *
 * A world for the state machine of a Discord session: a clock that the test moves, a connection that
 * does what the test says, and a record of all that the machine did. Closing with 1000 or 1001 fails
 * the test at once unless it stops for good.
 */
#ifndef TESTS_MACHINE_FIXTURE_H
#define TESTS_MACHINE_FIXTURE_H

#include "tap.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/session_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INTERVAL    41250
#define RESUME_HOST "wss://resume.example"

struct world {
    struct discord_machine machine;
    uint64_t now, alarm_at;
    double random;
    bool stopping; /* 1000 is right */
    bool deaf;     /* heartbeats are not acknowledged */

    bool open, connecting;
    char url[256]; /* of the newest attempt; "": the base URL */
    uint64_t connect_at, connect_deadline;
    unsigned connects, host_connects, base_connects, closes;
    int close_code;

    unsigned ops[64]; /* sent, by opcode */
    char sent[512];   /* the newest that is no heartbeat */
    char beat[64];
    uint64_t sent_at, beat_at;

    unsigned counts; /* asked for leave to identify */
    troupe_status leave;
    uint64_t leave_wait;
    bool leave_silent; /* it is not answered */

    unsigned events, changes, fatals;
    char type[64];
    struct discord_resume stored;
    enum discord_phase phase;
    char why[256];
    int fatal_code;
    char sentence[512];
};

/* ---- the world below --------------------------------------------------------------------------- */

static inline uint64_t world_now(void *io)
{
    return ((struct world *)io)->now;
}
static inline double world_random(void *io)
{
    return ((struct world *)io)->random;
}
static inline void world_alarm(void *io, uint64_t at)
{
    ((struct world *)io)->alarm_at = at;
}
static inline void world_connect(void *io, const char *url, uint64_t deadline)
{
    struct world *world = io;

    assert_false(world->open);
    assert_false(world->connecting);
    assert_true(deadline > world->now && deadline - world->now <= 20000);
    world->connecting = true;
    world->connect_at = world->now;
    world->connect_deadline = deadline;
    world->connects++;
    *(url ? &world->host_connects : &world->base_connects) += 1;
    snprintf(world->url, sizeof(world->url), "%s", url ? url : "");
}
static inline troupe_status world_send(void *io, const char *text, size_t len)
{
    struct world *world = io;
    json_t *root = NULL;
    int64_t op;

    assert_true(world->open);
    assert_true(len <= DISCORD_PAYLOAD_MAX);
    assert_status(json_parse(text, len, &root, NULL), TROUPE_OK);
    op = json_get_int(root, "op", -1);
    json_decref(root);
    assert_in_range(op, 0, 63);
    world->ops[op]++;
    if (op == 1) {
        world->beat_at = world->now;
        snprintf(world->beat, sizeof(world->beat), "%.*s", (int)len, text);
    } else {
        world->sent_at = world->now;
        snprintf(world->sent, sizeof(world->sent), "%.*s", (int)len, text);
    }
    return TROUPE_OK;
}
static inline void world_close(void *io, int code, const char *why)
{
    struct world *world = io;

    assert_non_null(why);
    if (!world->stopping && (code == 1000 || code == 1001))
        fail_msg("closed with %d, which ends the session", code);
    world->closes++;
    world->close_code = code;
    world->open = world->connecting = false;
}
static inline void world_count(void *io)
{
    ((struct world *)io)->counts++;
}
static const struct discord_machine_io world_io = {
    world_now, world_random, world_alarm, world_connect, world_send, world_close, world_count,
};

/* ---- the handler -------------------------------------------------------------------------------- */

static inline void world_dispatch(void *arg, const struct discord_scan *scan, char *json,
                                  size_t len)
{
    struct world *world = arg;
    size_t type_len = scan->type.len;

    world->events++;
    assert_true(type_len < sizeof(world->type));
    memcpy(world->type, scan->type.ptr, type_len);
    world->type[type_len] = '\0';
    memset(json, 'x', len); /* it may */
}
static inline void world_changed(void *arg, const struct discord_resume *resume)
{
    struct world *world = arg;

    world->changes++;
    world->stored = *resume;
}
static inline void world_phase(void *arg, enum discord_phase phase, const char *why)
{
    struct world *world = arg;

    assert_true(why[0] != '\0');
    world->phase = phase;
    snprintf(world->why, sizeof(world->why), "%s", why);
}
static inline void world_fatal(void *arg, int code, const char *sentence)
{
    struct world *world = arg;

    world->fatals++;
    world->fatal_code = code;
    snprintf(world->sentence, sizeof(world->sentence), "%s", sentence);
    assert_int_equal(world->phase, DISCORD_ENDED);
}
static const struct discord_session_handler world_handler = {
    .dispatch = world_dispatch,
    .changed = world_changed,
    .phase = world_phase,
    .fatal = world_fatal,
};

/* ---- what tests do -------------------------------------------------------------------------------- */

static inline void world_init(struct world *world, const struct discord_resume *resume)
{
    struct discord_session_options options = {
        .token = "token.of.bot", .intents = 513, .shard_count = 1, .resume = {.seq = -1}};

    *world = (struct world){.now = 1000, .random = 0.5, .leave = TROUPE_OK};
    if (resume)
        options.resume = *resume;
    discord_machine_init(&world->machine, &options, &world_io, world, &world_handler, world);
    discord_machine_start(&world->machine);
}
static inline void world_clear(struct world *world)
{
    discord_machine_clear(&world->machine);
}

/* Time goes by, with every alarm at its moment. */
static inline void world_pass(struct world *world, uint64_t ms)
{
    uint64_t until = world->now + ms;

    while (world->alarm_at && world->alarm_at <= until) {
        unsigned beats = world->ops[1];

        if (world->alarm_at > world->now)
            world->now = world->alarm_at;
        world->alarm_at = 0;
        discord_machine_alarm(&world->machine);
        if (world->ops[1] > beats && !world->deaf) {
            char ack[] = "{\"op\":11}";

            discord_machine_message(&world->machine, ack, strlen(ack));
        }
    }
    world->now = until;
}
/* Until the next attempt to connect; the milliseconds that took. Fails after `most`. */
static inline uint64_t world_wait_connect(struct world *world, uint64_t most)
{
    uint64_t from = world->now;

    while (!world->connecting && world->now - from <= most)
        world_pass(world, !world->alarm_at               ? 1
                          : world->alarm_at > world->now ? world->alarm_at - world->now
                                                         : 0);
    if (!world->connecting)
        fail_msg("no attempt to connect within %" PRIu64 " ms: %s", most, world->why);
    return world->now - from;
}
static inline void world_hear(struct world *world, const char *text)
{
    size_t len = strlen(text);
    char *copy = mem_strndup(text, len);

    discord_machine_message(&world->machine, copy, len);
    mem_free(copy);
}
static inline void world_hear_event(struct world *world, const char *type, int64_t seq)
{
    char text[128];

    snprintf(text, sizeof(text), "{\"t\":\"%s\",\"s\":%" PRId64 ",\"op\":0,\"d\":{}}", type, seq);
    world_hear(world, text);
}
static inline void world_connected(struct world *world)
{
    assert_true(world->connecting);
    world->connecting = false;
    world->open = true;
    discord_machine_connected(&world->machine, TROUPE_OK, "");
}
static inline void world_refused(struct world *world, troupe_status status, const char *why)
{
    assert_true(world->connecting);
    world->connecting = false;
    discord_machine_connected(&world->machine, status, why);
}
static inline void world_cut(struct world *world, int code, const char *reason)
{
    assert_true(world->open);
    world->open = false;
    discord_machine_closed(&world->machine, code, reason);
}
static inline void world_hello(struct world *world)
{
    unsigned counts = world->counts;

    world_hear(world, "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":41250,"
                      "\"_trace\":[]}}");
    if (world->counts > counts && !world->leave_silent)
        discord_machine_counted(&world->machine, world->leave, world->leave_wait,
                                "no leave to identify");
}
static inline void world_ready(struct world *world)
{
    world_hear(world, "{\"t\":\"READY\",\"s\":1,\"op\":0,\"d\":{\"v\":10,\"user\":{\"id\":\"4242\","
                      "\"bot\":true},\"guilds\":[],\"session_id\":\"the-session\","
                      "\"resume_gateway_url\":\"" RESUME_HOST "\"}}");
}
static inline void world_resumed(struct world *world)
{
    world_hear_event(world, "RESUMED", world->machine.resume.seq + 1);
}
/* From the start to a session that was healthy for long. */
static inline void world_make_live(struct world *world)
{
    world_wait_connect(world, 0);
    world_connected(world);
    world_hello(world);
    world_ready(world);
    assert_int_equal(world->phase, DISCORD_READY);
    world_hear_event(world, "MESSAGE_CREATE", 2);
    world_pass(world, 3600000);
    assert_int_equal(world->phase, DISCORD_READY);
}
/* The newest payload's "d". */
static inline json_t *world_sent(const struct world *world)
{
    json_t *root = NULL, *data;

    assert_status(json_parse(world->sent, strlen(world->sent), &root, NULL), TROUPE_OK);
    data = json_incref(json_object_get(root, "d"));
    json_decref(root);
    assert_non_null(data);
    return data;
}

#endif
