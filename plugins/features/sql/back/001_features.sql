-- SPDX-License-Identifier: Apache-2.0
-- lost: all wishes of members and their votes

DROP TABLE {feature_numbers};
DROP TABLE {feature_votes};
DROP TABLE {feature_requests};
