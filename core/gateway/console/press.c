/* SPDX-License-Identifier: Apache-2.0
 *
 * Buttons on a console: numbered choices below a message, and "/press" to choose one.
 */
#include "gateway/console/internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void forget(struct console_buttons *buttons)
{
    for (size_t i = 0; i < buttons->count; i++)
        mem_free(buttons->ids[i]);
}

void console_buttons_clear(struct console_session *session)
{
    for (size_t i = 0; i < session->button_count; i++)
        forget(&session->buttons[i]);
    session->button_count = 0;
}

static struct console_buttons *remember(struct console_session *session)
{
    struct console_buttons *all = session->buttons;

    if (session->button_count == CONSOLE_BUTTONS_MAX) {
        forget(&all[0]);
        memmove(&all[0], &all[1], (CONSOLE_BUTTONS_MAX - 1) * sizeof(all[0]));
        session->button_count--;
    }
    all[session->button_count] = (struct console_buttons){.number = ++session->button_number};
    return &all[session->button_count++];
}

static void show_select(struct console_session *session, struct console_buttons *buttons,
                        const json_t *select)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    const json_t *option;
    size_t i;

    buttons->ids[buttons->count++] = mem_strdup(json_get_str(select, "id", ""));
    buttons->min = (unsigned)json_get_int(select, "min", 1);
    buttons->max = (unsigned)json_get_int(select, "max", 1);
    json_array_foreach (json_object_get(select, "options"), i, option) {
        const char *more = json_get_str(option, "description", NULL);

        buf_printf(&text, "[%zu] %s%s%s%s\n", i + 1, json_get_str(option, "label", ""),
                   more ? " - " : "", more ? more : "",
                   json_is_true(json_object_get(option, "chosen")) ? " (chosen already)" : "");
    }
    buttons->options = i;
    if (buttons->max == 1)
        buf_puts(&text, "(type /press 1");
    else
        buf_printf(&text, "(choose %u to %u of them: type /press 1,2", buttons->min, buttons->max);
    if (!buttons->min)
        buf_puts(&text, ", or /press 0 for none");
    if (buttons->number == 1)
        buf_putc(&text, ')');
    else
        buf_printf(&text, ", later /press 1 of %u)", buttons->number);
    console_say(session, buf_text(&text));
}

void console_show_buttons(struct console_session *session, const struct outbox_row *row)
{
    _cleanup_json_ json_t *list = NULL;
    _cleanup_buf_ struct buf line = BUF_INIT;
    struct console_buttons *buttons;

    if (!row->buttons || json_parse(row->buttons, strlen(row->buttons), &list, NULL) < 0)
        return;
    buttons = remember(session);
    snprintf(buttons->message, sizeof(buttons->message), "%" PRId64, row->id);
    snprintf(buttons->about, sizeof(buttons->about), "%s", row->reply_to ? row->reply_to : "");
    if (json_object_get(json_array_get(list, 0), "options")) {
        show_select(session, buttons, json_array_get(list, 0));
        return;
    }
    for (size_t i = 0; i < json_array_size(list) && i < GATEWAY_BUTTONS_MAX; i++) {
        const json_t *button = json_array_get(list, i);

        buttons->ids[buttons->count++] = mem_strdup(json_get_str(button, "id", ""));
        buf_printf(&line, "[%zu] %s  ", buttons->count, json_get_str(button, "label", ""));
    }
    if (buttons->number == 1)
        buf_puts(&line, "(type /press 1)");
    else
        buf_printf(&line, "(type /press 1, later /press 1 of %u)", buttons->number);
    console_say(session, buf_text(&line));
}

/* "N", "N,N,…", and behind it perhaps "of MESSAGE". */
struct choice {
    unsigned numbers[GATEWAY_OPTIONS_MAX];
    size_t count;
    unsigned message; /* 0: the last one */
};

static bool parse(const char *text, struct choice *ret)
{
    int end = 0;

    *ret = (struct choice){.count = 0};
    do {
        if (ret->count == GATEWAY_OPTIONS_MAX ||
            sscanf(text, "%4u %n", &ret->numbers[ret->count++], &end) != 1 || !end)
            return false;
        text += end;
        end = 0;
    } while (*text++ == ',');
    text--;
    return !*text || (sscanf(text, "of %9u %n", &ret->message, &end) == 1 && end && !text[end]);
}

static bool press_select(struct console_session *session, const struct console_buttons *buttons,
                         const struct choice *choice)
{
    _cleanup_json_ json_t *places = json_array();
    _cleanup_mem_ char *values = NULL;
    bool none = choice->count == 1 && choice->numbers[0] == 0;
    char place[16];

    for (size_t i = 0; i < choice->count && !none; i++) {
        if (!choice->numbers[i] || choice->numbers[i] > buttons->options) {
            _cleanup_mem_ char *text =
                mem_printf("that message has the choices 1 to %zu", buttons->options);

            console_say(session, text);
            return false;
        }
        snprintf(place, sizeof(place), "%u", choice->numbers[i] - 1);
        json_array_append_new(places, json_string(place));
    }
    if (json_array_size(places) < buttons->min || json_array_size(places) > buttons->max) {
        _cleanup_mem_ char *text =
            mem_printf("choose %u to %u of them", buttons->min, buttons->max);

        console_say(session, text);
        return false;
    }
    values = json_print(places);
    console_submit(session, values, strlen(values), buttons->message, buttons->ids[0],
                   buttons->about);
    return true;
}

bool console_press(struct console_session *session, const char *argument)
{
    const struct console_buttons *buttons = NULL;
    struct choice choice;

    if (!parse(argument, &choice)) {
        console_say(session, "/press takes the number of a choice: /press 1, or /press 1 of 3 for "
                             "an earlier message");
        return false;
    }
    for (size_t i = 0; i < session->button_count; i++)
        if (!choice.message || session->buttons[i].number == choice.message)
            buttons = &session->buttons[i];
    if (!buttons) {
        console_say(session, "there is no message to press on");
        return false;
    }
    if (buttons->options)
        return press_select(session, buttons, &choice);
    if (choice.count != 1 || !choice.numbers[0] || choice.numbers[0] > buttons->count) {
        _cleanup_mem_ char *text =
            mem_printf("that message has the choices 1 to %zu", buttons->count);

        console_say(session, text);
        return false;
    }
    console_submit(session, "", 0, buttons->message, buttons->ids[choice.numbers[0] - 1],
                   buttons->about);
    return true;
}
