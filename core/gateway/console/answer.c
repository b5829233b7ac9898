/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine hands to the console: answers with their rows, notices, and whether it works.
 */
#include "gateway/console/internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/batch.h"

#include <stdio.h>
#include <string.h>

static struct console *console_of(struct gateway *gateway)
{
    return container_of(gateway, struct console, gateway);
}

/* The answer in a list that its turn has begun and not ended. */
static struct console_answer *find_in(const struct list_link *answers, int64_t turn,
                                      unsigned ordinal)
{
    list_for_each (link, answers) {
        struct console_answer *answer = container_of(link, struct console_answer, link);

        if (answer->turn == turn && answer->ordinal == ordinal && !answer->row && !answer->ended)
            return answer;
    }
    return NULL;
}

static struct console_answer *find(struct console *console, int64_t turn, unsigned ordinal)
{
    struct console_answer *answer = turn ? find_in(&console->answers, turn, ordinal) : NULL;

    if (!turn)
        return NULL;
    list_for_each (link, &console->sessions)
        if (!answer)
            answer =
                find_in(&container_of(link, struct console_session, link)->answers, turn, ordinal);
    return answer;
}

static troupe_status answer_begin(struct gateway *gateway, const struct event *event, int64_t turn,
                                  unsigned ordinal, enum gateway_kind kind, void **ret,
                                  struct error *err)
{
    struct console *console = console_of(gateway);
    struct console_answer *answer = find(console, turn, ordinal);
    struct console_session *session;

    (void)err;
    if (!answer) {
        answer = console_answer_new(console);
        answer->turn = turn;
        answer->ordinal = ordinal;
        snprintf(answer->asked, sizeof(answer->asked), "%s", event->source_id);
        answer->question = console_find_question(console, event, &session);
        if (answer->question) {
            answer->question->answers++;
            console_answer_assign(answer, session);
        }
    }
    answer->kind = kind;
    answer->at = 0;
    *ret = answer;
    return TROUPE_OK;
}

static size_t answer_shown(struct gateway *gateway, void *handle, const char **ret_text)
{
    struct console_answer *answer = handle;

    (void)gateway;
    *ret_text = buf_text(&answer->written);
    return answer->written.len;
}

static troupe_status answer_write(struct gateway *gateway, void *handle, const char *text,
                                  size_t len)
{
    struct console *console = console_of(gateway);
    struct console_answer *answer = handle;
    size_t room = answer->kept.max - answer->kept.len, known = answer->written.len - answer->at;

    /* Who begins anew says again what is there already. */
    if (known > len)
        known = len;
    if (known && !memcmp(answer->written.data + answer->at, text, known)) {
        answer->at += known;
        text += known;
        len -= known;
        if (!len)
            return TROUPE_OK;
    }
    if (answer->kind == GATEWAY_PRIVATE || answer->kind == GATEWAY_NOTICE) {
        /* Said in one piece, below what has the floor. */
        troupe_status status = buf_append(&answer->written, text, len);

        answer->at = answer->written.len;
        return status;
    }
    /* One byte becomes at most three. */
    if (len > room / 3)
        return TROUPE_LIMIT;
    if (buf_append(&answer->written, text, len) < 0)
        answer->cut = true;
    answer->at = answer->written.len;
    console_filter_write(&answer->filter, text, len, &answer->kept);
    if (!answer->session && !list_empty(&console->sessions))
        console_answer_assign(answer,
                              container_of(console->sessions.next, struct console_session, link));
    if (answer->session)
        console_show_answers(answer->session);
    return TROUPE_OK;
}

static troupe_status answer_prepare(struct gateway *gateway, void *handle,
                                    const struct gateway_final *final, struct store_batch *batch,
                                    struct error *err)
{
    struct console *console = console_of(gateway);
    struct console_answer *answer = handle;
    struct outbox_row *row = outbox_row_new();
    struct buf body = BUF_INIT;

    (void)err;
    if (final->text) {
        answer->final = mem_strndup(final->text, final->len);
        answer->final_len = final->len;
        buf_append(&body, final->text, final->len);
    } else {
        buf_append(&body, answer->written.data, answer->written.len);
    }
    answer->interrupted = final->outcome == GATEWAY_INTERRUPTED;
    if (answer->interrupted)
        buf_puts(&body, body.len ? " (interrupted)" : "(interrupted)");
    row->id = outbox_next_id(console->options.outbox);
    row->turn = answer->turn;
    row->ordinal = answer->ordinal;
    snprintf(row->kind, sizeof(row->kind), "%s", outbox_kind((int)answer->kind));
    row->gateway = mem_strdup(CONSOLE_SOURCE);
    row->channel = mem_strdup(console_channel());
    row->reply_to = mem_strdup(answer->asked);
    row->body = buf_take(&body);
    row->buttons = gateway_components_print(final->select, final->buttons, final->button_count);
    row->files = attached_ref(final->files);
    row->state = OUTBOX_READY;
    row->created_ms = clock_wall_ms();
    outbox_insert(batch, row);
    answer->row = row;
    return TROUPE_OK;
}

static void answer_commit(struct gateway *gateway, void *handle)
{
    (void)gateway;
    console_show_owed(handle);
}

static void answer_drop(struct gateway *gateway, void *handle)
{
    struct console_answer *answer = handle;
    struct console_session *session = answer->session;
    struct console_question *question = answer->question;

    (void)gateway;
    outbox_row_free(answer->row);
    answer->row = NULL;
    console_filter_end(&answer->filter, &answer->kept);
    if (session && (answer->begun || answer->kept.len)) {
        answer->ended = true;
        console_show_answers(session);
        return;
    }
    console_answer_free(answer);
    if (!question)
        return;
    question->answers--;
    console_settle(session, question);
}

static troupe_status notice(struct gateway *gateway, const struct event *event, const char *text,
                            bool private)
{
    struct console *console = console_of(gateway);
    void (*say)(struct console_session * session, const char *text) =
        private ? console_whisper : console_say;
    struct console_session *session = NULL;
    struct console_question *question =
        event ? console_find_question(console, event, &session) : NULL;

    if (list_empty(&console->sessions))
        return TROUPE_UNAVAILABLE;
    if (!question) {
        list_for_each (link, &console->sessions)
            say(container_of(link, struct console_session, link), text);
        return TROUPE_OK;
    }
    say(session, text);
    question->told = true;
    console_settle(session, question);
    return TROUPE_OK;
}

static void working(struct gateway *gateway, const struct event *event, bool on)
{
    struct console_session *session;
    struct console_question *question = console_find_question(console_of(gateway), event, &session);

    if (!question)
        return;
    question->working = on;
    question->worked |= on;
    if (!on)
        console_settle(session, question);
}

const struct gateway_ops console_ops = {
    .answer_begin = answer_begin,
    .answer_shown = answer_shown,
    .answer_write = answer_write,
    .answer_prepare = answer_prepare,
    .answer_commit = answer_commit,
    .answer_drop = answer_drop,
    .notice = notice,
    .form = console_form_show,
    .working = working,
};
