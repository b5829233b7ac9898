/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kv.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/migrate.h"

#define KV_LIVE "(expires_ms = 0 OR expires_ms > ?4)"

/* The core keeps keys of its own, which no plugin can name. */
static bool ns_allowed(const char *ns)
{
    return ns && (strcmp(ns, "core") == 0 || store_ns_valid(ns));
}

static troupe_status check_names(const char *ns, const char *scope, const char *key,
                                 struct error *err)
{
    if (!ns_allowed(ns))
        return error_set(err, TROUPE_ARGUMENT, "namespace \"%.80s\" is not a name for one",
                         ns ? ns : "");
    if (!scope || strlen(scope) > STORE_KV_SCOPE_MAX)
        return error_set(err, TROUPE_LIMIT, "a scope of more than %d bytes", STORE_KV_SCOPE_MAX);
    if (strlen(key) > STORE_KV_KEY_MAX)
        return error_set(err, TROUPE_LIMIT, "a key of more than %d bytes: shorten it",
                         STORE_KV_KEY_MAX);
    if (!text_is_utf8(key, strlen(key)) || !text_is_utf8(scope, strlen(scope)))
        return error_set(err, TROUPE_ARGUMENT, "a key or scope that is not UTF-8");
    return TROUPE_OK;
}

/* Also keeps a failure in the batch; false then. */
static bool may_write(struct store_batch *batch, const char *ns, const char *scope, const char *key,
                      size_t len)
{
    struct error err;
    troupe_status status = check_names(ns, scope, key, &err);

    if (status >= 0 && !*key)
        status = error_set(&err, TROUPE_ARGUMENT, "an empty key");
    if (status >= 0 && len > STORE_KV_VALUE_MAX)
        status = error_set(&err, TROUPE_LIMIT, "a value of more than %u bytes under \"%.80s\"",
                           STORE_KV_VALUE_MAX, key);
    if (status < 0)
        store_batch_fail(batch, status, err.text);
    return status >= 0;
}

size_t store_kv_put(struct store_batch *batch, const char *ns, const char *scope, const char *key,
                    const void *value, size_t len, int64_t expires_ms)
{
    if (!may_write(batch, ns, scope, key, len))
        return store_batch_count(batch);
    return store_batch_add(
        batch,
        STORE_EXPECT(1,
                     "INSERT INTO kv (ns, scope, key, value, expires_ms, updated_ms) "
                     "VALUES (?1, ?2, ?3, seal(?4, 'kv.value', ?1, ?2, ?3), ?5, ?6) "
                     "ON CONFLICT (ns, scope, key) DO UPDATE SET value = excluded.value, "
                     "version = kv.version + 1, expires_ms = excluded.expires_ms, "
                     "updated_ms = excluded.updated_ms",
                     store_text(ns), store_text(scope), store_text(key), store_blob(value, len),
                     store_int(expires_ms), store_int(clock_wall_ms())));
}

size_t store_kv_put_if(struct store_batch *batch, const char *ns, const char *scope,
                       const char *key, const void *value, size_t len, int64_t expires_ms,
                       int64_t version)
{
    int64_t now = clock_wall_ms();

    if (!may_write(batch, ns, scope, key, len))
        return store_batch_count(batch);
    if (version == 0) /* an expired row is as good as none */
        return store_batch_add(
            batch,
            STORE_EXPECT(1,
                         "INSERT INTO kv (ns, scope, key, value, expires_ms, updated_ms) "
                         "VALUES (?1, ?2, ?3, seal(?4, 'kv.value', ?1, ?2, ?3), ?5, ?6) "
                         "ON CONFLICT (ns, scope, key) DO UPDATE SET value = excluded.value, "
                         "version = kv.version + 1, expires_ms = excluded.expires_ms, "
                         "updated_ms = excluded.updated_ms "
                         "WHERE kv.expires_ms > 0 AND kv.expires_ms <= excluded.updated_ms",
                         store_text(ns), store_text(scope), store_text(key), store_blob(value, len),
                         store_int(expires_ms), store_int(now)));
    return store_batch_add(
        batch, STORE_EXPECT(1,
                            "UPDATE kv SET value = seal(?5, 'kv.value', ?1, ?2, ?3), "
                            "version = version + 1, expires_ms = ?6, "
                            "updated_ms = ?4 WHERE ns = ?1 AND scope = ?2 AND key = ?3 AND "
                            "version = ?7 AND " KV_LIVE,
                            store_text(ns), store_text(scope), store_text(key), store_int(now),
                            store_blob(value, len), store_int(expires_ms), store_int(version)));
}

size_t store_kv_delete(struct store_batch *batch, const char *ns, const char *scope,
                       const char *key)
{
    if (!may_write(batch, ns, scope, key, 0))
        return store_batch_count(batch);
    return store_batch_add(batch,
                           STORE_SQL("DELETE FROM kv WHERE ns = ?1 AND scope = ?2 AND key = ?3",
                                     store_text(ns), store_text(scope), store_text(key)));
}

size_t store_kv_delete_all(struct store_batch *batch, const char *ns, const char *scope)
{
    if (!may_write(batch, ns, scope ? scope : "", "*", 0))
        return store_batch_count(batch);
    if (!scope)
        return store_batch_add(batch, STORE_SQL("DELETE FROM kv WHERE ns = ?1", store_text(ns)));
    return store_batch_add(batch, STORE_SQL("DELETE FROM kv WHERE ns = ?1 AND scope = ?2",
                                            store_text(ns), store_text(scope)));
}

troupe_status store_kv_get(struct store *store, const char *ns, const char *scope, const char *key,
                           uint64_t deadline, struct store_rows **ret, struct error *err)
{
    struct store_rows *rows;
    troupe_status status = check_names(ns, scope, key, err);

    if (status >= 0)
        status = store_query(store,
                             STORE_SQL("SELECT unseal(value, 'kv.value', ns, scope, key), "
                                       "version, expires_ms FROM kv WHERE ns = ?1 "
                                       "AND scope = ?2 AND key = ?3 AND " KV_LIVE,
                                       store_text(ns), store_text(scope), store_text(key),
                                       store_int(clock_wall_ms())),
                             deadline, &rows, err);
    if (status < 0)
        return status;
    if (rows->count == 0) {
        store_rows_free(rows);
        return error_set(err, TROUPE_NOT_FOUND, "no key \"%.80s\"", key);
    }
    *ret = rows;
    return TROUPE_OK;
}

troupe_status store_kv_list(struct store *store, const char *ns, const char *scope,
                            const char *prefix, const char *after, size_t limit, uint64_t deadline,
                            struct store_rows **ret, struct error *err)
{
    _cleanup_mem_ char *end = NULL;
    troupe_status status = check_names(ns, scope, prefix, err);

    if (status >= 0 && after)
        status = check_names(ns, scope, after, err);
    if (status < 0)
        return status;
    if (limit == 0 || limit > STORE_KV_LIST_MAX)
        limit = STORE_KV_LIST_MAX;
    /* U+10FFFF sorts behind every character there is. */
    end = mem_printf("%s\xf4\x8f\xbf\xbf", prefix);
    return store_query(store,
                       STORE_SQL("SELECT key, unseal(value, 'kv.value', ns, scope, key), "
                                 "version, expires_ms FROM kv WHERE ns = ?1 AND "
                                 "scope = ?2 AND key >= ?3 AND " KV_LIVE " AND key < ?5 "
                                 "AND key > ?6 ORDER BY key LIMIT ?7",
                                 store_text(ns), store_text(scope), store_text(prefix),
                                 store_int(clock_wall_ms()), store_text(end),
                                 store_text(after ? after : ""), store_int((int64_t)limit)),
                       deadline, ret, err);
}

troupe_status store_kv_count(struct store *store, const char *ns, const char *scope,
                             const char *except, uint64_t deadline, int64_t *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = check_names(ns, scope, except, err);

    if (status >= 0)
        status = store_query(
            store,
            STORE_SQL("SELECT count(*) FROM kv WHERE ns = ?1 AND scope = ?2 AND key <> ?3",
                      store_text(ns), store_text(scope), store_text(except)),
            deadline, &rows, err);
    if (status >= 0)
        *ret = store_cell_int(rows, 0, 0, 0);
    return status;
}

troupe_status store_kv_sweep(struct store *store, size_t max, uint64_t deadline,
                             size_t *ret_removed, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    store_batch_add(
        batch, STORE_SQL("DELETE FROM kv WHERE (ns, scope, key) IN (SELECT ns, scope, key FROM kv "
                         "WHERE expires_ms > 0 AND expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)",
                         store_int(clock_wall_ms()), store_int((int64_t)max)));
    status = store_commit(store, batch, deadline, err);
    if (status >= 0 && ret_removed)
        *ret_removed = (size_t)store_batch_changes(batch, 0);
    return status;
}
