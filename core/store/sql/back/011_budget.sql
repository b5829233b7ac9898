-- SPDX-License-Identifier: Apache-2.0
-- Nothing is lost.

DROP INDEX budget_ledger_created;
DROP INDEX budget_day_scope;
