/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/sweep.h"

#include "gateway/attached.h"
#include "turn/budget_span.h"
#include "turn/sql/budget.h"
#include "turn/sql/call.h"
#include "turn/sql/file.h"
#include "turn/sql/rating.h"
#include "turn/sql/turn.h"
#include "turn/sql/wait.h"

#include <string.h>

#define PORTION       500 /* rows of a statement, as the statements say */
#define FILES_PORTION 10

troupe_status turn_sweep(struct store *store, int64_t now_ms, int64_t keep_traces_ms,
                         uint64_t deadline, bool *ret_more, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_value texts = store_int(now_ms - TURN_KEEP_TEXT_MS);
    struct store_value traces = store_int(now_ms - keep_traces_ms);
    char day[TURN_BUDGET_DAY_SIZE];
    troupe_status status;
    bool more = false;
    size_t files;

    store_batch_add(batch, STORE_SQL(SQL_RATING_SWEEP, store_int(now_ms - TURN_KEEP_LEDGER_MS)));
    turn_budget_day(now_ms - TURN_KEEP_LEDGER_MS, day);
    store_batch_add(batch, STORE_SQL(SQL_CALL_SWEEP, texts));
    store_batch_add(batch, STORE_SQL(SQL_TURN_SWEEP_PAYLOAD, texts));
    files = store_batch_count(batch);
    store_batch_add(batch, STORE_SQL(SQL_FILE_SWEEP, texts));
    attached_sweep(batch, now_ms - TURN_KEEP_TEXT_MS);
    store_batch_add(batch, STORE_SQL(SQL_WAIT_SWEEP, texts));
    store_batch_add(batch, STORE_SQL(SQL_TURN_SWEEP_OUTBOX, texts));
    store_batch_add(batch, STORE_SQL(SQL_TURN_SWEEP_UNSEEN, traces));
    store_batch_add(batch, STORE_SQL(SQL_TURN_SWEEP_LOOSE, traces));
    store_batch_add(batch, STORE_SQL(SQL_CALL_SWEEP_EVENT, traces));
    store_batch_add(batch, STORE_SQL(SQL_TURN_SWEEP_EVENT, traces));
    store_batch_add(batch, STORE_SQL(SQL_BUDGET_SWEEP_LEDGER, store_text(day)));
    store_batch_add(batch, STORE_SQL(SQL_BUDGET_SWEEP_DAY, store_text(day)));
    turn_budget_span_sweep(batch, now_ms);
    status = store_commit(store, batch, deadline, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < store_batch_count(batch); i++)
        more |= store_batch_changes(batch, i) >=
                (i >= files && i <= files + 2 ? FILES_PORTION : PORTION);
    *ret_more = more;
    return TROUPE_OK;
}
