-- SPDX-License-Identifier: Apache-2.0
-- lost: what is not paid for any more because it cost more than its worst case: it is paid for again

DROP TABLE budget_stop;
