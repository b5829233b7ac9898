-- SPDX-License-Identifier: Apache-2.0
-- Deleting what is kept about a member; see turn/erase.h. ?1 is the member wherever one is meant.

-- ---- what agents keep

-- name: declare_clear
DELETE FROM user_data WHERE ns = ?1;

-- name: declare
INSERT INTO user_data (ns, kind, name, doc, member, flags) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (ns, kind, name) DO UPDATE
SET doc = excluded.doc, member = excluded.member, flags = excluded.flags;

-- name: declared
SELECT ns, kind, name, doc, member, flags FROM user_data ORDER BY ns, kind, name;

-- name: declared_by
SELECT kind, name, doc, member, flags FROM user_data WHERE ns = ?1 ORDER BY kind, name;

-- Agents that have tables.
-- name: with_tables
SELECT DISTINCT ns FROM migration WHERE ns <> 'core' ORDER BY ns;

-- name: has_tables
SELECT 1 FROM migration WHERE ns = ?1 LIMIT 1;

-- ---- what is asked for

-- A new one stands for an older one of the same member, which it includes.
-- name: ask
INSERT INTO erasure (member, asked_by, turn_id, last_event, created_ms)
VALUES (?1, ?2, ?3, max(?4, (SELECT coalesce(max(e.id), 0) FROM event AS e)), ?5)
ON CONFLICT (member) DO UPDATE
SET asked_by = excluded.asked_by, turn_id = excluded.turn_id, last_event = excluded.last_event,
    created_ms = excluded.created_ms
RETURNING last_event;

-- name: ask_parts
INSERT INTO erasure_part (member, part)
SELECT ?1, 'core' UNION SELECT ?1, 'core:budget' UNION SELECT ?1, 'core:others'
UNION SELECT ?1, ns FROM user_data
UNION SELECT ?1, ns FROM migration WHERE ns <> 'core'
ON CONFLICT (member, part) DO NOTHING;

-- ---- the hosts that share a database (erase_end.c); a server's SQL

-- name: ask_hosts
INSERT INTO erasure_part (member, part) SELECT ?1, 'core:host/' || slot FROM host WHERE held
ON CONFLICT (member, part) DO NOTHING;

-- Deletions that wait for turns to end.
-- name: begun
SELECT e.member, e.turn_id, e.last_event, e.created_ms FROM erasure AS e
JOIN erasure_part AS p ON p.member = e.member AND p.part = 'core' ORDER BY e.member LIMIT 100;

-- name: host_open
SELECT 1 FROM erasure_part WHERE member = ?1 AND part = 'core:host/' || this_host();

-- name: host_done
DELETE FROM erasure_part WHERE member = ?1 AND part = 'core:host/' || this_host();

-- Also what a host took over meanwhile from one that is gone.
-- name: hosts_left
SELECT CASE WHEN EXISTS (SELECT 1 FROM erasure_part AS p JOIN host AS h ON p.part = 'core:host/' || h.slot
                         WHERE p.member = ?1 AND h.held)
         OR EXISTS (SELECT 1 FROM event WHERE member = ?1 AND id <= ?2 AND finished_ms IS NULL)
    THEN 1 ELSE 0 END;

-- ---- doing it

-- name: open
SELECT member, turn_id, last_event, created_ms, asked_by FROM erasure
WHERE member > ?1 ORDER BY member LIMIT 100;

-- name: parts
SELECT part FROM erasure_part WHERE member = ?1 ORDER BY part;

-- name: part_done
DELETE FROM erasure_part WHERE member = ?1 AND part = ?2;

-- name: over
DELETE FROM erasure WHERE member = ?1
  AND NOT EXISTS (SELECT 1 FROM erasure_part AS p WHERE p.member = erasure.member);

-- ---- the core's own

-- Turns that nobody has in memory do not go on.
-- name: unfinished
SELECT id FROM event WHERE member = ?1 AND id <= ?2 AND finished_ms IS NULL AND host_ours(host)
LIMIT 100;

-- Parts of hosts, with the core's.
-- name: hosts
DELETE FROM erasure_part WHERE member = ?1 AND part LIKE 'core:host/%';

-- name: end
UPDATE event SET state = 'interrupted', reason = 'erased', sentence = '', finished_ms = ?2
WHERE id = ?1 AND finished_ms IS NULL;

-- Messages on their way, younger than ?3.
-- name: unsent
SELECT count(*) FROM outbox AS o JOIN event AS e ON e.id = o.turn_id
WHERE e.member = ?1 AND e.id <= ?2 AND (o.state = 'ready' OR o.state = 'streaming')
  AND o.created_ms > ?3;

-- name: calls
DELETE FROM call WHERE turn_id IN (SELECT id FROM event WHERE member = ?1 AND id <= ?2);

-- What turns of others were told and have no use for any more, since they are over: what the member added for
-- everybody is among it. Of a range of turns, so that each portion is short.
-- name: others_from
SELECT coalesce(min(first.id), 0) FROM (SELECT min(turn_id) AS id FROM call
    UNION ALL SELECT min(turn_id) FROM outbox WHERE turn_id > 0) AS first;

-- name: others
UPDATE call SET result = NULL
WHERE turn_id >= ?1 AND turn_id < ?2 AND result IS NOT NULL AND path <> 'spans'
  AND turn_id IN (SELECT id FROM event WHERE id >= ?1 AND id < ?2 AND finished_ms IS NOT NULL);

-- What they answered, once it is there: it may quote the member. Messages keep their place and number.
-- name: others_shown
UPDATE outbox SET body = '', source = NULL, file = NULL, file_name = NULL
WHERE turn_id >= ?1 AND turn_id < ?2 AND body <> '' AND state <> 'ready' AND state <> 'streaming'
  AND turn_id IN (SELECT id FROM event WHERE id >= ?1 AND id < ?2 AND finished_ms IS NOT NULL);

-- What agents said about them in their traces, which stay for longer.
-- name: others_first
SELECT coalesce(min(id), 0) FROM event;

-- name: others_traces
SELECT id, unseal(trace, 'event.trace', id) FROM event
WHERE id >= ?1 AND id < ?2 AND finished_ms IS NOT NULL AND trace IS NOT NULL AND trace <> '';

-- name: others_trace
UPDATE event SET trace = seal(?2, 'event.trace', ?1) WHERE id = ?1 AND finished_ms IS NOT NULL AND trace IS NOT NULL;

-- name: waits
DELETE FROM wait WHERE turn_id IN (SELECT id FROM event WHERE member = ?1 AND id <= ?2);

-- name: files
DELETE FROM event_file WHERE turn_id IN (SELECT id FROM event WHERE member = ?1 AND id <= ?2);

-- name: answer_files
DELETE FROM answer_file WHERE turn_id IN (SELECT id FROM event WHERE member = ?1 AND id <= ?2);

-- name: answer_file_parts
DELETE FROM answer_file_part WHERE turn_id IN (SELECT id FROM event WHERE member = ?1 AND id <= ?2);

-- name: outbox
DELETE FROM outbox WHERE turn_id IN (SELECT id FROM event WHERE member = ?1 AND id <= ?2);

-- The row stays until traces go, with nothing in it but the message's number, by which a repetition of
-- the message is known. A channel of two is the member's.
-- name: events
UPDATE event SET payload = '{}', trace = NULL, sentence = '', member = NULL,
    channel = CASE WHEN guild IS NULL THEN NULL ELSE channel END
WHERE member = ?1 AND id <= ?2 AND finished_ms IS NOT NULL;

-- name: ratings
DELETE FROM rating WHERE member = ?1;

-- name: jobs
DELETE FROM scheduled_job WHERE member = ?1;

-- ?2 and ?3 are patterns of scopes, with ! before what would be a wildcard.
-- name: kv
DELETE FROM kv WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!');

-- What searches in memory go by goes with their entries.
-- name: index_scopes
DELETE FROM index_scope WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!');

-- name: index_changes
DELETE FROM index_change WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!');

-- Before the key is deleted: in another epoch nothing in memory holds.
-- name: index_key
UPDATE index_scope SET epoch = epoch + 1, entries = entries - 1 WHERE ns = ?1 AND EXISTS
    (SELECT 1 FROM kv WHERE kv.ns = ?1 AND kv.scope = index_scope.scope AND kv.key = ?2);

-- name: index_key_changes
DELETE FROM index_change WHERE ns = ?1 AND key = ?2;

-- name: kv_key
DELETE FROM kv WHERE ns = ?1 AND key = ?2;

-- Blobs let go of their bytes first, which are cleared in portions; see store/blob.h.
-- name: blobs_loosen
INSERT INTO blob_loose (ns, scope, body, size, due_ms)
SELECT ns, scope, body, size, 0 FROM blob_head
WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!')
ON CONFLICT (ns, scope, body) DO NOTHING;

-- Also what was begun and not finished.
-- name: blobs_due
UPDATE blob_loose SET due_ms = 0
WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!');

-- name: blobs
DELETE FROM blob_head WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!')
    AND EXISTS (SELECT 1 FROM blob_loose AS l
        WHERE l.ns = blob_head.ns AND l.scope = blob_head.scope AND l.body = blob_head.body);

-- name: blob_key_loosen
INSERT INTO blob_loose (ns, scope, body, size, due_ms)
SELECT ns, scope, body, size, 0 FROM blob_head WHERE ns = ?1 AND key = ?2
ON CONFLICT (ns, scope, body) DO NOTHING;

-- name: blob_key
DELETE FROM blob_head WHERE ns = ?1 AND key = ?2 AND EXISTS (SELECT 1 FROM blob_loose AS l
    WHERE l.ns = blob_head.ns AND l.scope = blob_head.scope AND l.body = blob_head.body);

-- Who changed what stays for as long as the audit log; what somebody merely tried does not.
-- name: denied
DELETE FROM audit_log WHERE actor = ?1 AND action = 'denied';

-- name: setter
UPDATE setting SET updated_by = '' WHERE updated_by = ?1;

-- What it was for is a name that others share, or one that might have been made of the member's words.
-- name: ledger
UPDATE budget_ledger SET scope_member = '', what = CASE WHEN what IN (
        SELECT l.what FROM budget_ledger AS l WHERE l.scope_member <> ?1 AND l.scope_member <> '')
    THEN what ELSE 'deleted' END
WHERE scope_member = ?1 AND created_ms <= ?2 AND state NOT IN ('reserved', 'dispatched');

-- What is stopped under a name that nobody else had. It stays stopped: by a digest of the name.
-- name: stops
SELECT s.what FROM budget_stop AS s
WHERE EXISTS (SELECT 1 FROM budget_ledger AS l WHERE l.what = s.what AND l.scope_member = ?1)
  AND NOT EXISTS (SELECT 1 FROM budget_ledger AS l
                  WHERE l.what = s.what AND l.scope_member <> ?1 AND l.scope_member <> '');

-- name: stop
UPDATE budget_stop SET what = ?2 WHERE what = ?1;

-- The money of a day or an hour that is not over is what a cap holds by.
-- name: days
DELETE FROM budget_day WHERE scope = 'member' AND scope_id = ?1 AND day <= ?2
  AND (day < ?3 OR (reserved_micros = 0 AND settled_micros = 0));

-- name: hours
DELETE FROM budget_hour WHERE scope = 'member' AND scope_id = ?1 AND hour <= ?2 / 3600000
  AND (hour < ?3 / 3600000 OR (reserved_micros = 0 AND settled_micros = 0));

-- name: budget_left
SELECT EXISTS (SELECT 1 FROM budget_day WHERE scope = 'member' AND scope_id = ?1 AND day <= ?2)
    OR EXISTS (SELECT 1 FROM budget_hour WHERE scope = 'member' AND scope_id = ?1 AND hour <= ?3 / 3600000)
    OR EXISTS (SELECT 1 FROM budget_ledger WHERE scope_member = ?1 AND created_ms <= ?3);

-- ---- showing it

-- name: show_events
SELECT created_ms, kind, guild, channel, unseal(payload, 'event.payload', id) FROM event
WHERE member = ?1 AND payload <> '{}' ORDER BY id DESC LIMIT ?2;

-- name: show_outbox
SELECT o.created_ms, o.kind, unseal(o.body, 'outbox.body', o.id)
FROM outbox AS o JOIN event AS e ON e.id = o.turn_id
WHERE e.member = ?1 ORDER BY o.id DESC LIMIT ?2;

-- name: show_jobs
SELECT agent, name, unseal(payload, 'scheduled_job.payload', id), when_text, zone, next_ms
FROM scheduled_job
WHERE member = ?1 AND state = 'open' ORDER BY id LIMIT ?2;

-- name: show_ratings
SELECT at_ms, value FROM rating WHERE member = ?1 ORDER BY at_ms LIMIT ?2;

-- name: show_days
SELECT day, settled_micros, requests FROM budget_day
WHERE scope = 'member' AND scope_id = ?1 ORDER BY day LIMIT ?2;

-- name: show_kv
SELECT ns, key, unseal(value, 'kv.value', ns, scope, key) FROM kv
WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!')
ORDER BY ns, key LIMIT ?3;

-- name: show_key
SELECT key, unseal(value, 'kv.value', ns, scope, key) FROM kv WHERE ns = ?1 AND key = ?2 LIMIT ?3;

-- What is known of blobs; their bytes are the agent's to show.
-- name: show_blobs
SELECT ns, key, type, size, unseal(sha256, 'blob_head.sha256', ns, scope, key), created_ms,
    changed_ms, expires_ms
FROM blob_head WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!')
ORDER BY ns, key LIMIT ?3;

-- Those that a message may have as files: the newest first.
-- name: show_files
SELECT ns, scope, key, type, size FROM blob_head
WHERE ns <> 'core' AND (scope LIKE ?1 ESCAPE '!' OR scope LIKE ?2 ESCAPE '!') AND size > 0
    AND (expires_ms = 0 OR expires_ms > ?4)
ORDER BY changed_ms DESC, ns, key LIMIT ?3;

-- name: show_blob_key
SELECT key, type, size, unseal(sha256, 'blob_head.sha256', ns, scope, key), created_ms, changed_ms,
    expires_ms
FROM blob_head WHERE ns = ?1 AND key = ?2 LIMIT ?3;
