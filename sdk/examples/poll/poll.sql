-- SPDX-License-Identifier: Apache-2.0
-- One poll a channel: the newest. `options` are separated by "|".
CREATE TABLE {poll} (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    question TEXT NOT NULL,
    options TEXT NOT NULL
);
CREATE INDEX {poll_channel} ON {poll} (account, channel, id);

-- What each member voted; the key is why nobody counts twice.
CREATE TABLE {vote} (
    poll INTEGER NOT NULL,
    member TEXT NOT NULL,
    choice INTEGER NOT NULL,
    PRIMARY KEY (poll, member)
);
