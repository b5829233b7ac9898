-- SPDX-License-Identifier: Apache-2.0
-- What of sessions with Discord's gateway survives the process; see gateway/discord/store.h.

-- Where to resume. `seq` is never ahead of the events that are stored: it commits with them.
CREATE TABLE discord_session (
    name TEXT PRIMARY KEY NOT NULL,    -- of the gateway: "discord:SHARD"
    session_id TEXT NOT NULL,          -- '': none
    resume_url TEXT NOT NULL,
    seq INTEGER NOT NULL,              -- -1: none
    updated_ms INTEGER NOT NULL
);

-- One row an identify, for 24 hours: Discord resets the token of an account with 1,000.
CREATE TABLE discord_identify (
    account TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
CREATE INDEX discord_identify_account ON discord_identify (account, at_ms);
