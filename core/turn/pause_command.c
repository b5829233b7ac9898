/* SPDX-License-Identifier: Apache-2.0
 *
 * /pause and /resume: a server that wants silence has it at once, also when nothing else works: what
 * cannot be stored counts until the next restart, and is said to do so.
 */
#include "turn/core_commands.h"

#include "base/clock.h"
#include "turn/audit.h"
#include "turn/command.h"
#include "turn/engine_private.h"
#include "turn/gate.h"
#include "turn/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

/* `until` 0: it ends. False where that is in memory only. */
static bool set_pause(struct turn *turn, int64_t until, const char *before)
{
    struct engine *engine = turn->engine;
    const struct event *event = turn->event;
    const struct turn_place place = {TURN_SCOPE_GUILD, event->account, event->guild, NULL};
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t now = clock_wall_ms();
    char value[24];
    struct error err;

    snprintf(value, sizeof(value), "%" PRId64, until);
    turn_settings_apply(&engine->settings, &place, TURN_SETTING_PAUSE, "until",
                        until ? value : NULL, event->member, now);
    map_clear(&engine->told);
    if (turn_settings_store(&engine->settings, &place, TURN_SETTING_PAUSE, "until",
                            until ? value : NULL, event->member, now, batch, &err) < 0)
        return false;
    turn_audit_add(turn, until ? "pause" : "resume", NULL, before, until ? value : NULL, batch);
    return store_commit(engine->store, batch, turn_engine_soon(engine), &err) == TROUPE_OK;
}

static troupe_status change(struct turn *turn, int64_t until, const char *sentence)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    int64_t old;
    char before[24];

    if (!turn->event->guild) {
        buf_puts(&out, "there is no server here; say it in the one that you mean");
        turn_command_reply(turn, &out);
        return TROUPE_ARGUMENT;
    }
    old = turn_paused_until(turn->engine, turn->event);
    snprintf(before, sizeof(before), "%" PRId64, old);
    if (!until && !old) {
        buf_puts(&out, "I am not paused here");
    } else {
        buf_puts(&out, sentence);
        if (!set_pause(turn, until, old ? before : NULL))
            buf_puts(&out, "; the storage does not work, so a restart forgets it");
    }
    turn_trace_add(&turn->trace, "command", until ? "paused" : "resumed", NULL);
    turn_command_reply(turn, &out);
    return TROUPE_OK;
}

troupe_status turn_core_pause(struct turn *turn, const troupe_value *values)
{
    int64_t minutes = turn_core_int(&values[0], -1);
    char sentence[96];

    if (!minutes)
        return turn_core_resume(turn, values);
    if (minutes < 0)
        snprintf(sentence, sizeof(sentence), "paused in this server until /resume");
    else
        snprintf(sentence, sizeof(sentence), "paused in this server for %" PRId64 " minute%s",
                 minutes, minutes == 1 ? "" : "s");
    return change(turn, minutes < 0 ? INT64_MAX : clock_wall_ms() + minutes * MINUTE_MS, sentence);
}

troupe_status turn_core_resume(struct turn *turn, const troupe_value *values)
{
    (void)values;
    return change(turn, 0, "I go on in this server");
}
