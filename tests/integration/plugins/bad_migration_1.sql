-- SPDX-License-Identifier: Apache-2.0
CREATE TABLE {note} (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
