-- SPDX-License-Identifier: Apache-2.0
-- Large values of agents, in pieces; see store/blob.h.

CREATE TABLE blob_head (
    ns TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    body INTEGER NOT NULL,             -- whose pieces are its bytes
    type TEXT NOT NULL,                -- media type
    size INTEGER NOT NULL,             -- bytes
    sha256 TEXT NOT NULL,              -- of them
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,       -- 0: never
    PRIMARY KEY (ns, scope, key)
);
CREATE INDEX blob_head_expires ON blob_head (expires_ms) WHERE expires_ms > 0;
CREATE INDEX blob_head_size ON blob_head (ns, scope, size);

-- Bodies that no key leads to: those that are being written, and those to be cleared.
CREATE TABLE blob_loose (
    ns TEXT NOT NULL,
    scope TEXT NOT NULL,
    body INTEGER NOT NULL,
    size INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,           -- from then on it is to be cleared
    PRIMARY KEY (ns, scope, body)
);
CREATE INDEX blob_loose_due ON blob_loose (due_ms);

-- Each belongs to a blob or to a loose body.
CREATE TABLE blob_part (
    ns TEXT NOT NULL,
    scope TEXT NOT NULL,
    body INTEGER NOT NULL,
    part INTEGER NOT NULL,             -- from 0 on; all but the last are as long as each other
    data BLOB NOT NULL,
    PRIMARY KEY (ns, scope, body, part)
);
