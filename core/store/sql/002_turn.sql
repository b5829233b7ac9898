-- SPDX-License-Identifier: Apache-2.0
-- One turn for each event, whatever happens between: the turn's row becomes part of the event's, and
-- the event's number is the turn's. Numbers are made by the host (the largest one and on), so that a
-- turn can be spoken of before its event is stored.
--
-- Lists of states are written with = and not IN: for IN SQLite fills a table at each write.

CREATE TABLE event_turn (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,              -- gateway: "console", "discord:SHARD", "schedule"
    source_id TEXT NOT NULL,           -- its id there, unique for ever
    account TEXT,                      -- the bot's own account
    guild TEXT,                        -- NULL in direct messages
    channel TEXT,
    member TEXT,                       -- who caused it
    kind TEXT NOT NULL,                -- "message", "press", "job" …
    payload TEXT NOT NULL,             -- JSON, as the event model writes it
    state TEXT NOT NULL DEFAULT 'running'
        CHECK (state = 'running' OR state = 'parked' OR state = 'done' OR state = 'refused'
            OR state = 'dropped' OR state = 'interrupted' OR state = 'diverged'
            OR state = 'failed' OR state = 'dead'),
    reason TEXT,                       -- reason code of the final state
    sentence TEXT,                     -- what people are told about it
    generation INTEGER NOT NULL DEFAULT 0, -- of the configuration that it began with
    stages TEXT NOT NULL DEFAULT '[]', -- JSON list of the stages' names at admission
    trace TEXT,                        -- JSON: the path it took, stage by stage
    cost_micros INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, -- how often it was taken up again
    blames INTEGER NOT NULL DEFAULT 0,   -- crashes of the host that it was blamed for
    blamed TEXT,                       -- the plugin that ran then
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    UNIQUE (source, source_id)
);

INSERT INTO event_turn (id, source, source_id, account, guild, channel, member, kind, payload,
    state, reason, sentence, generation, stages, trace, cost_micros, attempts, created_ms,
    finished_ms)
SELECT e.id, e.source, e.source_id, e.account, e.guild, e.channel, e.member, e.kind, e.payload,
    CASE e.state WHEN 'owed' THEN 'running' ELSE e.state END, coalesce(e.reason, t.reason),
    t.sentence, coalesce(t.generation, 0),
    CASE WHEN coalesce(t.pipeline, '') = '' THEN '[]' ELSE t.pipeline END, t.trace,
    coalesce(t.cost_micros, 0), e.attempts, e.created_ms, e.finished_ms
FROM event AS e
LEFT JOIN turn AS t ON t.id = (SELECT max(n.id) FROM turn AS n WHERE n.event_id = e.id);

-- What named a turn by its own number names it by its event's.
UPDATE budget_ledger SET turn_id = (SELECT event_id FROM turn WHERE turn.id = budget_ledger.turn_id)
WHERE turn_id IS NOT NULL;
UPDATE audit_log SET turn_id = (SELECT event_id FROM turn WHERE turn.id = audit_log.turn_id)
WHERE turn_id IS NOT NULL;
DELETE FROM outbox WHERE turn_id NOT IN (SELECT id FROM turn);
UPDATE outbox SET turn_id = (SELECT event_id FROM turn WHERE turn.id = outbox.turn_id);

DROP TABLE turn;
DROP TABLE event;
ALTER TABLE event_turn RENAME TO event;
CREATE INDEX event_open ON event (id) WHERE finished_ms IS NULL;
CREATE INDEX event_channel ON event (channel, id);
CREATE INDEX event_finished ON event (finished_ms) WHERE finished_ms IS NOT NULL;

-- What a turn's stages asked of the host: a row a call, and one (path "end") for the end of a stage.
-- The key is the place in the plugin's code, not the time: see turn/record.h.
CREATE TABLE call (
    turn_id INTEGER NOT NULL,
    stage TEXT NOT NULL,               -- the name in the INI file
    path TEXT NOT NULL,                -- "0", ".n" the n-th child, "/k" the function called at k
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL,                -- "kv.put", "http", "now" …
    build TEXT NOT NULL,               -- of the plugin that called
    format INTEGER NOT NULL,           -- of `result`
    args_hash INTEGER NOT NULL,
    state TEXT NOT NULL                -- begun: it may have happened; hash: done, too large to keep
        CHECK (state = 'begun' OR state = 'done' OR state = 'hash'),
    status INTEGER NOT NULL,
    result BLOB,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (turn_id, stage, path, ordinal)
);

-- What a parked turn waits for.
CREATE TABLE wait (
    id INTEGER PRIMARY KEY,            -- made by the host, as an event's
    turn_id INTEGER NOT NULL,
    stage TEXT NOT NULL,
    path TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'ask' OR kind = 'sleep'),
    who TEXT,                          -- the member who may answer
    due_ms INTEGER NOT NULL,           -- when it is over without an answer
    state TEXT NOT NULL DEFAULT 'open'
        CHECK (state = 'open' OR state = 'answered' OR state = 'expired' OR state = 'canceled'),
    answer INTEGER,                    -- which button
    created_ms INTEGER NOT NULL,
    answered_ms INTEGER
);
CREATE INDEX wait_open ON wait (due_ms) WHERE state = 'open';
CREATE INDEX wait_turn ON wait (turn_id);
