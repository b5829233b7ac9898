-- SPDX-License-Identifier: Apache-2.0
-- Sums of a month and an hour, and the guards on them; see turn/budget_span.h. ?1 is where the month
-- begins, or the hour counted from 1970; ?2 and ?3 are the scope.

-- name: month
SELECT coalesce(sum(reserved_micros), 0), coalesce(sum(settled_micros), 0), coalesce(sum(unknown_micros), 0)
FROM budget_day WHERE scope = ?2 AND scope_id = ?3 AND day >= ?1;

-- name: hour
SELECT reserved_micros, settled_micros, unknown_micros FROM budget_hour
WHERE hour = ?1 AND scope = ?2 AND scope_id = ?3;

-- Who of a scope has spent or reserved most, at most ?3; of days since ?1.
-- name: most_of_days
SELECT scope_id, sum(reserved_micros), sum(settled_micros), sum(unknown_micros)
FROM budget_day WHERE scope = ?2 AND day >= ?1
GROUP BY scope_id ORDER BY sum(reserved_micros + settled_micros) DESC, scope_id LIMIT ?3;

-- The same of an hour.
-- name: most_of_hour
SELECT scope_id, reserved_micros, settled_micros, unknown_micros
FROM budget_hour WHERE hour = ?1 AND scope = ?2
ORDER BY reserved_micros + settled_micros DESC, scope_id LIMIT ?3;

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
SELECT p.scope, h.settled_micros
FROM (SELECT 'bot' AS scope, scope_bot AS scope_id, created_ms / 3600000 AS hour
      FROM budget_ledger WHERE id = ?2
      UNION ALL SELECT 'guild', scope_guild, created_ms / 3600000 FROM budget_ledger WHERE id = ?2
      UNION ALL SELECT 'member', scope_member, created_ms / 3600000 FROM budget_ledger WHERE id = ?2
      UNION ALL SELECT 'plugin', scope_plugin, created_ms / 3600000 FROM budget_ledger WHERE id = ?2) AS p
JOIN budget_hour AS h ON h.hour = p.hour AND h.scope = p.scope AND h.scope_id = p.scope_id
WHERE p.hour >= ?1;

-- Changes the row of the day (?5), which is there by now, only while the sum is within the cap (?4).
-- name: fits_month
UPDATE budget_day SET requests = requests
WHERE day = ?5 AND scope = ?2 AND scope_id = ?3
  AND (SELECT coalesce(sum(m.reserved_micros + m.settled_micros), 0) FROM budget_day AS m
      WHERE m.scope = ?2 AND m.scope_id = ?3 AND m.day >= ?1) <= ?4;

-- Like add_to_day of budget.sql.
-- name: add_to_hour
INSERT INTO budget_hour (hour, scope, scope_id, reserved_micros)
SELECT ?1, v.column1, v.column2, ?2
FROM (VALUES ('bot', ?3), ('guild', ?4), ('member', ?5), ('plugin', ?6)) AS v
WHERE v.column2 <> '' AND ?2 <= CASE v.column1
    WHEN 'bot' THEN ?7 WHEN 'guild' THEN ?8 WHEN 'member' THEN ?9 ELSE ?10 + 0 END
ON CONFLICT (hour, scope, scope_id) DO UPDATE
SET reserved_micros = budget_hour.reserved_micros + ?2
WHERE budget_hour.reserved_micros + budget_hour.settled_micros <= CASE excluded.scope
    WHEN 'bot' THEN ?7 WHEN 'guild' THEN ?8 WHEN 'member' THEN ?9 ELSE ?10 + 0 END - ?2;

-- Like move_sums and book_sum of budget.sql. What was reserved in an hour that is over counts in that.
-- name: move_hour
UPDATE budget_hour
SET reserved_micros = budget_hour.reserved_micros - l.reserved_micros,
    settled_micros = budget_hour.settled_micros + coalesce(?2, l.reserved_micros),
    unknown_micros = budget_hour.unknown_micros + ?3 * l.reserved_micros
FROM (SELECT created_ms / 3600000 AS hour, 'bot' AS scope, scope_bot AS scope_id, reserved_micros
      FROM budget_ledger WHERE id = ?1
      UNION ALL
      SELECT created_ms / 3600000, 'guild', scope_guild, reserved_micros FROM budget_ledger WHERE id = ?1
      UNION ALL
      SELECT created_ms / 3600000, 'member', scope_member, reserved_micros FROM budget_ledger WHERE id = ?1
      UNION ALL
      SELECT created_ms / 3600000, 'plugin', scope_plugin, reserved_micros FROM budget_ledger WHERE id = ?1) AS l
WHERE budget_hour.hour = l.hour AND budget_hour.scope = l.scope AND budget_hour.scope_id = l.scope_id;

-- name: book_hour
UPDATE budget_hour SET reserved_micros = reserved_micros - ?5, settled_micros = settled_micros + ?2
WHERE hour = (SELECT l.created_ms / 3600000 FROM budget_ledger AS l WHERE l.id = ?1)
  AND scope = ?3 AND scope_id = ?4;

-- name: sweep_hour
DELETE FROM budget_hour WHERE hour < ?1;
