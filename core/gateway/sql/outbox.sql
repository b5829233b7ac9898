-- SPDX-License-Identifier: Apache-2.0
-- Rows of the outbox; see gateway/outbox.h. What runs for each message compares with = and not IN, for
-- which SQLite fills a table each time.

-- name: last_id
SELECT coalesce(max(id), 0) FROM outbox;

-- name: insert
INSERT INTO outbox (id, gateway, turn_id, ordinal, part, kind, account, channel, reply_to, body,
    source, buttons, state, remote_id, created_ms, ping, file_name, file,
    parent, thread_name, files, host)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, ''), ?9, seal(?10, 'outbox.body', ?1),
    seal(?11, 'outbox.source', ?1), seal(?12, 'outbox.buttons', ?1), ?13, ?14, ?15, ?16,
    seal(?17, 'outbox.file_name', ?1), seal(?18, 'outbox.file', ?1), ?19,
    seal(?20, 'outbox.thread_name', ?1), seal(?21, 'outbox.files', ?1), this_host());

-- name: update
UPDATE outbox SET body = seal(?2, 'outbox.body', ?1), source = seal(?3, 'outbox.source', ?1),
    buttons = seal(?4, 'outbox.buttons', ?1), state = ?5
WHERE id = ?1;

-- name: move
UPDATE outbox SET channel = ?2, reply_to = ?3, parent = ?4,
    thread_name = seal(?5, 'outbox.thread_name', ?1), body = seal(?6, 'outbox.body', ?1),
    file_name = seal(?7, 'outbox.file_name', ?1), file = seal(?8, 'outbox.file', ?1),
    files = seal(?9, 'outbox.files', ?1)
WHERE id = ?1;

-- name: delete
DELETE FROM outbox WHERE id = ?1;

-- The open states only learn where the message is; a row that is over stays so.
-- name: mark
UPDATE outbox SET state = CASE WHEN ?2 = 'streaming' OR ?2 = 'ready' THEN state ELSE ?2 END,
    remote_id = coalesce(?3, remote_id), error = ?4,
    sent_ms = CASE WHEN ?2 = 'sent' THEN ?5 ELSE sent_ms END
WHERE id = ?1 AND state <> 'sent' AND state <> 'failed';

-- name: load
SELECT o.id, o.turn_id, o.ordinal, o.part, o.kind, o.account, o.channel, o.reply_to,
    unseal(o.body, 'outbox.body', o.id), unseal(o.source, 'outbox.source', o.id),
    unseal(o.buttons, 'outbox.buttons', o.id), o.state, o.remote_id, o.created_ms, o.ping,
    unseal(o.file_name, 'outbox.file_name', o.id), unseal(o.file, 'outbox.file', o.id), o.parent,
    unseal(o.thread_name, 'outbox.thread_name', o.id), e.member,
    unseal(o.files, 'outbox.files', o.id)
FROM outbox AS o
LEFT JOIN event AS e ON e.id = o.turn_id
WHERE o.gateway = ?1 AND (o.state = 'streaming' OR o.state = 'ready') AND o.id > ?2
  AND o.host = this_host()
ORDER BY o.id LIMIT 500;
