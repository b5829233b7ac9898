#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reloads while the bot talks on Discord: two builds of a plugin take turns, by SIGHUP and by `troupe
reload`, TROUPE_LONG_COUNT times (10,000), at 500 turns a second. Nothing is lost or answered twice,
Discord sees one identify and no resume, descriptors, mappings and memory stay, and what a reload adds
to the 99th percentile of a turn (event sent to answer parsed) stays below 20 ms, against the same
host and load without reloads before it."""

import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

COUNT = int(os.environ.get("TROUPE_LONG_COUNT", "10000"))
RATE = int(os.environ.get("TROUPE_LONG_RATE", "500"))
BASELINE_S = 15
WARM_UP = 200
ADDED_P99_MS = 20
RSS_GROWTH_KB = 8192
MAPPINGS_GROWTH = 16
CONNECTIONS_KEPT = 64  # by the HTTP client for the next requests


class Swap:
    """Puts one of two builds where the host looks, in one step."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "echo.so")
        self.builds = [os.path.join(rig.BUILD, f"tests/long/plugins/.libs/echo{i}.so")
                       for i in (1, 2)]
        self.next = 0
        self.put()

    def put(self):
        shutil.copyfile(self.builds[self.next], self.path + ".new")
        os.rename(self.path + ".new", self.path)
        self.next = 1 - self.next


def burst(run, discord, seconds):
    discord.do("burst", {"kind": "mention", "members": 1000, "channels": 200, "rate": RATE,
                         "seconds": seconds, "one_in": 1, "seed": run.seed})


def measure(host):
    """Descriptors besides connections, connections, resident kB, mappings."""
    descriptors, connections = host.descriptors()
    return descriptors - connections, connections, host.status_kb("VmRSS"), host.mappings()


def main(run):
    discord = run.own(rig.Discord(run.directory, "--members", "1000", "--channels", "200"))
    swap = Swap(run.directory)
    agents = f"[agent echo]\nplugin = {swap.path}\nisolation = inprocess\n"
    extra = "[admission]\nconcurrent = 64\nqueue = 10000\nqueue_per_member = 1000\n"
    host = run.own(rig.Host(run.directory, rig.config(run.directory, discord, agents=agents,
                                                      pipeline="stages = echo", extra=extra)))
    host.start()
    run.expect(discord.wait("connected", 1, 20), "the host did not log in")
    pid = host.process.pid
    burst(run, discord, 3)
    discord.wait("answered", 0, 30, quiet=0.5)
    discord.do("reset", {})
    burst(run, discord, BASELINE_S)
    discord.wait("burst", 0, BASELINE_S + 20)
    discord.wait("answered", 0, 30, quiet=0.5)
    quiet = discord.report()
    run.expect(not quiet["lost"], f"{quiet['lost']} lost before the first reload")
    run.say(f"without reloads {quiet['latency_ms']}", True)
    discord.do("reset", {})
    burst(run, discord, 36000)
    sizes = measure(host)
    sizes = None
    for i in range(COUNT):
        swap.put()
        if i % 50 == 49:
            code, _ = host.command("reload")
            run.expect(code == 0, f"reload {i + 1} was refused with {code}: {host.tail()}")
        else:
            os.kill(pid, signal.SIGHUP)
        time.sleep(run.random.uniform(0.002, 0.012))
        if i == WARM_UP:
            sizes = measure(host)
        run.say(f"{i + 1} of {COUNT} reloads")
    discord.do("stop", {})
    run.expect(discord.wait("answered", 0, 60, quiet=1), "not everything was answered")
    report = discord.report()
    _, status = host.command("status")
    run.say(f"sent {report['sent']} reloads {status['reloads']} refused "
            f"{status['reloads_refused']} with reloads {report['latency_ms']}", True)
    after = measure(host)
    run.say(f"descriptors, connections, rss kB, mappings {sizes} {after}, children "
            f"{host.children()}", True)
    added = report["latency_ms"]["p99"] - quiet["latency_ms"]["p99"]
    run.say(f"added p99 {added:.1f} ms", True)
    run.expect(added < ADDED_P99_MS, f"reloads add {added:.1f} ms to the 99th percentile")
    run.expect(status["reloads_refused"] == 0, f"{status['reloads_refused']} reloads were refused")
    run.expect(status["reloads"] >= COUNT // 4, f"only {status['reloads']} reloads took place")
    run.expect(after[0] <= sizes[0] + 2, f"descriptors {sizes[0]} before, {after[0]} after")
    run.expect(after[1] <= CONNECTIONS_KEPT + 2, f"{after[1]} connections are open")
    run.expect(after[2] <= sizes[2] + RSS_GROWTH_KB, f"rss {sizes[2]} kB before, {after[2]} after")
    run.expect(after[3] <= sizes[3] + MAPPINGS_GROWTH,
               f"mappings {sizes[3]} before, {after[3]} after")
    run.expect(host.children() == 0, f"{host.children()} children are left")
    run.expect(host.process.poll() is None and host.process.pid == pid, "the host is another one")
    run.expect(report["identifies"] == 0 and report["resumes"] == 0 and report["connections"] < 60,
               f"Discord saw {report['identifies']} identifies and {report['resumes']} resumes")
    host.stop()
    run.end(COUNT, report["lost"], report["doubled"])


if __name__ == "__main__":
    long_run = rig.Run("reload_discord")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
