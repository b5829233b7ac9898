-- SPDX-License-Identifier: Apache-2.0
-- lost: files of messages that are being answered, and of answers that are not delivered yet

ALTER TABLE outbox DROP COLUMN file;
ALTER TABLE outbox DROP COLUMN file_name;
DROP TABLE event_file;
