-- SPDX-License-Identifier: Apache-2.0
-- What members wish for, by server. Times are wall-clock milliseconds, identities the texts of the gateway.
-- Account and guild stand in front of every key.
-- sealed: feature_requests.title
-- sealed: feature_requests.description
-- sealed: feature_requests.reason
CREATE TABLE {feature_requests} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    key TEXT NOT NULL,                   -- random
    number INTEGER NOT NULL,             -- what members call it, never given twice in a server
    member TEXT NOT NULL,                -- whose it is
    channel TEXT NOT NULL,               -- where it was made
    message BIGINT NOT NULL,             -- and by which message; 0: none
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'planned', 'done', 'declined')),
    reason TEXT,                         -- an admin's words about the status
    told TEXT NOT NULL,                  -- the status that the member was told last
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at BIGINT,                    -- NULL while it is open or planned
    PRIMARY KEY (account, guild, key)
);
CREATE UNIQUE INDEX {feature_requests_number} ON {feature_requests} (account, guild, number);
CREATE INDEX {feature_requests_status} ON {feature_requests} (account, guild, status, number);
CREATE INDEX {feature_requests_of} ON {feature_requests} (member);
CREATE INDEX {feature_requests_closed} ON {feature_requests} (closed_at);

-- One of a member for each request.
CREATE TABLE {feature_votes} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    request TEXT NOT NULL,               -- key of {feature_requests}
    member TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, guild, request, member)
);
CREATE INDEX {feature_votes_of} ON {feature_votes} (member);

-- The last number of each server. Nothing here is about members.
CREATE TABLE {feature_numbers} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (account, guild)
);
