-- SPDX-License-Identifier: Apache-2.0
-- What members' messages were meant as and what became of it, one row for each message of which that was told.
-- The message's words are not repeated: `message` finds them in {conversation_history} while they are there.
-- sealed: intent_logs.entities
-- sealed: intent_logs.error_message
CREATE TABLE {intent_logs} (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    member TEXT NOT NULL,
    guild TEXT,                          -- NULL in direct messages
    message BIGINT NOT NULL,
    detected_intent TEXT NOT NULL,
    confidence REAL NOT NULL,            -- 0 to 1
    entities TEXT,                       -- JSON object; NULL: none were found
    execution_success INTEGER NOT NULL,  -- 1: the member has a whole answer
    execution_time_ms BIGINT NOT NULL,   -- from the stage's first line to the answer's end
    error_message TEXT,                  -- what the member was told instead
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, channel, member, message)
);
CREATE INDEX {intent_logs_recent} ON {intent_logs} (account, created_at);
CREATE INDEX {intent_logs_age} ON {intent_logs} (created_at);
CREATE INDEX {intent_logs_of} ON {intent_logs} (member);
