-- SPDX-License-Identifier: Apache-2.0
-- lost: questions that are open and want a form or a choice among many: they end without an answer

UPDATE wait SET due_ms = 0 WHERE state = 'open' AND form IS NOT NULL;
ALTER TABLE wait DROP COLUMN given;
ALTER TABLE wait DROP COLUMN form;
