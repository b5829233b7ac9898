-- SPDX-License-Identifier: Apache-2.0
-- Events, their turns and what goes out; see turn/engine.h.

-- An event that was seen before changes nothing.
-- name: intake
INSERT INTO event (id, source, source_id, account, guild, channel, member, kind, payload,
    generation, stages, created_ms, host)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, seal(?9, 'event.payload', ?1), ?10, ?11, ?12, this_host())
ON CONFLICT (source, source_id) DO NOTHING;

-- An event that a spool kept while the server was away (spool.h). Where its member has asked since for all to be
-- deleted, there is none.
-- name: spooled
INSERT INTO event (id, source, source_id, account, guild, channel, member, kind, payload,
    generation, stages, created_ms, host)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, seal(?9, 'event.payload', ?1), ?10, ?11, ?12, this_host()
WHERE NOT EXISTS (SELECT 1 FROM kv WHERE ns = 'core' AND scope = '' AND key = ?13 AND expires_ms >= ?14)
ON CONFLICT (source, source_id) DO NOTHING;

-- One that is there already, of this host, and perhaps without a turn: nobody knew that it was stored.
-- name: spooled_open
SELECT id FROM event
WHERE source = ?1 AND source_id = ?2 AND finished_ms IS NULL AND state <> 'parked' AND host = this_host();

-- A turn that was not stored before it ended: of a command of the core's own. Who asks for the last
-- turn does not mean that one.
-- name: ended
INSERT INTO event (id, source, source_id, account, guild, channel, member, kind, payload,
    generation, stages, created_ms, state, reason, sentence, trace, finished_ms, host)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, seal(?9, 'event.payload', ?1), ?10, '["core"]', ?11, ?12, ?13,
    seal(?14, 'event.sentence', ?1), seal(?15, 'event.trace', ?1), ?11, this_host())
ON CONFLICT (source, source_id) DO NOTHING;

-- Messages of its answer that are not there, or not known to be.
-- name: undelivered
SELECT ordinal, part, state, coalesce(error, '') FROM outbox
WHERE turn_id = ?1 AND (state = 'failed' OR state = 'unknown') ORDER BY id LIMIT 20;

-- It began on a newer generation than it was taken in by.
-- name: stages
UPDATE event SET generation = ?2, stages = ?3 WHERE id = ?1;

-- Its message was edited before it began.
-- name: revise
UPDATE event SET payload = seal(?2, 'event.payload', ?1) WHERE id = ?1 AND finished_ms IS NULL;

-- Another turn of its member took it along.
-- name: merged
UPDATE event SET state = 'done', reason = 'merged', sentence = '', trace = seal(?2, 'event.trace', ?1),
    finished_ms = ?3
WHERE id = ?1 AND finished_ms IS NULL;

-- Or after it had ended, for another run.
-- name: revise_which
SELECT id, unseal(payload, 'event.payload', id) FROM event
WHERE source = ?1 AND source_id = ?2 AND finished_ms IS NOT NULL AND payload <> '{}';

-- name: revise_ended
UPDATE event SET payload = seal(?2, 'event.payload', ?1)
WHERE id = ?1 AND finished_ms IS NOT NULL AND payload <> '{}';

-- name: again
UPDATE event SET state = 'running', attempts = attempts + 1 WHERE id = ?1 AND finished_ms IS NULL;

-- name: finish
UPDATE event SET state = ?2, reason = ?3, sentence = seal(?4, 'event.sentence', ?1),
    trace = seal(?5, 'event.trace', ?1), cost_micros = ?6, generation = ?7, finished_ms = ?8
WHERE id = ?1 AND finished_ms IS NULL;

-- Its answer was taken back, as its end could not be stored: what is out is out, the rest is not owed.
-- name: unkept
UPDATE outbox SET state = CASE WHEN remote_id IS NULL THEN 'failed' ELSE 'sent' END,
    error = 'the storage did not work'
WHERE turn_id = ?1 AND (ordinal = 0 OR ordinal = 65535) AND (state = 'streaming' OR state = 'ready');

-- Counted by agent: that two different ones died once each does not say that the message is to blame.
-- name: blame
UPDATE event SET blames = CASE WHEN blamed = ?2 THEN blames + 1 ELSE 1 END, blamed = ?2 WHERE id = ?1 AND finished_ms IS NULL
RETURNING blames;

-- What money a turn has spent so far.
-- name: cost
SELECT coalesce(sum(settled_micros), 0) FROM budget_ledger WHERE turn_id = ?1;

-- Where a crash or stop left events open, oldest first: of one source, between two ids.
-- name: open_events
SELECT id, unseal(payload, 'event.payload', id), attempts, blames, coalesce(blamed, ''), stages, generation, source,
    state = 'parked' AND EXISTS (SELECT 1 FROM wait
                                 WHERE wait.turn_id = event.id AND wait.state = 'open'),
    unseal(coalesce(trace, ''), 'event.trace', id), state = 'parked'
FROM event
WHERE finished_ms IS NULL AND source = ?1 AND id > ?2 AND id <= ?3 AND host = this_host()
ORDER BY id LIMIT 1000;

-- name: event
SELECT id, unseal(payload, 'event.payload', id), attempts, blames, coalesce(blamed, ''), stages, generation, source, 0,
    unseal(coalesce(trace, ''), 'event.trace', id), state = 'parked'
FROM event WHERE id = ?1;

-- name: newest
SELECT (SELECT coalesce(max(id), 0) FROM event), (SELECT coalesce(max(id), 0) FROM budget_ledger);

-- name: close_shell
UPDATE event SET state = 'interrupted', reason = 'restart', finished_ms = ?1
WHERE source = 'shell' AND finished_ms IS NULL AND host_ours(host);


-- A turn's number wins over a message's. ?3 NULL: of every channel; ?4 NULL: slash commands of all.
-- The sources are few and are skipped through in the index of (source, source_id), so that a message's
-- number needs none of its own.
-- name: why_id
WITH RECURSIVE known (source) AS (
    SELECT min(source) FROM event
    UNION ALL
    SELECT (SELECT min(e.source) FROM event AS e WHERE e.source > known.source)
    FROM known WHERE known.source IS NOT NULL)
SELECT id, source, source_id, channel, stages, state, reason, unseal(sentence, 'event.sentence', id),
    unseal(trace, 'event.trace', id), cost_micros, generation, created_ms, finished_ms, attempts, blames, blamed
FROM event
WHERE id IN (SELECT ?1 UNION ALL
             SELECT e.id FROM known JOIN event AS e ON e.source = known.source
             WHERE e.source_id = ?2)
  AND (?3 IS NULL OR channel = ?3) AND (?4 IS NULL OR kind <> 'command' OR member = ?4)
ORDER BY CASE WHEN id = ?1 THEN 0 ELSE 1 END, id DESC LIMIT 1;

-- Turns that ended after the one that was seen last: time ?1, number ?2. Without those for observers
-- alone: nobody waited for them.
-- name: tail
SELECT id, source, source_id, channel, member, state, reason, cost_micros, created_ms, finished_ms
FROM event
WHERE (finished_ms > ?1 OR (finished_ms = ?1 AND id > ?2)) AND stages NOT LIKE '["observer %' AND stages <> '["core"]'
ORDER BY finished_ms, id LIMIT 100;

-- name: tail_start
SELECT coalesce(max(finished_ms), 0), coalesce(max(id), 0) FROM event
WHERE finished_ms IS NOT NULL;

-- Those for observers alone are found by their messages only.
-- name: why_last
SELECT id, source, source_id, channel, stages, state, reason, unseal(sentence, 'event.sentence', id),
    unseal(trace, 'event.trace', id), cost_micros, generation, created_ms, finished_ms, attempts, blames, blamed
FROM event
WHERE (?1 IS NULL OR channel = ?1) AND finished_ms IS NOT NULL
  AND (?2 IS NULL OR kind <> 'command' OR member = ?2) AND stages NOT LIKE '["observer %' AND stages <> '["core"]'
ORDER BY id DESC LIMIT 1;

-- What ended before ?1 goes, in bounded portions: the texts early, the rows themselves later.
-- name: sweep_payload
UPDATE event SET payload = '{}' WHERE id IN (
    SELECT id FROM event WHERE finished_ms < ?1 AND payload <> '{}'
      AND NOT EXISTS (SELECT 1 FROM outbox AS o
                      WHERE o.turn_id = event.id AND o.state = 'ready')
    ORDER BY finished_ms, id LIMIT 500);

-- name: sweep_outbox
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox AS o JOIN event AS e ON e.id = o.turn_id
    WHERE e.finished_ms < ?1 AND o.state NOT IN ('ready', 'streaming') LIMIT 500);

-- Of no turn.
-- name: sweep_loose
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE turn_id = 0 AND created_ms < ?1 LIMIT 500);

-- An answer that nobody came to see waits as long as its trace.
-- name: sweep_unseen
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox AS o JOIN event AS e ON e.id = o.turn_id
    WHERE e.finished_ms < ?1 LIMIT 500);

-- name: sweep_event
DELETE FROM event WHERE id IN (
    SELECT id FROM event WHERE finished_ms < ?1
      AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.turn_id = event.id)
    ORDER BY finished_ms, id LIMIT 500);

-- What observers are owed and did not wait in memory: between two ids, in the columns of open_events.
-- name: left
SELECT id, unseal(payload, 'event.payload', id), attempts, blames, coalesce(blamed, ''), stages, generation, source, 0,
    unseal(coalesce(trace, ''), 'event.trace', id), state = 'parked'
FROM event
WHERE finished_ms IS NULL AND id > ?1 AND id <= ?2 AND host = this_host()
ORDER BY id LIMIT 100;

-- ---- with other hosts on the database (adopt.c); a server's SQL ----

-- Whether a host that is gone has left something open.
-- name: left_behind
SELECT 1 WHERE EXISTS (SELECT 1 FROM event WHERE finished_ms IS NULL AND host <> this_host() AND host_gone(host))
  OR EXISTS (SELECT 1 FROM outbox WHERE (state = 'streaming' OR state = 'ready') AND host <> this_host()
             AND host_gone(host));

-- Nobody starts in such a place meanwhile.
-- name: adopt_hosts
SELECT slot FROM host WHERE NOT held FOR UPDATE;

-- name: adopt_outbox
UPDATE outbox SET host = this_host()
WHERE (state = 'streaming' OR state = 'ready') AND host <> this_host() AND host_gone(host);

-- name: adopt_events
UPDATE event SET host = this_host()
WHERE finished_ms IS NULL AND host <> this_host() AND host_gone(host)
RETURNING id, source, state = 'parked' AND EXISTS (SELECT 1 FROM wait
                                                   WHERE wait.turn_id = event.id AND wait.state = 'open');

-- Whether the turn is this host's to answer for.
-- name: ours
SELECT 1 FROM event WHERE id = ?1 AND host_ours(host);
