-- SPDX-License-Identifier: Apache-2.0
-- Sessions with Discord's gateway; see gateway/discord/store.h.

-- Each host on the database has its own; the first's is named as if there were no other.
-- name: load
SELECT session_id, resume_url, seq FROM discord_session
WHERE name = ?1 || CASE this_host() WHEN 0 THEN '' ELSE '@' || CAST(this_host() AS TEXT) END;

-- name: session
INSERT INTO discord_session (name, session_id, resume_url, seq, updated_ms)
VALUES (?1 || CASE this_host() WHEN 0 THEN '' ELSE '@' || CAST(this_host() AS TEXT) END, ?2, ?3,
    ?4, ?5)
ON CONFLICT (name) DO UPDATE SET session_id = excluded.session_id,
    resume_url = excluded.resume_url, seq = excluded.seq, updated_ms = excluded.updated_ms;

-- As a spool has it: what was stored later stands.
-- name: spooled
INSERT INTO discord_session (name, session_id, resume_url, seq, updated_ms)
VALUES (?1 || CASE this_host() WHEN 0 THEN '' ELSE '@' || CAST(this_host() AS TEXT) END, ?2, ?3,
    ?4, ?5)
ON CONFLICT (name) DO UPDATE SET session_id = excluded.session_id,
    resume_url = excluded.resume_url, seq = excluded.seq, updated_ms = excluded.updated_ms
WHERE discord_session.updated_ms <= excluded.updated_ms;

-- name: seq
UPDATE discord_session SET seq = ?3, updated_ms = ?4
WHERE name = ?1 || CASE this_host() WHEN 0 THEN '' ELSE '@' || CAST(this_host() AS TEXT) END
  AND (?2 IS NULL OR session_id = ?2) AND session_id <> '' AND seq < ?3;

-- name: identify_sweep
DELETE FROM discord_identify WHERE at_ms <= ?1;

-- Only where fewer than ?3 came after ?4 and none within ?5 to ?6. What a clock that was ahead has
-- dated into the future counts until it is a day old: rather too careful than a lost token.
-- name: identify
INSERT INTO discord_identify (account, at_ms)
SELECT ?1, ?2
WHERE (SELECT count(*) FROM discord_identify WHERE account = ?1 AND at_ms > ?4) < ?3
  AND NOT EXISTS (SELECT 1 FROM discord_identify WHERE account = ?1 AND at_ms BETWEEN ?5 AND ?6);

-- One that left while nothing could be asked here; taken twice it is one.
-- name: identified
INSERT INTO discord_identify (account, at_ms)
SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM discord_identify WHERE account = ?1 AND at_ms = ?2);

-- The newest, and the one that has to grow old before there is room again.
-- name: identify_newest
SELECT coalesce(max(at_ms), 0),
    coalesce((SELECT at_ms FROM discord_identify WHERE account = ?1
              ORDER BY at_ms DESC LIMIT 1 OFFSET ?2), 0)
FROM discord_identify WHERE account = ?1;

-- name: identify_count
SELECT count(*) FROM discord_identify WHERE account = ?1 AND at_ms > ?2;

-- The newest ?2 of them.
-- name: threads
SELECT thread FROM discord_thread WHERE gateway = ?1 ORDER BY seen_ms DESC LIMIT ?2;

-- name: thread
INSERT INTO discord_thread (gateway, thread, seen_ms) VALUES (?1, ?2, ?3)
ON CONFLICT (gateway, thread) DO UPDATE SET seen_ms = excluded.seen_ms;

-- name: thread_sweep
DELETE FROM discord_thread WHERE gateway = ?1 AND thread NOT IN (
    SELECT thread FROM discord_thread WHERE gateway = ?1 ORDER BY seen_ms DESC LIMIT ?2);

-- What open rows of the outbox answer through an interaction: the event has its token. The states as
-- the index of open rows has them: SQLite does not use it for an IN.
-- name: replies
SELECT o.id, unseal(e.payload, 'event.payload', e.id) FROM outbox AS o JOIN event AS e ON e.id = o.turn_id
WHERE o.gateway = ?1 AND (o.state = 'streaming' OR o.state = 'ready') AND o.reply_to LIKE '@%'
  AND o.host = this_host();

-- The message of a question that was delivered, the one with its buttons.
-- name: asked
SELECT channel, remote_id, unseal(body, 'outbox.body', id) FROM outbox
WHERE turn_id = ?1 AND ordinal = ?2 AND gateway = ?3 AND kind = 'ask' AND state = 'sent'
  AND remote_id IS NOT NULL
ORDER BY part DESC LIMIT 1;

-- Turns that have not ended and whose deferred response has become a message, or was taken away.
-- Last, whether there is a message. CROSS: from the few open events to their rows.
-- name: originals
SELECT e.id, e.source_id,
    max(CASE WHEN o.remote_id IS NOT NULL OR o.state = 'unknown' THEN 1 ELSE 0 END)
FROM event AS e CROSS JOIN outbox AS o
WHERE o.turn_id = e.id AND e.finished_ms IS NULL AND e.host = this_host() AND o.gateway = ?1
  AND o.reply_to IN ('@original', '@instead')
GROUP BY e.id;
