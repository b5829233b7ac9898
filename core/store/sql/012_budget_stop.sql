-- SPDX-License-Identifier: Apache-2.0
-- What cost more than its worst case, and is not paid for again until the owner says so; see
-- turn/budget_stop.h.
CREATE TABLE budget_stop (
    what TEXT PRIMARY KEY NOT NULL,    -- as in budget_ledger
    ledger_id INTEGER NOT NULL,        -- the reservation that went above
    over_micros INTEGER NOT NULL,
    stopped_ms INTEGER NOT NULL
);
