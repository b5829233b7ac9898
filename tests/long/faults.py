#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Storage that fails under a whole host, with the fake Discord and the fake model as judges: nothing
lost, nothing doubled, heartbeats in time, `troupe status` says degraded and is well again by itself.

"disk": members ask one question after the other. The N-th write, sync or change of size of the
database's files since the question fails, for every N until a turn passes untouched: with EIO and
with ENOSPC; once, for as long as it takes until the host says so, and until then and a kill -9.

"postgres": members ask without a pause, and the server is cut off at its COMMIT, before it and behind
it, killed, restarted, paused and stopped for a minute, five times each; and stopped while the session with
Discord ends, which then has to begin without the database, also with a kill -9 behind it.

"redis": members ask without a pause, and the server of the cache is killed, flushed, paused and out of memory,
five times each. Nobody waits for it.

"memory": the N-th allocation by our allocator since a question fails, for every N until a turn passes
untouched. The host goes on, or ends with status 71 and is started again.

With TROUPE_LONG_COUNT there are so many questions of each kind of fault, spread over the calls of a turn
(three times as many for memory), so many rounds, and the server is away for a second; TROUPE_LONG_AWAY says
for how many. The variants that there are run one after the other where none is named."""

import errno
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402
import rig_postgres  # noqa: E402
import rig_redis  # noqa: E402

VARIANT = sys.argv[1] if len(sys.argv) > 1 else ""
COUNT = int(os.environ.get("TROUPE_LONG_COUNT", "0"))
AWAY_S = int(os.environ.get("TROUPE_LONG_AWAY", "1" if COUNT else "60"))
BEAT_MS = 600 if COUNT else 1000  # Discord takes 120 in a minute
FOR_EVER = 0xffffffff
WAIT_S = 30
# What members are told in place of an answer, and nothing else.
SORRY = "the storage does not work"


class Stage:
    """A host with its judges, in a directory of its own."""

    def __init__(self, run, name, extra="", environment=None, members=50):
        self.run, self.name = run, name
        self.directory = os.path.join(run.directory, name)
        os.mkdir(self.directory, 0o711)
        self.discord = run.own(rig.Discord(self.directory, "--channels", "10", "--members", str(members),
                                           "--heartbeat-ms", str(BEAT_MS)))
        self.llm = run.own(rig.Llm(self.directory))
        self.host = run.own(rig.Host(self.directory, rig.config(self.directory, self.discord,
                                                                self.llm, extra=extra), environment))
        self.said = []

    def start(self):
        self.host.start()
        if not self.discord.wait("connected", 1, WAIT_S):
            raise rig.Violation(f"{self.name}: the host did not log in: {self.host.tail()}")

    def say(self, **more):
        n = self.discord.do("say", {"kind": "mention", "channel": f"#{len(self.said) % 10}", **more})["n"]
        self.said.append(n)
        return n

    def until(self, holds, what):
        end = time.monotonic() + WAIT_S
        while not holds():
            if self.host.process.poll() is not None:
                raise rig.Violation(f"{self.name}: the host ended with "
                                    f"{self.host.process.returncode}: {self.host.tail()}")
            if time.monotonic() > end:
                raise rig.Violation(f"{self.name}: {what} within {WAIT_S} s: {self.host.tail()}")
            time.sleep(0.01)

    def degraded(self):
        return (self.host.command("status")[1] or {}).get("degraded")

    def answered(self, n):
        return self.discord.do(f"ledger?n={n}")["standing"] > 0

    def judge(self):
        """How many questions are lost, and how many doubled."""
        if not self.discord.wait("answered", 0, 60, quiet=1):
            self.run.expect(False, f"{self.name}: not everything was answered within 60 s")
        report = self.discord.report()
        sorry = both = 0
        for n in range(1, report["asked"] + 1):
            entry = self.discord.do(f"ledger?n={n}")
            if report["lost"] and entry["owed"] and not entry["standing"]:
                self.run.say(f"{self.name}: lost: {entry}", True)
            parts = [part["content"] for part in entry["parts"] if not part["deleted"]]
            told = sum(SORRY in part for part in parts)
            sorry += told > 0
            both += told > 1 or (told and any("You said" in part for part in parts))
        self.run.say(f"{self.name}: {report['sent']} questions, {report['answered']} answered, of "
                     f"these {sorry} with a sentence and {both} with that and an answer; longest time "
                     f"between heartbeats {report['max_heartbeat_gap_ms']} ms", True)
        # A short run is on a machine that does other things; it waits for heartbeats instead.
        self.run.expect(COUNT or report["max_heartbeat_gap_ms"] <= BEAT_MS + 1000,
                        f"{self.name}: {report['max_heartbeat_gap_ms']} ms between two heartbeats, "
                        f"expected at most {BEAT_MS + 1000}")
        self.run.expect(report["closes_1000"] == 0, f"{self.name}: the host closed with 1000 or 1001")
        self.run.expect(report["pings"] == 0, f"{self.name}: {report['pings']} people were pinged")
        return report["lost"], report["doubled"]


# ---- SQLite ---------------------------------------------------------------------------------------


class Disk:
    """The file that tests/long/fault_at.c shares with us."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(struct.pack("IIIIII", 0, 0, 0, 0, 0, 0))

    def fail(self, at, count, code):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("IIIIII", 1, 0, at, count, code, 0))

    def heal(self):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("I", 0))

    def failed(self):
        with open(self.path, "rb") as file:
            return struct.unpack("IIIIII", file.read())[5]


def one_fault(stage, disk, at, mode, code):
    """A question and the fault behind it; whether there was one."""
    disk.fail(at, 1 if mode == "once" else FOR_EVER, code)
    n = stage.say()
    # The connection's own place is stored each second, so something reaches the disk in the end.
    stage.until(lambda: stage.answered(n) or disk.failed(), f"call {at}: neither answer nor fault")
    if mode == "once" or not disk.failed():
        stage.until(lambda: stage.answered(n), f"call {at}: no answer")
        disk.heal()
    else:
        stage.until(stage.degraded, f"call {at}: status did not say degraded")
        if mode == "killed":
            stage.host.kill()
            disk.heal()
            stage.start()
        disk.heal()
    if disk.failed():
        stage.until(lambda: not stage.degraded(), f"call {at}: status said degraded for ever")
        stage.until(lambda: stage.answered(n), f"call {at}: no answer")
    return disk.failed() > 0


def disk(run):
    stage = Stage(run, "disk")
    shared = Disk(os.path.join(stage.directory, "fault_at"))
    # The library stands before a sanitizer's, which would refuse to start.
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    stage.host.environment.update(LD_PRELOAD=os.path.join(rig.BUILD, "tests/long/.libs/fault_at.so"),
                                  TROUPE_FAULT_AT=shared.path, ASAN_OPTIONS=options)
    stage.start()
    runs = faults = 0
    for mode in ("once", "lasting", "killed"):
        for code in (errno.EIO, errno.ENOSPC):
            at, passed, asked = 0, 0, 0
            while passed < 3 and (not COUNT or asked < COUNT):
                at += run.random.randint(1, 3) if COUNT else 1
                hit = one_fault(stage, shared, at, mode, code)
                faults += hit
                passed = 0 if hit else passed + 1
                asked += 1
                run.say(f"disk: {errno.errorcode[code]} {mode}, call {at}")
            runs += asked
    lost, doubled = stage.judge()
    # Marked as sent a moment after they were, as many at once.
    opened = ("SELECT (SELECT count(*) FROM event WHERE finished_ms IS NULL) + (SELECT count(*) FROM "
              "outbox WHERE state IN ('ready', 'streaming'))")
    stage.until(lambda: stage.host.query(opened)[0][0] == 0, "turns or messages were open still")
    strange = stage.host.query("SELECT count(*) FROM outbox WHERE turn_id <> 0 AND turn_id NOT IN "
                               "(SELECT id FROM event)")[0][0]
    run.expect(strange == 0, f"disk: {strange} messages are of turns that are not there")
    run.expect(faults > 0, "disk: nothing failed")
    run.say(f"disk: {faults} faults", True)
    stage.host.stop()
    verdict = rig.integrity(stage.host.database)
    run.expect(verdict == "ok", f"disk: integrity_check says {verdict}")
    return runs, lost, doubled


# ---- PostgreSQL -----------------------------------------------------------------------------------


class Away:
    """What befalls the server."""

    def __init__(self, stage, server, relay):
        self.stage, self.server, self.relay = stage, server, relay

    def cut(self, what):
        before = self.relay.cuts
        self.relay.cut(what)
        self.stage.until(lambda: self.relay.cuts > before, f"no COMMIT to cut ({what})")

    def before_commit(self):
        self.cut("question")

    def behind_commit(self):
        self.cut("answer")

    def cut_and_away(self, what):
        """Cut at the COMMIT of a question, and not to be reached afterwards: nobody knows whether it is there."""
        before, text = self.relay.cuts, f"nobody knows of question {len(self.stage.said)}"
        self.relay.gone(True, at_cut=True)
        self.relay.cut(what, text.encode())
        n = self.stage.say(text=text)
        self.stage.until(lambda: self.relay.cuts > before, "no COMMIT to cut (of a question)")
        self.stage.until(self.stage.degraded, "status did not say degraded")
        self.stage.until(self.waiting, "nothing waits for the server")
        return n

    def cut_and_gone(self):
        self.cut_and_away("answer")
        self.gone(lambda: self.relay.gone(False))

    def cut_and_killed(self):
        """It is not there, its session is over, and the process that had it in memory is gone."""
        n = self.cut_and_away("question")
        begun = self.stage.discord.report()["identifies"]
        self.stage.discord.do("gateway", {"do": "forget"})
        self.stage.discord.do("gateway", {"do": "op9", "resumable": False})
        self.stage.until(lambda: self.stage.discord.report()["identifies"] > begun, "no session began")
        self.stage.host.kill()
        self.relay.gone(False)
        self.stage.start()
        self.stage.until(lambda: self.stage.answered(n), "no answer to what nobody knew of")

    def gone(self, back):
        """Until the host says so, and for at least as long as it takes Discord to hear of us twice."""
        end = time.monotonic() + AWAY_S
        beats = self.stage.discord.report()["heartbeats"]
        self.stage.until(self.stage.degraded, "status did not say degraded")
        if not self.stage.discord.wait("heartbeats", beats + 2, WAIT_S):
            self.stage.run.expect(False, "no heartbeats while the server is away")
        while time.monotonic() < end:
            time.sleep(0.05)
            self.stage.run.say(f"postgres: away for {end - time.monotonic():.0f} s more")
        back()

    def killed(self):
        self.server.kill()
        self.gone(self.server.start)

    def restarted(self):
        self.server.stop()
        self.server.start()

    def paused(self):
        self.server.pause(True)
        self.gone(lambda: self.server.pause(False))

    def stopped(self):
        self.server.stop()
        self.gone(self.server.start)

    def waiting(self):
        return (self.stage.host.command("status")[1] or {}).get("spool", {}).get("events", 0)

    def anew(self, kill):
        """For longer than Discord keeps a session: what was said before and behind its end is answered."""
        self.server.stop()
        self.stage.until(self.stage.degraded, "status did not say degraded")
        self.stage.until(self.waiting, "nothing waits for the server")
        begun = self.stage.discord.report()["identifies"]
        self.stage.discord.do("gateway", {"do": "forget"})  # nobody gets what is said before the next one
        self.stage.discord.do("gateway", {"do": "op9", "resumable": False})
        self.stage.until(lambda: self.stage.discord.report()["identifies"] > begun,
                         "no session began while the server is away")
        self.stage.discord.wait("connected", 1, WAIT_S)
        before = self.waiting()
        said = [self.stage.say() for _ in range(3)]
        self.stage.until(lambda: self.waiting() >= before + len(said), "what came next does not wait")
        if kill:
            self.stage.host.kill()
            self.server.start()
            self.stage.start()
        else:
            self.gone(self.server.start)
        for n in said:
            self.stage.until(lambda: self.stage.answered(n), "no answer to what had waited")
            parts = self.stage.discord.do(f"ledger?n={n}")["parts"]
            self.stage.run.expect(not any(SORRY in part["content"] for part in parts),
                                  f"postgres: question {n} had waited and was answered with a sentence")
        self.stage.until(lambda: not self.waiting(), "what had waited is not taken up")
        spool = os.path.join(self.stage.directory, "data", "spool")
        self.stage.run.expect(not os.path.exists(spool), "postgres: the spool is there still")

    def ended(self):
        self.anew(False)

    def ended_and_killed(self):
        self.anew(True)


def postgres(run):
    if not rig_postgres.find():
        run.say("postgres: there is no PostgreSQL on this machine, nothing is tested", True)
        return 0, 0, 0
    os.chmod(run.directory, 0o711)
    place = os.path.join(run.directory, "server")
    os.mkdir(place, 0o711)
    server = run.own(rig_postgres.Postgres(place))
    relay = run.own(rig_postgres.Relay(server, place))
    stage = Stage(run, "postgres", f"""[store]
backend = postgresql
url = postgresql://troupe@/bot?host={relay.place}
away = {"10s" if AWAY_S > 10 else "500ms"}
""")
    stage.start()
    stage.discord.do("burst", {"members": 50, "channels": 10, "rate": 20, "seconds": 36000, "one_in": 1,
                               "kind": "mention", "seed": run.seed})
    away = Away(stage, server, relay)
    kinds = [away.before_commit, away.behind_commit, away.cut_and_gone,
             away.cut_and_killed, away.killed, away.restarted, away.ended,
             away.ended_and_killed]
    if COUNT != 1:  # each of them takes longer than a suite has
        kinds += [away.paused, away.stopped]
    rounds = COUNT or 5
    for i in range(rounds):
        for kind in kinds:
            kind()
            stage.until(lambda: not stage.degraded(), f"{kind.__name__}: degraded for ever")
            # Whatever befell others, who asks now is answered.
            n = stage.say()
            stage.until(lambda: stage.answered(n), f"{kind.__name__}: no answer afterwards")
            run.say(f"postgres: {kind.__name__}, {i + 1} of {rounds}", not COUNT)
    stage.discord.do("stop", {})
    opened = ("SELECT (SELECT count(*) FROM troupe.event WHERE finished_ms IS NULL) + (SELECT count(*) "
              "FROM troupe.outbox WHERE state IN ('ready', 'streaming'))")
    stage.until(lambda: server.query(opened) == "0", "turns or messages were open still")
    lost, doubled = stage.judge()
    strange = server.query("SELECT count(*) FROM troupe.outbox WHERE turn_id <> 0 AND turn_id NOT IN "
                           "(SELECT id FROM troupe.event)")
    run.expect(strange == "0", f"postgres: {strange} messages are of turns that are not there")
    stage.host.stop()
    return rounds * len(kinds), lost, doubled


# ---- Redis ----------------------------------------------------------------------------------------


class CacheAway:
    """What befalls the cache. Questions come all the time, so it is asked all the time."""

    def __init__(self, stage, server):
        self.stage, self.server = stage, server

    def degraded(self):
        status = self.stage.host.command("status")[1] or {}
        self.stage.run.expect(not status.get("degraded"), "redis: status said that the storage does not work")
        return status.get("cache", {}).get("degraded")

    def gone(self, back):
        end = time.monotonic() + AWAY_S
        beats = self.stage.discord.report()["heartbeats"]
        self.stage.until(self.degraded, "status did not say that the cache is degraded")
        n = self.stage.say()
        self.stage.until(lambda: self.stage.answered(n), "no answer while the cache is away")
        if not self.stage.discord.wait("heartbeats", beats + 2, WAIT_S):
            self.stage.run.expect(False, "no heartbeats while the cache is away")
        while time.monotonic() < end:
            time.sleep(0.05)
            self.stage.run.say(f"redis: away for {end - time.monotonic():.0f} s more")
        back()

    def killed(self):
        self.server.kill()
        self.gone(self.server.start)

    def flushed(self):
        self.stage.until(lambda: self.server.ask("DBSIZE") != "0", "nothing was cached")
        self.server.ask("FLUSHALL")
        self.stage.until(lambda: self.server.ask("DBSIZE") != "0", "nothing was cached after a flush")

    def paused(self):
        self.server.pause(True)
        self.gone(lambda: self.server.pause(False))

    def full(self):
        self.server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.server.ask("CONFIG", "SET", "maxmemory", "1")
        self.gone(lambda: self.server.ask("CONFIG", "SET", "maxmemory", "0"))


def redis(run):
    if not rig_redis.find():
        run.say("redis: there is no Redis on this machine, nothing is tested", True)
        return 0, 0, 0
    server = run.own(rig_redis.Redis(run.directory))
    template = os.path.join(run.directory, "template")
    with open(template, "w", encoding="utf-8") as file:
        file.write("You are a bird.\n")  # nothing of a member: answers may be kept
    stage = Stage(run, "redis", f"""template = {template}
[cache]
backend = redis
url = unix:{server.socket}
answer = 50ms
""", members=2000)
    stage.start()
    # Only the first question of a talk brings nothing of its member along, so that its answer is kept: there
    # have to be members who say something for the first time until the end.
    stage.discord.do("burst", {"members": 2000, "channels": 10, "rate": 20, "seconds": 36000, "one_in": 1,
                               "kind": "mention", "seed": run.seed})
    away = CacheAway(stage, server)
    kinds = [away.flushed, away.killed, away.paused, away.full]
    rounds = COUNT or 5
    for i in range(rounds):
        for kind in kinds:
            kind()
            stage.until(lambda: not away.degraded(), f"{kind.__name__}: degraded for ever")
            n = stage.say()
            stage.until(lambda: stage.answered(n), f"{kind.__name__}: no answer afterwards")
            run.say(f"redis: {kind.__name__}, {i + 1} of {rounds}", not COUNT)
    stage.discord.do("stop", {})
    lost, doubled = stage.judge()
    stage.host.stop()
    return rounds * len(kinds), lost, doubled


# ---- memory ---------------------------------------------------------------------------------------


class Countdown:
    """The allocator's own (core/base/mem.c), in the memory of the host."""

    def __init__(self, program):
        self.program = program
        names = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
        found = [line.split()[0] for line in names.splitlines() if line.endswith(" fail_countdown")]
        if len(found) != 1:
            raise rig.Violation(f"{program} has no symbols: build it without stripping it")
        self.offset = int(found[0], 16)

    def open(self, pid):
        with open(f"/proc/{pid}/maps") as file:
            first = next(line for line in file if line.rstrip().endswith(self.program))
        self.at = int(first.split("-")[0], 16) + self.offset
        self.memory = open(f"/proc/{pid}/mem", "r+b", buffering=0)

    def set(self, n):
        self.memory.seek(self.at)
        self.memory.write(struct.pack("q", n))

    def left(self):
        self.memory.seek(self.at)
        return struct.unpack("q", self.memory.read(8))[0]


def know_session(stage):
    """What Discord sends to a session that died before its name was stored cannot be asked for again."""
    stage.until(lambda: stage.host.query("SELECT 1 FROM discord_session WHERE session_id <> ''"),
                "the session was not stored")


def one_allocation(stage, countdown, at):
    """A question, and the allocation behind it that fails; whether there was one, and the host's end."""
    host = stage.host
    countdown.set(at)
    n = stage.say()
    end = time.monotonic() + WAIT_S
    while host.process.poll() is None and not stage.answered(n):
        if time.monotonic() > end:
            raise rig.Violation(f"memory: allocation {at}: no answer: {host.tail()}")
        time.sleep(0.005)
    try:
        hit = countdown.left() <= 0
        countdown.set(0)
    except (OSError, struct.error):
        hit = True  # there is no such process any more
    died = host.process.poll() is not None
    if died:
        stage.run.expect(host.process.returncode == os.EX_OSERR, f"memory: allocation {at}: the host "
                         f"ended with {host.process.returncode}: {host.tail()}")
        stage.start()
        countdown.open(host.process.pid)
        know_session(stage)
        stage.until(lambda: stage.answered(n), f"allocation {at}: no answer after the restart")
    return hit, died


def memory(run):
    stage = Stage(run, "memory")
    countdown = Countdown(os.path.realpath(os.path.join(rig.BUILD, "troupe")))
    stage.start()
    countdown.open(stage.host.process.pid)
    know_session(stage)
    one_allocation(stage, countdown, 1 << 40)  # what is made only once is there now
    countdown.set(1 << 40)
    n = stage.say()
    stage.until(lambda: stage.answered(n), "no answer")
    total = (1 << 40) - countdown.left()
    countdown.set(0)
    at = passed = faults = deaths = runs = 0
    while passed < 3 and runs < (COUNT * 3 or 1 << 20):
        at = run.random.randint(1, total) if COUNT else at + 1
        hit, died = one_allocation(stage, countdown, at)
        faults, deaths, runs = faults + hit, deaths + died, runs + 1
        passed = 0 if hit or COUNT else passed + 1
        run.say(f"memory: allocation {at} of about {total}")
    run.expect(deaths > 0, "memory: no failure was felt")
    lost, doubled = stage.judge()
    run.say(f"memory: a turn allocates about {total} times; {faults} of them failed, the host ended "
            f"{deaths} times", True)
    stage.host.stop()
    verdict = rig.integrity(stage.host.database)
    run.expect(verdict == "ok", f"memory: integrity_check says {verdict}")
    return runs, lost, doubled


VARIANTS = {"disk": disk, "postgres": postgres, "redis": redis, "memory": memory}


def main(run):
    names = [VARIANT] if VARIANT else list(VARIANTS)
    totals = [0, 0, 0]
    for name in names:
        if name not in VARIANTS:
            raise rig.Violation(f"no variant \"{name}\": {', '.join(VARIANTS)}")
        for i, value in enumerate(VARIANTS[name](run)):
            totals[i] += value
    run.end(*totals)


if __name__ == "__main__":
    long_run = rig.Run("faults")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
