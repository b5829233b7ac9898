-- SPDX-License-Identifier: Apache-2.0
-- What it takes to read the data elsewhere and later.

-- Keys that values were encrypted with, by their ids alone: see store/seal.h. Without all of them no host
-- starts on this database.
CREATE TABLE seal_key (
    id TEXT PRIMARY KEY NOT NULL,
    created_ms INTEGER NOT NULL
);

-- The texts of agents' schema steps, by which their tables are made in another database while the agents
-- are not there.
CREATE TABLE migration_text (
    ns TEXT NOT NULL,
    version INTEGER NOT NULL,
    sql TEXT NOT NULL,
    PRIMARY KEY (ns, version)
);
