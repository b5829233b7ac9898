/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that plans what it is told and says what it was told when it is due.
 *
 *     plan WHEN|ZONE|MISSED|WITHIN|KEY|PAYLOAD      MISSED: run, skip, within
 *     list, cancel NUMBER
 *
 * A payload that begins with "doze MS " sleeps first; each run adds one to the key "runs".
 */
#include <troupe/troupe.h>

#include <stdlib.h>
#include <string.h>

static troupe_str str_of(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* The next part of "a|b|c", in place. */
static char *part(char **at)
{
    char *from = *at, *bar = strchr(from, '|');

    *at = bar ? bar + 1 : from + strlen(from);
    if (bar)
        *bar = 0;
    return from;
}

static troupe_status say_error(troupe_turn *turn)
{
    troupe_str code, sentence;

    troupe_error(turn, &code, &sentence);
    return troupe_reply(turn, "%.*s: %.*s", (int)code.len, code.ptr, (int)sentence.len,
                        sentence.ptr);
}

static troupe_status plan(troupe_turn *turn, char *text)
{
    troupe_job job = {.size = sizeof(job), .when = str_of(part(&text))};
    troupe_planned planned;
    char *missed;

    job.zone = str_of(part(&text));
    missed = part(&text);
    job.missed = *missed == 's'   ? TROUPE_MISSED_SKIP
                 : *missed == 'w' ? TROUPE_MISSED_WITHIN
                                  : TROUPE_MISSED_RUN;
    job.within_ms = atoll(part(&text));
    job.key = str_of(part(&text));
    job.payload = str_of(text);
    job.flags = TROUPE_JOB_PING;
    if (troupe_schedule_add(turn, &job, &planned) < 0)
        return say_error(turn);
    return troupe_reply(turn, "%llu %.*s %s", (unsigned long long)planned.id, (int)planned.when.len,
                        planned.when.ptr, planned.recurring ? "again" : "once");
}

static troupe_status show(troupe_turn *turn)
{
    char text[4000] = "";
    size_t len = 0;
    troupe_array list;

    if (troupe_schedule_list(turn, TROUPE_SCOPE_MEMBER, &list) < 0)
        return say_error(turn);
    for (uint32_t i = 0; i < list.count && len < sizeof(text) - 100; i++) {
        const troupe_planned *planned = TROUPE_AT(list, troupe_planned, i);

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu:%.*s:%.60s", i ? " " : "",
                                (unsigned long long)planned->id, (int)planned->key.len,
                                planned->key.ptr, planned->payload.ptr);
    }
    return troupe_reply(turn, "%u jobs %s", list.count, text);
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    char text[3000];
    troupe_status status;

    if (!message)
        return TROUPE_NEXT;
    snprintf(text, sizeof(text), "%.*s", (int)message->content.len, message->content.ptr);
    if (strncmp(text, "plan ", 5) == 0)
        status = plan(turn, text + 5);
    else if (strncmp(text, "cancel ", 7) == 0)
        status = troupe_schedule_cancel(turn, strtoull(text + 7, NULL, 10)) < 0
                     ? say_error(turn)
                     : troupe_reply(turn, "canceled");
    else if (strcmp(text, "list") == 0)
        status = show(turn);
    else
        status = troupe_reply(turn, "heard");
    return status < 0 ? status : TROUPE_DONE;
}

static troupe_status job(troupe_turn *turn, troupe_str payload)
{
    troupe_str before;
    char text[24];
    troupe_status status;

    if (troupe_turn_message(turn))
        return troupe_fail(turn, TROUPE_FAILED, "later.message", "a job has no message");
    if (troupe_kv_get(turn, TROUPE_SCOPE_AGENT, "runs", &before) < 0)
        before = str_of("0");
    snprintf(text, sizeof(text), "%ld", strtol(before.ptr, NULL, 10) + 1);
    status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "runs", str_of(text), 0);
    if (status == TROUPE_OK && payload.len > 5 && memcmp(payload.ptr, "doze ", 5) == 0)
        status = troupe_sleep(turn, strtoull(payload.ptr + 5, NULL, 10));
    if (status < 0)
        return status;
    return troupe_reply(turn, "due: %.*s", (int)payload.len, payload.ptr);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.example.later", "1.0.0", "Does later what it is told",
              .needs = TROUPE_SCHEDULE " " TROUPE_KV, .capabilities = CAPABILITIES, .stage = stage,
              .job = job);
