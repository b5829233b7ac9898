-- SPDX-License-Identifier: Apache-2.0
-- Nothing is lost: what several hosts had open belongs to the one that starts next.

ALTER TABLE outbox DROP COLUMN host;
ALTER TABLE event DROP COLUMN host;
