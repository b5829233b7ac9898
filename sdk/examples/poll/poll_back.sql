-- SPDX-License-Identifier: Apache-2.0
-- What poll.sql made, taken back by `troupe schema back poll 0`.
-- lost: polls, and what members voted
DROP TABLE {vote};
DROP TABLE {poll};
