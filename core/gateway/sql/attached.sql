-- SPDX-License-Identifier: Apache-2.0
-- Files that go with answers; see gateway/attached.h.

-- name: insert
INSERT INTO answer_file (turn_id, n, name, type, alt, size)
VALUES (?1, ?2, seal(?3, 'answer_file.name', ?1, ?2), ?4, seal(?5, 'answer_file.alt', ?1, ?2), ?6);

-- name: insert_part
INSERT INTO answer_file_part (turn_id, n, part, data)
VALUES (?1, ?2, ?3, seal(?4, 'answer_file_part.data', ?1, ?2, ?3));

-- name: list
SELECT n, unseal(name, 'answer_file.name', turn_id, n), type,
    unseal(alt, 'answer_file.alt', turn_id, n), size
FROM answer_file WHERE turn_id = ?1 ORDER BY n;

-- name: part
SELECT unseal(data, 'answer_file_part.data', turn_id, n, part)
FROM answer_file_part WHERE turn_id = ?1 AND n = ?2 AND part = ?3;

-- name: total
SELECT coalesce(sum(size), 0) FROM answer_file;

-- name: delete
DELETE FROM answer_file WHERE turn_id = ?1;

-- name: delete_parts
DELETE FROM answer_file_part WHERE turn_id = ?1;

-- With the texts of what ended before ?1, unless a message is still owed. Few at a time: a part may have
-- megabytes.
-- name: sweep
DELETE FROM answer_file WHERE (turn_id, n) IN (
    SELECT f.turn_id, f.n FROM answer_file AS f JOIN event AS e ON e.id = f.turn_id
    WHERE e.finished_ms < ?1 AND NOT EXISTS (
        SELECT 1 FROM outbox AS o WHERE o.turn_id = f.turn_id AND o.files IS NOT NULL
            AND (o.state = 'ready' OR o.state = 'streaming'))
    LIMIT 10);

-- name: sweep_parts
DELETE FROM answer_file_part WHERE (turn_id, n, part) IN (
    SELECT p.turn_id, p.n, p.part FROM answer_file_part AS p
    LEFT JOIN answer_file AS f ON f.turn_id = p.turn_id AND f.n = p.n
    WHERE f.turn_id IS NULL LIMIT 10);
