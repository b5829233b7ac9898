-- SPDX-License-Identifier: Apache-2.0
-- The ledger of reservations and the sums of each day; see turn/budget.h.

-- name: reserve
INSERT INTO budget_ledger (turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, what,
    reserved_micros, created_ms, id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);

-- Reserved and dispatched at once.
-- name: spend
INSERT INTO budget_ledger (turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, what,
    reserved_micros, created_ms, id, state, dispatched_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'dispatched', ?9);

-- A second attempt at what reservation ?1 was dispatched for; ?2 is its own number.
-- name: again
INSERT INTO budget_ledger (turn_id, day, scope_bot, scope_guild, scope_member, scope_plugin, what,
    reserved_micros, created_ms, id, state, dispatched_ms)
SELECT turn_id, ?3, scope_bot, scope_guild, scope_member, scope_plugin, what, reserved_micros, ?4,
    ?2, 'dispatched', ?4
FROM budget_ledger WHERE id = ?1;

-- name: of
SELECT scope_bot, scope_guild, scope_member, scope_plugin, reserved_micros, what
FROM budget_ledger WHERE id = ?1;

-- The guards: a scope's row (?3 to ?6, '' where there is none) is made and changes only while its cap (?7 to ?10) leaves
-- room for the worst case (?2), and none does where ?11, or what stands for it (?12), may not be paid for
-- (budget_stop.sql). That is asked twice, as SQLite fills a table for an OR of one column.
-- name: add_to_day
INSERT INTO budget_day (day, scope, scope_id, reserved_micros, requests)
SELECT ?1, v.column1, v.column2, ?2, 1
FROM (VALUES ('bot', ?3), ('guild', ?4), ('member', ?5), ('plugin', ?6)) AS v
WHERE v.column2 <> '' AND ?2 <= CASE v.column1
    WHEN 'bot' THEN ?7 WHEN 'guild' THEN ?8 WHEN 'member' THEN ?9 ELSE ?10 + 0 END
  AND NOT EXISTS (SELECT 1 FROM budget_stop AS s WHERE s.what = ?11)
  AND NOT EXISTS (SELECT 1 FROM budget_stop AS s WHERE s.what = ?12)
ON CONFLICT (day, scope, scope_id) DO UPDATE
SET reserved_micros = budget_day.reserved_micros + ?2, requests = budget_day.requests + 1
WHERE budget_day.reserved_micros + budget_day.settled_micros <= CASE excluded.scope
    WHEN 'bot' THEN ?7 WHEN 'guild' THEN ?8 WHEN 'member' THEN ?9 ELSE ?10 + 0 END - ?2;

-- name: dispatch
UPDATE budget_ledger SET state = 'dispatched', dispatched_ms = ?3
WHERE id = ?1 AND turn_id = ?2 AND state = 'reserved';

-- The request failed before a byte left.
-- name: undispatch
UPDATE budget_ledger SET state = 'reserved', dispatched_ms = NULL
WHERE id = ?1 AND turn_id = ?2 AND state = 'dispatched';

-- Whoever writes sums writes the ledger's row first, then those of the day and then those of the hour, each in the
-- order of its key, so that hosts of one database wait for each other and never in a ring.

-- Moves the money of reservation ?1 from reserved to settled (?2) in every sum that it counts in. One that was removed
-- meanwhile, as its time is over (erase.sql), is made again with what it cost.
-- name: move_day
INSERT INTO budget_day (day, scope, scope_id, settled_micros, unknown_micros)
SELECT p.day, p.scope, p.scope_id, p.settled, p.unknown
FROM (SELECT l.day AS day, v.column1 AS scope, CASE v.column1 WHEN 'bot' THEN l.scope_bot
          WHEN 'guild' THEN l.scope_guild WHEN 'member' THEN l.scope_member ELSE l.scope_plugin END AS scope_id,
          coalesce(?2, l.reserved_micros) AS settled, ?3 * l.reserved_micros AS unknown
      FROM budget_ledger AS l, (VALUES ('bot'), ('guild'), ('member'), ('plugin')) AS v
      WHERE l.id = ?1) AS p
WHERE p.scope_id <> ''
ORDER BY p.scope
ON CONFLICT (day, scope, scope_id) DO UPDATE
SET reserved_micros = budget_day.reserved_micros
        - (SELECT r.reserved_micros FROM budget_ledger AS r WHERE r.id = ?1),
    settled_micros = budget_day.settled_micros + excluded.settled_micros,
    unknown_micros = budget_day.unknown_micros + excluded.unknown_micros;

-- The same by who knows its day (?1), its scopes (?2 to ?5) and what was reserved (?7).
-- name: book_day
INSERT INTO budget_day (day, scope, scope_id, settled_micros)
SELECT ?1, v.column1, v.column2, ?6
FROM (VALUES ('bot', ?2), ('guild', ?3), ('member', ?4), ('plugin', ?5)) AS v
WHERE v.column2 <> ''
ON CONFLICT (day, scope, scope_id) DO UPDATE
SET reserved_micros = budget_day.reserved_micros - ?7, settled_micros = budget_day.settled_micros + ?6;

-- name: settle
UPDATE budget_ledger SET state = 'settled', settled_micros = ?3, settled_ms = ?4
WHERE id = ?1 AND turn_id = ?2 AND state = 'dispatched'
RETURNING reserved_micros, what;

-- Beside book_day.
-- name: book
UPDATE budget_ledger SET state = 'settled', settled_micros = ?3, settled_ms = ?4
WHERE id = ?1 AND turn_id = ?2 AND state = 'dispatched';

-- name: unknown
UPDATE budget_ledger SET state = 'unknown', settled_micros = reserved_micros, settled_ms = ?2
WHERE id = ?1 AND state = 'dispatched';

-- name: release
UPDATE budget_ledger SET state = 'released', settled_ms = ?3
WHERE id = ?1 AND turn_id = ?2 AND state = 'reserved';

-- What is open: of one turn, or where ?1 is below 0 of every turn that will not go on.
-- name: open
SELECT id, turn_id, state, reserved_micros FROM budget_ledger
WHERE state IN ('reserved', 'dispatched')
  AND (turn_id = ?1 OR (?1 < 0 AND NOT EXISTS (
      SELECT 1 FROM event WHERE event.id = budget_ledger.turn_id AND event.finished_ms IS NULL
        AND (event.source <> 'shell' OR NOT host_ours(event.host)))))
ORDER BY id LIMIT 200;

-- What a day went to, the dearest first.
-- name: by_what
SELECT what,
    sum(CASE WHEN state IN ('reserved', 'dispatched') THEN reserved_micros ELSE 0 END),
    sum(CASE WHEN state = 'settled' THEN settled_micros ELSE 0 END),
    sum(CASE WHEN state = 'unknown' THEN settled_micros ELSE 0 END),
    count(*)
FROM budget_ledger WHERE day = ?1
GROUP BY what ORDER BY sum(coalesce(settled_micros, reserved_micros)) DESC, what LIMIT 100;

-- name: sweep_ledger
DELETE FROM budget_ledger WHERE id IN (
    SELECT id FROM budget_ledger WHERE day < ?1 AND state NOT IN ('reserved', 'dispatched')
    LIMIT 500);

-- name: sweep_day
DELETE FROM budget_day WHERE day < ?1;
