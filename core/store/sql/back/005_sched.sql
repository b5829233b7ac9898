-- SPDX-License-Identifier: Apache-2.0
-- lost: whatever is scheduled, reminders among it

ALTER TABLE outbox DROP COLUMN ping;
DROP TABLE scheduled_job;
