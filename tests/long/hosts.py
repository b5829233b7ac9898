#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hosts on one PostgreSQL database and one account: each gets every message from Discord, and finds
every job in the table. TROUPE_LONG_JOBS (10,000) reminders of 1,000 members and TROUPE_LONG_EVENTS (1,000)
questions to a model come meanwhile, while one of the two is killed TROUPE_LONG_COUNT times (8), and once
stopped for longer than its lease and woken again: it must end by itself, as its work is another's by then.

Each job and each question is answered once: what the members see in their channels counts."""

import collections
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402
import rig_postgres  # noqa: E402

KILLS = int(os.environ.get("TROUPE_LONG_COUNT", "8"))
JOBS = int(os.environ.get("TROUPE_LONG_JOBS", "10000"))
EVENTS = int(os.environ.get("TROUPE_LONG_EVENTS", "1000"))
LEASE_S = 4
SPAN_S = max(6, JOBS // 100)  # within which the jobs are due, and the questions come
GUILDS, CHANNELS, MEMBERS = 10, 10, 1000
WAIT_S = 240
BOT, GUILD, CHANNEL, MEMBER = (100000000000000001, 200000000000000000, 300000000000000000,
                               400000000000000000)
TAKEN = 75  # the status of a host that another one has taken over from

# Half of them to a model; the others wait for a press, a form or a select, or are slash commands.
LOADS = [({"kind": "mention"}, 1 / 2),
         ({"kind": "mention", "text": "{mention} choose {token}"}, 1 / 8),
         ({"kind": "mention", "text": "{mention} fill {token}"}, 1 / 16),
         ({"kind": "mention", "text": "{mention} list {token}"}, 1 / 16),
         ({"kind": "slash", "command": "later", "text": "{token}"}, 1 / 4)]


class Pair:
    """The two hosts, their database and their judges."""

    def __init__(self, run):
        self.run = run
        os.chmod(run.directory, 0o711)
        place = os.path.join(run.directory, "server")
        os.mkdir(place, 0o711)
        self.server = run.own(rig_postgres.Postgres(place))
        self.discord = run.own(rig.Discord(run.directory, "--guilds", str(GUILDS), "--channels",
                                           str(CHANNELS), "--members", str(MEMBERS), "--history",
                                           "5000"))
        self.llm = run.own(rig.Llm(run.directory))
        self.adopted = 0  # open turns that the other host went on with
        self.hosts = [self.host(name) for name in ("one", "two")]

    def host(self, name):
        directory = os.path.join(self.run.directory, name)
        os.mkdir(directory, 0o711)
        wait = os.path.join(rig.BUILD, "tests/long/plugins/.libs/wait.so")
        agents = f"[agent reminder]\n[agent wait]\nplugin = {wait}\nisolation = inprocess\n"
        return self.run.own(rig.Host(directory, rig.config(
            directory, self.discord, self.llm, agents=agents,
            pipeline="stages = wait, conversation", extra=f"""[store]
backend = postgresql
url = postgresql://troupe@/bot?host={self.server.place}
lease = {LEASE_S}s
[admission]
queue = 10000
queue_per_member = 1000
[budget]
daily = 100000
""")))

    def plan(self):
        """Jobs as an agent would have planned them; no host runs."""
        start = int((time.time() + 5) * 1000)
        rows = []
        for number in range(1, JOBS + 1):
            channel = number % (GUILDS * CHANNELS)
            rows.append(f"({number}, 'reminder', 'discord:0', '{BOT}', "
                        f"'{GUILD + channel // CHANNELS * 4194304}', '{CHANNEL + channel}', "
                        f"'{MEMBER + self.run.random.randrange(MEMBERS)}', 'm', E'0\\njob-{number}-', "
                        f"'', 'run', 0, {start + self.run.random.randrange(SPAN_S * 1000)}, 0)")
        for at in range(0, len(rows), 500):
            self.server.query("INSERT INTO troupe.scheduled_job (id, agent, gateway, account, guild, "
                              "channel, member, member_name, payload, when_text, policy, within_ms, "
                              "next_ms, created_ms) VALUES " + ", ".join(rows[at:at + 500]))
        self.server.query("ANALYZE troupe.scheduled_job")  # as autovacuum does within a minute

    def number(self, sql):
        return int(self.server.query("SELECT count(*) FROM troupe." + sql))

    def left(self):
        return (self.number("scheduled_job WHERE state = 'open'") +
                self.number("event WHERE finished_ms IS NULL") +
                self.number("outbox WHERE state IN ('ready', 'streaming')"))

    def mend(self, but=None):
        """On a machine that is too busy a host is late with its lease, and ends as it should."""
        for host in self.hosts:
            if host is but or host.process is None or host.process.poll() is None:
                continue
            if host.process.returncode != TAKEN:
                raise rig.Violation(f"a host ended with {host.process.returncode}: {host.tail()}")
            self.run.say("a host was late with its lease, and is started again", True)
            host.start()

    def until(self, holds, what, seconds=WAIT_S, but=None):
        end = time.monotonic() + seconds
        while not holds():
            self.mend(but)
            if time.monotonic() > end:
                raise rig.Violation(f"{what}: not within {seconds} s: {self.hosts[0].tail()} || "
                                    f"{self.hosts[1].tail()}")
            time.sleep(0.1)

    def wait_work(self, share):
        """Until so much of all jobs has been begun, so that what comes next comes in the middle."""
        self.until(lambda: self.number("scheduled_job WHERE state <> 'open'") >= share * JOBS,
                   f"{share:.0%} of the jobs")

    def slot(self, host):
        return self.server.query(f"SELECT slot FROM troupe.host WHERE name = '{name_of(host)}'")

    def open(self, slot):
        return self.number(f"event WHERE finished_ms IS NULL AND host = {slot}")

    def adopt(self, host, slot):
        """Until the other host has what this one had open."""
        before = self.open(slot)
        self.until(lambda: self.number(f"host WHERE slot = {slot} AND held") == 0,
                   "a silent host was not taken for dead", 60, host)
        self.until(lambda: self.open(slot) == 0, "what a silent host had was not taken over", 60,
                   host)
        self.adopted += before

    def kill(self, host, at_once):
        """It is back at once, in its place, or the other one takes over."""
        self.mend()
        slot = self.slot(host)
        host.kill()
        if not at_once:
            self.adopt(host, slot)
        host.start()

    def stop(self, host):
        """Stopped in the middle of its work, until the other one has all of that; then it goes on."""
        self.mend()
        slot = self.slot(host)
        for _ in range(100):
            host.process.send_signal(signal.SIGSTOP)
            if self.open(slot):
                break
            host.process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        self.adopt(host, slot)
        before = self.number(f"event WHERE host = {slot}")
        host.process.send_signal(signal.SIGCONT)
        self.until(lambda: host.process.poll() is not None,
                   "the host that was taken for dead did not end", 60, host)
        self.run.expect(host.process.returncode == TAKEN,
                        f"it ended with {host.process.returncode}: {host.tail()}")
        self.run.expect(self.number(f"event WHERE host = {slot}") == before,
                        "a host that was taken for dead stored events")
        host.start()


def name_of(host):
    with open(os.path.join(host.data, "host")) as file:
        return file.read()


def seen(discord):
    """How often each job's mark stands in the channels."""
    marks = collections.Counter()
    for channel in range(GUILDS * CHANNELS):
        for message in discord.do(f"messages?channel=%23{channel}"):
            if message["bot"] and not message["deleted"]:
                marks.update(re.findall(r"job-\d+-", message["content"]))
    return marks


def judge_waits(run, pair, report):
    """Whoever was asked has answered, and was answered by what was chosen."""
    asked = chosen = 0
    for n in range(1, report["asked"] + 1):
        texts = [part["content"] for part in pair.discord.do(f"ledger?n={n}")["parts"]
                 if not part["deleted"]]
        if any(text.startswith("Tea or coffee?") for text in texts):
            asked += 1
            chosen += sum(" it is: " in text for text in texts) == 1
    run.expect(asked == chosen > 0, f"{asked} members were asked and {chosen} answered once")
    run.say(f"{asked} members were asked something, {chosen} answered once", True)


def judge(run, pair):
    pair.until(lambda: pair.left() == 0, "jobs, turns or messages stay open")
    if not pair.discord.wait("answered", 0, 60, quiet=1):
        run.expect(False, "not everything was answered within 60 s")
    judge_waits(run, pair, pair.discord.report())
    marks = seen(pair.discord)
    jobs_lost = sum(1 for n in range(1, JOBS + 1) if not marks[f"job-{n}-"])
    jobs_doubled = sum(count - 1 for count in marks.values() if count > 1)
    report = pair.discord.report()
    run.say(f"{JOBS} jobs: {sum(marks.values())} came, lost {jobs_lost}, doubled {jobs_doubled}; "
            f"{report['asked']} questions: lost {report['lost']}, doubled {report['doubled']}", True)
    bad = pair.server.query("SELECT state, reason, count(*) FROM troupe.event WHERE state <> 'done' "
                            "AND reason <> 'llm.interrupted' GROUP BY 1, 2")
    run.expect(not bad, f"turns that did not end well: {bad}")
    run.expect(pair.number("event WHERE kind = 'job'") == JOBS, "not every job is one event")
    run.expect(pair.number("event WHERE kind IN ('message', 'command')") == report["asked"],
               "not every question is one event")
    shares = pair.server.query("SELECT host, kind, count(*) FROM troupe.event GROUP BY 1, 2 ORDER BY 1, 2")
    run.say("by host and kind: " + ", ".join(shares.splitlines()), True)
    run.say(f"{pair.adopted} open turns were taken over", True)
    run.expect(pair.adopted > 0, "nothing was open that could have been taken over")
    run.expect(len({line.split("|")[0] for line in shares.splitlines()}) > 1, "one host did it all")
    run.expect(report["pings"] == 0, f"{report['pings']} people were pinged")
    run.expect(report["protocol_errors"] == 0, "the hosts broke the protocol")
    return jobs_lost + report["lost"], jobs_doubled + report["doubled"]


def hosts(run):
    pair = Pair(run)
    pair.discord.do("set", {"stop_expected": True})
    pair.hosts[0].start()  # the tables are there
    pair.hosts[0].stop()
    pair.plan()
    for host in pair.hosts:
        host.start()
    if not pair.discord.wait("connected", 2, 60):
        raise rig.Violation(f"the hosts did not both log in: {pair.hosts[1].tail()}")
    pair.discord.do("set", {"press_ms": 1000 if KILLS == 1 else 2000, "press_text": "Tea or coffee"})
    counts = [int(EVENTS * share) for _, share in LOADS]
    counts[0] += EVENTS - sum(counts)
    for i, (load, _) in enumerate(LOADS):
        pair.discord.do("burst", {"members": MEMBERS, "channels": GUILDS * CHANNELS,
                                  "rate": max(1, counts[i] // SPAN_S), "count": counts[i],
                                  "one_in": 1, "seed": run.seed + i, **load})
    stop_at = KILLS // 2
    for i in range(KILLS + 1):
        pair.wait_work((i + 1) / (KILLS + 3))
        host = pair.hosts[i % 2]
        if i == stop_at:
            pair.stop(host)
        else:
            pair.kill(host, KILLS == 1 or (i % 3 == 0 and i > 0))
        run.say(f"{i + 1} of {KILLS + 1} blows, {pair.number('scheduled_job WHERE runs > 0')} jobs "
                "have begun", KILLS < 10)
    lost, doubled = judge(run, pair)
    for host in pair.hosts:
        host.stop()
    run.end(JOBS + EVENTS, lost, doubled)


if __name__ == "__main__":
    long_run = rig.Run("hosts")
    try:
        if rig_postgres.find():
            hosts(long_run)
        else:
            long_run.say("there is no PostgreSQL on this machine, nothing is tested", True)
            long_run.end(0, 0, 0)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
