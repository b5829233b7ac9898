/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin whose second schema step does not hold.
 */
#include <troupe/troupe.h>

TROUPE_EMBED(bad_migration_first, "bad_migration_1.sql");
TROUPE_EMBED(bad_migration_second, "bad_migration_2.sql");

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

TROUPE_PLUGIN(
    "org.example.badmigration", "1.0.0", "Keeps something it cannot", .stage = stage,
    .needs = TROUPE_SQL, .capabilities = "sql",
    .migrations = TROUPE_MIGRATIONS({1, 0, "bad_migration_1.sql", bad_migration_first, NULL},
                                    {2, 0, "bad_migration_2.sql", bad_migration_second, NULL}));
