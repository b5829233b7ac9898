-- SPDX-License-Identifier: Apache-2.0
-- What a scope spent in an hour, kept like budget_day: adding up the ledger took longer with each call of the
-- hour.
CREATE TABLE budget_hour (
    hour INTEGER NOT NULL,                      -- counted from 1970, UTC
    scope TEXT NOT NULL
        CHECK (scope = 'bot' OR scope = 'guild' OR scope = 'member' OR scope = 'plugin'),
    scope_id TEXT NOT NULL,
    reserved_micros INTEGER NOT NULL DEFAULT 0, -- not settled yet
    settled_micros INTEGER NOT NULL DEFAULT 0,
    unknown_micros INTEGER NOT NULL DEFAULT 0,  -- part of settled: the worst case was taken
    PRIMARY KEY (hour, scope, scope_id)
);
-- The newest hour is the only one that may not be over.
INSERT INTO budget_hour (hour, scope, scope_id, reserved_micros, settled_micros, unknown_micros)
SELECT l.created_ms / 3600000, s.column1,
    CASE s.column1 WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild
        WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END,
    sum(CASE WHEN l.state IN ('reserved', 'dispatched') THEN l.reserved_micros ELSE 0 END),
    sum(CASE WHEN l.state IN ('settled', 'unknown') THEN l.settled_micros ELSE 0 END),
    sum(CASE WHEN l.state = 'unknown' THEN l.settled_micros ELSE 0 END)
FROM budget_ledger AS l JOIN (VALUES ('bot'), ('guild'), ('member'), ('plugin')) AS s
    ON CASE s.column1 WHEN 'bot' THEN l.scope_bot WHEN 'guild' THEN l.scope_guild
        WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END <> ''
WHERE l.created_ms >= (SELECT max(n.created_ms) / 3600000 * 3600000 FROM budget_ledger AS n)
GROUP BY 1, 2, 3;
DROP INDEX budget_ledger_created;
