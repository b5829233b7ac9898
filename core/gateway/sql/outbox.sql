-- SPDX-License-Identifier: Apache-2.0
-- Rows of the outbox; see gateway/outbox.h.

-- name: last_id
SELECT coalesce(max(id), 0) FROM outbox;

-- name: insert
INSERT INTO outbox (id, gateway, turn_id, ordinal, part, kind, account, channel, reply_to, body,
    source, buttons, state, remote_id, created_ms, ping, file_name, file,
    parent, thread_name)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, ''), ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
    ?20);

-- name: update
UPDATE outbox SET body = ?2, source = ?3, buttons = ?4, state = ?5 WHERE id = ?1;

-- name: move
UPDATE outbox SET channel = ?2, reply_to = ?3, parent = NULL, thread_name = NULL WHERE id = ?1;

-- name: delete
DELETE FROM outbox WHERE id = ?1;

-- The open states only learn where the message is; a row that is over stays so.
-- name: mark
UPDATE outbox SET state = CASE WHEN ?2 IN ('streaming', 'ready') THEN state ELSE ?2 END,
    remote_id = coalesce(?3, remote_id), error = ?4,
    sent_ms = CASE WHEN ?2 = 'sent' THEN ?5 ELSE sent_ms END
WHERE id = ?1 AND state NOT IN ('sent', 'failed');

-- name: load
SELECT id, turn_id, ordinal, part, kind, account, channel, reply_to, body, source, buttons, state,
    remote_id, created_ms, ping, file_name, file, parent, thread_name
FROM outbox
WHERE gateway = ?1 AND state IN ('streaming', 'ready') AND id > ?2
ORDER BY id LIMIT 500;
