-- SPDX-License-Identifier: Apache-2.0
-- What the conversation keeps about members. Times are wall-clock milliseconds, identities the texts
-- of the gateway, empty where a turn has none. Everything is found by its scope, so account, channel
-- and member stand in front of each key.

-- Messages as they were said, two for each answered turn. `message` is the id of the asking message,
-- which orders the talk also where an older turn was answered later.
CREATE TABLE {conversation_history} (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    member TEXT NOT NULL,
    guild TEXT,                          -- NULL in direct messages
    session_start BIGINT NOT NULL,       -- of the session that it belongs to
    message BIGINT NOT NULL,
    part INTEGER NOT NULL,               -- 0 the question, 1 the answer
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    content TEXT NOT NULL,
    interrupted INTEGER NOT NULL DEFAULT 0, -- the answer broke off here
    intent_type TEXT,
    intent_confidence REAL,
    tokens_used INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, channel, member, message, part)
);
CREATE INDEX {conversation_history_session}
    ON {conversation_history} (account, channel, member, session_start, message, part);
CREATE INDEX {conversation_history_age} ON {conversation_history} (created_at);
CREATE INDEX {conversation_history_member} ON {conversation_history} (account, member);

-- The talk of one member in one channel, until half an hour of silence.
CREATE TABLE {conversation_sessions} (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    member TEXT NOT NULL,
    guild TEXT,
    session_start BIGINT NOT NULL,
    session_end BIGINT,                  -- NULL while it is open
    last_message_at BIGINT NOT NULL,
    message_count INTEGER NOT NULL DEFAULT 0,
    intents_detected TEXT,               -- JSON array
    summary TEXT,
    PRIMARY KEY (account, channel, member, session_start)
);
CREATE UNIQUE INDEX {conversation_sessions_open}
    ON {conversation_sessions} (account, channel, member) WHERE session_end IS NULL;
CREATE INDEX {conversation_sessions_member} ON {conversation_sessions} (account, member);

-- How a member wants to be talked to, everywhere.
CREATE TABLE {user_preferences} (
    account TEXT NOT NULL,
    member TEXT NOT NULL,
    preferred_name TEXT,
    tone TEXT NOT NULL DEFAULT 'friendly'
        CHECK (tone IN ('formal', 'friendly', 'casual', 'technical')),
    emoji_density TEXT NOT NULL DEFAULT 'medium'
        CHECK (emoji_density IN ('none', 'low', 'medium', 'high')),
    language TEXT NOT NULL DEFAULT 'en',
    context_window_size INTEGER NOT NULL DEFAULT 10 CHECK (context_window_size BETWEEN 2 AND 50),
    time_zone TEXT NOT NULL DEFAULT 'UTC',
    notification_preferences TEXT,       -- JSON object
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, member)
);
