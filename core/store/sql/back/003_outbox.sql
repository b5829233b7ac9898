-- SPDX-License-Identifier: Apache-2.0
-- lost: messages that are delivered; questions, private answers and half-written answers that are not

DROP INDEX outbox_turn;
DROP INDEX outbox_open;
ALTER TABLE outbox RENAME TO outbox_after;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_id INTEGER NOT NULL,
    part INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL,
    account TEXT,
    channel TEXT NOT NULL,
    reply_to TEXT,
    body TEXT NOT NULL,
    nonce TEXT,
    state TEXT NOT NULL DEFAULT 'ready'
        CHECK (state IN ('ready', 'streaming', 'sending', 'sent', 'interrupted', 'unknown',
                         'failed')),
    remote_id TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL DEFAULT 0,
    sent_ms INTEGER
);

INSERT INTO outbox (id, turn_id, part, kind, account, channel, reply_to, body, state, created_ms)
SELECT id, turn_id, part, kind, account, channel, reply_to, body, 'ready', created_ms
FROM outbox_after
WHERE state = 'ready' AND turn_id IN (SELECT id FROM event) AND (kind = 'reply' OR kind = 'notice');

DROP TABLE outbox_after;
CREATE INDEX outbox_turn ON outbox (turn_id, part);
CREATE INDEX outbox_open ON outbox (due_ms, id)
    WHERE state IN ('ready', 'streaming', 'sending', 'unknown');
CREATE INDEX outbox_remote ON outbox (remote_id) WHERE remote_id IS NOT NULL;
