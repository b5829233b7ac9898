-- SPDX-License-Identifier: Apache-2.0
-- Several hosts on one database of a server: who has what is open, by its slot (store.h, store_host). With
-- one host it is 0 everywhere.

ALTER TABLE event ADD COLUMN host INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN host INTEGER NOT NULL DEFAULT 0;
