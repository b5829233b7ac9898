/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stage waits long for: an answer of the member, or a time that is far. See turn/wait.h.
 */
#include "turn/wait.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "host/host_table.h"
#include "turn/engine_private.h"

#include <stdio.h>
#include <string.h>

#define QUESTION_MAX 2000                      /* bytes of its text                      */
#define LABEL_MAX    80                        /* of a button's                          */
#define WITHIN_MAX   (30 * 24 * 3600 * 1000ll) /* milliseconds that a question may stand */
#define ORDINALS     65000                     /* a gateway tells answers of a turn apart by them */

struct question {
    const char *text;
    size_t len;
    int64_t within_ms;
    size_t count;
    const char *labels[GATEWAY_BUTTONS_MAX];
};

static troupe_status check(struct turn_frame *frame, const struct question *question)
{
    if (!text_is_utf8(question->text, question->len) || !question->len)
        return turn_frame_error(frame, TROUPE_DATA, "ask.text",
                                "a question has text, and that is UTF-8");
    for (size_t i = 0; i < question->count; i++) {
        size_t len = question->labels[i] ? strlen(question->labels[i]) : 0;

        if (!len || len > LABEL_MAX || !text_is_utf8(question->labels[i], len))
            return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.label",
                                    "a button's label has 1 to %d bytes of UTF-8", LABEL_MAX);
    }
    if (frame->unrecorded || frame->turn->record.off || !frame->turn->event->member ||
        !frame->turn->event->gateway)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "ask.nobody",
                                "there is nobody here who could be asked");
    return TROUPE_OK;
}

static troupe_status read_question(struct turn_frame *frame, const char *text, uint64_t len,
                                   troupe_array labels, uint64_t within_ms, struct question *ret)
{
    typedef const char *label;
    troupe_status status = host_bytes(frame, text, len, QUESTION_MAX, "a question");

    if (status < 0)
        return status;
    if (!labels.count || labels.count > GATEWAY_BUTTONS_MAX || !labels.ptr)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.labels",
                                "a question has 1 to %d buttons", GATEWAY_BUTTONS_MAX);
    *ret = (struct question){.text = text, .len = (size_t)len, .count = labels.count};
    ret->within_ms = within_ms == 0           ? TROUPE_ASK_MS
                     : within_ms > WITHIN_MAX ? WITHIN_MAX
                                              : (int64_t)within_ms;
    for (size_t i = 0; i < ret->count; i++)
        ret->labels[i] = *TROUPE_AT(labels, label, i);
    return check(frame, ret);
}

static int64_t hash(const struct question *question)
{
    int64_t hash = turn_record_hash(RECORD_HASH_START, question->text, question->len);

    for (size_t i = 0; i < question->count; i++)
        hash = turn_record_hash_text(hash, question->labels[i]);
    return turn_record_hash_int(hash, question->within_ms);
}

/* The question's message, owed with the same commit as its row. */
static troupe_status put_question(struct record_call *call, const struct question *question,
                                  struct turn_wait **ret)
{
    struct turn *turn = call->frame->turn;
    struct gateway *gateway = turn->event->gateway;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_wait *wait =
        turn_wait_new(call, "ask", clock_wall_ms() + question->within_ms, batch);
    struct gateway_button buttons[GATEWAY_BUTTONS_MAX];
    struct gateway_final final = {.outcome = GATEWAY_COMPLETE,
                                  .text = question->text,
                                  .len = question->len,
                                  .buttons = buttons,
                                  .button_count = question->count};
    char ids[GATEWAY_BUTTONS_MAX][64];
    void *handle = NULL;
    struct error err;
    troupe_status status;

    for (size_t i = 0; i < question->count; i++) {
        snprintf(ids[i], sizeof(ids[i]), "t:%lld:%lld:%zu", (long long)turn->id,
                 (long long)wait->id, i);
        buttons[i] = (struct gateway_button){ids[i], question->labels[i]};
    }
    status =
        gateway->ops->answer_begin(gateway, turn->event, turn->id,
                                   (unsigned)(1 + wait->id % ORDINALS), GATEWAY_ASK, &handle, &err);
    if (status == TROUPE_OK)
        status = gateway->ops->answer_prepare(gateway, handle, &final, batch, &err);
    if (status >= 0)
        status = turn_record_begun(call, batch, NULL, 0, &err);
    if (status < 0) {
        if (handle)
            gateway->ops->answer_drop(gateway, handle);
        turn_wait_drop(wait);
        turn_frame_error(call->frame, status, "ask.failed", "%s", err.text);
        return turn_record_note(call, status, NULL, 0);
    }
    gateway->ops->answer_commit(gateway, handle);
    *ret = wait;
    return TROUPE_OK;
}

troupe_status host_ask(troupe_turn *turn, const char *text, uint64_t len, troupe_array labels,
                       uint64_t within_ms, int32_t *ret_choice)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct turn_wait *wait = NULL;
    struct question question = {0};
    struct record_call call = {.frame = frame};
    int64_t choice = 0;
    troupe_status status = read_question(frame, text, len, labels, within_ms, &question);

    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "ask", hash(&question));
    if (status == RECORD_REPLAYED) {
        status = turn_record_status(&call);
        if (status == TROUPE_OK && turn_record_take(&call, &choice, sizeof(choice)))
            *ret_choice = (int32_t)choice;
        return status;
    }
    if (status < 0)
        return status;
    if (call.row)
        wait = turn_wait_find(frame->turn, &call);
    if (!wait) {
        status = put_question(&call, &question, &wait);
        if (status < 0 || !wait)
            return status;
    }
    status = turn_wait_for(frame->turn, wait);
    if (status < 0)
        return turn_record_note(&call, status, NULL, 0);
    if (wait->state == WAIT_CANCELED)
        return turn_record_note(
            &call,
            turn_frame_error(frame, TROUPE_CANCELED, "ask.canceled", "the question was taken back"),
            NULL, 0);
    if (wait->state != WAIT_ANSWERED || wait->answer >= (int32_t)question.count)
        return turn_record_note(&call,
                                turn_frame_error(frame, TROUPE_DEADLINE, "ask.expired",
                                                 "the question was not answered in time"),
                                NULL, 0);
    choice = wait->answer;
    *ret_choice = wait->answer;
    return turn_record_note(&call, TROUPE_OK, &choice, sizeof(choice));
}

/* Beyond the time that a stage stays where it is: the due time is stored, and the stage may park. */
static troupe_status sleep_long(struct record_call *call, uint64_t ms)
{
    struct turn *turn = call->frame->turn;
    uint64_t stay = turn->engine->park_ms;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_wait *wait = call->row ? turn_wait_find(turn, call) : NULL;
    struct error err;
    int64_t due, left;
    troupe_status status = TROUPE_OK;

    if (!wait) {
        due = (int64_t)(ms < (uint64_t)WITHIN_MAX ? ms : (uint64_t)WITHIN_MAX) + clock_wall_ms();
        wait = turn_wait_new(call, "sleep", due, batch);
        status = turn_record_begun(call, batch, NULL, 0, &err);
        if (status < 0) {
            turn_wait_drop(wait);
            turn_frame_error(call->frame, status, "sleep.storage", "%s", err.text);
            return status;
        }
    }
    left = wait->due_ms - clock_wall_ms();
    if (wait->state == WAIT_OPEN && left > 0 && !call->row)
        status = co_sleep((uint64_t)left < stay ? (uint64_t)left : stay);
    if (status == TROUPE_OK && wait->due_ms > clock_wall_ms())
        status = turn_wait_for(turn, wait);
    return status == TROUPE_OK && wait->state == WAIT_CANCELED ? TROUPE_CANCELED : status;
}

troupe_status host_sleep(troupe_turn *turn, uint64_t ms)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct turn *t = frame->turn;
    /* An observer is never put aside. */
    bool kept = !frame->unrecorded && !t->record.off && !(t->event->flags & EVENT_OBSERVED);
    struct record_call call = {0};
    troupe_status status = turn_record_begin(&call, frame, "sleep",
                                             turn_record_hash_int(RECORD_HASH_START, (int64_t)ms));

    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    status = kept && ms > frame->turn->engine->park_ms ? sleep_long(&call, ms) : co_sleep(ms);
    return turn_record_note(&call, status, NULL, 0);
}
