/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/postgres/postgres.h"

#include <inttypes.h>

troupe_status postgres_keys_take(struct postgres_connection *conn, uint64_t deadline,
                                 struct error *err)
{
    const struct seal_keys *keys = &conn->server->keys;
    _cleanup_rows_ struct store_rows *used = store_rows_new(1);
    _cleanup_mem_ char *text = NULL;
    PGresult *result = NULL;
    troupe_status status =
        postgres_exec(conn, "SELECT id FROM troupe.seal_key ORDER BY created_ms DESC, id", deadline,
                      &result, err);

    for (int i = 0; status >= 0 && i < PQntuples(result); i++)
        status = store_rows_put(used, store_text(PQgetvalue(result, i, 0)));
    PQclear(result);
    if (status >= 0)
        status = seal_keys_check(keys, used, conn->server->unfinished, err);
    if (status < 0 || !keys->writes)
        return status;
    /* An id is of hexadecimal digits. */
    text = mem_printf("INSERT INTO troupe.seal_key (id, created_ms) VALUES ('%s', %" PRId64 ") "
                      "ON CONFLICT (id) DO NOTHING",
                      keys->keys[0].id, clock_wall_ms());
    return postgres_exec(conn, text, deadline, NULL, err);
}
