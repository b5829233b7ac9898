-- SPDX-License-Identifier: Apache-2.0
-- Sums of a month and an hour, and the guards on them; see turn/budget_span.h. ?1 is where the time
-- begins, ?2 and ?3 are the scope.

-- name: month
SELECT coalesce(sum(reserved_micros), 0), coalesce(sum(settled_micros), 0), coalesce(sum(unknown_micros), 0)
FROM budget_day WHERE scope = ?2 AND scope_id = ?3 AND day >= ?1;

-- name: hour
SELECT coalesce(sum(CASE WHEN state IN ('reserved', 'dispatched') THEN reserved_micros ELSE 0 END), 0),
    coalesce(sum(CASE WHEN state IN ('settled', 'unknown') THEN settled_micros ELSE 0 END), 0),
    coalesce(sum(CASE WHEN state = 'unknown' THEN settled_micros ELSE 0 END), 0)
FROM budget_ledger
WHERE created_ms >= ?1
  AND ((?2 = 'bot' AND scope_bot = ?3) OR (?2 = 'guild' AND scope_guild = ?3)
    OR (?2 = 'member' AND scope_member = ?3) OR (?2 = 'plugin' AND scope_plugin = ?3));

-- Who of a scope has spent or reserved most, at most ?3; of days since ?1.
-- name: most_of_days
SELECT scope_id, sum(reserved_micros), sum(settled_micros), sum(unknown_micros)
FROM budget_day WHERE scope = ?2 AND day >= ?1
GROUP BY scope_id ORDER BY sum(reserved_micros + settled_micros) DESC, scope_id LIMIT ?3;

-- The same of an hour.
-- name: most_of_hour
SELECT l.scope_id,
    sum(CASE WHEN l.state IN ('reserved', 'dispatched') THEN l.reserved_micros ELSE 0 END),
    sum(CASE WHEN l.state IN ('settled', 'unknown') THEN l.settled_micros ELSE 0 END),
    sum(CASE WHEN l.state = 'unknown' THEN l.settled_micros ELSE 0 END)
FROM (SELECT CASE ?2 WHEN 'guild' THEN scope_guild WHEN 'member' THEN scope_member
          WHEN 'plugin' THEN scope_plugin ELSE scope_bot END AS scope_id,
        state, reserved_micros, settled_micros
      FROM budget_ledger WHERE created_ms >= ?1 AND state <> 'released') AS l
WHERE l.scope_id <> ''
GROUP BY l.scope_id
ORDER BY sum(CASE WHEN l.state IN ('reserved', 'dispatched') THEN l.reserved_micros
    ELSE l.settled_micros END) DESC, l.scope_id LIMIT ?3;

-- After a booking of reservation ?2: what each of its scopes has spent in the month since ?1.
-- name: booked_month
SELECT p.scope, sum(d.settled_micros)
FROM (SELECT 'bot' AS scope, scope_bot AS scope_id FROM budget_ledger WHERE id = ?2 AND day >= ?1
      UNION ALL SELECT 'guild', scope_guild FROM budget_ledger WHERE id = ?2 AND day >= ?1
      UNION ALL SELECT 'member', scope_member FROM budget_ledger WHERE id = ?2 AND day >= ?1
      UNION ALL SELECT 'plugin', scope_plugin FROM budget_ledger WHERE id = ?2 AND day >= ?1) AS p
JOIN budget_day AS d ON d.scope = p.scope AND d.scope_id = p.scope_id AND d.day >= ?1
GROUP BY p.scope;

-- The same of the hour.
-- name: booked_hour
SELECT p.scope, sum(l.settled_micros)
FROM (SELECT 'bot' AS scope, scope_bot AS scope_id FROM budget_ledger WHERE id = ?2 AND created_ms >= ?1
      UNION ALL SELECT 'guild', scope_guild FROM budget_ledger WHERE id = ?2 AND created_ms >= ?1
      UNION ALL SELECT 'member', scope_member FROM budget_ledger WHERE id = ?2 AND created_ms >= ?1
      UNION ALL SELECT 'plugin', scope_plugin FROM budget_ledger WHERE id = ?2 AND created_ms >= ?1) AS p
JOIN budget_ledger AS l ON l.created_ms >= ?1 AND p.scope_id = CASE p.scope WHEN 'bot' THEN l.scope_bot
    WHEN 'guild' THEN l.scope_guild WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END
WHERE p.scope_id <> ''
GROUP BY p.scope;

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
