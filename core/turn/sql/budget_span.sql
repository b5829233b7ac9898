-- SPDX-License-Identifier: Apache-2.0
-- Sums of a month and an hour, and the guards on them; see turn/budget_span.h. ?1 is where the month
-- begins, or the hour counted from 1970; ?2 and ?3 are the scope.

-- name: month
SELECT coalesce(sum(reserved_micros), 0), coalesce(sum(settled_micros), 0), coalesce(sum(unknown_micros), 0)
FROM budget_day WHERE scope = ?2 AND scope_id = ?3 AND day >= ?1;

-- name: day
SELECT reserved_micros, settled_micros, unknown_micros FROM budget_day
WHERE day = ?1 AND scope = ?2 AND scope_id = ?3;

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

-- What is reserved and spent of each scope (?4 to ?7) in the hour ?1, the day ?2 and the month since ?3.
-- name: sums
SELECT CASE v.column1 WHEN 'bot' THEN 0 WHEN 'guild' THEN 1 WHEN 'member' THEN 2 ELSE 3 END,
    coalesce((SELECT h.reserved_micros + h.settled_micros FROM budget_hour AS h
              WHERE h.hour = ?1 AND h.scope = v.column1 AND h.scope_id = v.column2), 0),
    coalesce((SELECT d.reserved_micros + d.settled_micros FROM budget_day AS d
              WHERE d.day = ?2 AND d.scope = v.column1 AND d.scope_id = v.column2), 0),
    coalesce((SELECT sum(m.reserved_micros + m.settled_micros) FROM budget_day AS m
              WHERE m.scope = v.column1 AND m.scope_id = v.column2 AND m.day >= ?3), 0)
FROM (VALUES ('bot', ?4), ('guild', ?5), ('member', ?6), ('plugin', ?7)) AS v
WHERE v.column2 <> '';

-- After a booking of reservation ?1: what its scopes have spent in its hour, its day and the month since ?3, each
-- where ?2 has its bit: 1 for the bot's hour, 2 for the guild's, 16 for the bot's day, 256 for its month. Spelled
-- out, as SQLite needs three times as long to find the scopes by a list of them. That the bits are the row's
-- has PostgreSQL keep one plan; else it makes one anew for each call, without what they leave out.
-- name: booked
SELECT l.scope_plugin, l.created_ms / 3600000, l.day,
    CASE WHEN (l.places & 1) <> 0 THEN (SELECT h.settled_micros FROM budget_hour AS h
        WHERE h.hour = l.created_ms / 3600000 AND h.scope = 'bot' AND h.scope_id = l.scope_bot) END,
    CASE WHEN (l.places & 2) <> 0 THEN (SELECT h.settled_micros FROM budget_hour AS h
        WHERE h.hour = l.created_ms / 3600000 AND h.scope = 'guild' AND h.scope_id = l.scope_guild) END,
    CASE WHEN (l.places & 4) <> 0 THEN (SELECT h.settled_micros FROM budget_hour AS h
        WHERE h.hour = l.created_ms / 3600000 AND h.scope = 'member' AND h.scope_id = l.scope_member) END,
    CASE WHEN (l.places & 8) <> 0 THEN (SELECT h.settled_micros FROM budget_hour AS h
        WHERE h.hour = l.created_ms / 3600000 AND h.scope = 'plugin' AND h.scope_id = l.scope_plugin) END,
    CASE WHEN (l.places & 16) <> 0 THEN (SELECT d.settled_micros FROM budget_day AS d
        WHERE d.day = l.day AND d.scope = 'bot' AND d.scope_id = l.scope_bot) END,
    CASE WHEN (l.places & 32) <> 0 THEN (SELECT d.settled_micros FROM budget_day AS d
        WHERE d.day = l.day AND d.scope = 'guild' AND d.scope_id = l.scope_guild) END,
    CASE WHEN (l.places & 64) <> 0 THEN (SELECT d.settled_micros FROM budget_day AS d
        WHERE d.day = l.day AND d.scope = 'member' AND d.scope_id = l.scope_member) END,
    CASE WHEN (l.places & 128) <> 0 THEN (SELECT d.settled_micros FROM budget_day AS d
        WHERE d.day = l.day AND d.scope = 'plugin' AND d.scope_id = l.scope_plugin) END,
    CASE WHEN (l.places & 256) <> 0 THEN (SELECT sum(d.settled_micros) FROM budget_day AS d
        WHERE d.scope = 'bot' AND d.scope_id = l.scope_bot AND d.day >= ?3) END,
    CASE WHEN (l.places & 512) <> 0 THEN (SELECT sum(d.settled_micros) FROM budget_day AS d
        WHERE d.scope = 'guild' AND d.scope_id = l.scope_guild AND d.day >= ?3) END,
    CASE WHEN (l.places & 1024) <> 0 THEN (SELECT sum(d.settled_micros) FROM budget_day AS d
        WHERE d.scope = 'member' AND d.scope_id = l.scope_member AND d.day >= ?3) END,
    CASE WHEN (l.places & 2048) <> 0 THEN (SELECT sum(d.settled_micros) FROM budget_day AS d
        WHERE d.scope = 'plugin' AND d.scope_id = l.scope_plugin AND d.day >= ?3) END
FROM (SELECT scope_bot, scope_guild, scope_member, scope_plugin, day, created_ms, ?2 | (id & 0) AS places
      FROM budget_ledger WHERE id = ?1) AS l;

-- Behind add_to_day: of the scopes (?2 to ?5), whose caps are ?6 to ?9, those that are not above theirs.
-- name: fit_month
SELECT v.column1
FROM (VALUES ('bot', ?2), ('guild', ?3), ('member', ?4), ('plugin', ?5)) AS v
WHERE v.column2 <> ''
  AND (SELECT coalesce(sum(m.reserved_micros + m.settled_micros), 0) FROM budget_day AS m
      WHERE m.scope = v.column1 AND m.scope_id = v.column2 AND m.day >= ?1) <= CASE v.column1
    WHEN 'bot' THEN ?6 WHEN 'guild' THEN ?7 WHEN 'member' THEN ?8 ELSE ?9 + 0 END;

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

-- Like move_day and book_day of budget.sql. What was reserved in an hour that is over counts in that.
-- name: move_hour
INSERT INTO budget_hour (hour, scope, scope_id, settled_micros, unknown_micros)
SELECT p.hour, p.scope, p.scope_id, p.settled, p.unknown
FROM (SELECT l.created_ms / 3600000 AS hour, v.column1 AS scope, CASE v.column1 WHEN 'bot' THEN l.scope_bot
          WHEN 'guild' THEN l.scope_guild WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END AS scope_id,
          coalesce(?2, l.reserved_micros) AS settled, ?3 * l.reserved_micros AS unknown
      FROM budget_ledger AS l, (VALUES ('bot'), ('guild'), ('member'), ('plugin')) AS v
      WHERE l.id = ?1) AS p
WHERE p.scope_id <> ''
ORDER BY p.scope
ON CONFLICT (hour, scope, scope_id) DO UPDATE
SET reserved_micros = budget_hour.reserved_micros
        - (SELECT r.reserved_micros FROM budget_ledger AS r WHERE r.id = ?1),
    settled_micros = budget_hour.settled_micros + excluded.settled_micros,
    unknown_micros = budget_hour.unknown_micros + excluded.unknown_micros;

-- name: book_hour
INSERT INTO budget_hour (hour, scope, scope_id, settled_micros)
SELECT ?1, v.column1, v.column2, ?6
FROM (VALUES ('bot', ?2), ('guild', ?3), ('member', ?4), ('plugin', ?5)) AS v
WHERE v.column2 <> ''
ON CONFLICT (hour, scope, scope_id) DO UPDATE
SET reserved_micros = budget_hour.reserved_micros - ?7, settled_micros = budget_hour.settled_micros + ?6;

-- name: sweep_hour
DELETE FROM budget_hour WHERE hour < ?1;
