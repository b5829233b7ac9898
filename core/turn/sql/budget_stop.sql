-- SPDX-License-Identifier: Apache-2.0
-- What may not be paid for until it is confirmed; see turn/budget_stop.h.

-- Where reservation ?1 was settled above what was reserved.
-- name: note
INSERT INTO budget_stop (what, ledger_id, over_micros, stopped_ms)
SELECT what, id, settled_micros - reserved_micros, ?2 FROM budget_ledger
WHERE id = ?1 AND settled_micros > reserved_micros
ON CONFLICT (what) DO NOTHING;

-- ?2 is the name's digest, which stands for it where the only member who had it was deleted.
-- name: of
SELECT over_micros FROM budget_stop WHERE what = ?1 OR what = ?2;

-- name: all
SELECT what, over_micros FROM budget_stop ORDER BY stopped_ms, what LIMIT 20;

-- name: confirm
DELETE FROM budget_stop WHERE what = ?1 OR what = ?2;
