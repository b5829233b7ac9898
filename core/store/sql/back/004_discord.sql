-- SPDX-License-Identifier: Apache-2.0
-- lost: where the session with Discord went on: what came while no host runs is not fetched
-- lost: how often the bot identified itself today, of which Discord allows 1,000

DROP TABLE discord_identify;
DROP TABLE discord_session;
