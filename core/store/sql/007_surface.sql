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
