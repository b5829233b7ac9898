/* SPDX-License-Identifier: Apache-2.0
 *
 * What the turn layer asks of a gateway: show an answer, piece by piece or whole, and tell the
 * member something beside it. Gateways call turn_engine_submit (through a callback that core/main
 * wires) for what comes in. Loop thread, inside a coroutine; calls may wait, for a time that the
 * gateway bounds by itself: the end of a turn waits for them, and a stop for the end of the turn.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/event.h"

enum gateway_outcome {
    GATEWAY_COMPLETE,    /* the answer is whole                               */
    GATEWAY_INTERRUPTED, /* it stops here; the gateway marks it "(interrupted)" */
};

struct gateway;

struct gateway_ops {
    /* A new answer to `event`; `ret` is the gateway's handle on it. Nothing need be visible yet. */
    troupe_status (*answer_begin)(struct gateway *gateway, const struct event *event, int64_t turn,
                                  void **ret, struct error *err);
    /* More text of it. The gateway shows it as its medium allows and may gather pieces. */
    troupe_status (*answer_write)(struct gateway *gateway, void *answer, const char *text,
                                  size_t len);
    /* The end; the handle is gone afterwards. `text` NULL: what was written stands; else it is the
     * whole final text, replacing what was shown. Durable intent was stored before. */
    troupe_status (*answer_end)(struct gateway *gateway, void *answer, enum gateway_outcome outcome,
                                const char *text, size_t len, struct error *err);
    /* A sentence to the member beside any answer, visible to others only if `private` is false. */
    troupe_status (*notice)(struct gateway *gateway, const struct event *event, const char *text,
                            bool private);
    /* Whether somebody is working on the event: typing, a reaction. */
    void (*working)(struct gateway *gateway, const struct event *event, bool on);
};

struct gateway {
    const struct gateway_ops *ops;
    const char *name;
};

#endif
