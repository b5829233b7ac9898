-- SPDX-License-Identifier: Apache-2.0
-- lost: which model made which vector: where it was not the host's own embedder, they are to be made anew

ALTER TABLE {knowledge} DROP COLUMN embedder;
ALTER TABLE {memory} DROP COLUMN embedder;
