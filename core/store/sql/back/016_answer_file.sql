-- SPDX-License-Identifier: Apache-2.0
-- lost: files that agents attached to answers which are not delivered yet

ALTER TABLE outbox DROP COLUMN files;
DROP TABLE answer_file_part;
DROP TABLE answer_file;
