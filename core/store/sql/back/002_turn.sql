-- SPDX-License-Identifier: Apache-2.0
-- lost: recorded calls of turns, and what parked turns wait for: these begin anew
-- An event is two rows again, its own and its turn's, both with its number; so what names a turn stays.

DROP TABLE wait;
DROP TABLE call;
DROP INDEX event_open;
DROP INDEX event_channel;
DROP INDEX event_finished;
ALTER TABLE event RENAME TO event_after;
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    account TEXT,
    guild TEXT,
    channel TEXT,
    member TEXT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    owed INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL DEFAULT 'owed'
        CHECK (state IN ('owed', 'running', 'parked', 'done', 'refused', 'dropped', 'interrupted',
                         'diverged', 'failed', 'dead')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    blamed TEXT,
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    UNIQUE (source, source_id)
);
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    pipeline TEXT NOT NULL DEFAULT '',
    stage TEXT,
    state TEXT NOT NULL DEFAULT 'running'
        CHECK (state IN ('admitted', 'running', 'parked', 'done', 'refused', 'dropped',
                         'interrupted', 'diverged', 'failed')),
    verdict TEXT,
    reason TEXT,
    sentence TEXT,
    trace TEXT,
    cost_micros INTEGER NOT NULL DEFAULT 0,
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER
);

INSERT INTO event (id, source, source_id, account, guild, channel, member, kind, payload, state,
    reason, attempts, blamed, created_ms, finished_ms)
SELECT id, source, source_id, account, guild, channel, member, kind, payload,
    CASE WHEN state = 'running' OR state = 'parked' THEN 'owed' ELSE state END, reason, attempts,
    blamed, created_ms, finished_ms
FROM event_after;
INSERT INTO turn (id, event_id, generation, pipeline, state, reason, sentence, trace, cost_micros,
    started_ms, finished_ms)
SELECT id, id, generation, CASE stages WHEN '[]' THEN '' ELSE stages END,
    CASE state WHEN 'dead' THEN 'failed' WHEN 'parked' THEN 'running' ELSE state END, reason,
    sentence, trace, cost_micros, created_ms, finished_ms
FROM event_after;

DROP TABLE event_after;
CREATE INDEX event_open ON event (id) WHERE finished_ms IS NULL;
CREATE INDEX event_channel ON event (channel, id);
CREATE INDEX event_member ON event (member, id);
CREATE INDEX event_finished ON event (finished_ms) WHERE finished_ms IS NOT NULL;
CREATE INDEX turn_event ON turn (event_id);
CREATE INDEX turn_open ON turn (id) WHERE finished_ms IS NULL;
CREATE INDEX turn_finished ON turn (finished_ms) WHERE finished_ms IS NOT NULL;
