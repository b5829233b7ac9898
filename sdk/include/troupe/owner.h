/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/owner.h - "troupe.owner/1": what the bot's owner should hear of without looking. Capability
 * "owner".
 *
 *     troupe_tell_owner(turn, "the shop's API has refused %u orders within an hour; look at its key", count);
 *
 * It is a warning in the log under the agent's name, and where the owner has set up a channel for that
 * (`[discord] report_channel`) a sentence there, of which an hour has at most 20 of all agents together: so
 * it is for what somebody has to do something about, told once and not each time. Nothing that members
 * wrote and no secret belongs there.
 */
#ifndef TROUPE_OWNER_H
#define TROUPE_OWNER_H

#include <stdarg.h>
#include <stdio.h>

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_OWNER_EXTENSION "troupe.owner/1"

#define TROUPE_OWNER_MAX       1000u /* bytes of a sentence; the rest is cut */

/* The extension's table. */
typedef struct troupe_owner_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Tells a sentence in UTF-8; whether somebody reads it nobody knows. TROUPE_DENIED without the
     * capability, TROUPE_ARGUMENT without a sentence, TROUPE_DATA for what is not UTF-8. Not recorded: a
     * stage that runs again tells it again. [turn] */
    troupe_status (*tell)(troupe_turn *turn, const char *sentence);
} troupe_owner_v1;

/* Tells it where this host can; elsewhere, and in an isolated agent, TROUPE_UNSUPPORTED. Not recorded.
 * [turn] */
__attribute__((format(printf, 2, 3))) static inline troupe_status
troupe_tell_owner(troupe_turn *turn, const char *format, ...)
{
    const troupe_owner_v1 *owner =
        (const troupe_owner_v1 *)troupe_get_extension(turn, TROUPE_OWNER_EXTENSION);
    char text[TROUPE_OWNER_MAX + 1];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return owner ? owner->tell(turn, text) : TROUPE_UNSUPPORTED;
}

#endif
