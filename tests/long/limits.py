#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits: Discord's documented rate limits are never run into, and whole answers come first.

TROUPE_LONG_SECONDS (60) of 30 questions a second over 60 channels, each with an answer that streams for
three seconds: with every edit it wants to make the bot would send more than twice what the global limit
allows. No request may be answered with 429 (or 401, 403), every question is answered, and an answer
that is whole does not wait for the pieces of others, which want more than there is: half of the answers
are whole FINAL_MS after the model's end, and nearly all before their channel's bucket, which lets five
through in 5 s, has opened once more."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

SECONDS = int(os.environ.get("TROUPE_LONG_SECONDS", "60"))
WORDS = 12
DELAY_MS = 250
FINAL_MS, BUCKET_MS = 1500, 5000


def main(run):
    words = " ".join(f"word{i}" for i in range(WORDS - 3))
    script = {"rules": [{"delay_ms": DELAY_MS, "answer": "{last} " + words + " END"}]}
    discord = run.own(rig.Discord(run.directory, "--members", "300", "--channels", "60",
                                  "--limits", "documented"))
    llm = run.own(rig.Llm(run.directory, script))
    extra = ("[admission]\nconcurrent = 400\nqueue = 10000\nqueue_per_member = 1000\n"
             "[budget]\ndaily = 100000\n")
    host = run.own(rig.Host(run.directory, rig.config(run.directory, discord, llm, extra=extra).replace("global_limit = 0\n", "")))
    host.start()
    run.expect(discord.wait("connected", 1, 20), "the host did not log in")
    discord.do("burst", {"kind": "mention", "members": 300, "channels": 60, "rate": 30,
                         "seconds": SECONDS, "one_in": 1, "seed": run.seed})
    run.expect(discord.wait("burst", 0, SECONDS + 20), "the load did not end")
    run.expect(discord.wait("answered", 0, 60, quiet=6), "not everything was answered")
    report = discord.report()
    _, status = host.command("status")
    run.say(f"sent {report['sent']} created {report['created']} edits {report['edits']} "
            f"typings {report['typings']} latency {report['latency_ms']}", True)
    run.say(f"requests limited: user {report['limited_user']} global {report['limited_global']} "
            f"shared {report['limited_shared']}", True)
    run.say(f"status {status and status.get('discord')}", True)
    run.expect(report["invalid_requests"] == 0, f"{report['invalid_requests']} invalid requests")
    run.expect(report["sent"] >= SECONDS * 30 * 0.95, f"only {report['sent']} questions were sent")
    entries = [discord.do(f"ledger?n={n}") for n in range(1, report["asked"] + 1)]
    unfinished = [entry["n"] for entry in entries if not entry["text"].endswith("END")]
    run.expect(not unfinished, f"{len(unfinished)} answers are not whole: {unfinished[:10]}")
    late = sorted((entry["last_us"] - entry["sent_us"]) / 1000 - WORDS * DELAY_MS
                  for entry in entries)
    p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
    run.say(f"the whole answer after the model's end: p50 {p50:.0f} p99 {p99:.0f} ms; messages an "
            f"answer {report['created'] / report['sent']:.2f}", True)
    run.expect(p50 <= FINAL_MS and p99 <= FINAL_MS + BUCKET_MS,
               f"finals waited {p50:.0f} ms (p99 {p99:.0f}) behind edits")
    first = report["latency_ms"]["p50"]
    run.say(f"first text {first:.0f} ms", True)
    host.stop()
    run.end(report["sent"], report["lost"], report["doubled"])


if __name__ == "__main__":
    long_run = rig.Run("limits")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
