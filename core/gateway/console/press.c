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

/* "N" or "N of MESSAGE". */
static bool parse(const char *text, unsigned *ret_choice, unsigned *ret_message)
{
    int end = 0;

    *ret_message = 0;
    if (sscanf(text, "%4u %n", ret_choice, &end) == 1 && end && !text[end])
        return true;
    end = 0;
    return sscanf(text, "%4u of %9u %n", ret_choice, ret_message, &end) == 2 && end && !text[end];
}

bool console_press(struct console_session *session, const char *argument)
{
    const struct console_buttons *buttons = NULL;
    unsigned choice, message;

    if (!parse(argument, &choice, &message)) {
        console_say(session, "/press takes the number of a choice: /press 1, or /press 1 of 3 for "
                             "an earlier message");
        return false;
    }
    for (size_t i = 0; i < session->button_count; i++)
        if (!message || session->buttons[i].number == message)
            buttons = &session->buttons[i];
    if (!buttons) {
        console_say(session, "there is no message to press on");
        return false;
    }
    if (!choice || choice > buttons->count) {
        _cleanup_mem_ char *text =
            mem_printf("that message has the choices 1 to %zu", buttons->count);

        console_say(session, text);
        return false;
    }
    console_submit(session, "", 0, buttons->message, buttons->ids[choice - 1], buttons->about);
    return true;
}
