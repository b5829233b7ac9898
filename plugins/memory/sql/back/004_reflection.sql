-- SPDX-License-Identifier: Apache-2.0
-- lost: when each talk was read and what came of it, in numbers; what was learned stays

DROP TABLE {reflection_log};
