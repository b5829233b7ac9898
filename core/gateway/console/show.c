/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session sees. One answer has the floor, which is the output's last line; the others keep
 * their text until they get it, in the order in which they were begun.
 */
#include "gateway/console/internal.h"

#include "base/mem.h"
#include "gateway/attached.h"

#include <string.h>

static void show(struct console_session *session, const char *text, size_t len)
{
    if (!len)
        return;
    session->inside_line = text[len - 1] != '\n';
    session->options.output(session->options.arg, text, len);
}

static void end_line(struct console_session *session)
{
    if (session->inside_line)
        show(session, "\n", 1);
}

void console_say(struct console_session *session, const char *text)
{
    struct console_filter filter = {{0}, 0};
    _cleanup_buf_ struct buf line = BUF_INIT;

    console_filter_write(&filter, text, strlen(text), &line);
    console_filter_end(&filter, &line);
    if (!line.len || line.data[line.len - 1] != '\n')
        buf_putc(&line, '\n');
    end_line(session);
    show(session, line.data, line.len);
}

void console_whisper(struct console_session *session, const char *text)
{
    _cleanup_mem_ char *line = mem_printf("(only you see this) %s", text);

    console_say(session, line);
}

/* ---- answers --------------------------------------------------------------------------------- */

struct console_answer *console_answer_new(struct console *console)
{
    struct console_answer *answer = mem_zero(1, sizeof(*answer));

    answer->console = console;
    answer->written.max = answer->kept.max = CONSOLE_KEPT_MAX;
    list_append(&console->answers, &answer->link);
    return answer;
}

void console_answer_assign(struct console_answer *answer, struct console_session *session)
{
    list_remove(&answer->link);
    answer->session = session;
    if (session) {
        list_append(&session->answers, &answer->link);
        return;
    }
    list_append(&answer->console->answers, &answer->link);
    answer->question = NULL;
    answer->begun = false;
    answer->filter = (struct console_filter){{0}, 0};
    buf_reset(&answer->kept);
    console_filter_write(&answer->filter, buf_text(&answer->written), answer->written.len,
                         &answer->kept);
}

void console_answer_free(struct console_answer *answer)
{
    list_remove(&answer->link);
    buf_clear(&answer->written);
    buf_clear(&answer->kept);
    mem_free(answer->final);
    outbox_row_free(answer->row);
    mem_free(answer);
}

void console_show_files(struct console_session *session, const struct outbox_row *row)
{
    for (size_t i = 0; row->files && i < row->files->count; i++) {
        _cleanup_buf_ struct buf line = BUF_INIT;

        attached_put(&row->files->files[i], &line);
        console_say(session, buf_text(&line));
    }
    if (row->files) /* a terminal takes none: they were told of */
        outbox_mark_files(session->console->options.outbox, row->turn);
}

/* It was shown whole: its row is done, its question, too. */
static void finish(struct console_answer *answer)
{
    struct console_session *session = answer->session;
    struct console_question *question = answer->question;

    if (answer->row) {
        outbox_mark(answer->console->options.outbox, answer->row->id, OUTBOX_SENT, NULL, NULL);
        console_show_files(session, answer->row);
        console_show_buttons(session, answer->row);
    }
    console_answer_free(answer);
    if (!question)
        return;
    question->answers--;
    question->told = true;
    console_settle(session, question);
}

static void show_kept(struct console_session *session, struct console_answer *answer)
{
    if (!answer->kept.len)
        return;
    if (!answer->begun) {
        answer->begun = true;
        end_line(session);
        if (session->several) {
            show(session, session->bot_name, strlen(session->bot_name));
            show(session, "> ", 2);
        }
    }
    show(session, answer->kept.data, answer->kept.len);
    buf_reset(&answer->kept);
}

/* The floor's text, then whole answers that waited, until one is met that is still being written and
 * has text. */
void console_show_answers(struct console_session *session)
{
    for (;;) {
        struct console_answer *answer = session->floor;

        list_for_each (link, &session->answers) {
            struct console_answer *waiting = container_of(link, struct console_answer, link);

            if (answer)
                break;
            if (waiting->ended || waiting->kept.len)
                answer = waiting;
        }
        if (!answer)
            return;
        session->floor = answer;
        show_kept(session, answer);
        if (!answer->ended)
            return;
        end_line(session);
        session->floor = NULL;
        finish(answer);
    }
}

/* The final text against what was written: the rest of it, or all of it on a new line. */
static void put_final(struct console_answer *answer)
{
    const char *text = answer->final;
    size_t len = answer->final_len, done = answer->written.len;

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

void console_show_owed(struct console_answer *answer)
{
    struct console *console = answer->console;

    if (!answer->session && !list_empty(&console->sessions))
        console_answer_assign(answer,
                              container_of(console->sessions.next, struct console_session, link));
    if (!answer->session) {
        console_answer_free(answer);
        return;
    }
    answer->ended = true;
    if (answer->kind == GATEWAY_NOTICE || answer->kind == GATEWAY_PRIVATE) {
        console_whisper(answer->session, answer->row->body);
        finish(answer);
        return;
    }
    if (answer->final)
        put_final(answer);
    console_filter_end(&answer->filter, &answer->kept);
    answer->kept.max = 0;
    if (answer->interrupted)
        buf_puts(&answer->kept,
                 answer->begun || answer->kept.len ? " (interrupted)" : "(interrupted)");
    console_show_answers(answer->session);
}
