-- SPDX-License-Identifier: Apache-2.0
-- lost: where summaries of talks come from, and the summaries with it, which are written anew
-- lost: how far the estimate of tokens is from what models count, which is learned anew

UPDATE {conversation_sessions} SET summary = NULL WHERE summary IS NOT NULL;
DROP TABLE {conversation_models};
ALTER TABLE {conversation_sessions} DROP COLUMN summary_at;
ALTER TABLE {conversation_sessions} DROP COLUMN summary_model;
ALTER TABLE {conversation_sessions} DROP COLUMN summary_lines;
ALTER TABLE {conversation_sessions} DROP COLUMN summary_through;
ALTER TABLE {conversation_sessions} DROP COLUMN summary_from;
