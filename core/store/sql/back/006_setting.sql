-- SPDX-License-Identifier: Apache-2.0
-- lost: settings that people changed while the program ran

DROP TABLE setting;
CREATE TABLE setting (
    scope TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    updated_by TEXT,
    PRIMARY KEY (scope, scope_id, key)
);
