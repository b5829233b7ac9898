/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions to the member, by buttons, a form or a select: each is a message and a row, which are one
 * transaction, and the stage waits for the row. See turn/wait.h.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "host/host_table.h"
#include "turn/engine_private.h"
#include "turn/form.h"
#include "turn/wait.h"

#include <stdio.h>
#include <string.h>

#define QUESTION_MAX 2000                      /* bytes of its text                      */
#define LABEL_MAX    80                        /* of a button's                          */
#define WITHIN_MAX   (30 * 24 * 3600 * 1000ll) /* milliseconds that a question may stand */
#define ORDINALS     65000                     /* a gateway tells answers of a turn apart by them */

/* Sizes of the structures in the minor that brought them: what every plugin has at least. */
#define FIELD_1_5  (offsetof(troupe_field, reserved) + sizeof(uint32_t))
#define OPTION_1_5 (offsetof(troupe_option, reserved) + sizeof(uint32_t))

enum asked { ASK_BUTTONS, ASK_FORM, ASK_SELECT };

struct question {
    enum asked asked;
    const char *text;
    size_t len;
    int64_t within_ms;
    /* Which of these, `asked` tells. */
    size_t count;
    const char *labels[GATEWAY_BUTTONS_MAX];
    struct gateway_form form;
    struct gateway_field fields[GATEWAY_FIELDS_MAX];
    struct gateway_select select;
    struct gateway_option options[GATEWAY_OPTIONS_MAX];
};

static const char *const kinds[] = {"ask", "ask.text", "ask.select"};

/* ---- what is asked --------------------------------------------------------------------------- */

static troupe_status read_question(struct turn_frame *frame, const char *text, uint64_t len,
                                   uint64_t within_ms, struct question *ret)
{
    troupe_status status = host_bytes(frame, text, len, QUESTION_MAX, "a question");

    if (status < 0)
        return status;
    ret->text = text;
    ret->len = (size_t)len;
    ret->within_ms = within_ms == 0           ? TROUPE_ASK_MS
                     : within_ms > WITHIN_MAX ? WITHIN_MAX
                                              : (int64_t)within_ms;
    if (!len || !text_is_utf8(text, ret->len))
        return turn_frame_error(frame, TROUPE_DATA, "ask.text",
                                "a question has text, and that is UTF-8");
    if (frame->unrecorded || frame->turn->record.off || !frame->turn->event->member ||
        !frame->turn->event->gateway)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "ask.nobody",
                                "there is nobody here who could be asked");
    return TROUPE_OK;
}

static troupe_status read_labels(struct turn_frame *frame, troupe_array labels,
                                 struct question *ret)
{
    typedef const char *label;

    if (!labels.count || labels.count > GATEWAY_BUTTONS_MAX || !labels.ptr)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.labels",
                                "a question has 1 to %d buttons", GATEWAY_BUTTONS_MAX);
    ret->count = labels.count;
    for (size_t i = 0; i < ret->count; i++) {
        const char *text = ret->labels[i] = *TROUPE_AT(labels, label, i);
        size_t len = text ? strlen(text) : 0;

        if (!len || len > LABEL_MAX || !text_is_utf8(text, len))
            return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.label",
                                    "a button's label has 1 to %d bytes of UTF-8", LABEL_MAX);
    }
    return TROUPE_OK;
}

/* UTF-8 of `min` to `max` characters as the strictest platform counts them; NULL is none. */
static bool has_length(const char *text, size_t min, size_t max)
{
    size_t len = text ? strlen(text) : 0, units;

    if (!text_is_utf8(text ? text : "", len))
        return false;
    units = text_utf16_len(text ? text : "", len);
    return units >= min && units <= max;
}

static troupe_status read_field(struct turn_frame *frame, const troupe_field *declared,
                                struct gateway_field *ret)
{
    *ret = (struct gateway_field){
        .label = declared->label,
        .hint = declared->hint && *declared->hint ? declared->hint : NULL,
        .value = declared->value && *declared->value ? declared->value : NULL,
        .min = declared->min,
        .max = declared->max ? declared->max : GATEWAY_FIELD_TEXT,
        .paragraph = declared->flags & TROUPE_FIELD_PARAGRAPH,
        .required = !(declared->flags & TROUPE_FIELD_OPTIONAL),
    };
    if (!has_length(ret->label, 1, GATEWAY_TITLE_TEXT) ||
        !has_length(ret->hint, 0, GATEWAY_FIELD_HINT))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.field",
                                "a field has a label of 1 to %d characters and a hint of at most "
                                "%d, in UTF-8",
                                GATEWAY_TITLE_TEXT, GATEWAY_FIELD_HINT);
    if (ret->max > GATEWAY_FIELD_TEXT || ret->min > ret->max ||
        !has_length(ret->value, 0, ret->max))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.field",
                                "field \"%s\" takes at most %d characters, not fewer than its "
                                "least, and its value is one of them",
                                ret->label, GATEWAY_FIELD_TEXT);
    return TROUPE_OK;
}

static troupe_status read_form(struct turn_frame *frame, const char *title, troupe_array fields,
                               struct question *ret)
{
    troupe_status status = TROUPE_OK;

    if (!has_length(title, 1, GATEWAY_TITLE_TEXT))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.title",
                                "a form's title has 1 to %d characters of UTF-8",
                                GATEWAY_TITLE_TEXT);
    if (!fields.count || fields.count > GATEWAY_FIELDS_MAX || !fields.ptr ||
        fields.stride < FIELD_1_5)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.fields", "a form has 1 to %d fields",
                                GATEWAY_FIELDS_MAX);
    for (size_t i = 0; i < fields.count && status == TROUPE_OK; i++)
        status = read_field(frame, TROUPE_AT(fields, troupe_field, i), &ret->fields[i]);
    ret->asked = ASK_FORM;
    ret->form = (struct gateway_form){.title = title, .fields = ret->fields, .count = fields.count};
    return status;
}

static troupe_status read_select(struct turn_frame *frame, troupe_array options, uint32_t min,
                                 uint32_t max, struct question *ret)
{
    unsigned chosen = 0;

    if (!options.count || options.count > GATEWAY_OPTIONS_MAX || !options.ptr ||
        options.stride < OPTION_1_5)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.options",
                                "a select has 1 to %d options", GATEWAY_OPTIONS_MAX);
    for (size_t i = 0; i < options.count; i++) {
        const troupe_option *declared = TROUPE_AT(options, troupe_option, i);
        struct gateway_option *option = &ret->options[i];

        *option = (struct gateway_option){
            .label = declared->label,
            .description = declared->doc && *declared->doc ? declared->doc : NULL,
            .chosen = declared->flags & TROUPE_OPTION_CHOSEN,
        };
        chosen += option->chosen;
        if (!has_length(option->label, 1, GATEWAY_OPTION_TEXT) ||
            !has_length(option->description, 0, GATEWAY_OPTION_TEXT))
            return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.option",
                                    "an option has a label of 1 to %d characters, and a doc of at "
                                    "most as many, in UTF-8",
                                    GATEWAY_OPTION_TEXT);
    }
    ret->asked = ASK_SELECT;
    ret->select = (struct gateway_select){
        .options = ret->options, .count = options.count, .min = min, .max = max ? max : 1};
    if (ret->select.max > options.count || min > ret->select.max || chosen > ret->select.max)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "ask.range",
                                "of %u options %u to %u are to be chosen, and %u are from the "
                                "start; no more than there are, please",
                                options.count, min, ret->select.max, chosen);
    return TROUPE_OK;
}

/* The column `form`; NULL for buttons. mem_free. */
static char *print(const struct question *question)
{
    return question->asked == ASK_FORM     ? turn_form_print_form(&question->form)
           : question->asked == ASK_SELECT ? turn_form_print_select(&question->select)
                                           : NULL;
}

static int64_t hash(const struct question *question, const char *form)
{
    int64_t hash = turn_record_hash(RECORD_HASH_START, question->text, question->len);

    for (size_t i = 0; i < question->count; i++)
        hash = turn_record_hash_text(hash, question->labels[i]);
    for (size_t i = 0; i < question->select.count; i++)
        hash = turn_record_hash_text(hash, question->options[i].label);
    if (form)
        hash = turn_record_hash_text(hash, form);
    return turn_record_hash_int(hash, question->within_ms);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static unsigned ordinal_of(const struct turn_wait *wait)
{
    return (unsigned)(1 + wait->id % ORDINALS);
}

/* The question's message, owed with the same commit as its row. */
static troupe_status put_question(struct record_call *call, const struct question *question,
                                  const char *form, struct turn_wait **ret)
{
    struct turn *turn = call->frame->turn;
    struct gateway *gateway = turn->event->gateway;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_wait *wait = turn_wait_new(call, clock_wall_ms() + question->within_ms);
    struct gateway_button buttons[GATEWAY_BUTTONS_MAX];
    struct gateway_select select = question->select;
    struct gateway_final final = {.outcome = GATEWAY_COMPLETE,
                                  .text = question->text,
                                  .len = question->len,
                                  .buttons = buttons,
                                  .button_count = question->count};
    char ids[GATEWAY_BUTTONS_MAX][64];
    void *handle = NULL;
    struct error err;
    troupe_status status;

    turn_wait_put(wait, call, "ask", form, batch);
    for (size_t i = 0; i < question->count; i++) {
        snprintf(ids[i], sizeof(ids[i]), "t:%lld:%lld:%zu", (long long)turn->id,
                 (long long)wait->id, i);
        buttons[i] = (struct gateway_button){ids[i], question->labels[i]};
    }
    if (question->asked == ASK_FORM) {
        snprintf(ids[0], sizeof(ids[0]), TURN_FORM_ID_OPEN, turn->id, wait->id);
        buttons[0] = (struct gateway_button){ids[0], question->form.title};
        final.button_count = 1;
    } else if (question->asked == ASK_SELECT) {
        snprintf(ids[0], sizeof(ids[0]), TURN_FORM_ID_PICK, turn->id, wait->id);
        select.id = ids[0];
        final.select = &select;
    }
    status = gateway->ops->answer_begin(gateway, turn->event, turn->id, ordinal_of(wait),
                                        GATEWAY_ASK, &handle, &err);
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

/* Below the question, whose buttons do nothing any more. [waits] */
static void tell_over(const struct turn *turn, const struct turn_wait *wait, const char *line)
{
    struct gateway *gateway = turn->event->gateway;

    if (gateway && gateway->ops->expire)
        gateway->ops->expire(gateway, turn->event, turn->id, ordinal_of(wait), line);
}

static troupe_status expired(struct record_call *call)
{
    return turn_record_note(call,
                            turn_frame_error(call->frame, TROUPE_DEADLINE, "ask.expired",
                                             "the question was not answered in time"),
                            NULL, 0);
}

/* TROUPE_OK with what was answered; RECORD_REPLAYED: an earlier run has the whole result; below 0: noted
 * already. */
static troupe_status ask(struct record_call *call, struct turn_frame *frame,
                         const struct question *question, struct turn_wait **ret)
{
    _cleanup_mem_ char *form = print(question);
    struct turn_wait *wait = NULL;
    troupe_status status =
        turn_record_begin(call, frame, kinds[question->asked], hash(question, form));

    if (status)
        return status;
    if (call->row)
        wait = turn_wait_find(frame->turn, call);
    if (!wait) {
        status = put_question(call, question, form, &wait);
        if (status < 0 || !wait)
            return status;
    }
    status = turn_wait_for(frame->turn, wait);
    if (status < 0)
        return turn_record_note(call, status, NULL, 0);
    if (wait->state != WAIT_ANSWERED)
        tell_over(frame->turn, wait,
                  wait->state == WAIT_CANCELED  ? "taken back"
                  : question->asked == ASK_FORM ? "nobody answered in time"
                                                : "nobody chose in time");
    if (wait->state == WAIT_CANCELED)
        return turn_record_note(
            call,
            turn_frame_error(frame, TROUPE_CANCELED, "ask.canceled", "the question was taken back"),
            NULL, 0);
    if (wait->state != WAIT_ANSWERED ||
        (question->asked == ASK_BUTTONS ? wait->answer >= (int32_t)question->count : !wait->given))
        return expired(call);
    *ret = wait;
    return TROUPE_OK;
}

troupe_status host_ask(troupe_turn *turn, const char *text, uint64_t len, troupe_array labels,
                       uint64_t within_ms, int32_t *ret_choice)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct question question = {.asked = ASK_BUTTONS};
    struct record_call call = {.frame = frame};
    struct turn_wait *wait = NULL;
    int64_t choice = 0;
    troupe_status status = read_question(frame, text, len, within_ms, &question);

    if (status == TROUPE_OK)
        status = read_labels(frame, labels, &question);
    if (status == TROUPE_OK)
        status = ask(&call, frame, &question, &wait);
    if (status == RECORD_REPLAYED) {
        status = turn_record_status(&call);
        if (status == TROUPE_OK && turn_record_take(&call, &choice, sizeof(choice)))
            *ret_choice = (int32_t)choice;
        return status;
    }
    if (status < 0 || !wait)
        return status;
    choice = wait->answer;
    *ret_choice = wait->answer;
    return turn_record_note(&call, TROUPE_OK, &choice, sizeof(choice));
}

/* ---- answers that are lists ------------------------------------------------------------------ */

/* The list that answers the question, now or in an earlier run; the caller's. */
static troupe_status ask_list(struct turn_frame *frame, const struct question *question,
                              json_t **ret)
{
    struct record_call call = {.frame = frame};
    struct turn_wait *wait = NULL;
    const char *text = NULL;
    struct error err;
    size_t len = 0;
    troupe_status status = ask(&call, frame, question, &wait);

    if (status == RECORD_REPLAYED) {
        status = turn_record_status(&call);
        if (status == TROUPE_OK && (status = turn_record_result(&call, &text, &len, &err)) < 0)
            return turn_frame_error(frame, status, "host.storage", "%s", err.text);
    } else if (status == TROUPE_OK) {
        text = wait->given;
        len = strlen(text);
        status = turn_record_note(&call, TROUPE_OK, text, len);
    }
    if (status < 0)
        return status;
    if (json_parse(text, len, ret, &err) < 0)
        return turn_frame_error(frame, TROUPE_DATA, "ask.answer", "%s", err.text);
    return status;
}

troupe_status host_ask_text(troupe_turn *turn, const char *text, uint64_t len, const char *title,
                            troupe_array fields, uint64_t within_ms, troupe_str *ret_values)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_json_ json_t *list = NULL;
    struct question question = {.asked = ASK_FORM};
    troupe_str values[GATEWAY_FIELDS_MAX];
    troupe_status status = read_question(frame, text, len, within_ms, &question);

    if (status == TROUPE_OK)
        status = read_form(frame, title, fields, &question);
    if (status == TROUPE_OK)
        status = ask_list(frame, &question, &list);
    for (size_t i = 0; i < question.form.count && status == TROUPE_OK; i++) {
        const char *value = json_string_value(json_array_get(list, i));

        status = host_keep(frame, value ? value : "", value ? strlen(value) : 0, &values[i]);
    }
    if (status == TROUPE_OK)
        memcpy(ret_values, values, question.form.count * sizeof(*values));
    return status;
}

troupe_status host_ask_select(troupe_turn *turn, const char *text, uint64_t len,
                              troupe_array options, uint32_t min, uint32_t max, uint64_t within_ms,
                              int32_t *ret_places, uint32_t *ret_count)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_json_ json_t *list = NULL;
    struct question question = {.asked = ASK_SELECT};
    uint32_t count = 0;
    troupe_status status = read_question(frame, text, len, within_ms, &question);

    if (status == TROUPE_OK)
        status = read_select(frame, options, min, max, &question);
    if (status == TROUPE_OK)
        status = ask_list(frame, &question, &list);
    if (status < 0)
        return status;
    for (; count < json_array_size(list) && count < question.select.max; count++)
        ret_places[count] = (int32_t)json_integer_value(json_array_get(list, count));
    *ret_count = count;
    return TROUPE_OK;
}
