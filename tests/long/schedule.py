#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs on time, each once: through kill -9 and through a clock that somebody sets.

1. TROUPE_LONG_JOBS (10,000) reminders of 1,000 members in 100 channels of 10 servers are due within
   one minute, while the host is killed TROUPE_LONG_COUNT times (30), at random, at least a second apart.
2. The clock is set an hour ahead under a running host, and back: what came due in that hour is done
   as its policy says (run, skip, within), recurring ones once; going back repeats nothing.
3. The same while the host is dead, with a kill right after each start.

What the host has in its store and what members see in their channels are counted apart."""

import collections
import os
import re
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

KILLS = int(os.environ.get("TROUPE_LONG_COUNT", "30"))
JOBS = int(os.environ.get("TROUPE_LONG_JOBS", "10000"))
GUILDS, CHANNELS, MEMBERS = 10, 10, 1000
HOUR = 3600
MINUTE_MS = 60000
WAIT = 180
# The bot, and the first of each kind, as the fake Discord numbers them.
BOT, GUILD, CHANNEL, MEMBER = (100000000000000001, 200000000000000000, 300000000000000000,
                               400000000000000000)


class Clock:
    """The file that tests/long/clock_step.c shares with us: seconds ahead."""

    def __init__(self, path):
        self.path = path
        self.ahead = 0
        self.set(0)

    def set(self, ahead):
        self.ahead = ahead
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("q", ahead))

    def now_ms(self):
        return int((time.time() + self.ahead) * 1000)


class Jobs:
    """Rows of scheduled_job, and what is expected of each."""

    def __init__(self, run, host):
        self.run, self.host = run, host
        self.expected = {}  # payload's mark -> how often it is to come
        self.last = 0

    def add(self, rows):
        """rows: (due_ms, policy, within_ms, when text, expected); the host is not running."""
        connection = sqlite3.connect(self.host.database)
        for due, policy, within, when, expected in rows:
            self.last += 1
            number = self.last
            mark = f"job-{number}-"
            channel = number % (GUILDS * CHANNELS)
            self.expected[mark] = expected
            connection.execute(
                "INSERT INTO scheduled_job (id, agent, gateway, account, guild, channel, member, "
                "member_name, payload, when_text, policy, within_ms, next_ms, created_ms) VALUES "
                "(?, 'reminder', 'discord:0', ?, ?, ?, ?, 'm', ?, ?, ?, ?, ?, 0)",
                (number, str(BOT), str(GUILD + channel // CHANNELS * 4194304),
                 str(CHANNEL + channel), str(MEMBER + self.run.random.randrange(MEMBERS)),
                 f"0\n{mark}", when, policy, within, due))
        connection.commit()
        connection.close()

    def count(self, where):
        return self.host.query(f"SELECT count(*) FROM scheduled_job WHERE {where}")[0][0]


def seen(discord):
    """How often each mark stands in the channels."""
    marks = collections.Counter()
    for channel in range(GUILDS * CHANNELS):
        for message in discord.do(f"messages?channel=%23{channel}"):
            if message["bot"] and not message["deleted"]:
                marks.update(re.findall(r"job-\d+-", message["content"]))
    return marks


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def settled(host):
    """Nothing runs, nothing is owed."""
    return host.query("SELECT (SELECT count(*) FROM event WHERE finished_ms IS NULL) + "
                      "(SELECT count(*) FROM outbox WHERE state IN ('ready', 'streaming'))"
                      )[0][0] == 0


def judge(run, discord, host, jobs, what):
    run.expect(wait_until(lambda: settled(host), WAIT), f"{what}: turns or messages stay open")
    discord.wait("quiet", 0, 30, quiet=2)
    marks = seen(discord)
    lost = sum(max(0, want - marks[mark]) for mark, want in jobs.expected.items())
    doubled = sum(max(0, marks[mark] - want) for mark, want in jobs.expected.items())
    wrong = [(mark, want, marks[mark]) for mark, want in jobs.expected.items()
             if marks[mark] != want][:5]
    bad = host.query("SELECT state, reason, count(*) FROM event WHERE state <> 'done' GROUP BY 1, 2")
    run.expect(not bad, f"{what}: turns that did not end well: {bad}")
    run.say(f"{what}: {sum(marks.values())} came, lost {lost}, doubled {doubled} {wrong or ''}", True)
    return lost, doubled


def restart(run, host, discord):
    host.start()
    run.expect(discord.wait("connected", 1, 20), "the host did not log in")


def one_minute(run, discord, host, clock, jobs):
    start = clock.now_ms() + 5000
    jobs.add([(start + run.random.randrange(MINUTE_MS), "run", 0, "", 1) for _ in range(JOBS)])
    restart(run, host, discord)
    killed = time.monotonic()
    for kill in range(KILLS):
        time.sleep(max(0.0, killed + run.random.uniform(1.0, 3.0) - time.monotonic()))
        if host.process.poll() is not None:
            run.expect(False, f"the host ended by itself: {host.tail()}")
            break
        host.kill()
        killed = time.monotonic()
        host.start()
        run.say(f"{kill + 1} of {KILLS} kills, {jobs.count('runs > 0')} of {JOBS} have run")
    run.expect(wait_until(lambda: jobs.count("state = 'open'") == 0, WAIT),
               "some jobs are still to run")
    late = host.query("SELECT max(created_ms - json_extract(payload, '$.time')) FROM event "
                      "WHERE kind = 'job'")[0][0]
    run.say(f"the latest of {JOBS} began {late / 1000:.1f} s after it was due", True)
    return judge(run, discord, host, jobs, "one minute")


def hour_of_jobs(clock, each):
    """All are due in the middle of the next hour, half an hour from either end."""
    due = clock.now_ms() + HOUR // 2 * 1000
    rows = []
    for _ in range(each):
        rows += [(due, "run", 0, "", 1), (due, "skip", 0, "", 0),
                 (due, "within", 2 * HOUR * 1000, "", 1), (due, "within", 10 * MINUTE_MS, "", 0),
                 (due, "run", 0, "every 40 minutes", 1), (due, "skip", 0, "every 40 minutes", 0)]
    return rows


def steps(run, discord, host, clock, jobs, dead):
    host.stop()
    jobs.add(hour_of_jobs(clock, 100))
    if not dead:
        restart(run, host, discord)
        time.sleep(1.5)
    clock.set(clock.ahead + HOUR)
    if dead:
        restart(run, host, discord)
        time.sleep(1.0)
        host.kill()
        restart(run, host, discord)
    past = f"next_ms <= {clock.now_ms()} AND state = 'open'"
    run.expect(wait_until(lambda: jobs.count(past) == 0, WAIT),
               "what the clock jumped over is still to be done")
    judge(run, discord, host, jobs, "an hour ahead")
    # Back: the same hour stands on the wall once more, and nothing of it happens again.
    if dead:
        host.kill()
    clock.set(clock.ahead - HOUR)
    if dead:
        restart(run, host, discord)
    time.sleep(17 if not dead else 3)  # longer than the host takes to notice
    return judge(run, discord, host, jobs, "and back")


def schedule(run):
    discord = run.own(rig.Discord(run.directory, "--guilds", str(GUILDS), "--channels",
                                  str(CHANNELS), "--members", str(MEMBERS), "--history", "5000"))
    clock = Clock(os.path.join(run.directory, "clock"))
    host = run.own(rig.Host(run.directory,
                            rig.config(run.directory, discord, pipeline="stages = reminder",
                                       agents="[agent reminder]\n")))
    library = os.path.join(rig.BUILD, "tests/long/.libs/clock_step.so")
    host.environment.update(LD_PRELOAD=library, TROUPE_CLOCK_STEP=clock.path)
    host.start()
    host.stop()  # the tables are there
    discord.do("set", {"stop_expected": True})
    jobs = Jobs(run, host)
    total_lost = total_doubled = 0
    for lost, doubled in (one_minute(run, discord, host, clock, jobs),
                          steps(run, discord, host, clock, jobs, dead=False),
                          steps(run, discord, host, clock, jobs, dead=True)):
        total_lost, total_doubled = lost, doubled  # each judges all that came so far
    host.stop()
    verdict = rig.integrity(host.database)
    run.expect(verdict == "ok", f"integrity_check: {verdict}")
    run.expect(discord.report()["protocol_errors"] == 0, "the host broke the protocol")
    run.end(sum(jobs.expected.values()), total_lost, total_doubled)


if __name__ == "__main__":
    long_run = rig.Run("schedule")
    try:
        schedule(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
