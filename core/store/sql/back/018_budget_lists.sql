-- SPDX-License-Identifier: Apache-2.0
-- Nothing is lost.

DROP INDEX budget_ledger_open;
DROP INDEX budget_ledger_turn;
DROP INDEX budget_ledger_day;
DROP INDEX budget_ledger_created;
ALTER TABLE budget_ledger RENAME TO budget_ledger_after;
CREATE TABLE budget_ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_id INTEGER,
    day TEXT NOT NULL,
    scope_bot TEXT NOT NULL DEFAULT '',
    scope_guild TEXT NOT NULL DEFAULT '',
    scope_member TEXT NOT NULL DEFAULT '',
    scope_plugin TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    what TEXT NOT NULL DEFAULT '',
    reserved_micros INTEGER NOT NULL CHECK (reserved_micros >= 0),
    settled_micros INTEGER NOT NULL DEFAULT 0 CHECK (settled_micros >= 0),
    state TEXT NOT NULL DEFAULT 'reserved'
        CHECK (state IN ('reserved', 'dispatched', 'settled', 'released', 'unknown')),
    usage TEXT,
    created_ms INTEGER NOT NULL,
    dispatched_ms INTEGER,
    settled_ms INTEGER
);
INSERT INTO budget_ledger (id, turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, model,
    what, reserved_micros, settled_micros, state, usage, created_ms, dispatched_ms, settled_ms)
SELECT id, turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, model, what, reserved_micros,
    settled_micros, state, usage, created_ms, dispatched_ms, settled_ms
FROM budget_ledger_after;
DROP TABLE budget_ledger_after;
CREATE INDEX budget_ledger_open ON budget_ledger (id) WHERE state IN ('reserved', 'dispatched');
CREATE INDEX budget_ledger_turn ON budget_ledger (turn_id);
CREATE INDEX budget_ledger_day ON budget_ledger (day, scope_plugin);
CREATE INDEX budget_ledger_created ON budget_ledger (created_ms);

DROP INDEX budget_day_scope;
ALTER TABLE budget_day RENAME TO budget_day_after;
CREATE TABLE budget_day (
    day TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('bot', 'guild', 'member', 'plugin')),
    scope_id TEXT NOT NULL,
    reserved_micros INTEGER NOT NULL DEFAULT 0,
    settled_micros INTEGER NOT NULL DEFAULT 0,
    unknown_micros INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, scope, scope_id)
);
INSERT INTO budget_day (day, scope, scope_id, reserved_micros, settled_micros, unknown_micros, requests)
SELECT day, scope, scope_id, reserved_micros, settled_micros, unknown_micros, requests FROM budget_day_after;
DROP TABLE budget_day_after;
CREATE INDEX budget_day_scope ON budget_day (scope, scope_id, day);
