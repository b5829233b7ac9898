#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kept answers: TROUPE_LONG_COUNT (10,000) questions out of 1,000 distinct ones, as often as a Zipf law
of exponent 1.0 says, by 50 members of 5 servers. A third are about the member who asks: those must go to
the model each time and are not counted. The others are printed beside what was possible: one request for each
question and server, as an answer stays in its server (and one for each question, were servers one). No
answer may reach another question, server or member, and no question may be lost.

TROUPE_SEED is 1 where nobody sets it, so that figures can be compared."""

import bisect
import itertools
import os
import sys

os.environ.setdefault("TROUPE_SEED", "1")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import llm_cache as cache  # noqa: E402
import rig  # noqa: E402

COUNT = int(os.environ.get("TROUPE_LONG_COUNT", "10000"))
QUESTIONS, MEMBERS, GUILDS, CHANNELS = 1000, 50, 5, 10
AT_ONCE = 50


def questions(random):
    weights = list(itertools.accumulate(1 / rank for rank in range(1, QUESTIONS + 1)))
    for i in range(COUNT):
        rank = bisect.bisect(weights, random.random() * weights[-1])
        words = f"question {rank} of many"
        if i % 3 == 2:
            words = f"{cache.PERSONAL} and {words}"
        yield random.randrange(GUILDS), random.randrange(MEMBERS), words


def main(run):
    discord = run.own(rig.Discord(run.directory, "--guilds", str(GUILDS), "--channels",
                                  str(CHANNELS), "--members", str(MEMBERS)))
    llm = run.own(rig.Llm(run.directory, cache.SCRIPT))
    host = run.own(rig.Host(run.directory, cache.config(run.directory, discord, llm)))
    host.start()
    if not discord.wait("connected", 1, 20):
        raise rig.Violation(f"the host did not log in: {host.tail()}")
    outcomes, source = [], questions(run.random)
    while batch := list(itertools.islice(source, AT_ONCE)):
        outcomes += cache.ask(discord, batch, CHANNELS)
        run.say(f"{len(outcomes)} questions, {llm.call('/_stats')['chats']} requests")

    shared = [one for one in outcomes if not one.personal]
    personal = len(outcomes) - len(shared)
    lost = sum(not one.right for one in outcomes)
    requests = llm.call("/_stats")["chats"]
    hits = sum(one.cached for one in shared)
    distinct = len({(one.guild, one.words) for one in shared})
    anywhere = len({one.words for one in shared})
    best, total = len(shared) - distinct, len(shared)
    run.say(f"{total} questions that may be shared: {hits} hits, {100 * hits / total:.1f} %; "
            f"possible within servers {best}, {100 * best / total:.1f} %; were all servers one "
            f"{total - anywhere}, {100 * (total - anywhere) / total:.1f} %", True)
    run.say(f"{personal} personal questions, {requests} requests in all", True)
    for bad in cache.crossings(outcomes):
        run.expect(False, bad)
    run.expect(requests == personal + total - hits,
               f"{requests} requests for {personal} personal questions and {total - hits} misses")
    run.expect(hits >= 0.99 * best, f"{hits} hits where {best} were possible")
    run.expect(hits <= best, f"{hits} hits where only {best} were possible")
    run.end(len(outcomes), lost, 0)


if __name__ == "__main__":
    long_run = rig.Run("cache")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
