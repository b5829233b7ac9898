-- SPDX-License-Identifier: Apache-2.0
-- Sums of a month and an hour, and the guards on them; see turn/budget_span.h. ?1 is where the time
-- begins, ?2 and ?3 are the scope.

-- name: month
SELECT coalesce(sum(reserved_micros + settled_micros), 0) FROM budget_day
WHERE scope = ?2 AND scope_id = ?3 AND day >= ?1;

-- name: hour
SELECT coalesce(sum(CASE state WHEN 'released' THEN 0 WHEN 'reserved' THEN reserved_micros
    WHEN 'dispatched' THEN reserved_micros ELSE settled_micros END), 0)
FROM budget_ledger
WHERE created_ms >= ?1
  AND ((?2 = 'bot' AND scope_bot = ?3) OR (?2 = 'guild' AND scope_guild = ?3)
    OR (?2 = 'member' AND scope_member = ?3) OR (?2 = 'plugin' AND scope_plugin = ?3));

-- Changes the row of the day (?5), which is there by now, only while the sum is within the cap (?4).
-- name: fits_month
UPDATE budget_day SET requests = requests
WHERE day = ?5 AND scope = ?2 AND scope_id = ?3
  AND (SELECT coalesce(sum(m.reserved_micros + m.settled_micros), 0) FROM budget_day AS m
      WHERE m.scope = ?2 AND m.scope_id = ?3 AND m.day >= ?1) <= ?4;

-- name: fits_hour
UPDATE budget_day SET requests = requests
WHERE day = ?5 AND scope = ?2 AND scope_id = ?3
  AND (SELECT coalesce(sum(CASE l.state WHEN 'released' THEN 0
          WHEN 'reserved' THEN l.reserved_micros WHEN 'dispatched' THEN l.reserved_micros
          ELSE l.settled_micros END), 0)
      FROM budget_ledger AS l
      WHERE l.created_ms >= ?1
        AND ((?2 = 'bot' AND l.scope_bot = ?3) OR (?2 = 'guild' AND l.scope_guild = ?3)
          OR (?2 = 'member' AND l.scope_member = ?3)
          OR (?2 = 'plugin' AND l.scope_plugin = ?3))) <= ?4;
