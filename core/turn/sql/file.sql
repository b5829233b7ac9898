-- SPDX-License-Identifier: Apache-2.0
-- Files of events; see turn/files.h.

-- What was found first stands.
-- name: insert
INSERT INTO event_file (turn_id, n, name, type, size, state, shown, data)
VALUES (?1, ?2, seal(?3, 'event_file.name', ?1, ?2), ?4, ?5, ?6, ?7, seal(?8, 'event_file.data', ?1, ?2))
ON CONFLICT (turn_id, n) DO NOTHING;

-- Of a text the message's content has the first `shown` bytes.
-- name: list
SELECT n, unseal(name, 'event_file.name', turn_id, n), type, size, state, shown,
    unseal(CASE WHEN state IN ('text', 'cut') THEN data END, 'event_file.data', turn_id, n)
FROM event_file WHERE turn_id = ?1 ORDER BY n;

-- name: read
SELECT unseal(data, 'event_file.data', turn_id, n) FROM event_file WHERE turn_id = ?1 AND n = ?2;

-- name: total
SELECT coalesce(sum(length(data)), 0) FROM event_file;

-- The oldest of turns that have ended. Few at a time: a picture may have megabytes.
-- name: drop
DELETE FROM event_file WHERE (turn_id, n) IN (
    SELECT f.turn_id, f.n FROM event_file AS f JOIN event AS e ON e.id = f.turn_id
    WHERE e.finished_ms IS NOT NULL AND f.data IS NOT NULL ORDER BY f.turn_id, f.n LIMIT 10);

-- name: seen
UPDATE event_file SET state = 'seen' WHERE turn_id = ?1 AND n = ?2 AND state = 'kept';

-- With the texts of what ended before ?1. Few at a time: a picture may have megabytes.
-- name: sweep
DELETE FROM event_file WHERE (turn_id, n) IN (
    SELECT f.turn_id, f.n FROM event_file AS f JOIN event AS e ON e.id = f.turn_id
    WHERE e.finished_ms < ?1 LIMIT 10);
