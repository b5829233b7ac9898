/* SPDX-License-Identifier: Apache-2.0
 *
 * reminder - reminds members of what they asked to be reminded of, by command or in plain words, once
 * or again and again. It needs no model. When something is due the host calls `due` below, once for
 * each time, whatever was restarted meanwhile.
 */
#include <troupe/troupe.h>

#include "recurrence.h"
#include "request.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1800 /* bytes of what a reminder is about */
#define ZONE_KEY "zone"

struct reminder {
    char zone[65]; /* of members who set none */
    uint32_t missed, ping;
    int64_t within_ms;
};

#define EXAMPLES                                                                                   \
    "\"in 20 minutes\", \"tomorrow at 9\", \"at 17:30\", \"every weekday at 9\", "                 \
    "\"2026-12-24 18:00\""

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* ---- the member's time zone ------------------------------------------------------------------- */

static troupe_str zone_of(troupe_turn *turn)
{
    const struct reminder *reminder = (const struct reminder *)troupe_state(turn);
    troupe_str zone;

    if (troupe_kv_get(turn, TROUPE_SCOPE_MEMBER, ZONE_KEY, &zone) == TROUPE_OK && zone.len)
        return zone;
    return str(reminder->zone);
}

/* Why the last call failed, in the host's words, as this plugin's own failure. */
static troupe_status pass_on(troupe_turn *turn, troupe_status status)
{
    troupe_str code, sentence;

    troupe_error(turn, &code, &sentence);
    return troupe_fail(turn, status, "reminder.failed", "%.*s", (int)sentence.len, sentence.ptr);
}

/* ---- planning --------------------------------------------------------------------------------- */

/* The payload is the member to be named ("0" where nobody else reads), behind a blank when it comes again
 * after this run, a line end and the text. */
static troupe_status add_job(troupe_turn *turn, troupe_str when, unsigned long long member,
                             const char *again, troupe_str text, troupe_planned *ret)
{
    const struct reminder *reminder = (const struct reminder *)troupe_state(turn);
    char payload[TEXT_MAX + RECURRENCE_MAX + 32];
    troupe_job job = {
        .size = sizeof(job),
        .flags = reminder->ping ? TROUPE_JOB_PING : 0,
        .when = when,
        .zone = zone_of(turn),
        .missed = reminder->missed,
        .within_ms = reminder->within_ms,
    };

    snprintf(payload, sizeof(payload), "%llu%s%s\n%.*s", member, *again ? " " : "", again,
             (int)text.len, text.ptr);
    job.payload = str(payload);
    return troupe_schedule_add(turn, &job, ret);
}

static troupe_status plan(troupe_turn *turn, troupe_str when, const char *again, troupe_str text,
                          troupe_planned *ret)
{
    const troupe_message *message = troupe_turn_message(turn);

    if (!message)
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "reminder.nobody",
                           "there is nobody to be reminded");
    if (text.len > TEXT_MAX)
        return troupe_fail(turn, TROUPE_LIMIT, "reminder.long",
                           "a reminder has at most %d bytes of text", TEXT_MAX);
    return add_job(turn, when, message->guild ? (unsigned long long)message->author : 0, again,
                   text, ret);
}

/* `again`: when it comes again after its first run; empty: it does not, or `planned` says so. */
static troupe_status confirm(troupe_turn *turn, const troupe_planned *planned, const char *again,
                             troupe_str text)
{
    troupe_str zone = planned->zone.len ? planned->zone : str("UTC");

    if (planned->recurring)
        return troupe_reply(turn,
                            "I'll remind you %.*s, first on %.*s (%.*s): %.*s\n"
                            "-# number %llu, to be taken back with /forget-reminder",
                            (int)planned->when.len, planned->when.ptr, (int)planned->local.len,
                            planned->local.ptr, (int)zone.len, zone.ptr, (int)text.len, text.ptr,
                            (unsigned long long)planned->id);
    return troupe_reply(turn,
                        "I'll remind you on %.*s (%.*s)%s%s: %.*s\n"
                        "-# number %llu, to be taken back with /forget-reminder",
                        (int)planned->local.len, planned->local.ptr, (int)zone.len, zone.ptr,
                        *again ? ", from then on " : "", again, (int)text.len, text.ptr,
                        (unsigned long long)planned->id);
}

/* ---- commands --------------------------------------------------------------------------------- */

TROUPE_FUNCTION(remind, "Reminds you of something, once or again and again", TROUPE_SLASH,
                TROUPE_STRING(when, "When: in 20 minutes, tomorrow at 9, every weekday at 9 …",
                              .max = 200),
                TROUPE_STRING(text, "What of", .max = TEXT_MAX));

static troupe_status remind(troupe_turn *turn, troupe_str when, troupe_str text)
{
    troupe_planned planned;
    troupe_status status = plan(turn, when, "", text, &planned);

    if (status == TROUPE_UNSUPPORTED || status == TROUPE_PARKED || status == TROUPE_CANCELED)
        return status;
    return status < 0 ? pass_on(turn, status) : confirm(turn, &planned, "", text);
}

/* Looks at both times. What comes again at the very moment of the first run needs no first run of its own:
 * then `*when` is that, and `again` empty. */
static troupe_status understand(troupe_turn *turn, troupe_str *when, troupe_str recurrence,
                                char again[RECURRENCE_MAX])
{
    const troupe_str zone = zone_of(turn);
    troupe_when first, next;
    troupe_status status = troupe_schedule_look(turn, *when, zone, 0, &first);

    again[0] = 0;
    if (status < 0 || first.recurring)
        return status < 0 ? pass_on(turn, status) : status;
    if (!recurrence_text(recurrence, first.local, again))
        return troupe_fail(turn, TROUPE_LIMIT, "reminder.long",
                           "recurrence is one line of at most %d bytes", RECURRENCE_MAX - 1);
    if (!again[0])
        return TROUPE_OK;
    status = troupe_schedule_look(turn, str(again), zone, 0, &next);
    if (status < 0)
        return pass_on(turn, status);
    if (!next.recurring)
        return troupe_fail(
            turn, TROUPE_ARGUMENT, "reminder.recurrence",
            "recurrence is daily, weekdays, weekly, monthly, hourly, or like \"every "
            "monday at 9\"");
    if (next.next_ms == first.next_ms) {
        char *copy = (char *)troupe_turn_alloc(turn, RECURRENCE_MAX);

        if (!copy)
            return TROUPE_NOMEM;
        snprintf(copy, RECURRENCE_MAX, "%s", again);
        *when = str(copy);
        again[0] = 0;
    }
    return TROUPE_OK;
}

/* remind as models know it. */
TROUPE_FUNCTION(schedule_task, "Reminds the member of a task at a time, once or again and again",
                TROUPE_TOOL,
                TROUPE_STRING(task_name, "What they are reminded of", .min = 1, .max = TEXT_MAX),
                TROUPE_STRING(run_at,
                              "When first, in ISO 8601: 2026-12-24T18:00:00+01:00; without an "
                              "offset it is the member's time",
                              .max = 200),
                TROUPE_STRING(recurrence, "daily, weekdays, weekly, monthly or hourly; empty: once",
                              .max = RECURRENCE_MAX, .def_text = ""));

static troupe_status schedule_task(troupe_turn *turn, troupe_str task_name, troupe_str run_at,
                                   troupe_str recurrence)
{
    char again[RECURRENCE_MAX];
    troupe_planned planned;
    troupe_status status = understand(turn, &run_at, recurrence, again);

    if (status < 0)
        return status;
    status = plan(turn, run_at, again, task_name, &planned);
    if (status == TROUPE_UNSUPPORTED || status == TROUPE_PARKED || status == TROUPE_CANCELED)
        return status;
    return status < 0 ? pass_on(turn, status) : confirm(turn, &planned, again, task_name);
}

TROUPE_FUNCTION(reminders, "Lists what you are to be reminded of here", TROUPE_SLASH);

/* What a payload says to people. */
static troupe_str subject_of(troupe_str payload)
{
    const char *line = payload.len ? (const char *)memchr(payload.ptr, '\n', payload.len) : NULL;

    if (!line)
        return payload;
    return (troupe_str){line + 1, payload.len - (uint64_t)(line + 1 - payload.ptr)};
}

static troupe_status reminders(troupe_turn *turn)
{
    enum { SHOWN_MAX = 20, LINE_MAX_BYTES = 400 };
    char *text = (char *)troupe_turn_alloc(turn, SHOWN_MAX * LINE_MAX_BYTES + 200);
    size_t size = SHOWN_MAX * LINE_MAX_BYTES + 200, len = 0;
    troupe_array list;
    troupe_status status = troupe_schedule_list(turn, TROUPE_SCOPE_MEMBER, &list);

    if (status < 0)
        return pass_on(turn, status);
    if (!list.count)
        return troupe_reply(turn, "You have no reminders here. /remind makes one.");
    if (!text)
        return TROUPE_NOMEM;
    for (uint32_t i = 0; i < list.count && i < SHOWN_MAX; i++) {
        const troupe_planned *planned = TROUPE_AT(list, troupe_planned, i);
        troupe_str subject = subject_of(planned->payload);
        uint64_t most = subject.len < 120 ? subject.len : 120;

        /* Not in the middle of a character. */
        while (most && most < subject.len && ((unsigned char)subject.ptr[most] & 0xc0) == 0x80)
            most--;
        len += (size_t)snprintf(
            text + len, size - len, "%s%llu: %.*s%s%.*s%s: %.*s%s", len ? "\n" : "",
            (unsigned long long)planned->id, (int)planned->when.len, planned->when.ptr,
            planned->recurring ? " (next " : "", (int)planned->local.len, planned->local.ptr,
            planned->recurring ? ")" : "", (int)most, subject.ptr, most < subject.len ? "…" : "");
    }
    if (list.count > SHOWN_MAX)
        snprintf(text + len, size - len, "\nand %u more", list.count - SHOWN_MAX);
    return troupe_reply_text(turn, text, strlen(text));
}

TROUPE_SERVICE(forget_reminder, "forget-reminder", "Takes back one of your reminders", TROUPE_SLASH,
               TROUPE_INT(number, "Its number, as /reminders lists it", .min = 1));

static troupe_status forget_reminder(troupe_turn *turn, int64_t number)
{
    troupe_status status = troupe_schedule_cancel(turn, (uint64_t)number);

    if (status == TROUPE_NOT_FOUND)
        return troupe_reply(turn, "You have no reminder %lld here. /reminders lists yours.",
                            (long long)number);
    if (status < 0)
        return pass_on(turn, status);
    return troupe_reply(turn, "Reminder %lld is taken back.", (long long)number);
}

TROUPE_SERVICE(reminder_zone, "reminder-zone", "Shows or sets the time zone of your reminders",
               TROUPE_SLASH,
               TROUPE_STRING(zone, "Like Europe/Berlin; left out: shows it", .max = 64,
                             .def_text = ""));

static troupe_status reminder_zone(troupe_turn *turn, troupe_str zone)
{
    int given = zone.len > 0;
    troupe_when when;
    troupe_status status;

    if (!given)
        zone = zone_of(turn);
    status = troupe_schedule_look(turn, str("in 1 minute"), zone, 0, &when);
    if (status == TROUPE_OK && given) /* the host knows it */
        status = troupe_kv_put(turn, TROUPE_SCOPE_MEMBER, ZONE_KEY, zone, 0);
    if (status < 0)
        return pass_on(turn, status);
    return troupe_reply(turn, "Your reminders are in the time zone %.*s, where it is about %.*s.",
                        zone.len ? (int)zone.len : 3, zone.len ? zone.ptr : "UTC",
                        (int)when.local.len, when.local.ptr);
}

/* ---- plain words ------------------------------------------------------------------------------ */

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_str rest, zone, subject;
    troupe_planned planned;
    troupe_when when;
    troupe_status status;

    if (!message || !request_read(message->content, &rest))
        return TROUPE_NEXT;
    if (rest.len > 4000) {
        status = troupe_reply(turn, "That is too long for a reminder.");
        return status < 0 ? status : TROUPE_DONE;
    }
    zone = zone_of(turn);
    status = troupe_schedule_look(turn, rest, zone, 1, &when);
    if (status == TROUPE_NOT_FOUND) {
        status = troupe_reply(turn, "I did not understand when to remind you. Say it like this: "
                                    "remind me in 20 minutes to …; I understand " EXAMPLES ".");
        return status < 0 ? status : TROUPE_DONE;
    }
    if (status == TROUPE_ARGUMENT) {
        troupe_str code, sentence;

        troupe_error(turn, &code, &sentence);
        status =
            troupe_reply(turn, "I can't remind you then: %.*s.", (int)sentence.len, sentence.ptr);
        return status < 0 ? status : TROUPE_DONE;
    }
    if (status < 0)
        return pass_on(turn, status);
    subject = request_subject(rest, when.start, when.end);
    if (!subject.len) {
        status = troupe_reply(turn,
                              "What shall I remind you of on %.*s? Say it like this: remind "
                              "me %.*s to …",
                              (int)when.local.len, when.local.ptr, (int)(when.end - when.start),
                              rest.ptr + when.start);
        return status < 0 ? status : TROUPE_DONE;
    }
    status = plan(turn, (troupe_str){rest.ptr + when.start, when.end - when.start}, "", subject,
                  &planned);
    if (status == TROUPE_OK)
        status = confirm(turn, &planned, "", subject);
    else if (status != TROUPE_UNSUPPORTED && status != TROUPE_LIMIT)
        return pass_on(turn, status);
    else {
        troupe_str code, sentence;

        troupe_error(turn, &code, &sentence);
        if (sentence.len)
            status =
                troupe_reply(turn, "I can't remind you: %.*s.", (int)sentence.len, sentence.ptr);
    }
    return status < 0 ? status : TROUPE_DONE;
}

/* ---- what is due ------------------------------------------------------------------------------ */

/* What its payload says of when it comes again; empty: not. */
static troupe_str again_of(troupe_str payload)
{
    const char *line = payload.len ? (const char *)memchr(payload.ptr, '\n', payload.len) : NULL;
    const char *blank =
        line ? (const char *)memchr(payload.ptr, ' ', (size_t)(line - payload.ptr)) : NULL;

    return blank ? (troupe_str){blank + 1, (uint64_t)(line - blank - 1)} : (troupe_str){"", 0};
}

static troupe_status due(troupe_turn *turn, troupe_str payload)
{
    unsigned long long member = payload.len ? strtoull(payload.ptr, NULL, 10) : 0;
    troupe_str subject = subject_of(payload), again = again_of(payload), code, sentence = {"", 0};
    troupe_planned planned;
    troupe_status status = TROUPE_OK;
    const char *lost = "";

    if (again.len) {
        status = add_job(turn, again, member, "", subject, &planned);
        if (status < 0 && troupe_turn_status(turn) < 0)
            return status;
    }
    if (status < 0) {
        troupe_error(turn, &code, &sentence);
        lost = "\n-# it does not come again: ";
    }
    if (member)
        return troupe_reply(turn, "<@%llu> reminder: %.*s%s%.*s", member, (int)subject.len,
                            subject.ptr, lost, (int)sentence.len, sentence.ptr);
    return troupe_reply(turn, "Reminder: %.*s%s%.*s", (int)subject.len, subject.ptr, lost,
                        (int)sentence.len, sentence.ptr);
}

/* ---- the plugin ------------------------------------------------------------------------------- */

static int is(troupe_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, strlen(word)) == 0;
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct reminder *reminder = (struct reminder *)troupe_alloc(host, sizeof(*reminder));
    troupe_str zone = troupe_config_str(host, "time_zone");
    troupe_str missed = troupe_config_str(host, "missed");

    if (!reminder)
        return TROUPE_NOMEM;
    snprintf(reminder->zone, sizeof(reminder->zone), "%.*s", (int)zone.len, zone.ptr);
    reminder->missed = is(missed, "skip")     ? TROUPE_MISSED_SKIP
                       : is(missed, "within") ? TROUPE_MISSED_WITHIN
                                              : TROUPE_MISSED_RUN;
    reminder->within_ms = troupe_config_int(host, "missed_within", 3600000);
    reminder->ping = troupe_config_int(host, "ping", 1) != 0;
    *ret_state = reminder;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN(
    "org.troupe.reminder", "1.0.0", "Reminds members, once or again and again",
    .needs = TROUPE_SCHEDULE " " TROUPE_KV, .capabilities = "schedule kv",
    .functions = TROUPE_LIST(remind, schedule_task, reminders, forget_reminder, reminder_zone),
    .config = TROUPE_KEYS(
        {"time_zone", "Time zone of members who set none", .type = TROUPE_TYPE_STRING,
         .def = "UTC"},
        {"missed", "What becomes of a reminder that the host missed", .type = TROUPE_TYPE_STRING,
         .def = "run", .choices = "run|skip|within"},
        {"missed_within", "How late it may be with missed = within", .type = TROUPE_TYPE_DURATION,
         .def = "1h", .min = 1000, .max = 31536000000.0},
        {"ping", "Whether a reminder notifies its member", .type = TROUPE_TYPE_BOOL, .def = "yes"}),
    .create = create, .destroy = destroy, .stage = stage, .job = due);
