#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resume: the connection is reset in the middle of bursts, and no event is lost or handled twice.

TROUPE_LONG_COUNT bursts (100) of 500 messages, each a command that is answered. While a burst is on its
way the fake resets the connection (RST) at a random byte of it. The session must be resumed every
time: one identify in the whole run, and each message answered once."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

BURSTS = int(os.environ.get("TROUPE_LONG_COUNT", "100"))
EVENTS = 500


def main(run):
    discord = run.own(rig.Discord(run.directory, "--members", "100", "--channels", "50",
                                  "--replay", "20000"))
    extra = ("[agent hello]\n[admission]\nconcurrent = 64\nqueue = 10000\n"
             "queue_per_member = 1000\n")
    host = run.own(rig.Host(run.directory,
                            rig.config(run.directory, discord, pipeline="stages = hello",
                                       extra=extra).replace("[pipeline message]\nstages = hello\n",
                                                            "")))
    host.start()
    run.expect(discord.wait("connected", 1, 20), "the host did not log in")
    slowest = 0.0
    for burst in range(BURSTS):
        resumes = discord.report()["resumed"]
        # About 700 bytes an event: somewhere in the burst, or right behind it.
        discord.do("gateway", {"do": "reset", "n": run.random.randrange(1, EVENTS * 700)})
        discord.do("burst", {"kind": "mention", "text": "{mention} /hello {token}",
                             "members": 100, "channels": 50, "rate": 0, "count": EVENTS,
                             "one_in": 1, "seed": run.seed + burst})
        began = time.monotonic()
        discord.wait("burst", 0, 20)
        if not discord.wait("answered", 0, 1.0):
            pass  # the reset may not have come yet, or takes its time
        if not discord.wait("resumed", resumes + 1, 15):
            # It was not reached by this burst's bytes: the next one brings it.
            run.say(f"burst {burst + 1}: no reset within it", True)
        slowest = max(slowest, time.monotonic() - began)
        run.expect(discord.wait("answered", 0, 30), f"burst {burst + 1} was not answered whole")
        run.say(f"{burst + 1} of {BURSTS} bursts")
    discord.wait("answered", 0, 30, quiet=2)
    report = discord.report()
    run.say(f"events {report['sent']} resumed {report['resumed']} replayed {report['replayed']} "
            f"latency {report['latency_ms']}", True)
    run.expect(report["identifies"] == 1, f"{report['identifies']} identifies, expected the first")
    run.expect(report["resumed"] >= BURSTS * 9 // 10, f"only {report['resumed']} resumes")
    run.expect(report["closes_1000"] == 0, "the host closed with 1000 or 1001")
    run.expect(report["sent"] == BURSTS * EVENTS, f"{report['sent']} messages were sent")
    host.stop()
    run.end(BURSTS, report["lost"], report["doubled"])


if __name__ == "__main__":
    long_run = rig.Run("resume")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
