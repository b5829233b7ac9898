-- SPDX-License-Identifier: Apache-2.0
-- What members think of answers; see turn/press.h.

-- The last press of a member counts; of a turn that was swept none does.
-- name: insert
INSERT INTO rating (turn_id, member, value, at_ms)
SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM event WHERE id = ?1)
ON CONFLICT (turn_id, member) DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms;

-- name: sweep
DELETE FROM rating WHERE (turn_id, member) IN (
    SELECT turn_id, member FROM rating WHERE at_ms < ?1 LIMIT 500);
