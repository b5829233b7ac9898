/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/console/console.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/console/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Members have 53-bit ids, so that they survive JSON readers that know doubles only. */
#define MEMBER_ID_MASK ((UINT64_C(1) << 53) - 1)

/* Message ids are made like Discord's: milliseconds of a young epoch above 22 bits. */
#define ID_EPOCH_MS INT64_C(1735689600000) /* 2025-01-01T00:00Z */
#define ID_RANDOM   22

static void member_id(const char *name, char out[CONSOLE_ID_SIZE])
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    hash = (hash ^ hash >> 53) & MEMBER_ID_MASK;
    snprintf(out, CONSOLE_ID_SIZE, "%" PRIu64, hash ? hash : 1);
}

/* Rises within a session; the random part keeps sessions and a clock that was set back apart. */
static void next_message_id(struct console *console, int64_t now_ms, char out[CONSOLE_ID_SIZE])
{
    uint64_t ms = now_ms > ID_EPOCH_MS ? (uint64_t)(now_ms - ID_EPOCH_MS) : 0;
    uint32_t random = 0;
    uint64_t id;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = (uint32_t)clock_ns();
    id = ms << ID_RANDOM | (random & ((1u << ID_RANDOM) - 1));
    if (id <= console->last_id)
        id = console->last_id + 1;
    console->last_id = id;
    snprintf(out, CONSOLE_ID_SIZE, "%" PRIu64, id);
}

struct console *console_new(const struct console_options *options)
{
    struct console *console = mem_zero(1, sizeof(*console));

    console->gateway.ops = &console_ops;
    console->gateway.name = CONSOLE_SOURCE;
    console->options = *options;
    console->first_member = mem_strdup(options->member ? options->member : "you");
    console->member = mem_strdup(console->first_member);
    console->bot_name = mem_strdup(options->bot_name ? options->bot_name : "Troupe");
    member_id(console->member, console->member_id);
    list_init(&console->questions);
    list_init(&console->answers);
    return console;
}

void console_free(struct console *console)
{
    if (!console)
        return;
    list_for_each_safe (link, &console->answers)
        console_answer_free(container_of(link, struct console_answer, link));
    list_for_each_safe (link, &console->questions) {
        struct console_question *question = container_of(link, struct console_question, link);

        /* Also where the engine has not made a turn of it yet. */
        question->event->gateway = NULL;
        console_question_free(console, question);
    }
    mem_free(console->bot_name);
    mem_free(console->first_member);
    mem_free(console->member);
    mem_free(console);
}

struct gateway *console_gateway(struct console *console)
{
    return &console->gateway;
}

size_t console_open(const struct console *console)
{
    return console->question_count;
}

const char *console_member(const struct console *console)
{
    return console->member;
}

const char *console_channel(void)
{
    return "1";
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void become(struct console *console, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            len = 0;
    }
    if (!len || len > CONSOLE_NAME_MAX) {
        _cleanup_mem_ char *text =
            mem_printf("/as takes a name of 1 to %d bytes: /as ann", CONSOLE_NAME_MAX);

        console_say(console, text);
        return;
    }
    if (!strcmp(name, console->member))
        return;
    mem_free(console->member);
    console->member = mem_strdup(name);
    member_id(name, console->member_id);
    console->several = true;
    if (console->options.member_changed)
        console->options.member_changed(console->options.arg, name);
}

static void ask(struct console *console, const char *text, size_t len)
{
    int64_t now = clock_wall_ms();
    char id[CONSOLE_ID_SIZE];
    struct event message = {
        .gateway = &console->gateway,
        .source = CONSOLE_SOURCE,
        .source_id = id,
        .kind = "message",
        .channel = console_channel(),
        .member = console->member_id,
        .member_name = console->member,
        .content = text,
        .content_len = len,
        .flags = EVENT_ADDRESSED | EVENT_DIRECT,
        .time_ms = now,
    };
    struct console_question *question = mem_zero(1, sizeof(*question));
    struct event *event;

    if (!strcmp(console->member, console->first_member))
        message.flags |= EVENT_OWNER;
    next_message_id(console, now, id);
    event = event_new(&message);
    question->event = event_ref(event);
    list_append(&console->questions, &question->link);
    console->question_count++;
    console->options.submit(console->options.arg, event);
}

/* What is wrong with a line, or NULL. */
static const char *refusal(const struct console *console, const char *line, size_t len)
{
    if (len > EVENT_CONTENT_MAX)
        return "that is too long: at most 16384 bytes; send it in parts";
    if (!text_is_utf8(line, len) || memchr(line, 0, len))
        return "that is no UTF-8 text; set the terminal to UTF-8, or convert the input";
    if (console->question_count >= CONSOLE_OPEN_MAX)
        return "too many messages wait for their answer; wait for some of them";
    return NULL;
}

/* The word's argument when `line` is the word or begins with it and a space, else NULL. */
static char *argument_of(char *line, const char *word)
{
    size_t len = strlen(word);

    if (!text_starts(line, word) || (line[len] && line[len] != ' ' && line[len] != '\t'))
        return NULL;
    return text_trim(line + len);
}

void console_line(struct console *console, const char *line, size_t len)
{
    const char *wrong = refusal(console, line, len);
    _cleanup_mem_ char *copy = NULL;
    char *text, *name;
    size_t before = console->question_count;

    if (wrong) {
        console_say(console, wrong);
    } else {
        copy = mem_strndup(line, len);
        text = text_trim(copy);
        name = argument_of(text, "/as");
        if (name) {
            become(console, name);
        } else if (console->options.quit && !strcmp(text, "/quit")) {
            console->options.quit(console->options.arg);
            return;
        } else if (*text) {
            ask(console, text, strlen(text));
            return;
        }
    }
    /* Nothing was asked: whoever sends line by line may go on. */
    if (!before && console->options.settled)
        console->options.settled(console->options.arg);
}
