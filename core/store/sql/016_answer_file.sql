-- SPDX-License-Identifier: Apache-2.0
-- Files that agents attach to their answers; see gateway/attached.h. They stay until the message that has
-- them is there, and go with the texts of their turn at the latest.

CREATE TABLE answer_file (
    turn_id INTEGER NOT NULL,
    n INTEGER NOT NULL,                -- in the order in which they were attached
    name TEXT NOT NULL,
    type TEXT NOT NULL,                -- media type
    alt TEXT,                          -- what it shows, for who cannot see it
    size INTEGER NOT NULL,             -- bytes
    PRIMARY KEY (turn_id, n)
);

-- A result of the store has less room than a file may take.
CREATE TABLE answer_file_part (
    turn_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (turn_id, n, part)
);

-- JSON: what goes with the message, without the bytes.
ALTER TABLE outbox ADD COLUMN files TEXT;
