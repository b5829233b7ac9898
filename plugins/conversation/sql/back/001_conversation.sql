-- SPDX-License-Identifier: Apache-2.0
-- lost: everything that the conversation keeps: messages, sessions, members' preferences

DROP TABLE {user_preferences};
DROP TABLE {conversation_sessions};
DROP TABLE {conversation_history};
