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
EMBED_TEXT(store_schema_018, "store/sql/018_budget_lists.sql");
EMBED_TEXT(store_schema_019, "store/sql/019_budget_hour.sql");

EMBED_TEXT(store_back_002, "store/sql/back/002_turn.sql");
EMBED_TEXT(store_back_003, "store/sql/back/003_outbox.sql");
EMBED_TEXT(store_back_004, "store/sql/back/004_discord.sql");
EMBED_TEXT(store_back_005, "store/sql/back/005_sched.sql");
EMBED_TEXT(store_back_006, "store/sql/back/006_setting.sql");
EMBED_TEXT(store_back_007, "store/sql/back/007_surface.sql");
EMBED_TEXT(store_back_008, "store/sql/back/008_conversation.sql");
EMBED_TEXT(store_back_009, "store/sql/back/009_form.sql");
EMBED_TEXT(store_back_010, "store/sql/back/010_erasure.sql");
EMBED_TEXT(store_back_011, "store/sql/back/011_budget.sql");
EMBED_TEXT(store_back_012, "store/sql/back/012_budget_stop.sql");
EMBED_TEXT(store_back_013, "store/sql/back/013_keep.sql");
EMBED_TEXT(store_back_014, "store/sql/back/014_hosts.sql");
EMBED_TEXT(store_back_015, "store/sql/back/015_index.sql");
EMBED_TEXT(store_back_016, "store/sql/back/016_answer_file.sql");
EMBED_TEXT(store_back_017, "store/sql/back/017_blob.sql");
EMBED_TEXT(store_back_018, "store/sql/back/018_budget_lists.sql");
EMBED_TEXT(store_back_019, "store/sql/back/019_budget_hour.sql");

static const struct store_migration core_steps[] = {
    {1, "001_core.sql", store_schema_001, NULL},
    {2, "002_turn.sql", store_schema_002, store_back_002},
    {3, "003_outbox.sql", store_schema_003, store_back_003},
    {4, "004_discord.sql", store_schema_004, store_back_004},
    {5, "005_sched.sql", store_schema_005, store_back_005},
    {6, "006_setting.sql", store_schema_006, store_back_006},
    {7, "007_surface.sql", store_schema_007, store_back_007},
    {8, "008_conversation.sql", store_schema_008, store_back_008},
    {9, "009_form.sql", store_schema_009, store_back_009},
    {10, "010_erasure.sql", store_schema_010, store_back_010},
    {11, "011_budget.sql", store_schema_011, store_back_011},
    {12, "012_budget_stop.sql", store_schema_012, store_back_012},
    {13, "013_keep.sql", store_schema_013, store_back_013},
    {14, "014_hosts.sql", store_schema_014, store_back_014},
    {15, "015_index.sql", store_schema_015, store_back_015},
    {16, "016_answer_file.sql", store_schema_016, store_back_016},
    {17, "017_blob.sql", store_schema_017, store_back_017},
    {18, "018_budget_lists.sql", store_schema_018, store_back_018},
    {19, "019_budget_hour.sql", store_schema_019, store_back_019},
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
        return error_set(
            err, TROUPE_VERSION,
            "the data of \"%s\" is at version %" PRId64 " and this build knows %zu: "
            "install the newer build again, which can take it back (troupe schema back), or "
            "restore a backup from before it",
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

troupe_status store_migrations_back(const char *ns, const struct store_migration *steps,
                                    size_t applied, int64_t to_version, struct error *err)
{
    const char *shown = ns ? ns : "core";

    if (to_version < 0 || to_version >= (int64_t)applied)
        return error_set(
            err, TROUPE_ARGUMENT,
            "the data of \"%s\" is at version %zu, and there is no way back from there to "
            "%" PRId64 ": name one before it, see troupe schema",
            shown, applied, to_version);
    for (size_t i = applied; i > (size_t)to_version; i--)
        if (!steps[i - 1].back)
            return error_set(err, TROUPE_CONFLICT,
                             "\"%s\": migration %" PRId64 " (%s) has no way back: restore a backup "
                             "from before it",
                             shown, steps[i - 1].version, steps[i - 1].name);
    return TROUPE_OK;
}

troupe_status store_migrations_encrypted(struct error *err)
{
    return error_set(
        err, TROUPE_CONFLICT,
        "the database is encrypted, and before version %d nothing is: move encrypt_key "
        "to encrypt_old_keys and run troupe reseal first",
        STORE_CORE_KEEPS);
}

troupe_status store_migrations_none(struct error *err)
{
    return error_set(err, TROUPE_NOT_FOUND, "there is nothing in this database yet");
}

bool store_migration_lost(const char **at, const char **ret, size_t *ret_len)
{
    static const char mark[] = "-- lost: ";
    const size_t len = sizeof(mark) - 1;

    while (**at) {
        const char *line = *at, *end = strchrnul(line, '\n');

        *at = *end ? end + 1 : end;
        if (strncmp(line, mark, len) != 0)
            continue;
        *ret = line + len;
        *ret_len = (size_t)(end - *ret);
        return true;
    }
    return false;
}
