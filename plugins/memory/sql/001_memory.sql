-- SPDX-License-Identifier: Apache-2.0
-- What members told, and what was learned. Times are wall-clock milliseconds, identities the texts of the
-- gateway, empty where a turn has none: `guild` is empty in direct messages. Account, guild and member stand
-- in front of every key, so what belongs to one place of one member is read without passing others'.

-- Tiers: 'immediate' are the member's own words of the session that is open, 'short' what was gathered from
-- sessions and may fade, 'long' what was asked for or said again. States: 'active'; 'quarantine', never shown to
-- a model until it is said again; 'history', whose place something newer took.
CREATE TABLE {memory} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    member TEXT NOT NULL,
    key TEXT NOT NULL,                    -- random; also in the indexes of words and vectors
    tier TEXT NOT NULL CHECK (tier IN ('immediate', 'short', 'long')),
    state TEXT NOT NULL CHECK (state IN ('active', 'quarantine', 'history')),
    content TEXT NOT NULL,
    slot TEXT NOT NULL DEFAULT '',        -- what there is one of: "my cat/name", "live"; '': nothing such
    replaced_by TEXT,                     -- key of what is newer
    extractor TEXT NOT NULL CHECK (extractor IN ('asked', 'rules', 'model', 'quote', 'words')),
    confidence REAL NOT NULL,
    importance REAL NOT NULL,
    channel TEXT NOT NULL,
    message BIGINT NOT NULL,              -- id of the message that it comes from; 0: several
    said_at BIGINT NOT NULL,
    seen INTEGER NOT NULL DEFAULT 1,      -- how often it was said
    used_at BIGINT NOT NULL,              -- when it last answered something
    expires_at BIGINT NOT NULL DEFAULT 0, -- 0: never
    PRIMARY KEY (account, guild, member, key)
);
CREATE INDEX {memory_state} ON {memory} (account, guild, member, state, tier, said_at);
CREATE INDEX {memory_slot} ON {memory} (account, guild, member, slot);
CREATE INDEX {memory_member} ON {memory} (member);

-- Documents in pieces. `guild` is empty for what everybody may read.
CREATE TABLE {knowledge} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    source TEXT NOT NULL,
    part INTEGER NOT NULL,
    key TEXT NOT NULL,
    heading TEXT NOT NULL,
    content TEXT NOT NULL,
    added_by TEXT NOT NULL,               -- a member's id; '' from the shell
    added_at BIGINT NOT NULL,
    PRIMARY KEY (account, guild, source, part)
);
CREATE UNIQUE INDEX {knowledge_key} ON {knowledge} (key);
CREATE INDEX {knowledge_added_by} ON {knowledge} (added_by);
