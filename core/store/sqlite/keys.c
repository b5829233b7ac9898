/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/sqlite/sqlite.h"

static troupe_status run(struct sqlite_connection *conn, const char *key,
                         const struct store_value *params, size_t count, struct store_rows **ret,
                         struct error *err)
{
    struct store_command command = {
        .key = key,
        .key_len = strlen(key),
        .sql = key + 1,
        .expect = STORE_ANY,
        .params = params,
        .param_count = count,
    };
    troupe_status status = sqlite_run(conn, NULL, &command, false, err);

    if (status >= 0 && ret) {
        *ret = command.rows;
        command.rows = NULL;
    }
    store_command_reset(&command);
    return status;
}

troupe_status sqlite_keys_take(struct sqlite_connection *conn, const struct seal_keys *keys,
                               bool unfinished, struct error *err)
{
    _cleanup_rows_ struct store_rows *used = NULL;
    const struct store_value params[] = {store_text(keys->writes ? keys->keys[0].id : NULL),
                                         store_int(clock_wall_ms())};
    troupe_status status =
        run(conn, "\nSELECT id FROM seal_key ORDER BY created_ms DESC, id", NULL, 0, &used, err);

    if (status >= 0)
        status = seal_keys_check(keys, used, unfinished, err);
    if (status < 0 || !keys->writes)
        return status;
    return run(conn,
               "\nINSERT INTO seal_key (id, created_ms) VALUES (?1, ?2) "
               "ON CONFLICT (id) DO NOTHING",
               params, 2, NULL, err);
}
