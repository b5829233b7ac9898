#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LLM: 1,000 faults of a provider, every kind equally often, in all three formats, with one healthy
model behind the one that fails.

A round asks one question for each kind at once, of a host that has learned nothing yet, so that no
breaker keeps the fault away; a second host finds an address without TLS. Nine in ten end in the right
answer, every one ends within its deadline and a second with something that a member can read, and no
question costs more than 16 MB of memory. TROUPE_LONG_COUNT is the number of faults."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import llm_faults as faults  # noqa: E402
import rig  # noqa: E402

COUNT = int(os.environ.get("TROUPE_LONG_COUNT", "1000"))
MEMORY_KB = 16 * 1024
LATE_MS = 1000
DELTAS = 100000
TOTAL_MS = 3000  # for the kind whose answer takes as long as its deltas


def main(run):
    discord = run.own(rig.Discord(run.directory, "--members", "30", "--channels", "30"))
    llm = run.own(faults.Llm(run.directory, DELTAS))
    rounds = -(-COUNT // (len(faults.KINDS) + 1))
    formats = list(faults.FORMATS)
    right, asked, lost, slowest, most_kb, wrong = 0, 0, 0, 0, 0, {}
    for i in range(rounds):
        form = formats[i % len(formats)]
        for tls in (False, True):
            before = llm.call("/_stats")["chats"]
            outcomes, grown = faults.play(run.directory, discord, llm, form, True, tls)
            reached = llm.call("/_stats")["chats"] - before
            # Each question and, but for those that are answered all the same, its second model.
            run.expect(reached >= len(outcomes), f"only {reached} requests for {len(outcomes)}")
            most_kb = max(most_kb, grown / len(outcomes))
            for outcome in outcomes:
                asked += 1
                right += outcome.right
                lost += not outcome.told
                if not outcome.right:
                    wrong[outcome.kind] = wrong.get(outcome.kind, 0) + 1
                least = TOTAL_MS if outcome.kind == "tiny_deltas" else faults.FIRST_MS
                slowest = max(slowest, outcome.ms)
                run.expect(outcome.ms <= least + LATE_MS,
                           f"{form} {outcome.kind} ended after {outcome.ms:.0f} ms")
        run.say(f"{asked} faults, {right} right answers, slowest {slowest:.0f} ms")
    run.say(f"{asked} faults, {100 * right / asked:.1f} % right, others {wrong}, slowest "
            f"{slowest:.0f} ms, at most {most_kb:.0f} kB a question", True)
    run.expect(right >= 0.9 * asked, f"only {right} of {asked} ended in the right answer")
    run.expect(most_kb <= MEMORY_KB, f"{most_kb:.0f} kB a question")
    run.end(asked, lost, 0)


if __name__ == "__main__":
    long_run = rig.Run("llm")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
