-- SPDX-License-Identifier: Apache-2.0
-- What a conversation is made of beside texts: files of messages and of answers.

-- The files of an event, as its turn found them: fetched once, so that a turn that runs again reads
-- the same. Goes with the event's text.
CREATE TABLE event_file (
    turn_id INTEGER NOT NULL,          -- the event's
    n INTEGER NOT NULL,                -- from 0, as the message lists them
    name TEXT NOT NULL,
    type TEXT NOT NULL DEFAULT '',     -- media type, as the gateway says; '': not known
    size INTEGER NOT NULL DEFAULT 0,   -- bytes, as the gateway says
    state TEXT NOT NULL
        CHECK (state IN ('text', 'cut', 'kept', 'seen', 'type', 'large', 'many', 'failed')),
    shown INTEGER NOT NULL DEFAULT 0,  -- bytes of the text that the message's content has
    data BLOB,                         -- what was fetched; NULL: nothing
    PRIMARY KEY (turn_id, n)
);

-- A row with a file: its name, and what stands in it.
ALTER TABLE outbox ADD COLUMN file_name TEXT;
ALTER TABLE outbox ADD COLUMN file TEXT;

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
