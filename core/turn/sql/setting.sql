-- SPDX-License-Identifier: Apache-2.0
-- Settings above the files, and the log of who did what; see turn/settings.h and turn/audit.h.

-- name: load
SELECT account, guild, scope, scope_id, section, key, value, updated_ms, updated_by FROM setting
ORDER BY updated_ms, account, guild, scope, scope_id, section, key LIMIT ?1 OFFSET ?2;

-- Differs where one was set, changed or taken away.
-- name: mark
SELECT count(*), CAST(coalesce(sum(updated_ms % 1000000007), 0) AS INTEGER) FROM setting;

-- name: put
INSERT INTO setting (account, guild, scope, scope_id, section, key, value, updated_ms, updated_by)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (account, guild, scope, scope_id, section, key) DO UPDATE
SET value = ?7, updated_ms = ?8, updated_by = ?9;

-- name: remove
DELETE FROM setting
WHERE account = ?1 AND guild = ?2 AND scope = ?3 AND scope_id = ?4 AND section = ?5 AND key = ?6;

-- Turns of a member, or of a server, that ended since ?3.
-- name: used_by_member
SELECT count(*) FROM event WHERE member = ?1 AND (?2 IS NULL OR account = ?2) AND finished_ms >= ?3
  AND stages <> '["core"]';

-- name: used_by_guild
SELECT count(*) FROM event WHERE guild = ?1 AND (?2 IS NULL OR account = ?2) AND finished_ms >= ?3
  AND stages <> '["core"]';

-- name: audit
INSERT INTO audit_log (created_ms, actor, action, subject, account, guild, turn_id, detail)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- The newest first. ?1 NULL: of every server.
-- name: audit_list
SELECT created_ms, actor, action, coalesce(subject, ''), coalesce(guild, ''),
    coalesce(detail, '{}')
FROM audit_log WHERE (?1 IS NULL OR guild = ?1) ORDER BY id DESC LIMIT ?2;

-- name: audit_sweep
DELETE FROM audit_log WHERE id IN (
    SELECT id FROM audit_log WHERE created_ms < ?1 ORDER BY created_ms LIMIT 500);
