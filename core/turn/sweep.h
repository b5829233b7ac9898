/* SPDX-License-Identifier: Apache-2.0
 *
 * What is over goes: the texts of messages and answers and the recorded calls after TURN_KEEP_TEXT_MS, traces and answers
 * that nobody came to see after the time the config gives, the ledger after TURN_KEEP_LEDGER_MS. In bounded portions, so that nothing
 * waits for it. Rule: docs/architecture.md, "Storage".
 */
#ifndef TURN_SWEEP_H
#define TURN_SWEEP_H

#include "store/store.h"

#define TURN_KEEP_TEXT_MS   (24 * 3600 * 1000ll)
#define TURN_KEEP_LEDGER_MS (90 * 24 * 3600 * 1000ll)

/* One portion of everything; `now_ms` is wall time. True in `ret_more` when a portion was full. [waits] */
troupe_status turn_sweep(struct store *store, int64_t now_ms, int64_t keep_traces_ms,
                         uint64_t deadline, bool *ret_more, struct error *err);

#endif
