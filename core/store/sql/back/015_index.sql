-- SPDX-License-Identifier: Apache-2.0
-- Nothing is lost: what is counted here is counted anew by the step itself.

DROP TABLE index_change;
DROP TABLE index_scope;
