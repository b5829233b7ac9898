-- SPDX-License-Identifier: Apache-2.0
-- What the context of a question is made of beside the messages themselves.

-- The running summary of a talk's older messages (column summary), and where it comes from: the ids of
-- the first and the last message that are in it, how many lines, which model wrote it and when.
ALTER TABLE {conversation_sessions} ADD COLUMN summary_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {conversation_sessions} ADD COLUMN summary_through BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {conversation_sessions} ADD COLUMN summary_lines INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {conversation_sessions} ADD COLUMN summary_model TEXT;
ALTER TABLE {conversation_sessions} ADD COLUMN summary_at BIGINT;

-- How far the estimate of tokens is from what each model counts. Nothing here is about members.
CREATE TABLE {conversation_models} (
    account TEXT NOT NULL,
    model TEXT NOT NULL,
    per_mille INTEGER NOT NULL,          -- tokens that it counts for 1,000 estimated ones
    samples INTEGER NOT NULL DEFAULT 1,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, model)
);
