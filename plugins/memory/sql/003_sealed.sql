-- SPDX-License-Identifier: Apache-2.0
-- What is sealed from this step on beside memory.content (troupe/sql.h); by these lines `troupe reseal` knows what
-- an older build wrote in the clear.
-- sealed: memory.content
-- sealed: memory.slot
-- sealed: knowledge.heading
-- sealed: knowledge.content

-- What is sealed is found by nobody.
DROP INDEX {memory_slot};
