-- SPDX-License-Identifier: Apache-2.0
-- What a search by words or vectors keeps in memory of a scope is brought up to date by these instead of by
-- reading all of the scope; see store/index.h.

-- A scope of kv whose values are entries of an index: its changes are counted, in the order of their commits.
CREATE TABLE index_scope (
    ns TEXT NOT NULL,
    scope TEXT NOT NULL,
    epoch INTEGER NOT NULL,            -- another one: nothing that was kept of the scope holds
    seq INTEGER NOT NULL,              -- number of the last change
    entries INTEGER NOT NULL,
    PRIMARY KEY (ns, scope)
);

-- The last changes: which key each was about. What the entry is now stands in kv, or it is gone.
CREATE TABLE index_change (
    ns TEXT NOT NULL,
    scope TEXT NOT NULL,
    seq INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (ns, scope, seq)
);

INSERT INTO index_scope (ns, scope, epoch, seq, entries)
SELECT ns, scope, 0, 1, count(*) FROM kv
WHERE scope LIKE 'texts/%' OR scope LIKE 'vectors/%' GROUP BY ns, scope;
