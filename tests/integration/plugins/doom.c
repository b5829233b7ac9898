/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that takes the host down when it is told to.
 */
#include <troupe/troupe.h>

#include <string.h>

static int says(const troupe_message *message, const char *word)
{
    return message->content.len == strlen(word) &&
           !memcmp(message->content.ptr, word, message->content.len);
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    volatile uintptr_t nowhere = 64;
    troupe_status status;

    if (!message)
        return TROUPE_NEXT;
    if (says(message, "spin"))
        for (;;)
            __asm__ volatile("" ::: "memory");
    if (says(message, "crash"))
        *(volatile char *)nowhere = 1;
    status = troupe_reply(turn, "fine: %.*s", (int)message->content.len, message->content.ptr);
    return status < 0 ? status : TROUPE_DONE;
}

TROUPE_PLUGIN("org.example.doom", "1.0.0", "Takes the host down", .stage = stage);
