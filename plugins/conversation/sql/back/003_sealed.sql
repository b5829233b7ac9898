-- SPDX-License-Identifier: Apache-2.0
-- lost: texts that are encrypted, to an older build: end the encryption first (encrypt_old_keys, troupe reseal)

DROP INDEX {user_preferences_of};
DROP INDEX {conversation_sessions_of};
DROP INDEX {conversation_history_of};
