-- SPDX-License-Identifier: Apache-2.0
-- The core's own tables. Times are wall-clock milliseconds, money is micro-units (1/1,000,000 USD),
-- identities are the gateway's own texts. No foreign keys: the core deletes by its own statements,
-- in bounded portions, and a plugin must not be able to hold a row of the core.

-- What came in. Owed events are answered once, whatever happens; (source, source_id) meets replays.
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,              -- gateway: "console", "discord:SHARD", "schedule"
    source_id TEXT NOT NULL,           -- its id there, unique for ever
    account TEXT,                      -- the bot's own account
    guild TEXT,                        -- NULL in direct messages
    channel TEXT,
    member TEXT,                       -- who caused it
    kind TEXT NOT NULL,                -- "message", "interaction", "job" …
    payload TEXT NOT NULL,             -- JSON, as the event model writes it
    owed INTEGER NOT NULL DEFAULT 1,   -- 0: kept for the record only
    state TEXT NOT NULL DEFAULT 'owed'
        CHECK (state IN ('owed', 'running', 'parked', 'done', 'refused', 'dropped', 'interrupted',
                         'diverged', 'failed', 'dead')),
    reason TEXT,                       -- reason code of the final state
    attempts INTEGER NOT NULL DEFAULT 0, -- starts after a crash
    blamed TEXT,                       -- plugin that a crash was blamed on
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    UNIQUE (source, source_id)
);
CREATE INDEX event_open ON event (id) WHERE finished_ms IS NULL;
CREATE INDEX event_channel ON event (channel, id);
CREATE INDEX event_member ON event (member, id);
CREATE INDEX event_finished ON event (finished_ms) WHERE finished_ms IS NOT NULL;

-- One run of the pipeline for an event.
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0, -- of the configuration it is pinned to
    pipeline TEXT NOT NULL DEFAULT '',     -- JSON list of the stages' names at admission
    stage TEXT,                            -- the one that runs or ran last
    state TEXT NOT NULL DEFAULT 'running'
        CHECK (state IN ('admitted', 'running', 'parked', 'done', 'refused', 'dropped',
                         'interrupted', 'diverged', 'failed')),
    verdict TEXT,                          -- "next", "done", "drop"
    reason TEXT,                           -- reason code
    sentence TEXT,                         -- what people are told about it
    trace TEXT,                            -- JSON: the path it took, stage by stage
    cost_micros INTEGER NOT NULL DEFAULT 0,
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER
);
CREATE INDEX turn_event ON turn (event_id);
CREATE INDEX turn_open ON turn (id) WHERE finished_ms IS NULL;
CREATE INDEX turn_finished ON turn (finished_ms) WHERE finished_ms IS NOT NULL;

-- What goes out: the row is there before the message leaves.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_id INTEGER NOT NULL,
    part INTEGER NOT NULL DEFAULT 0,   -- the n-th message of the turn
    kind TEXT NOT NULL,                -- "send", "edit", "react", "delete", "reply"
    account TEXT,
    channel TEXT NOT NULL,
    reply_to TEXT,                     -- message it answers
    body TEXT NOT NULL,
    nonce TEXT,                        -- from the call's key; the remote side drops a second one
    state TEXT NOT NULL DEFAULT 'ready'
        CHECK (state IN ('ready', 'streaming', 'sending', 'sent', 'interrupted', 'unknown',
                         'failed')),
    remote_id TEXT,                    -- the message's id once it is there
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL DEFAULT 0,
    sent_ms INTEGER
);
CREATE INDEX outbox_turn ON outbox (turn_id, part);
CREATE INDEX outbox_open ON outbox (due_ms, id)
    WHERE state IN ('ready', 'streaming', 'sending', 'unknown');
CREATE INDEX outbox_remote ON outbox (remote_id) WHERE remote_id IS NOT NULL;

-- Reservations of money: the worst case is here before a request leaves.
CREATE TABLE budget_ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
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
        CHECK (state IN ('reserved', 'dispatched', 'settled', 'released', 'unknown')),
    usage TEXT,                        -- JSON as the plugin reported it
    created_ms INTEGER NOT NULL,
    dispatched_ms INTEGER,
    settled_ms INTEGER
);
CREATE INDEX budget_ledger_open ON budget_ledger (id) WHERE state IN ('reserved', 'dispatched');
CREATE INDEX budget_ledger_turn ON budget_ledger (turn_id);
CREATE INDEX budget_ledger_day ON budget_ledger (day, scope_plugin);

-- Sums a day and scope, kept in the same transaction as the ledger; caps are guards on them.
CREATE TABLE budget_day (
    day TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('bot', 'guild', 'member', 'plugin')),
    scope_id TEXT NOT NULL,
    reserved_micros INTEGER NOT NULL DEFAULT 0, -- not settled yet
    settled_micros INTEGER NOT NULL DEFAULT 0,
    unknown_micros INTEGER NOT NULL DEFAULT 0,  -- part of settled: the worst case was taken
    requests INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, scope, scope_id)
);

-- Keys and values of plugins, and of the core under the namespace "core".
CREATE TABLE kv (
    ns TEXT NOT NULL,
    scope TEXT NOT NULL,               -- composed by the host, never by a plugin
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    expires_ms INTEGER NOT NULL DEFAULT 0, -- 0: never
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (ns, scope, key)
);
CREATE INDEX kv_expires ON kv (expires_ms) WHERE expires_ms > 0;

-- Who may write: a host that lost its lease has an old epoch, and its batches are refused.
CREATE TABLE lease (
    name TEXT PRIMARY KEY NOT NULL,
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL DEFAULT '',
    expires_ms INTEGER NOT NULL DEFAULT 0
);

-- Settings that people change while the program runs: guild overrides, switches.
CREATE TABLE setting (
    scope TEXT NOT NULL,               -- "bot", "guild", "channel", "member"
    scope_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    updated_by TEXT,
    PRIMARY KEY (scope, scope_id, key)
);

-- Who did what: settings, moderation, reloads, releases by hand.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,               -- member, "operator", "host"
    action TEXT NOT NULL,
    subject TEXT,
    account TEXT,
    guild TEXT,
    turn_id INTEGER,
    detail TEXT                        -- JSON
);
CREATE INDEX audit_log_created ON audit_log (created_ms);
CREATE INDEX audit_log_guild ON audit_log (guild, id);
