-- SPDX-License-Identifier: Apache-2.0
-- What was learned from each talk when it was over: numbers and no words, one row for each time that a session
-- was read. What was learned itself is in {memory}.
CREATE TABLE {reflection_log} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    member TEXT NOT NULL,
    channel TEXT NOT NULL,                -- of the session's last message
    session_start BIGINT NOT NULL,        -- when the first of its words were said
    session_end BIGINT NOT NULL,          -- and the last
    messages INTEGER NOT NULL,
    extractor TEXT NOT NULL CHECK (extractor IN ('rules', 'model')),
    facts_kept INTEGER NOT NULL,          -- new
    facts_merged INTEGER NOT NULL,        -- said before
    facts_contradicted INTEGER NOT NULL,  -- new, in the place of something older
    facts_quarantined INTEGER NOT NULL,   -- put aside: not in the member's words
    cost_micros BIGINT NOT NULL,          -- millionths of a USD
    error TEXT,                           -- code of why a model did not answer, or nothing was learned
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, guild, member, session_end)
);
CREATE INDEX {reflection_log_age} ON {reflection_log} (created_at);
CREATE INDEX {reflection_log_of} ON {reflection_log} (member);
