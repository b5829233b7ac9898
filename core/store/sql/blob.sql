-- SPDX-License-Identifier: Apache-2.0
-- Large values of agents; see store/blob.h. ?1 is the namespace and ?2 the scope where one is meant.

-- ---- writing: a body is loose until its last piece is there

-- name: begin
INSERT INTO blob_loose (ns, scope, body, size, due_ms) VALUES (?1, ?2, ?3, ?4, ?5);

-- name: keep
UPDATE blob_loose SET due_ms = ?4 WHERE ns = ?1 AND scope = ?2 AND body = ?3;

-- name: part
INSERT INTO blob_part (ns, scope, body, part, data)
VALUES (?1, ?2, ?3, ?4, seal(?5, 'blob_part.data', ?1, ?2, ?3, ?4));

-- What the key leads to, where that is still the body ?4.
-- name: loosen
INSERT INTO blob_loose (ns, scope, body, size, due_ms)
SELECT ns, scope, body, size, 0 FROM blob_head WHERE ns = ?1 AND scope = ?2 AND key = ?3 AND body = ?4;

-- In place of the body ?10; another one that came between changes no row.
-- name: put
INSERT INTO blob_head (ns, scope, key, body, type, size, sha256, created_ms, changed_ms, expires_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, seal(?7, 'blob_head.sha256', ?1, ?2, ?3), ?8, ?8, ?9)
ON CONFLICT (ns, scope, key) DO UPDATE
SET body = excluded.body, type = excluded.type, size = excluded.size, sha256 = excluded.sha256,
    created_ms = CASE WHEN blob_head.expires_ms > 0 AND blob_head.expires_ms <= excluded.changed_ms
        THEN excluded.created_ms ELSE blob_head.created_ms END,
    changed_ms = excluded.changed_ms, expires_ms = excluded.expires_ms
WHERE blob_head.body = ?10;

-- name: tie
DELETE FROM blob_loose WHERE ns = ?1 AND scope = ?2 AND body = ?3;

-- name: remove
DELETE FROM blob_head WHERE ns = ?1 AND scope = ?2 AND key = ?3 AND body = ?4;

-- ---- reading

-- name: info
SELECT body, type, size, unseal(sha256, 'blob_head.sha256', ns, scope, key), created_ms, changed_ms,
    expires_ms
FROM blob_head WHERE ns = ?1 AND scope = ?2 AND key = ?3;

-- name: parts
SELECT unseal(data, 'blob_part.data', ns, scope, body, part) FROM blob_part
WHERE ns = ?1 AND scope = ?2 AND body = ?3 AND part >= ?4 AND part < ?5 ORDER BY part;

-- Keys from ?3 up to before ?4, after ?5.
-- name: list
SELECT body, type, size, unseal(sha256, 'blob_head.sha256', ns, scope, key), created_ms, changed_ms,
    expires_ms, key
FROM blob_head WHERE ns = ?1 AND scope = ?2 AND key >= ?3 AND key < ?4 AND key > ?5
    AND (expires_ms = 0 OR expires_ms > ?6)
ORDER BY key LIMIT ?7;

-- Beside the key ?3: number and bytes of the scope, and bytes of the namespace with what is loose.
-- name: use
SELECT count(*), coalesce(sum(size), 0),
    (SELECT coalesce(sum(a.size), 0) FROM blob_head AS a WHERE a.ns = ?1)
    - (SELECT coalesce(sum(o.size), 0) FROM blob_head AS o WHERE o.ns = ?1 AND o.scope = ?2 AND o.key = ?3)
    + (SELECT coalesce(sum(l.size), 0) FROM blob_loose AS l WHERE l.ns = ?1)
FROM blob_head WHERE ns = ?1 AND scope = ?2 AND key <> ?3;

-- ---- clearing, in portions

-- Other hosts do the same.
-- name: expire
INSERT INTO blob_loose (ns, scope, body, size, due_ms)
SELECT ns, scope, body, size, 0 FROM blob_head WHERE expires_ms > 0 AND expires_ms <= ?1
ORDER BY expires_ms LIMIT ?2
ON CONFLICT (ns, scope, body) DO NOTHING;

-- name: expired
DELETE FROM blob_head WHERE expires_ms > 0 AND expires_ms <= ?1 AND EXISTS (
    SELECT 1 FROM blob_loose AS l WHERE l.ns = blob_head.ns AND l.scope = blob_head.scope AND l.body = blob_head.body);

-- name: clear_parts
DELETE FROM blob_part WHERE (ns, scope, body, part) IN (
    SELECT p.ns, p.scope, p.body, p.part FROM blob_loose AS l
    JOIN blob_part AS p ON p.ns = l.ns AND p.scope = l.scope AND p.body = l.body
    WHERE l.due_ms <= ?1 LIMIT ?2);

-- name: cleared
DELETE FROM blob_loose WHERE due_ms <= ?1 AND NOT EXISTS (
    SELECT 1 FROM blob_part AS p
    WHERE p.ns = blob_loose.ns AND p.scope = blob_loose.scope AND p.body = blob_loose.body);

-- The same of one body.
-- name: clear_parts_of
DELETE FROM blob_part WHERE ns = ?1 AND scope = ?2 AND body = ?3 AND part IN (
    SELECT p.part FROM blob_part AS p WHERE p.ns = ?1 AND p.scope = ?2 AND p.body = ?3
    ORDER BY p.part LIMIT ?4);

-- name: cleared_of
DELETE FROM blob_loose WHERE ns = ?1 AND scope = ?2 AND body = ?3 AND NOT EXISTS (
    SELECT 1 FROM blob_part AS p WHERE p.ns = ?1 AND p.scope = ?2 AND p.body = ?3);
