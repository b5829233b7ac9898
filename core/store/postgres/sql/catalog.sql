-- SPDX-License-Identifier: Apache-2.0
-- What tables there are; see store/catalog.h. ?1 is a namespace's schema. The driver's own stays here.

-- name: tables
SELECT CAST(c.relname AS TEXT) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND CAST(n.nspname AS TEXT) = ?1
  AND NOT (?1 = 'troupe' AND CAST(c.relname AS TEXT) IN ('writer', 'host'))
ORDER BY CAST(c.relname AS TEXT) COLLATE "C";

-- name: columns
SELECT CAST(a.attname AS TEXT),
    CASE CAST(t.typname AS TEXT) WHEN 'int8' THEN 'integer' WHEN 'int4' THEN 'integer'
        WHEN 'int2' THEN 'integer' WHEN 'bool' THEN 'integer' WHEN 'bytea' THEN 'blob'
        WHEN 'float8' THEN 'real' WHEN 'float4' THEN 'real' WHEN 'numeric' THEN 'real'
        ELSE 'text' END,
    CAST(coalesce((SELECT k.place FROM pg_catalog.pg_index AS i,
                       unnest(CAST(i.indkey AS SMALLINT ARRAY)) WITH ORDINALITY AS k (attnum, place)
                   WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum), 0) AS BIGINT)
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE c.relkind = 'r' AND CAST(n.nspname AS TEXT) = ?1 AND CAST(c.relname AS TEXT) = ?2
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- The next number of a column that makes numbers stands behind ?4.
-- name: number
SELECT pg_catalog.setval(CAST(q.s AS regclass), ?4)
FROM (SELECT pg_catalog.pg_get_serial_sequence(pg_catalog.quote_ident(?1) || '.' || pg_catalog.quote_ident(?2),
                                               ?3) AS s) AS q
WHERE q.s IS NOT NULL;
