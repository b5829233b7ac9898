/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_stop.h"

#include "base/clock.h"
#include "base/hash.h"
#include "turn/owner.h"

#include "turn/sql/budget_stop.h"

#include <stdio.h>
#include <string.h>

_Static_assert(TURN_BUDGET_ALIAS_SIZE > sizeof("deleted-") + CACHE_OWNER, "it has to fit");

void turn_budget_stop_alias(const char *what, char ret[TURN_BUDGET_ALIAS_SIZE])
{
    char digest[CACHE_OWNER + 1];

    ret[0] = '\0';
    if (turn_owner(what, digest))
        snprintf(ret, TURN_BUDGET_ALIAS_SIZE, "deleted-%s", digest);
}

void turn_budget_stop_alias_kept(struct turn_budget_aliases *aliases, const char *what,
                                 char ret[TURN_BUDGET_ALIAS_SIZE])
{
    const size_t len = strlen(what);
    size_t at = (size_t)(hash_finish(hash_add(HASH_START, what, len)) % TURN_BUDGET_ALIASES);

    if (!aliases || len >= sizeof(aliases->kept[at].what)) {
        turn_budget_stop_alias(what, ret);
        return;
    }
    if (!aliases->kept[at].alias[0] || strcmp(aliases->kept[at].what, what) != 0) {
        turn_budget_stop_alias(what, aliases->kept[at].alias);
        memcpy(aliases->kept[at].what, what, len + 1);
    }
    memcpy(ret, aliases->kept[at].alias, TURN_BUDGET_ALIAS_SIZE);
}

void turn_budget_stop_note(struct store_batch *batch, int64_t id)
{
    store_batch_add(batch,
                    STORE_SQL(SQL_BUDGET_STOP_NOTE, store_int(id), store_int(clock_wall_ms())));
}

troupe_status turn_budget_stop_refusal(struct store *store,
                                       const struct turn_budget_request *request, uint64_t deadline,
                                       struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    char alias[TURN_BUDGET_ALIAS_SIZE];

    if (!request->what)
        return TROUPE_OK;
    turn_budget_stop_alias(request->what, alias);
    if (store_query(store,
                    STORE_SQL(SQL_BUDGET_STOP_OF, store_text(request->what), store_text(alias)),
                    deadline, &rows, NULL) < 0)
        return TROUPE_OK;
    if (!rows->count)
        return TROUPE_OK;
    return error_set(err, TROUPE_BUDGET,
                     "\"%s\" cost more than it could, so nothing more is spent on it until the "
                     "bot's owner has looked at its price and confirms it: /usage confirm:%s, or "
                     "troupe usage \"%s\" at the shell",
                     request->what, request->what, request->what);
}

troupe_status turn_budget_stop_list(struct store *store, uint64_t deadline, struct store_rows **ret,
                                    struct error *err)
{
    return store_query(store, STORE_SQL(SQL_BUDGET_STOP_ALL), deadline, ret, err);
}

troupe_status turn_budget_stop_confirm(struct store *store, const char *what, uint64_t deadline,
                                       struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    char alias[TURN_BUDGET_ALIAS_SIZE];
    troupe_status status;

    turn_budget_stop_alias(what, alias);
    store_batch_add(batch, STORE_EXPECT(STORE_ANY, SQL_BUDGET_STOP_CONFIRM, store_text(what),
                                        store_text(alias)));
    status = store_commit(store, batch, deadline, err);
    if (status == TROUPE_OK && store_batch_changes(batch, 0) == 0)
        return error_set(err, TROUPE_NOT_FOUND, "nothing called \"%s\" is stopped", what);
    return status;
}
