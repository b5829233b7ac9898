-- SPDX-License-Identifier: Apache-2.0
-- lost: all that members told and that was learned, and all documents

DROP TABLE {knowledge};
DROP TABLE {memory};
