-- SPDX-License-Identifier: Apache-2.0
-- The outbox anew: one row a message, complete in itself, so that a gateway delivers it without its
-- turn. What was ready goes on; what is over is not needed any more.
--
-- Lists of states are written with = and not IN: for IN SQLite fills a table at each write.

CREATE TABLE outbox_next (
    id INTEGER PRIMARY KEY NOT NULL,   -- made by the host, before the insert
    gateway TEXT NOT NULL,             -- who delivers it: the event's source
    turn_id INTEGER NOT NULL DEFAULT 0, -- 0: of no turn
    ordinal INTEGER NOT NULL DEFAULT 0, -- which answer of the turn
    part INTEGER NOT NULL DEFAULT 0,   -- the n-th message of that answer
    kind TEXT NOT NULL
        CHECK (kind = 'reply' OR kind = 'private' OR kind = 'notice' OR kind = 'ask'),
    account TEXT,
    channel TEXT NOT NULL DEFAULT '',
    reply_to TEXT,                     -- the message it answers
    body TEXT NOT NULL,                -- exactly what is shown
    source TEXT,                       -- the raw text behind it, where it differs
    buttons TEXT,                      -- JSON [{"id", "label"}…]
    state TEXT NOT NULL DEFAULT 'ready'
        CHECK (state = 'streaming' OR state = 'ready' OR state = 'sent' OR state = 'unknown'
            OR state = 'failed'),
    remote_id TEXT,                    -- the message's id once it is there
    error TEXT,
    created_ms INTEGER NOT NULL,
    sent_ms INTEGER
);

INSERT INTO outbox_next (id, gateway, turn_id, ordinal, part, kind, account, channel, reply_to, body,
    state, created_ms)
SELECT o.id, e.source, o.turn_id, CASE o.kind WHEN 'notice' THEN 65535 ELSE 0 END, o.part,
    CASE o.kind WHEN 'notice' THEN 'notice' ELSE 'reply' END, o.account, o.channel, o.reply_to,
    o.body, 'ready', o.created_ms
FROM outbox AS o
JOIN event AS e ON e.id = o.turn_id
WHERE o.state = 'ready';

DROP TABLE outbox;
ALTER TABLE outbox_next RENAME TO outbox;

-- Of the rows that are over, which are nearly all, no index but the turn's holds anything.
CREATE INDEX outbox_turn ON outbox (turn_id);
CREATE INDEX outbox_open ON outbox (gateway, id) WHERE state = 'streaming' OR state = 'ready';
