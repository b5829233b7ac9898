-- SPDX-License-Identifier: Apache-2.0
-- What is sealed (troupe/sql.h); by these lines `troupe reseal` knows what was written in the clear.
-- sealed: conversation_history.content
-- sealed: conversation_sessions.summary
-- sealed: user_preferences.preferred_name

-- A deletion asks for a member whatever the account.
CREATE INDEX {conversation_history_of} ON {conversation_history} (member);
CREATE INDEX {conversation_sessions_of} ON {conversation_sessions} (member);
CREATE INDEX {user_preferences_of} ON {user_preferences} (member);
