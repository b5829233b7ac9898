-- SPDX-License-Identifier: Apache-2.0
-- What tables there are; see store/catalog.h. ?1 is what stands before the names of a namespace.

-- name: tables
SELECT substr(name, length(?1) + 1) FROM sqlite_master
WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1 AND substr(name, 1, 7) <> 'sqlite_'
  AND (?1 <> '' OR instr(name, '__') = 0)
ORDER BY name;

-- name: columns
SELECT name,
    CASE WHEN upper(type) LIKE '%INT%' THEN 'integer' WHEN upper(type) LIKE '%CHAR%' OR
        upper(type) LIKE '%TEXT%' OR upper(type) LIKE '%CLOB%' THEN 'text'
        WHEN type = '' OR upper(type) LIKE '%BLOB%' THEN 'blob' ELSE 'real' END, pk
FROM pragma_table_info(?1 || ?2) ORDER BY cid;
