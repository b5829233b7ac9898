-- SPDX-License-Identifier: Apache-2.0
-- lost: what members' messages were meant as and what became of it

DROP TABLE {intent_logs};
