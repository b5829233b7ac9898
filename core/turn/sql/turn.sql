-- SPDX-License-Identifier: Apache-2.0
-- Events, their turns and what goes out; see turn/engine.h.

-- An event that was seen before changes nothing.
-- name: intake_event
INSERT INTO event (source, source_id, account, guild, channel, member, kind, payload, owed,
    state, created_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, 'owed', ?9)
ON CONFLICT (source, source_id) DO NOTHING;

-- The turn of an event that is new; its id comes back.
-- name: intake_turn
INSERT INTO turn (event_id, state, started_ms)
SELECT id, 'admitted', ?3 FROM event
WHERE source = ?1 AND source_id = ?2 AND state = 'owed'
  AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.event_id = event.id)
RETURNING id, event_id;

-- name: again
INSERT INTO turn (event_id, state, started_ms) VALUES (?1, 'admitted', ?2) RETURNING id;

-- name: start
UPDATE turn SET state = 'running', generation = ?2, pipeline = ?3, started_ms = ?4 WHERE id = ?1;

-- name: start_event
UPDATE event SET state = 'running', attempts = attempts + 1 WHERE id = ?1;

-- Before an effect outside leaves: who causes it. A crash from here on must not repeat it.
-- name: effect
UPDATE turn SET stage = ?2 WHERE id = ?1;

-- name: finish
UPDATE turn SET state = ?2, reason = ?3, sentence = ?4, trace = ?5, cost_micros = ?6,
    finished_ms = ?7
WHERE id = ?1 AND finished_ms IS NULL;

-- name: finish_event
UPDATE event SET state = ?2, reason = ?3, finished_ms = ?4 WHERE id = ?1 AND finished_ms IS NULL;

-- What money a turn has spent so far.
-- name: cost
SELECT coalesce(sum(settled_micros), 0) FROM budget_ledger WHERE turn_id = ?1;

-- Where a crash or stop left events open, oldest first: of one source, between two ids.
-- name: open_events
SELECT e.id, e.payload, e.attempts, t.id,
    EXISTS (SELECT 1 FROM budget_ledger AS l
            WHERE l.turn_id = t.id AND l.state IN ('dispatched', 'settled', 'unknown')
              AND l.reserved_micros > 0)
        OR t.stage IS NOT NULL
FROM event AS e
LEFT JOIN turn AS t ON t.event_id = e.id AND t.finished_ms IS NULL
WHERE e.finished_ms IS NULL AND e.source = ?1 AND e.id > ?2 AND e.id <= ?3
ORDER BY e.id LIMIT 1000;

-- name: newest_event
SELECT coalesce(max(id), 0) FROM event;

-- name: close_shell_turns
UPDATE turn SET state = 'interrupted', reason = 'restart', finished_ms = ?1
WHERE finished_ms IS NULL AND event_id IN
    (SELECT id FROM event WHERE source = 'shell' AND finished_ms IS NULL);

-- name: close_shell_events
UPDATE event SET state = 'interrupted', reason = 'restart', finished_ms = ?1
WHERE source = 'shell' AND finished_ms IS NULL;

-- name: close_open_turn
UPDATE turn SET state = 'interrupted', reason = 'restart', finished_ms = ?2
WHERE id = ?1 AND finished_ms IS NULL;

-- A turn's number wins over a message's. ?3 NULL: of every channel.
-- name: why_id
SELECT t.id, e.source, e.source_id, e.channel, t.pipeline, t.state, t.reason, t.sentence, t.trace,
    t.cost_micros, t.generation, t.started_ms, t.finished_ms
FROM turn AS t JOIN event AS e ON e.id = t.event_id
WHERE (t.id = ?1 OR e.source_id = ?2) AND (?3 IS NULL OR e.channel = ?3)
ORDER BY CASE WHEN t.id = ?1 THEN 0 ELSE 1 END, t.id DESC LIMIT 1;

-- Turns that ended after the one that was seen last: time ?1, number ?2.
-- name: tail
SELECT t.id, e.source, e.source_id, e.channel, e.member, t.state, t.reason, t.cost_micros,
    t.started_ms, t.finished_ms
FROM turn AS t JOIN event AS e ON e.id = t.event_id
WHERE t.finished_ms > ?1 OR (t.finished_ms = ?1 AND t.id > ?2)
ORDER BY t.finished_ms, t.id LIMIT 100;

-- name: tail_start
SELECT coalesce(max(finished_ms), 0), coalesce(max(id), 0) FROM turn WHERE finished_ms IS NOT NULL;

-- name: why_last
SELECT t.id, e.source, e.source_id, e.channel, t.pipeline, t.state, t.reason, t.sentence, t.trace,
    t.cost_micros, t.generation, t.started_ms, t.finished_ms
FROM turn AS t JOIN event AS e ON e.id = t.event_id
WHERE (?1 IS NULL OR e.channel = ?1) AND t.finished_ms IS NOT NULL
ORDER BY t.id DESC LIMIT 1;

-- What ended before ?1 goes, in bounded portions: the texts early, the rows themselves later.
-- name: sweep_payload
UPDATE event SET payload = '{}' WHERE id IN (
    SELECT id FROM event WHERE finished_ms < ?1 AND payload <> '{}'
      AND NOT EXISTS (SELECT 1 FROM turn AS t JOIN outbox AS o ON o.turn_id = t.id
                      WHERE t.event_id = event.id AND o.state = 'ready') LIMIT 500);

-- name: sweep_outbox
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox AS o JOIN turn AS t ON t.id = o.turn_id
    WHERE t.finished_ms < ?1 AND o.state NOT IN ('ready', 'streaming') LIMIT 500);

-- Of no turn.
-- name: sweep_loose
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE turn_id = 0 AND created_ms < ?1 LIMIT 500);

-- An answer that nobody came to see waits as long as its trace.
-- name: sweep_unseen
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox AS o JOIN turn AS t ON t.id = o.turn_id
    WHERE t.finished_ms < ?1 LIMIT 500);

-- name: sweep_turn
DELETE FROM turn WHERE id IN (
    SELECT id FROM turn WHERE finished_ms < ?1
      AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.turn_id = turn.id) LIMIT 500);

-- name: sweep_event
DELETE FROM event WHERE id IN (SELECT id FROM event WHERE finished_ms < ?1 LIMIT 500);
