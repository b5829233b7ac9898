-- SPDX-License-Identifier: Apache-2.0
-- Recorded calls; see turn/record.h.

-- Whatever a turn does, it does while its event is open: one that was never stored, or has ended,
-- changes nothing.
-- name: guard
SELECT 1 FROM event WHERE id = ?1 AND finished_ms IS NULL;

-- name: put
INSERT INTO call (turn_id, stage, path, ordinal, kind, build, format, args_hash, state, status,
    result, created_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, seal(?11, 'call.result', ?1, ?2, ?3, ?4), ?12)
ON CONFLICT (turn_id, stage, path, ordinal) DO UPDATE
SET kind = excluded.kind, build = excluded.build, format = excluded.format,
    args_hash = excluded.args_hash, state = excluded.state, status = excluded.status,
    result = excluded.result;

-- What an unfinished stage had done, and the ends and spans of the others; long results are fetched by need.
-- name: load
SELECT stage, path, ordinal, kind, build, format, args_hash, state, status,
    unseal(CASE WHEN length(result) <= 65536 THEN result END, 'call.result', turn_id, stage, path, ordinal),
    coalesce(length(result), 0)
FROM call
WHERE turn_id = ?1 AND (stage, path, ordinal) > (?2, ?3, ?4)
  AND (path IN ('end', 'spans') OR stage NOT IN (SELECT stage FROM call WHERE turn_id = ?1 AND path = 'end'))
ORDER BY stage, path, ordinal LIMIT 100;

-- name: fetch
SELECT unseal(result, 'call.result', turn_id, stage, path, ordinal) FROM call
WHERE turn_id = ?1 AND stage = ?2 AND path = ?3 AND ordinal = ?4;

-- name: list
SELECT stage, path, ordinal, kind, state, status FROM call
WHERE turn_id = ?1 AND path <> 'spans' ORDER BY created_ms, stage, path, ordinal LIMIT 500;

-- With the texts of the same events (turn.sql, sweep_payload), before those go.
-- name: sweep
DELETE FROM call WHERE turn_id IN (
    SELECT id FROM event WHERE finished_ms < ?1 AND payload <> '{}'
      AND NOT EXISTS (SELECT 1 FROM outbox AS o
                      WHERE o.turn_id = event.id AND o.state = 'ready')
    ORDER BY finished_ms, id LIMIT 500);

-- What is left of an event that goes altogether.
-- name: sweep_event
DELETE FROM call WHERE turn_id IN (
    SELECT id FROM event WHERE finished_ms < ?1
      AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.turn_id = event.id)
    ORDER BY finished_ms, id LIMIT 500);
