/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine shows on a console. One answer has the floor, which is the output's last line;
 * the others keep their text until they get it, in the order in which they were begun.
 */
#include "gateway/console/internal.h"

#include "base/mem.h"

#include <string.h>

static void show(struct console *console, const char *text, size_t len)
{
    if (!len)
        return;
    console->inside_line = text[len - 1] != '\n';
    console->options.output(console->options.arg, text, len);
}

static void end_line(struct console *console)
{
    if (console->inside_line)
        show(console, "\n", 1);
}

void console_say(struct console *console, const char *text)
{
    struct console_filter filter = {{0}, 0};
    _cleanup_buf_ struct buf line = BUF_INIT;

    console_filter_write(&filter, text, strlen(text), &line);
    console_filter_end(&filter, &line);
    if (!line.len || line.data[line.len - 1] != '\n')
        buf_putc(&line, '\n');
    end_line(console);
    show(console, line.data, line.len);
}

/* ---- questions ------------------------------------------------------------------------------- */

static struct console_question *find_question(struct console *console, const struct event *event)
{
    list_for_each (link, &console->questions) {
        struct console_question *question = container_of(link, struct console_question, link);

        if (event && !strcmp(question->event->source_id, event->source_id))
            return question;
    }
    return NULL;
}

void console_question_free(struct console *console, struct console_question *question)
{
    list_for_each (link, &console->answers) {
        struct console_answer *answer = container_of(link, struct console_answer, link);

        if (answer->question == question)
            answer->question = NULL;
    }
    list_remove(&question->link);
    console->question_count--;
    event_unref(question->event);
    mem_free(question);
}

/* A question is settled when nobody works on it and something was told; also when the work on it
 * ended without a word, so that nobody waits for an answer that will not come. */
static void settle(struct console *console, struct console_question *question)
{
    if (!question || question->working || question->answers)
        return;
    if (!question->told && !question->worked)
        return;
    console_question_free(console, question);
    if (!console->question_count && console->options.settled)
        console->options.settled(console->options.arg);
}

/* ---- the floor ------------------------------------------------------------------------------- */

static void show_kept(struct console *console, struct console_answer *answer)
{
    if (!answer->kept.len)
        return;
    if (!answer->begun) {
        answer->begun = true;
        end_line(console);
        if (console->several) {
            show(console, console->bot_name, strlen(console->bot_name));
            show(console, "> ", 2);
        }
    }
    show(console, answer->kept.data, answer->kept.len);
    buf_reset(&answer->kept);
}

void console_answer_free(struct console_answer *answer)
{
    list_remove(&answer->link);
    buf_clear(&answer->written);
    buf_clear(&answer->kept);
    mem_free(answer);
}

/* Shows what may be shown now: the floor's text, then whole answers that waited, until one is met
 * that is still being written and has text. */
static void pass_floor(struct console *console)
{
    for (;;) {
        struct console_answer *answer = console->floor;
        struct console_question *question;

        list_for_each (link, &console->answers) {
            struct console_answer *waiting = container_of(link, struct console_answer, link);

            if (answer)
                break;
            if (waiting->ended || waiting->kept.len)
                answer = waiting;
        }
        if (!answer)
            return;
        console->floor = answer;
        show_kept(console, answer);
        if (!answer->ended)
            return;
        end_line(console);
        question = answer->question;
        console->floor = NULL;
        console_answer_free(answer);
        if (question) {
            question->answers--;
            question->told = true;
            settle(console, question);
        }
    }
}

/* ---- the gateway's calls --------------------------------------------------------------------- */

static troupe_status answer_begin(struct gateway *gateway, const struct event *event, int64_t turn,
                                  void **ret, struct error *err)
{
    struct console *console = (struct console *)gateway;
    struct console_answer *answer = mem_zero(1, sizeof(*answer));

    (void)turn;
    (void)err;
    answer->written.max = answer->kept.max = CONSOLE_KEPT_MAX;
    answer->question = find_question(console, event);
    if (answer->question)
        answer->question->answers++;
    list_append(&console->answers, &answer->link);
    *ret = answer;
    return TROUPE_OK;
}

static troupe_status answer_write(struct gateway *gateway, void *handle, const char *text,
                                  size_t len)
{
    struct console *console = (struct console *)gateway;
    struct console_answer *answer = handle;
    size_t room = answer->kept.max - answer->kept.len;

    /* One byte becomes at most three. */
    if (len > room / 3)
        return TROUPE_LIMIT;
    if (buf_append(&answer->written, text, len) < 0)
        answer->cut = true;
    console_filter_write(&answer->filter, text, len, &answer->kept);
    pass_floor(console);
    return TROUPE_OK;
}

/* The final text against what was written: the rest of it, or all of it on a new line. */
static void put_final(struct console_answer *answer, const char *text, size_t len)
{
    size_t done = answer->written.len;

    answer->kept.max = 0; /* the engine bounds a final text */
    if (!answer->cut && done <= len && (!done || !memcmp(answer->written.data, text, done))) {
        text += done;
        len -= done;
    } else {
        console_filter_end(&answer->filter, &answer->kept);
        /* What nobody saw yet need not be shown. */
        if (!answer->begun)
            buf_reset(&answer->kept);
        else
            buf_putc(&answer->kept, '\n');
    }
    console_filter_write(&answer->filter, text, len, &answer->kept);
}

static troupe_status answer_end(struct gateway *gateway, void *handle, enum gateway_outcome outcome,
                                const char *text, size_t len, struct error *err)
{
    struct console *console = (struct console *)gateway;
    struct console_answer *answer = handle;

    (void)err;
    if (text)
        put_final(answer, text, len);
    console_filter_end(&answer->filter, &answer->kept);
    answer->kept.max = 0;
    if (outcome == GATEWAY_INTERRUPTED)
        buf_puts(&answer->kept,
                 answer->begun || answer->kept.len ? " (interrupted)" : "(interrupted)");
    answer->ended = true;
    pass_floor(console);
    return TROUPE_OK;
}

static troupe_status notice(struct gateway *gateway, const struct event *event, const char *text,
                            bool private)
{
    struct console *console = (struct console *)gateway;
    struct console_question *question = find_question(console, event);
    _cleanup_mem_ char *line = mem_printf("%s%s", private ? "(only you see this) " : "", text);

    console_say(console, line);
    if (question) {
        question->told = true;
        settle(console, question);
    }
    return TROUPE_OK;
}

static void working(struct gateway *gateway, const struct event *event, bool on)
{
    struct console *console = (struct console *)gateway;
    struct console_question *question = find_question(console, event);

    if (!question)
        return;
    question->working = on;
    question->worked |= on;
    if (!on)
        settle(console, question);
}

const struct gateway_ops console_ops = {
    .answer_begin = answer_begin,
    .answer_write = answer_write,
    .answer_end = answer_end,
    .notice = notice,
    .working = working,
};
