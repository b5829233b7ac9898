-- SPDX-License-Identifier: Apache-2.0
-- lost: what members think of answers (their ratings)
-- lost: in which threads the bot listens; answers that wait for a new thread go to its channel

UPDATE outbox SET channel = parent WHERE state = 'ready' AND parent IS NOT NULL;
DROP TABLE rating;
DROP TABLE discord_thread;
ALTER TABLE outbox DROP COLUMN thread_name;
ALTER TABLE outbox DROP COLUMN parent;
