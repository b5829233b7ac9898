-- SPDX-License-Identifier: Apache-2.0
-- Pictures that were painted and are kept for a while; their bytes are blobs under the same key. Identities are the
-- texts of the gateway, `guild` is empty in direct messages: what was asked for there is not shown in a server.
-- sealed: generated_images.prompt
CREATE TABLE {generated_images} (
    account TEXT NOT NULL,
    guild TEXT NOT NULL,
    channel TEXT NOT NULL,
    member TEXT NOT NULL,
    key TEXT NOT NULL,                    -- random; of the blob, too
    prompt TEXT NOT NULL,
    shape TEXT NOT NULL,
    model TEXT NOT NULL,
    type TEXT NOT NULL,                   -- media type
    bytes BIGINT NOT NULL,
    cost_micros BIGINT NOT NULL,
    created_at BIGINT NOT NULL,           -- wall-clock milliseconds
    PRIMARY KEY (account, member, key)
);
CREATE INDEX {generated_images_latest} ON {generated_images} (account, guild, member, created_at);
CREATE INDEX {generated_images_member} ON {generated_images} (member);
CREATE INDEX {generated_images_created_at} ON {generated_images} (created_at);
