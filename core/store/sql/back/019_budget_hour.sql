-- SPDX-License-Identifier: Apache-2.0
-- Nothing is lost: an hour is added up from the ledger again.

CREATE INDEX budget_ledger_created ON budget_ledger (created_ms);
DROP TABLE budget_hour;
