/* SPDX-License-Identifier: Apache-2.0
 *
 * How a member wants to be talked to. One row for each member, in every guild and direct message.
 */
#ifndef CONVERSATION_PREFERENCES_H
#define CONVERSATION_PREFERENCES_H

#include <troupe/troupe.h>

#define PREFERENCES_WINDOW_MIN 2
#define PREFERENCES_WINDOW_MAX 50

struct preferences {
    char name[132]; /* "" where the member gave none */
    char tone[16];
    char emoji[16];
    char language[20];
    char time_zone[16]; /* "UTC" or "UTC+02:00" */
    int32_t offset_minutes;
    int64_t window;
};

/* What a member asks for; empty texts and 0 leave things as they are. */
struct preferences_change {
    troupe_str name; /* "-" takes it back */
    troupe_str tone, emoji, language, time_zone;
    int64_t window;
};

/* Friendly, medium, English, 10 messages, UTC. */
void preferences_defaults(struct preferences *ret);
/* The member's own, or the defaults. [turn, waits] */
troupe_status preferences_load(troupe_turn *turn, struct preferences *ret);
/* Changes `preferences` and writes into `said` what changed ("tone is now casual, …").
 * TROUPE_ARGUMENT with a sentence in `said` for a value that cannot be. Stores nothing. */
troupe_status preferences_apply(struct preferences *preferences,
                                const struct preferences_change *change, char *said, size_t size);
troupe_status preferences_store(troupe_turn *turn, const struct preferences *preferences);
troupe_status preferences_reset(troupe_turn *turn);

/* Whether they ask for answers as everybody gets them: in tone, emoji, language and the day that it is. */
int preferences_are_usual(const struct preferences *preferences);
/* What is said about emoji in a prompt. */
const char *preferences_emoji_rule(const struct preferences *preferences);

#endif
