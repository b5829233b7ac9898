/* SPDX-License-Identifier: Apache-2.0
 *
 * What Discord sends: the opcodes (opcodes-and-status-codes.mdx, "Gateway Opcodes") and the two events
 * that are about the session itself.
 */
#include "gateway/discord/session_machine.h"

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "gateway/discord/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OP_DISPATCH  0
#define OP_HEARTBEAT 1
#define OP_RECONNECT 7
#define OP_INVALID   9
#define OP_HELLO     10
#define OP_ACK       11

#define INTERVAL_MIN 10 /* ms; Discord's is 41,250 */
#define INTERVAL_MAX 600000
#define ANSWERS_KEPT 2 /* sends that answering op 1 leaves to the heartbeats by the clock */

static bool text_is(struct discord_text text, const char *want)
{
    return text.ptr && text.len == strlen(want) && memcmp(text.ptr, want, text.len) == 0;
}

/* The tree of "d"; the caller's, NULL: none. Where the scanner did not find it, the full parser does. */
static json_t *data_of(const struct discord_scan *scan, const char *json, size_t len)
{
    json_t *top = NULL, *data = NULL;

    if (scan->data.ptr) {
        (void)json_parse_lenient(scan->data.ptr, scan->data.len, &data, NULL);
    } else if (json_parse_lenient(json, len, &top, NULL) == TROUPE_OK) {
        data = json_incref(json_object_get(top, "d"));
        json_decref(top);
    }
    return data;
}

/* ---- READY ------------------------------------------------------------------------------------ */

struct ready {
    struct discord_resume resume;
    uint64_t self;
};

static bool copy_member(const json_t *object, const char *key, char *ret, size_t size)
{
    const char *text = json_get_str(object, key, "");
    size_t len = strlen(text);

    if (len >= size)
        return false;
    memcpy(ret, text, len + 1);
    return len > 0;
}

static bool parse_ready(const struct discord_scan *scan, const char *json, size_t len,
                        struct ready *ret)
{
    _cleanup_json_ json_t *data = data_of(scan, json, len);
    int64_t self = 0;

    *ret = (struct ready){.resume = {.seq = scan->seq}};
    if (!copy_member(data, "session_id", ret->resume.session_id, sizeof(ret->resume.session_id)))
        return false;
    /* Without a usable address the base URL does, if less well. */
    if (!copy_member(data, "resume_gateway_url", ret->resume.url, sizeof(ret->resume.url)) ||
        !discord_url_valid(ret->resume.url)) {
        log_warn("discord", "READY brought no address to resume at that can be used");
        ret->resume.url[0] = '\0';
    }
    if (text_to_int(json_get_str(json_object_get(data, "user"), "id", ""), &self) == TROUPE_OK)
        ret->self = (uint64_t)self;
    return true;
}

/* ---- events ----------------------------------------------------------------------------------- */

/* Duplicates are allowed and are sorted out where events are stored; a gap would be a loss. */
static void check_seq(struct discord_machine *m, int64_t seq)
{
    int64_t newest = m->resume.seq;

    if (newest < 0 || seq == newest + 1)
        return;
    if (seq > newest)
        log_warn("discord", "events are missing: number %" PRId64 " came after %" PRId64, seq,
                 newest);
    else if (!m->repeated)
        log_info("discord", "event %" PRId64 " came again, after %" PRId64, seq, newest);
    m->repeated |= seq <= newest; /* a replay may repeat thousands: one line a connection */
}

static void dispatch(struct discord_machine *m, const struct discord_scan *scan, char *json,
                     size_t len)
{
    bool is_ready = m->step == DISCORD_STEP_IDENTIFYING && text_is(scan->type, "READY");
    bool is_resumed = m->step == DISCORD_STEP_RESUMING && text_is(scan->type, "RESUMED");
    int64_t seq = scan->seq;
    struct ready ready;

    if (m->step != DISCORD_STEP_IDENTIFYING && m->step != DISCORD_STEP_RESUMING &&
        m->step != DISCORD_STEP_LIVE)
        return;
    /* Before the handler, which may change the text. */
    if (is_ready && !parse_ready(scan, json, len, &ready)) {
        discord_machine_drop(m, DISCORD_NEW_SESSION, "READY names no session");
        return;
    }
    m->stats.events++;
    m->stats.last_event_ms = (int64_t)discord_machine_now(m);
    if (seq >= 0)
        check_seq(m, seq);
    m->handler->dispatch(m->arg, scan, json, len);
    if (seq > m->resume.seq) {
        m->resume.seq = m->stats.seq = seq;
        m->progress |= !is_ready && !is_resumed;
    }
    if (is_ready) {
        ready.resume.seq = m->resume.seq;
        m->resume = ready.resume;
        m->self = ready.self ? ready.self : m->self;
        m->handler->changed(m->arg, &m->resume);
        discord_machine_live(m, "a new session is ready");
    } else if (is_resumed) {
        discord_machine_live(m, "the session was resumed");
    } else if (m->step == DISCORD_STEP_RESUMING) {
        m->deadline = discord_machine_now(m) + discord_machine_scaled(m, DISCORD_RESUME_MS);
        discord_machine_arm(m);
    }
}

/* ---- the other opcodes ------------------------------------------------------------------------ */

static int64_t interval_of(const struct discord_scan *scan, const char *json, size_t len)
{
    _cleanup_json_ json_t *data = data_of(scan, json, len);

    return json_get_int(data, "heartbeat_interval", -1);
}

static void hello(struct discord_machine *m, const struct discord_scan *scan, const char *json,
                  size_t len)
{
    int64_t interval;

    if (m->step != DISCORD_STEP_GREETING)
        return;
    interval = interval_of(scan, json, len);
    if (interval < INTERVAL_MIN || interval > INTERVAL_MAX) {
        discord_machine_drop(m, DISCORD_RESUME, "HELLO tells no heartbeat interval");
        return;
    }
    m->greeted = true;
    m->interval = (uint32_t)interval;
    /* Not at once, that a million clients that lost a server do not come together. */
    m->next_beat = discord_machine_now(m) + (uint64_t)((double)interval * m->io->random(m->io_arg));
    if (discord_machine_has_session(m)) {
        /* The deadline of the attempt stands. */
        discord_machine_arm(m);
        discord_machine_say_resume(m);
        return;
    }
    m->step = DISCORD_STEP_COUNTING;
    m->deadline = discord_machine_now(m) + discord_machine_scaled(m, DISCORD_COUNT_MS);
    discord_machine_arm(m);
    m->io->count(m->io_arg);
}

static void acknowledged(struct discord_machine *m)
{
    m->ack_pending = false;
    if (m->beat_sent)
        m->stats.latency_ms = (uint32_t)(discord_machine_now(m) - m->beat_sent);
}

void discord_machine_message(struct discord_machine *m, char *json, size_t len)
{
    struct discord_scan scan;
    enum discord_scanned scanned;

    if (!discord_machine_is_connected(m))
        return;
    scanned = discord_scan(json, len, m->self, &scan);
    if (scanned == DISCORD_SCAN_UNSURE)
        scanned = discord_scan_full(json, len, m->self, &scan);
    if (scanned != DISCORD_SCAN_OK) {
        discord_machine_drop(m, DISCORD_RESUME, "a message that is no JSON");
        return;
    }
    switch (scan.op) {
    case OP_DISPATCH: dispatch(m, &scan, json, len); break;
    case OP_HEARTBEAT: discord_machine_beat(m, ANSWERS_KEPT); break;
    case OP_RECONNECT:
        m->sent_away = true;
        discord_machine_drop(m, DISCORD_RESUME, "Discord asked to connect again");
        break;
    case OP_INVALID:
        m->sent_away = true;
        if (text_is(scan.data, "true"))
            discord_machine_drop(m, DISCORD_RESUME, "Discord cannot go on with the session now");
        else
            discord_machine_drop(m, DISCORD_NEW_SESSION, "the session is not valid any more");
        break;
    case OP_HELLO: hello(m, &scan, json, len); break;
    case OP_ACK: acknowledged(m); break;
    default: break; /* opcodes that are new, and those that only clients send */
    }
}
