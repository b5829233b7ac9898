-- SPDX-License-Identifier: Apache-2.0
-- lost: large values of agents (pictures that are kept, and the like), all of them

DROP TABLE blob_part;
DROP TABLE blob_loose;
DROP TABLE blob_head;
