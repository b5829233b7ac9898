-- SPDX-License-Identifier: Apache-2.0
-- Channels that want a digest; others are not looked at.
CREATE TABLE {digest} (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    PRIMARY KEY (account, channel)
);

-- One row a message since the last digest, without its text. A digest takes its rows away.
CREATE TABLE {seen} (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    member TEXT NOT NULL
);
CREATE INDEX {seen_channel} ON {seen} (account, channel, id);
