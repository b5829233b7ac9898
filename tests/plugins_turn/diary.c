/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that keeps something about members for a while, and something without whose it was.
 */
#include <troupe/troupe.h>

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

TROUPE_PLUGIN("org.example.diary", "1.0.0", "Keeps a diary", .needs = TROUPE_SQL,
              .capabilities = "sql", .stage = stage,
              .user_data = TROUPE_USER_DATA(
                  TROUPE_USER_TABLE("page", "Your pages", .age = "written_ms", .keep_days = 90),
                  TROUPE_USER_TABLE("mood", "Your moods", .age = "at_ms", .keep_days = 30,
                                    .flags = TROUPE_USER_ANONYMISE),
                  TROUPE_USER_TABLE("taste", "What you like")));
