/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands above the message that a message answers: looked up once, before the first stage, and
 * stored with the event, so that a turn that runs again reads the same. Without it the question is
 * answered all the same.
 */
#include "base/log.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/sql/turn.h"

static void take(struct turn *turn, const char *chain)
{
    struct event event = *turn->event, *with;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = NULL;
    struct error err;

    event.chain = chain;
    with = event_new(&event);
    payload = event_print(with);
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_REVISE, store_int(turn->id), store_text(payload)));
    if (store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), &err) < 0) {
        log_warn("turn", "turn %lld goes without what its message answers: %s", (long long)turn->id,
                 err.text);
        event_unref(with);
        return;
    }
    event_unref(turn->event);
    turn->event = with;
    turn_trace_add(&turn->trace, "chain", "looked_up", "%zu bytes", strlen(chain));
}

bool turn_chain_open(struct turn *turn)
{
    const struct event *event = turn->event;
    struct gateway *gateway = event->gateway;
    _cleanup_mem_ char *chain = NULL;
    troupe_status status = TROUPE_OK;

    if (!event->quote || !event->quote_to || event->chain || !turn->id || !gateway ||
        !gateway->ops->chain)
        return true;
    while (turn->storing && status == TROUPE_OK) /* a message that came before asks for nothing */
        status = co_sleep(1);
    if (status < 0 || turn->state || gateway->ops->chain(gateway, turn->event, &chain) < 0)
        return false;
    if (chain)
        take(turn, chain);
    return co_status() == TROUPE_OK && !turn->state;
}
