-- SPDX-License-Identifier: Apache-2.0
-- Jobs; see sched/sched.h.

-- name: newest
SELECT coalesce(max(id), 0) FROM scheduled_job;

-- A new one, where the member and the guild have room for it.
-- name: add
INSERT INTO scheduled_job (id, agent, gateway, account, guild, channel, member, member_name, name,
    payload, flags, when_text, zone, policy, within_ms, next_ms, created_ms)
SELECT ?1, ?2, ?3, coalesce(?4, ''), coalesce(?5, ''), coalesce(?6, ''), coalesce(?7, ''),
    coalesce(?8, ''), ?9, seal(?10, 'scheduled_job.payload', ?1), ?11, ?12, ?13, ?14, ?15, ?16, ?17
WHERE (SELECT count(*) FROM scheduled_job
       WHERE state = 'open' AND account = coalesce(?4, '') AND member = coalesce(?7, '')) < ?18
  AND (coalesce(?5, '') = ''
       OR (SELECT count(*) FROM scheduled_job
           WHERE state = 'open' AND account = coalesce(?4, '') AND guild = coalesce(?5, '')) < ?19);

-- One of the same name makes room for the next.
-- name: replace
UPDATE scheduled_job SET state = 'canceled', ended_ms = ?6
WHERE state = 'open' AND agent = ?1 AND account = coalesce(?2, '') AND guild = coalesce(?3, '')
  AND member = coalesce(?4, '') AND name = ?5 AND name <> '';

-- Of the member in that place only.
-- name: cancel
UPDATE scheduled_job SET state = 'canceled', ended_ms = ?6
WHERE id = ?1 AND state = 'open' AND agent = ?2 AND account = coalesce(?3, '')
  AND guild = coalesce(?4, '') AND member = coalesce(?5, '');

-- name: list_member
SELECT id, name, unseal(payload, 'scheduled_job.payload', id), when_text, zone, next_ms, runs, channel,
    member
FROM scheduled_job
WHERE state = 'open' AND agent = ?1 AND account = coalesce(?2, '') AND guild = coalesce(?3, '')
  AND member = coalesce(?4, '')
ORDER BY next_ms, id LIMIT ?5;

-- name: list_guild
SELECT id, name, unseal(payload, 'scheduled_job.payload', id), when_text, zone, next_ms, runs, channel,
    member
FROM scheduled_job
WHERE state = 'open' AND agent = ?1 AND account = coalesce(?2, '') AND guild = coalesce(?3, '')
ORDER BY next_ms, id LIMIT ?4;

-- Due ones of a gateway, of each member and channel the first only: what waits behind it does not
-- take anybody's place.
-- name: due
SELECT id, agent, account, guild, channel, member, member_name,
    unseal(payload, 'scheduled_job.payload', id), flags, when_text, zone,
    policy, within_ms, next_ms, last_ms
FROM scheduled_job AS j
WHERE state = 'open' AND gateway = ?1 AND next_ms <= ?2
  AND NOT EXISTS (SELECT 1 FROM scheduled_job AS e
                  WHERE e.state = 'open' AND e.gateway = j.gateway AND e.channel = j.channel
                    AND e.member = j.member
                    AND (e.next_ms, e.id) < (j.next_ms, j.id))
ORDER BY next_ms, id LIMIT 100;

-- name: next
SELECT min(next_ms) FROM scheduled_job WHERE state = 'open' AND gateway = ?1;

-- The occurrence is ours, and the next one is known: only while nobody else has it.
-- name: claim
UPDATE scheduled_job SET next_ms = ?3, last_ms = ?2, runs = runs + ?4, skipped = skipped + 1 - ?4,
    state = ?5, epoch = ?6, ended_ms = ?7
WHERE id = ?1 AND state = 'open' AND next_ms = ?2;

-- name: counts
SELECT count(*), coalesce(sum(CASE WHEN next_ms <= ?1 THEN 1 ELSE 0 END), 0)
FROM scheduled_job WHERE state = 'open';

-- name: sweep
DELETE FROM scheduled_job WHERE id IN (
    SELECT id FROM scheduled_job
    WHERE ended_ms < ?1 AND id < (SELECT max(id) FROM scheduled_job)
    ORDER BY ended_ms LIMIT 500);
