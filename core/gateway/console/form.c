/* SPDX-License-Identifier: Apache-2.0
 *
 * A form on a console: its fields are asked for one after the other, and each is the next line that is
 * typed. "/close" leaves it; its button opens it again.
 */
#include "gateway/console/internal.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct console_form {
    char *id;
    char message[CONSOLE_ID_SIZE], about[CONSOLE_ID_SIZE];
    struct field {
        char *label, *hint, *value;
        unsigned min, max;
        bool required;
    } fields[GATEWAY_FIELDS_MAX];
    size_t count;
    json_t *values; /* of the fields before the one that is asked for */
};

void console_form_close(struct console_session *session)
{
    struct console_form *form = session->form;

    if (!form)
        return;
    session->form = NULL;
    for (size_t i = 0; i < form->count; i++) {
        mem_free(form->fields[i].label);
        mem_free(form->fields[i].hint);
        mem_free(form->fields[i].value);
    }
    json_decref(form->values);
    mem_free(form->id);
    mem_free(form);
}

/* "Why? (1 to 200 characters; …)" */
static void ask_next(struct console_session *session)
{
    const struct console_form *form = session->form;
    const struct field *field = &form->fields[json_array_size(form->values)];
    _cleanup_buf_ struct buf line = BUF_INIT;

    buf_printf(&line, "%s (%u to %u characters", field->label, field->min ? field->min : 1,
               field->max);
    if (!field->required)
        buf_puts(&line, ", or an empty line");
    buf_puts(&line, ")");
    if (field->hint)
        buf_printf(&line, " %s", field->hint);
    if (field->value)
        buf_printf(&line, " [an empty line leaves: %s]", field->value);
    console_say(session, buf_text(&line));
}

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

troupe_status console_form_show(struct gateway *gateway, const struct event *press,
                                const struct gateway_form *shown)
{
    struct console_session *session = NULL;
    struct console_question *question =
        console_find_question((struct console *)gateway, press, &session);
    _cleanup_mem_ char *title = mem_printf("%s (/close leaves it)", shown->title);
    struct console_form *form;

    if (!question)
        return TROUPE_UNAVAILABLE; /* its session has gone; the button stays */
    console_form_close(session);
    form = session->form = mem_zero(1, sizeof(*form));
    form->id = mem_strdup(shown->id);
    snprintf(form->message, sizeof(form->message), "%s", press->reply_to ? press->reply_to : "");
    snprintf(form->about, sizeof(form->about), "%s", question->about);
    form->values = json_array();
    for (; form->count < shown->count && form->count < GATEWAY_FIELDS_MAX; form->count++) {
        const struct gateway_field *from = &shown->fields[form->count];

        form->fields[form->count] = (struct field){
            copy(from->label), copy(from->hint), copy(from->value),
            from->min,         from->max,        from->required,
        };
    }
    console_say(session, title);
    ask_next(session);
    question->told = true;
    console_settle(session, question);
    return TROUPE_OK;
}

bool console_form_line(struct console_session *session, const char *line, size_t len)
{
    struct console_form *form = session->form;
    const struct field *field;
    _cleanup_mem_ char *values = NULL;

    if (len == 6 && !memcmp(line, "/close", 6)) {
        console_form_close(session);
        console_say(session, "closed; its button opens it again");
        return false;
    }
    if (session->options.quit && len == 5 && !memcmp(line, "/quit", 5)) {
        session->options.quit(session->options.arg);
        return true;
    }
    field = &form->fields[json_array_size(form->values)];
    if (!len && field->value)
        json_array_append_new(form->values, json_string(field->value));
    else
        json_array_append_new(form->values, json_stringn(line, len));
    if (json_array_size(form->values) < form->count) {
        ask_next(session);
        return false;
    }
    values = json_print(form->values);
    console_submit(session, values, strlen(values), form->message, form->id, form->about);
    console_form_close(session);
    return true;
}
