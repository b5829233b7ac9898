-- SPDX-License-Identifier: Apache-2.0
-- The hosts that share a database; see postgres/hosts.c. Run each time a writer connects first. All time is
-- the server's, so no machine's clock counts.

-- Who starts or changes a schema does so alone.
SELECT pg_catalog.pg_advisory_xact_lock(1953656933, 255);

CREATE TABLE IF NOT EXISTS troupe.host (
    slot BIGINT PRIMARY KEY CHECK (slot BETWEEN 0 AND 15),
    epoch BIGINT NOT NULL,              -- rises with every start in this slot, and when it is taken away
    name TEXT COLLATE "C" NOT NULL,     -- of its data directory
    token BIGINT NOT NULL,              -- its last transaction: read back where a connection broke at COMMIT
    held BOOLEAN NOT NULL,
    started TIMESTAMPTZ NOT NULL,
    beat TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL          -- the lease; each transaction renews it
);

-- The slot of the host whose connection this is.
CREATE OR REPLACE FUNCTION troupe.this_host() RETURNS BIGINT LANGUAGE sql STABLE AS
$$ SELECT coalesce(nullif(current_setting('troupe.host', true), ''), '0')::BIGINT $$;

-- Nobody is in that slot any more.
CREATE OR REPLACE FUNCTION troupe.host_gone(which BIGINT) RETURNS BOOLEAN LANGUAGE sql STABLE AS
$$ SELECT NOT EXISTS (SELECT 1 FROM troupe.host AS h WHERE h.slot = which AND h.held) $$;

-- What that one has is ours to answer for: it is us, or it is gone.
CREATE OR REPLACE FUNCTION troupe.host_ours(which BIGINT) RETURNS BOOLEAN LANGUAGE sql STABLE AS
$$ SELECT which = troupe.this_host() OR troupe.host_gone(which) $$;

-- Ends the session that writes for a slot: what it had under way is undone.
CREATE OR REPLACE FUNCTION troupe.host_end(which BIGINT) RETURNS VOID LANGUAGE sql AS $$
    SELECT pg_terminate_backend(l.pid) FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.classid::BIGINT = 1953656933 AND l.objid::BIGINT = which
      AND l.objsubid = 2 AND l.granted AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                        WHERE d.datname = current_database())
$$;

-- A slot for a host that starts: the one that it had, else the lowest that nobody has, else one whose lease is over. None (NULL) where
-- all are taken, or, to the patient, while the session of one that is over still ends.
CREATE OR REPLACE FUNCTION troupe.host_start(mine TEXT, lease_ms BIGINT, patient BOOLEAN,
    OUT given BIGINT, OUT in_epoch BIGINT, OUT last_token BIGINT)
LANGUAGE plpgsql AS $$
DECLARE
    place RECORD;
BEGIN
    PERFORM pg_advisory_xact_lock(1953656933, 255);
    FOR place IN
        SELECT s.slot, h.until < clock_timestamp() AS expired,
            coalesce(mine <> '' AND h.name = mine, false) AS own
        FROM (SELECT generate_series(0, 15)::BIGINT AS slot) AS s
        LEFT JOIN troupe.host AS h ON h.slot = s.slot
        WHERE h.slot IS NULL OR NOT h.held OR h.until < clock_timestamp()
           OR (mine <> '' AND h.name = mine)
        ORDER BY coalesce(mine <> '' AND h.name = mine, false) DESC, coalesce(h.held, false), s.slot
    LOOP
        IF pg_try_advisory_lock(1953656933, place.slot::INTEGER) THEN
            INSERT INTO troupe.host AS h (slot, epoch, name, token, held, started, beat, until)
            VALUES (place.slot, 1, mine, 0, true, clock_timestamp(), clock_timestamp(),
                clock_timestamp() + lease_ms * INTERVAL '1 ms')
            ON CONFLICT (slot) DO UPDATE SET epoch = h.epoch + 1, name = mine, held = true,
                started = clock_timestamp(), beat = clock_timestamp(), until = excluded.until
            RETURNING h.slot, h.epoch, h.token INTO given, in_epoch, last_token;
            RETURN;
        END IF;
        IF place.expired THEN
            PERFORM troupe.host_end(place.slot);
        END IF;
        IF patient AND (place.expired OR place.own) THEN
            RETURN;
        END IF;
    END LOOP;
END $$;

-- Renews the lease, and notes a transaction; all of that transaction fails where it was lost.
CREATE OR REPLACE FUNCTION troupe.host_holds(mine BIGINT, my_epoch BIGINT, my_token BIGINT,
    lease_ms BIGINT)
RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
    UPDATE troupe.host SET token = coalesce(my_token, token), beat = clock_timestamp(),
        until = clock_timestamp() + lease_ms * INTERVAL '1 ms'
    WHERE slot = mine AND epoch = my_epoch AND held;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this host was silent for longer than its lease, and another one has taken over'
            USING ERRCODE = 'TRP01';
    END IF;
    RETURN mine;
END $$;

-- The same for a host whose connection broke. False: its old session is not over yet.
CREATE OR REPLACE FUNCTION troupe.host_again(mine BIGINT, my_epoch BIGINT, lease_ms BIGINT)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM troupe.host_holds(mine, my_epoch, NULL, lease_ms);
    IF pg_try_advisory_lock(1953656933, mine::INTEGER) THEN
        RETURN true;
    END IF;
    PERFORM troupe.host_end(mine);
    RETURN false;
END $$;

-- Renews the lease, and takes theirs away from hosts that did not: how many these were. Who was late itself
-- takes nobody's: then perhaps the server was away, and the others are late for the same reason.
CREATE OR REPLACE FUNCTION troupe.host_look(mine BIGINT, my_epoch BIGINT, lease_ms BIGINT)
RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    dead BIGINT;
    late BOOLEAN;
    counted BIGINT := 0;
BEGIN
    SELECT h.until < clock_timestamp() INTO late FROM troupe.host AS h WHERE h.slot = mine;
    PERFORM troupe.host_holds(mine, my_epoch, NULL, lease_ms);
    IF late THEN
        RETURN 0;
    END IF;
    FOR dead IN SELECT slot FROM troupe.host WHERE held AND until < clock_timestamp() LOOP
        PERFORM troupe.host_end(dead); -- its row may be what it holds
        UPDATE troupe.host AS h SET held = false, epoch = h.epoch + 1
        WHERE h.slot = (SELECT slot FROM troupe.host
                        WHERE slot = dead AND held AND until < clock_timestamp()
                        FOR UPDATE SKIP LOCKED);
        IF FOUND THEN
            counted := counted + 1;
        END IF;
    END LOOP;
    RETURN counted;
END $$;
