#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kept answers: TROUPE_LONG_COUNT (10,000) questions out of 1,000 distinct ones, as often as a Zipf law
of exponent 1.0 says, by 50 members of 5 servers. A third are about the member who asks: those must go to
the model each time and are not counted. The others belong to no server; their hits are printed beside
what was possible, one request for each question, and beside what would have been were answers kept for each
server alone. At least 85 in a hundred have to be hits. A tenth as many questions more belong to
the server that they are asked in, with the same words in all of them. No answer may reach another
question, server or member than it was for, and no question may be lost.

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


LEAST = 0.85


def questions(random):
    weights = list(itertools.accumulate(1 / rank for rank in range(1, QUESTIONS + 1)))

    def pick():
        rank = bisect.bisect(weights, random.random() * weights[-1])
        return f"question {rank} of many"

    for i in range(COUNT):
        words = pick()
        words = f"{cache.PERSONAL} and {words}" if i % 3 == 2 else f"{cache.ANYWHERE} {words}"
        yield random.randrange(GUILDS), random.randrange(MEMBERS), words
        if i % 10 == 0:
            yield random.randrange(GUILDS), random.randrange(MEMBERS), f"here {pick()}"


def distinct(outcomes):
    """Questions, and questions in servers."""
    return (len({one.words for one in outcomes}),
            len({(one.guild, one.words) for one in outcomes}))


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

    shared = [one for one in outcomes if one.words.startswith(cache.ANYWHERE)]
    local = [one for one in outcomes if one.words.startswith("here")]
    personal = len(outcomes) - len(shared) - len(local)
    lost = sum(not one.right for one in outcomes)
    requests = llm.call("/_stats")["chats"]
    hits, local_hits = sum(one.cached for one in shared), sum(one.cached for one in local)
    total, (anywhere, apart) = len(shared), distinct(shared)
    best, local_best = total - anywhere, len(local) - distinct(local)[1]
    run.say(f"{total} questions that belong to no server: {hits} hits, {100 * hits / total:.1f} %; "
            f"possible {best}, {100 * best / total:.1f} %; were answers kept for each server alone "
            f"{total - apart}, {100 * (total - apart) / total:.1f} %", True)
    run.say(f"{len(local)} questions of a server: {local_hits} hits, possible {local_best}; "
            f"{personal} personal questions, {requests} requests in all", True)
    for bad in cache.crossings(outcomes):
        run.expect(False, bad)
    misses = total - hits + len(local) - local_hits
    run.expect(requests == personal + misses,
               f"{requests} requests for {personal} personal questions and {misses} misses")
    run.expect(hits >= 0.99 * best, f"{hits} hits where {best} were possible")
    run.expect(hits <= best, f"{hits} hits where only {best} were possible")
    run.expect(local_hits <= local_best, f"{local_hits} hits where only {local_best} were possible")
    # A short run asks too few questions twice.
    run.expect(hits >= LEAST * total or COUNT < 10000,
               f"{hits} hits of {total}, expected {LEAST:.0%} of them")
    run.end(len(outcomes), lost, 0)


if __name__ == "__main__":
    long_run = rig.Run("cache")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
