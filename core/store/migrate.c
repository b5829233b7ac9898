/* SPDX-License-Identifier: Apache-2.0
 *
 * What migrations are to every driver: the order of versions, the checksum, the core's own steps.
 */
#include "store/migrate.h"

#include "base/embed.h"
#include "base/hash.h"
#include "store/driver.h"

#include <inttypes.h>
#include <stdio.h>

EMBED_TEXT(store_schema_001, "store/sql/001_core.sql");
EMBED_TEXT(store_schema_002, "store/sql/002_turn.sql");
EMBED_TEXT(store_schema_003, "store/sql/003_outbox.sql");
EMBED_TEXT(store_schema_004, "store/sql/004_discord.sql");
EMBED_TEXT(store_schema_005, "store/sql/005_sched.sql");
EMBED_TEXT(store_schema_006, "store/sql/006_setting.sql");
EMBED_TEXT(store_schema_007, "store/sql/007_surface.sql");
EMBED_TEXT(store_schema_008, "store/sql/008_conversation.sql");
EMBED_TEXT(store_schema_009, "store/sql/009_form.sql");
EMBED_TEXT(store_schema_010, "store/sql/010_erasure.sql");
EMBED_TEXT(store_schema_011, "store/sql/011_budget.sql");
EMBED_TEXT(store_schema_012, "store/sql/012_budget_stop.sql");
EMBED_TEXT(store_schema_013, "store/sql/013_keep.sql");
EMBED_TEXT(store_schema_014, "store/sql/014_hosts.sql");
EMBED_TEXT(store_schema_015, "store/sql/015_index.sql");
EMBED_TEXT(store_schema_016, "store/sql/016_answer_file.sql");
EMBED_TEXT(store_schema_017, "store/sql/017_blob.sql");

static const struct store_migration core_steps[] = {
    {1, "001_core.sql", store_schema_001},    {2, "002_turn.sql", store_schema_002},
    {3, "003_outbox.sql", store_schema_003},  {4, "004_discord.sql", store_schema_004},
    {5, "005_sched.sql", store_schema_005},   {6, "006_setting.sql", store_schema_006},
    {7, "007_surface.sql", store_schema_007}, {8, "008_conversation.sql", store_schema_008},
    {9, "009_form.sql", store_schema_009},    {10, "010_erasure.sql", store_schema_010},
    {11, "011_budget.sql", store_schema_011}, {12, "012_budget_stop.sql", store_schema_012},
    {13, "013_keep.sql", store_schema_013},   {14, "014_hosts.sql", store_schema_014},
    {15, "015_index.sql", store_schema_015},  {16, "016_answer_file.sql", store_schema_016},
    {17, "017_blob.sql", store_schema_017},
};

const struct store_migration *store_core_migrations(size_t *ret_count)
{
    *ret_count = sizeof(core_steps) / sizeof(core_steps[0]);
    return core_steps;
}

void store_checksum(const char *text, char ret[STORE_CHECKSUM_SIZE])
{
    snprintf(ret, STORE_CHECKSUM_SIZE, "%016" PRIx64, hash_add(HASH_START, text, strlen(text)));
}

troupe_status store_migrations_valid(const char *ns, const struct store_migration *steps,
                                     size_t count, struct error *err)
{
    if (ns && !store_ns_valid(ns))
        return error_set(err, TROUPE_ARGUMENT, "namespace \"%.80s\" is not a name for one", ns);
    for (size_t i = 0; i < count; i++)
        if (steps[i].version != (int64_t)i + 1)
            return error_set(err, TROUPE_ARGUMENT,
                             "namespace \"%s\": migration %" PRId64
                             " stands where %zu belongs: number them 1, 2, 3 without a gap",
                             ns ? ns : "core", steps[i].version, i + 1);
    return TROUPE_OK;
}

troupe_status store_migrations_applied(const char *ns, const struct store_migration *steps,
                                       size_t count, const struct store_rows *rows,
                                       size_t *ret_applied, struct error *err)
{
    const char *shown = ns ? ns : "core";
    char checksum[STORE_CHECKSUM_SIZE];

    if (rows->count > count)
        return error_set(err, TROUPE_VERSION,
                         "the data of \"%s\" is at version %" PRId64 " and this build knows %zu: "
                         "install the newer build again, or restore a backup from before it",
                         shown, store_cell_int(rows, rows->count - 1, 0, 0), count);
    for (size_t i = 0; i < rows->count; i++) {
        const struct store_migration *step = &steps[i];

        if (store_cell_int(rows, i, 0, 0) != step->version)
            return error_set(err, TROUPE_DATA,
                             "\"%s\": the record of migration %" PRId64 " is missing in the data "
                             "base: restore a backup",
                             shown, step->version);
        store_checksum(step->sql, checksum);
        if (strcmp(checksum, store_cell_text(rows, i, 1, "")) != 0)
            return error_set(err, TROUPE_DATA,
                             "\"%s\": migration %" PRId64 " (%s) was altered after it ran: put its "
                             "text back and add a new one",
                             shown, step->version, step->name);
    }
    *ret_applied = rows->count;
    return TROUPE_OK;
}
