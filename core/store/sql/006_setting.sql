-- SPDX-License-Identifier: Apache-2.0
-- Settings that people change while the program runs; the first draft of the table was never used.

DROP TABLE setting;
CREATE TABLE setting (
    account TEXT NOT NULL DEFAULT '',  -- '' where the scope is the whole bot
    guild TEXT NOT NULL DEFAULT '',    -- '' in direct messages
    scope TEXT NOT NULL CHECK (scope IN ('bot', 'guild', 'channel', 'role')),
    scope_id TEXT NOT NULL DEFAULT '',
    section TEXT NOT NULL,             -- "limits", an agent's name, or "pause", the core's own
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    updated_by TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account, guild, scope, scope_id, section, key)
);
