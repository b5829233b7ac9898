-- SPDX-License-Identifier: Apache-2.0
-- What the driver needs in a database, each time it connects its writer; harmless to run again.

SELECT pg_catalog.pg_advisory_xact_lock(1953656933, 255); -- hosts that start at the same time

CREATE SCHEMA IF NOT EXISTS troupe;
CREATE SCHEMA IF NOT EXISTS troupe_sql;

CREATE TABLE IF NOT EXISTS troupe.migration (
    ns TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    checksum TEXT COLLATE "C" NOT NULL,
    applied_ms BIGINT NOT NULL,
    PRIMARY KEY (ns, version)
);

-- A batch of a host that another one has taken over from is a conflict.
CREATE OR REPLACE FUNCTION troupe_sql.lease_holds(mine BIGINT) RETURNS BIGINT
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM troupe.lease WHERE name = 'host' AND epoch = mine FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this host''s lease is over: another host writes now'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN mine;
END $$;

-- What SQLite has and PostgreSQL has not, or not of these types.
CREATE OR REPLACE FUNCTION troupe_sql.substr(BYTEA, BIGINT, BIGINT) RETURNS BYTEA
LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.substr($1, $2::INTEGER, greatest($3, 0)::INTEGER) $$;
CREATE OR REPLACE FUNCTION troupe_sql.substr(TEXT, BIGINT, BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.substr($1, $2::INTEGER, greatest($3, 0)::INTEGER) $$;
CREATE OR REPLACE FUNCTION troupe_sql.substr(TEXT, BIGINT) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.substr($1, $2::INTEGER) $$;
CREATE OR REPLACE FUNCTION troupe_sql.instr(TEXT, TEXT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.strpos($1, $2)::BIGINT $$;
CREATE OR REPLACE FUNCTION troupe_sql.hex(BYTEA) RETURNS TEXT
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.upper(pg_catalog.encode($1, 'hex')) $$;
CREATE OR REPLACE FUNCTION troupe_sql.ifnull(anycompatible, anycompatible) RETURNS anycompatible
LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce($1, $2) $$;
CREATE OR REPLACE FUNCTION troupe_sql.iif(BOOLEAN, anycompatible, anycompatible)
RETURNS anycompatible
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN $1 THEN $2 ELSE $3 END $$;
CREATE OR REPLACE FUNCTION troupe_sql.max(anycompatible, anycompatible) RETURNS anycompatible
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL
                             THEN greatest($1, $2) END $$;
CREATE OR REPLACE FUNCTION troupe_sql.min(anycompatible, anycompatible) RETURNS anycompatible
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL
                             THEN least($1, $2) END $$;
CREATE OR REPLACE FUNCTION troupe_sql.unixepoch() RETURNS BIGINT
LANGUAGE sql STABLE AS $$ SELECT floor(extract(epoch FROM now()))::BIGINT $$;
