-- SPDX-License-Identifier: Apache-2.0
-- Which model made the vector of a row: '' is the host's own embedder. Vectors of different ones cannot be
-- compared, though they may have as many values.
ALTER TABLE {memory} ADD COLUMN embedder TEXT NOT NULL DEFAULT '';
ALTER TABLE {knowledge} ADD COLUMN embedder TEXT NOT NULL DEFAULT '';
