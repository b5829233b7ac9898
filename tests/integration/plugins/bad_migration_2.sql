-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE {note} ADD COLUMN author TEXT;
CREATE TABEL {oops} (id INTEGER PRIMARY KEY);
