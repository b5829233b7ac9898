-- SPDX-License-Identifier: Apache-2.0
-- lost: deletions that members or the operator asked for and that are not through (see troupe user list)

DROP TABLE erasure_part;
DROP TABLE erasure;
DROP TABLE user_data;
