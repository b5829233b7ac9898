-- SPDX-License-Identifier: Apache-2.0
-- What turns wait for; see turn/wait.h.

-- name: put
INSERT INTO wait (id, turn_id, stage, path, ordinal, kind, who, due_ms, created_ms, form)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, seal(?10, 'wait.form', ?1));

-- name: load
SELECT id, stage, path, ordinal, kind, due_ms, state, coalesce(answer, 0),
    unseal(given, 'wait.given', id)
FROM wait
WHERE turn_id = ?1 ORDER BY id;

-- The first answer counts.
-- name: answer
UPDATE wait SET state = ?2, answer = ?3, answered_ms = ?4, given = seal(?5, 'wait.given', ?1)
WHERE id = ?1 AND state = 'open';

-- name: read
SELECT turn_id, coalesce(who, ''), state, unseal(form, 'wait.form', id),
    coalesce((SELECT CASE WHEN host_ours(e.host) THEN 1 ELSE 0 END FROM event AS e WHERE e.id = wait.turn_id), 1)
FROM wait WHERE id = ?1;

-- The buttons below a message of turn ?1 that was shown as ?2: NULL, once they are used up.
-- name: buttons
SELECT unseal(coalesce(buttons, ''), 'outbox.buttons', id) FROM outbox
WHERE turn_id = ?1 AND remote_id = ?2;

-- name: use_up
UPDATE outbox SET buttons = NULL WHERE turn_id = ?1 AND remote_id = ?2 AND buttons IS NOT NULL;

-- name: known
SELECT 1 FROM event WHERE source = ?1 AND source_id = ?2;

-- name: due
SELECT id, turn_id FROM wait
WHERE state = 'open' AND due_ms <= ?1
  AND NOT EXISTS (SELECT 1 FROM event AS e WHERE e.id = wait.turn_id AND e.host <> this_host())
ORDER BY due_ms LIMIT 100;

-- name: next
SELECT min(due_ms) FROM wait
WHERE state = 'open'
  AND NOT EXISTS (SELECT 1 FROM event AS e WHERE e.id = wait.turn_id AND e.host <> this_host());

-- Of turns that are put aside.
-- name: of_channel
SELECT w.id, w.turn_id FROM wait AS w JOIN event AS e ON e.id = w.turn_id
WHERE w.state = 'open' AND e.state = 'parked' AND e.channel = ?1 AND e.host = this_host()
  AND (?2 IS NULL OR e.member = ?2) LIMIT 100;

-- name: cancel
UPDATE wait SET state = 'canceled' WHERE turn_id = ?1 AND state = 'open';

-- name: newest
SELECT coalesce(max(id), 0) FROM wait;

-- name: park
UPDATE event SET state = 'parked', trace = seal(?2, 'event.trace', ?1)
WHERE id = ?1 AND finished_ms IS NULL;

-- name: sweep
DELETE FROM wait WHERE turn_id IN (
    SELECT DISTINCT w.turn_id FROM wait AS w LEFT JOIN event AS e ON e.id = w.turn_id
    WHERE e.id IS NULL OR e.finished_ms < ?1 LIMIT 50);
