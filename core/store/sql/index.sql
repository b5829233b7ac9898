-- SPDX-License-Identifier: Apache-2.0
-- Entries of indexes, which are values of kv in scopes of their own, and what changed of them; see store/index.h.
-- ?1 is the namespace, ?2 the scope, ?3 a key.

-- name: look
SELECT epoch, seq, entries FROM index_scope WHERE ns = ?1 AND scope = ?2;

-- name: look_both
SELECT epoch, seq, entries, scope FROM index_scope WHERE ns = ?1 AND scope IN (?2, ?3);

-- name: room
SELECT s.entries, (SELECT count(*) FROM kv WHERE ns = ?1 AND scope = ?2 AND key = ?3)
FROM index_scope AS s WHERE s.ns = ?1 AND s.scope = ?2;

-- Before the value is written.
-- name: put
INSERT INTO index_scope (ns, scope, epoch, seq, entries) VALUES (?1, ?2, ?4, 1, 1)
ON CONFLICT (ns, scope) DO UPDATE SET seq = index_scope.seq + 1, entries = index_scope.entries +
    CASE WHEN EXISTS (SELECT 1 FROM kv WHERE ns = ?1 AND scope = ?2 AND key = ?3)
    THEN 0 ELSE 1 END;

-- Before the value is deleted.
-- name: remove
UPDATE index_scope SET seq = seq + 1, entries = entries -
    CASE WHEN EXISTS (SELECT 1 FROM kv WHERE ns = ?1 AND scope = ?2 AND key = ?3)
    THEN 1 ELSE 0 END
WHERE ns = ?1 AND scope = ?2;

-- name: note
INSERT INTO index_change (ns, scope, seq, key)
SELECT ns, scope, seq, ?3 FROM index_scope WHERE ns = ?1 AND scope = ?2;

-- name: prune
DELETE FROM index_change WHERE ns = ?1 AND scope = ?2 AND seq <=
    (SELECT seq FROM index_scope WHERE ns = ?1 AND scope = ?2) - ?3;

-- name: changes
SELECT c.seq, c.key, unseal(k.value, 'kv.value', k.ns, k.scope, k.key)
FROM index_change AS c LEFT JOIN kv AS k ON k.ns = c.ns AND k.scope = c.scope AND k.key = c.key
WHERE c.ns = ?1 AND c.scope = ?2 AND c.seq > ?3 ORDER BY c.seq LIMIT ?4;

-- Scopes with that many entries.
-- name: large
SELECT ns, scope, entries FROM index_scope WHERE entries >= ?1 ORDER BY entries DESC, ns, scope LIMIT ?2;
