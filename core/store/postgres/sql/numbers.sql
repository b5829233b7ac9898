-- SPDX-License-Identifier: Apache-2.0
-- Lets the numbers that columns of this schema make go on behind those that are there, as SQLite does by itself:
-- a table that was made anew got its rows with their numbers.
DO $$
DECLARE
    c RECORD;
BEGIN
    FOR c IN
        SELECT s.seq, s.col, s.tab FROM (
            SELECT pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(r.relname), a.attname) AS seq,
                a.attname AS col, quote_ident(n.nspname) || '.' || quote_ident(r.relname) AS tab
            FROM pg_catalog.pg_attribute AS a
            JOIN pg_catalog.pg_class AS r ON r.oid = a.attrelid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
            WHERE n.nspname = current_schema() AND r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        ) AS s
        WHERE s.seq IS NOT NULL
    LOOP
        EXECUTE format('SELECT setval(%L, max(%I)) FROM %s HAVING max(%I) >= (SELECT last_value FROM %s)',
            c.seq, c.col, c.tab, c.col, c.seq);
    END LOOP;
END $$;
