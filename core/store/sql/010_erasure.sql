-- SPDX-License-Identifier: Apache-2.0
-- What agents keep about members, and what is to be deleted of it; see turn/erase.h.

-- As agents declared it (troupe/user_data.h), kept so that it can be deleted while they are not there.
CREATE TABLE user_data (
    ns TEXT NOT NULL,                  -- the agent's name
    kind INTEGER NOT NULL,             -- TROUPE_USER_IS_…
    name TEXT NOT NULL,                -- a table, or a key with {member} in it
    doc TEXT NOT NULL,                 -- what it is, to members
    member TEXT NOT NULL,              -- of a table: the column
    flags INTEGER NOT NULL,
    PRIMARY KEY (ns, kind, name)
);

-- Members whose data is to go. One row a member, and it goes with its last part.
CREATE TABLE erasure (
    member TEXT PRIMARY KEY NOT NULL,
    asked_by TEXT NOT NULL CHECK (asked_by = 'member' OR asked_by = 'operator'),
    turn_id INTEGER NOT NULL,          -- of the command that asked; 0: none
    last_event INTEGER NOT NULL,       -- what came later is kept
    created_ms INTEGER NOT NULL
);

-- What is to be done still of it.
CREATE TABLE erasure_part (
    member TEXT NOT NULL,
    part TEXT NOT NULL,                -- "core", "core:budget", or an agent's name
    PRIMARY KEY (member, part)
);
