/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session sends: identify, resume, heartbeats, and commands of others, within the limits of a
 * connection (gateway.mdx, "Sending Events", "Rate Limiting").
 */
#include "gateway/discord/session_machine.h"

#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READY_MS 120000 /* in an outage READY may take long; to identify again would not help */

/* Takes the tree. */
static bool say(struct discord_machine *m, json_t *root)
{
    _cleanup_json_ json_t *tree = root;
    _cleanup_mem_ char *text = tree ? json_print(tree) : NULL;

    if (!text || strlen(text) > DISCORD_PAYLOAD_MAX) {
        /* Nothing else in it has a size of its own. */
        m->io->close(m->io_arg, DISCORD_CLOSE_RESUME, "");
        discord_machine_end(
            m, 0,
            "the bot's token is no token: it is too long or no text; put in the one from the "
            "Bot page of the Developer Portal");
        return false;
    }
    (void)discord_pace_take(&m->pace, discord_machine_now(m), 0);
    if (m->io->send(m->io_arg, text, strlen(text)) < 0) {
        discord_machine_drop(m, DISCORD_RESUME, "the connection takes nothing");
        return false;
    }
    return true;
}

void discord_machine_say_resume(struct discord_machine *m)
{
    m->step = DISCORD_STEP_RESUMING;
    m->stats.resumes++;
    say(m, json_pack("{s:i, s:{s:s, s:s, s:I}}", "op", 6, "d", "token", m->token, "session_id",
                     m->resume.session_id, "seq", (json_int_t)m->resume.seq));
}

void discord_machine_say_identify(struct discord_machine *m)
{
    m->step = DISCORD_STEP_IDENTIFYING;
    m->deadline = discord_machine_now(m) + discord_machine_scaled(m, READY_MS);
    m->last_identify = discord_machine_now(m);
    m->identifies++;
    m->stats.identifies++;
    if (say(m, json_pack("{s:i, s:{s:s, s:I, s:{s:s, s:s, s:s}, s:[I, I]}}", "op", 2, "d", "token",
                         m->token, "intents", (json_int_t)m->intents, "properties", "os", "linux",
                         "browser", "troupe", "device", "troupe", "shard", (json_int_t)m->shard,
                         (json_int_t)m->shard_count)))
        discord_machine_arm(m);
}

/* `kept` > 0: an answer to op 1, of which as many are left out as would bring close code 4008. One by
 * the clock always leaves, since Discord sets the clock. What does not leave is not acknowledged and
 * is seen as what it is. */
void discord_machine_beat(struct discord_machine *m, unsigned kept)
{
    char text[48] = "{\"op\":1,\"d\":null}";
    uint64_t now = discord_machine_now(m);

    if (m->resume.seq >= 0)
        snprintf(text, sizeof(text), "{\"op\":1,\"d\":%" PRId64 "}", m->resume.seq);
    if (!discord_pace_take(&m->pace, now, kept) && kept)
        return;
    if (m->io->send(m->io_arg, text, strlen(text)) < 0)
        return;
    m->beat_sent = now;
    m->stats.heartbeats++;
}

troupe_status discord_machine_send(struct discord_machine *m, const char *json, size_t len)
{
    troupe_status status;

    if (len > DISCORD_PAYLOAD_MAX)
        return TROUPE_LIMIT;
    if (m->step != DISCORD_STEP_LIVE)
        return TROUPE_UNAVAILABLE;
    if (!discord_pace_take(&m->pace, discord_machine_now(m), DISCORD_SENDS_KEPT))
        return TROUPE_BUSY;
    status = m->io->send(m->io_arg, json, len);
    return status < 0 && status != TROUPE_BUSY ? TROUPE_UNAVAILABLE : status;
}
