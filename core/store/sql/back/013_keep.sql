-- SPDX-License-Identifier: Apache-2.0
-- The texts of agents' steps are noted again as soon as a newer build starts with these agents. Values that are
-- encrypted could not be read without what is noted of their keys: this step is refused while a key is there.

DROP TABLE migration_text;
DROP TABLE seal_key;
