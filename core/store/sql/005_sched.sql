-- SPDX-License-Identifier: Apache-2.0
-- What is to be done later; see core/sched/sched.h. A job that is over stays for as long as traces do.

CREATE TABLE scheduled_job (
    id INTEGER PRIMARY KEY NOT NULL,   -- made by the host, before the insert
    agent TEXT NOT NULL,               -- whose handler takes it
    gateway TEXT NOT NULL,             -- where its answer goes: "console", "discord:SHARD"
    account TEXT NOT NULL DEFAULT '',  -- these four are who scheduled it, and where; '': none
    guild TEXT NOT NULL DEFAULT '',
    channel TEXT NOT NULL DEFAULT '',
    member TEXT NOT NULL DEFAULT '',
    member_name TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',     -- the agent's own; another open one of it is replaced; '': none
    payload TEXT NOT NULL,
    flags INTEGER NOT NULL DEFAULT 0,  -- of the event that it becomes
    when_text TEXT NOT NULL,           -- as sched/when.h writes it
    zone TEXT NOT NULL DEFAULT '',     -- IANA name; '': UTC
    policy TEXT NOT NULL
        CHECK (policy IN ('run', 'skip', 'within')), -- where the host was not there in time
    within_ms INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,          -- when it is due
    last_ms INTEGER NOT NULL DEFAULT 0, -- when it was due last; 0: never yet
    runs INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'done', 'skipped', 'canceled')),
    epoch INTEGER NOT NULL DEFAULT 0,  -- lease of the host that claimed it last
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER
);
CREATE INDEX scheduled_job_due ON scheduled_job (gateway, next_ms, id) WHERE state = 'open';
CREATE INDEX scheduled_job_lane ON scheduled_job (gateway, channel, member, next_ms, id)
    WHERE state = 'open';
CREATE INDEX scheduled_job_member ON scheduled_job (account, member) WHERE state = 'open';
CREATE INDEX scheduled_job_guild ON scheduled_job (account, guild) WHERE state = 'open';
CREATE INDEX scheduled_job_ended ON scheduled_job (ended_ms) WHERE ended_ms IS NOT NULL;

-- The one member whom a message may notify.
ALTER TABLE outbox ADD COLUMN ping TEXT;
