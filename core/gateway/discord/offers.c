/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member may do about an answer, as buttons below its last message: what the engine offers, and
 * what [discord] buttons wants. Questions bring their own.
 */
#include "gateway/discord/answer_private.h"

#include "base/text.h"
#include "gateway/outbox.h"

#include <stdio.h>
#include <string.h>

#define ID_SIZE 48

/* A turn's own answer to something that a member asked in words: no command, no reminder. */
static bool is_open(const struct discord_answer *answer)
{
    const char *prefix = answer->discord->prefix;

    return answer->turn && answer->ordinal == 0 && answer->kind == GATEWAY_REPLY &&
           !(answer->event->flags & EVENT_UNASKED) && !strcmp(answer->event->kind, "message") &&
           !(prefix && *prefix && text_starts(answer->event->content, prefix));
}

char *discord_offers_growing(const struct discord_answer *answer)
{
    char id[ID_SIZE];
    const struct gateway_button stop = {id, "Stop"};

    if (!answer->discord->offers.stop || !is_open(answer))
        return NULL;
    snprintf(id, sizeof(id), GATEWAY_PRESS_STOP, answer->turn);
    return outbox_buttons(&stop, 1);
}

char *discord_offers_ended(const struct discord_answer *answer, const struct gateway_final *final)
{
    struct gateway_button buttons[GATEWAY_BUTTONS_MAX];
    char again[ID_SIZE], up[ID_SIZE], down[ID_SIZE];
    size_t count = 0;

    if (final->select || final->button_count || final->outcome != GATEWAY_COMPLETE ||
        !is_open(answer))
        return gateway_components_print(final->select, final->buttons, final->button_count);
    if (answer->discord->offers.again) {
        snprintf(again, sizeof(again), GATEWAY_PRESS_AGAIN, answer->turn);
        buttons[count++] = (struct gateway_button){again, "Regenerate"};
    }
    if (answer->discord->offers.rate) {
        snprintf(up, sizeof(up), GATEWAY_PRESS_RATE, answer->turn, 1);
        snprintf(down, sizeof(down), GATEWAY_PRESS_RATE, answer->turn, -1);
        buttons[count++] = (struct gateway_button){up, "👍"};
        buttons[count++] = (struct gateway_button){down, "👎"};
    }
    return outbox_buttons(buttons, count);
}
