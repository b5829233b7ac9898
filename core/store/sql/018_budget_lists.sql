-- SPDX-License-Identifier: Apache-2.0
-- The tables of the budget anew. Lists are written with = and not IN: for IN SQLite fills a table at each
-- write. Numbers of reservations are made by the host, so nothing has to count them.

CREATE TABLE budget_ledger_next (
    id INTEGER PRIMARY KEY NOT NULL,   -- made by the host, before the insert
    turn_id INTEGER,
    day TEXT NOT NULL,                 -- "2026-11-20", UTC
    scope_bot TEXT NOT NULL DEFAULT '',
    scope_guild TEXT NOT NULL DEFAULT '',
    scope_member TEXT NOT NULL DEFAULT '',
    scope_plugin TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',    -- whatever the plugin names what it pays for
    what TEXT NOT NULL DEFAULT '',     -- "llm.chat", "image" …
    reserved_micros INTEGER NOT NULL CHECK (reserved_micros >= 0),
    settled_micros INTEGER NOT NULL DEFAULT 0 CHECK (settled_micros >= 0),
    state TEXT NOT NULL DEFAULT 'reserved'
        CHECK (state = 'reserved' OR state = 'dispatched' OR state = 'settled' OR state = 'released'
            OR state = 'unknown'),
    usage TEXT,                        -- JSON as the plugin reported it
    created_ms INTEGER NOT NULL,
    dispatched_ms INTEGER,
    settled_ms INTEGER
);
INSERT INTO budget_ledger_next (id, turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, model,
    what, reserved_micros, settled_micros, state, usage, created_ms, dispatched_ms, settled_ms)
SELECT id, turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, model, what, reserved_micros,
    settled_micros, state, usage, created_ms, dispatched_ms, settled_ms
FROM budget_ledger;
DROP TABLE budget_ledger;
ALTER TABLE budget_ledger_next RENAME TO budget_ledger;
CREATE INDEX budget_ledger_open ON budget_ledger (id) WHERE state IN ('reserved', 'dispatched');
CREATE INDEX budget_ledger_turn ON budget_ledger (turn_id);
CREATE INDEX budget_ledger_day ON budget_ledger (day, scope_plugin);
CREATE INDEX budget_ledger_created ON budget_ledger (created_ms);

CREATE TABLE budget_day_next (
    day TEXT NOT NULL,
    scope TEXT NOT NULL
        CHECK (scope = 'bot' OR scope = 'guild' OR scope = 'member' OR scope = 'plugin'),
    scope_id TEXT NOT NULL,
    reserved_micros INTEGER NOT NULL DEFAULT 0, -- not settled yet
    settled_micros INTEGER NOT NULL DEFAULT 0,
    unknown_micros INTEGER NOT NULL DEFAULT 0,  -- part of settled: the worst case was taken
    requests INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, scope, scope_id)
);
INSERT INTO budget_day_next (day, scope, scope_id, reserved_micros, settled_micros, unknown_micros, requests)
SELECT day, scope, scope_id, reserved_micros, settled_micros, unknown_micros, requests FROM budget_day;
DROP TABLE budget_day;
ALTER TABLE budget_day_next RENAME TO budget_day;
CREATE INDEX budget_day_scope ON budget_day (scope, scope_id, day);
