-- SPDX-License-Identifier: Apache-2.0
-- lost: texts that are encrypted, to an older build: end the encryption first (encrypt_old_keys, troupe reseal)

CREATE INDEX {memory_slot} ON {memory} (account, guild, member, slot);
