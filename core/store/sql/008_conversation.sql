-- SPDX-License-Identifier: Apache-2.0
-- Threads that answers stand in, and what members think of answers.

-- A row of a thread that is opened for it: the channel of the message that it is opened from, which
-- has the thread's id, and the thread's name.
ALTER TABLE outbox ADD COLUMN parent TEXT;
ALTER TABLE outbox ADD COLUMN thread_name TEXT;

-- Threads whose messages are for the bot: it opened them, or was asked in them.
CREATE TABLE discord_thread (
    gateway TEXT NOT NULL,
    thread INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (gateway, thread)
);

-- What members think of answers, by their buttons; kept as long as the ledger.
CREATE TABLE rating (
    turn_id INTEGER NOT NULL,
    member TEXT NOT NULL,
    value INTEGER NOT NULL CHECK (value IN (1, -1)),
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (turn_id, member)
);
CREATE INDEX rating_at ON rating (at_ms);
