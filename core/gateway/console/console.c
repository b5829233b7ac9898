/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway, its sessions and their open questions.
 */
#include "gateway/console/console.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/console/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Message ids are made like Discord's: milliseconds of a young epoch above 22 bits. */
#define ID_EPOCH_MS INT64_C(1735689600000) /* 2025-01-01T00:00Z */
#define ID_RANDOM   22

struct console *console_new(const struct console_options *options)
{
    struct console *console = mem_zero(1, sizeof(*console));

    console->gateway.ops = &console_ops;
    console->gateway.name = CONSOLE_SOURCE;
    console->options = *options;
    list_init(&console->sessions);
    list_init(&console->answers);
    return console;
}

void console_free(struct console *console)
{
    if (!console)
        return;
    list_for_each_safe (link, &console->answers)
        console_answer_free(container_of(link, struct console_answer, link));
    mem_free(console);
}

struct gateway *console_gateway(struct console *console)
{
    return &console->gateway;
}

size_t console_sessions(const struct console *console)
{
    size_t count = 0;

    list_for_each (link, &console->sessions)
        count++;
    return count;
}

const char *console_channel(void)
{
    return "1";
}

/* ---- questions ------------------------------------------------------------------------------- */

/* Rises within a session; the random part keeps sessions and a clock that was set back apart. */
static void next_message_id(struct console_session *session, int64_t now_ms,
                            char out[CONSOLE_ID_SIZE])
{
    uint64_t ms = now_ms > ID_EPOCH_MS ? (uint64_t)(now_ms - ID_EPOCH_MS) : 0;
    uint32_t random = 0;
    uint64_t id;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = (uint32_t)clock_ns();
    id = ms << ID_RANDOM | (random & ((1u << ID_RANDOM) - 1));
    if (id <= session->last_id)
        id = session->last_id + 1;
    session->last_id = id;
    snprintf(out, CONSOLE_ID_SIZE, "%" PRIu64, id);
}

void console_submit(struct console_session *session, const char *content, size_t len,
                    const char *reply_to, const char *press_id, const char *about)
{
    struct console *console = session->console;
    struct console_question *question = mem_zero(1, sizeof(*question));
    int64_t now = clock_wall_ms();
    struct event event = {
        .gateway = &console->gateway,
        .source = CONSOLE_SOURCE,
        .source_id = question->id,
        .kind = press_id ? "press" : "message",
        .channel = console_channel(),
        .member = session->member_id,
        .member_name = session->member,
        .content = content,
        .content_len = len,
        .reply_to = reply_to,
        .press_id = press_id,
        .flags = EVENT_ADDRESSED | EVENT_DIRECT,
        .time_ms = now,
        .seq = -1,
    };

    if (!strcmp(session->member, session->first_member))
        event.flags |= EVENT_OWNER;
    next_message_id(session, now, question->id);
    if (about)
        snprintf(question->about, sizeof(question->about), "%s", about);
    list_append(&session->questions, &question->link);
    session->question_count++;
    console->options.submit(console->options.arg, event_new(&event));
}

struct console_question *console_find_question(struct console *console, const struct event *event,
                                               struct console_session **ret_session)
{
    list_for_each (at, &console->sessions) {
        struct console_session *session = container_of(at, struct console_session, link);

        list_for_each (link, &session->questions) {
            struct console_question *question = container_of(link, struct console_question, link);

            if (!strcmp(question->id, event->source_id) ||
                !strcmp(question->about, event->source_id)) {
                *ret_session = session;
                return question;
            }
        }
    }
    return NULL;
}

static void question_free(struct console_session *session, struct console_question *question)
{
    list_for_each (link, &session->answers) {
        struct console_answer *answer = container_of(link, struct console_answer, link);

        if (answer->question == question)
            answer->question = NULL;
    }
    list_remove(&question->link);
    session->question_count--;
    mem_free(question);
}

void console_settle(struct console_session *session, struct console_question *question)
{
    if (!question || question->working || question->answers)
        return;
    if (!question->told && !question->worked)
        return;
    question_free(session, question);
    if (!session->question_count && session->options.settled)
        session->options.settled(session->options.arg);
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct console_session *console_session_new(struct console *console,
                                            const struct console_session_options *options)
{
    struct console_session *session = mem_zero(1, sizeof(*session));

    session->console = console;
    session->options = *options;
    session->first_member = mem_strdup(options->member ? options->member : "you");
    session->bot_name = mem_strdup(options->bot_name ? options->bot_name : "Troupe");
    list_init(&session->questions);
    list_init(&session->answers);
    console_become(session, session->first_member);
    list_append(&console->sessions, &session->link);
    return session;
}

void console_session_free(struct console_session *session)
{
    if (!session)
        return;
    list_remove(&session->link);
    session->floor = NULL;
    list_for_each_safe (link, &session->answers) {
        struct console_answer *answer = container_of(link, struct console_answer, link);

        if (answer->ended)
            console_answer_free(answer); /* its row waits */
        else
            console_answer_assign(answer, NULL);
    }
    list_for_each_safe (link, &session->questions)
        question_free(session, container_of(link, struct console_question, link));
    console_buttons_clear(session);
    console_form_close(session);
    mem_free(session->bot_name);
    mem_free(session->first_member);
    mem_free(session->member);
    mem_free(session);
}

size_t console_session_open(const struct console_session *session)
{
    return session->question_count;
}

const char *console_session_member(const struct console_session *session)
{
    return session->member;
}

/* Whether the row is on its way to somebody. */
static bool is_at_hand(const struct list_link *answers, int64_t id)
{
    list_for_each (link, answers) {
        const struct console_answer *answer = container_of(link, struct console_answer, link);

        if (answer->row && answer->row->id == id)
            return true;
    }
    return false;
}

static bool is_shown_elsewhere(const struct console *console, int64_t id)
{
    list_for_each (link, &console->sessions)
        if (is_at_hand(&container_of(link, struct console_session, link)->answers, id))
            return true;
    return is_at_hand(&console->answers, id);
}

static void show_row(struct console_session *session, struct outbox_row *row)
{
    struct console_answer *answer;

    if (row->state != OUTBOX_READY || is_shown_elsewhere(session->console, row->id)) {
        outbox_row_free(row);
        return;
    }
    answer = console_answer_new(session->console);
    answer->kind = !strcmp(row->kind, "notice")    ? GATEWAY_NOTICE
                   : !strcmp(row->kind, "private") ? GATEWAY_PRIVATE
                   : !strcmp(row->kind, "ask")     ? GATEWAY_ASK
                                                   : GATEWAY_REPLY;
    answer->turn = row->turn;
    answer->ordinal = row->ordinal;
    answer->final = mem_strdup(row->body);
    answer->final_len = strlen(row->body);
    answer->row = row;
    console_answer_assign(answer, session);
    console_show_owed(answer);
}

troupe_status console_session_attach(struct console_session *session, struct error *err)
{
    struct list_link rows, *link;
    troupe_status status;

    list_init(&rows);
    status = outbox_load(session->console->options.outbox, CONSOLE_SOURCE, &rows, err);
    while ((link = list_pop(&rows)))
        show_row(session, container_of(link, struct outbox_row, link));
    return status;
}
