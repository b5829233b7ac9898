-- SPDX-License-Identifier: Apache-2.0
-- What a scope spent in a month and in an hour is added up for caps; see turn/budget_span.h.
CREATE INDEX budget_day_scope ON budget_day (scope, scope_id, day);
CREATE INDEX budget_ledger_created ON budget_ledger (created_ms);
