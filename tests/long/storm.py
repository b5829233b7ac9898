#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The storm: members talk without a pause while the host is killed again and again.

1,000 members in 200 channels write 200 messages a second, each to be answered by a model that takes
30 ms, 64 turns at once. The host is killed with SIGKILL TROUPE_LONG_COUNT times (200), at least a
second apart, a quarter of them while it still recovers from the last one. While the database is
checked, which takes longer as it grows, the members are silent; they talk again before the host is
back. Then everything is drained, and the ledger of the fake Discord and the rounds of the fake model
judge.

Variants: "" as above; "nowindow": the fake does not honour nonces; "waits": half of the turns wait, for
a button, a form or a select, or as the deferred answer to a slash command, which the fake lets live for
3 s and 15 min; of four forms that are opened one is closed and opened again; "isolated": the agents
are in processes of their own, and before each kill of the host one of these is killed;
"calls": the host dies at the N-th write, sync or send of one turn, for every N until a turn passes
untouched."""

import os
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

VARIANT = sys.argv[1] if len(sys.argv) > 1 else ""
KILLS = int(os.environ.get("TROUPE_LONG_COUNT", "200"))
RATE = int(os.environ.get("TROUPE_LONG_RATE", "200"))
READY_MAX = 2.0

ADMISSION = """[admission]
concurrent = 64
queue = 10000
queue_per_member = 1000
[budget]
daily = 100000
"""


def waits_config():
    plugin = os.path.join(rig.BUILD, "tests/long/plugins/.libs/wait.so")
    return {"agents": f"[agent wait]\nplugin = {plugin}\nisolation = inprocess\n",
            "pipeline": "stages = wait, conversation"}


def isolated(config):
    for agent in ("llm", "conversation"):
        config = config.replace(f"[agent {agent}]\n", f"[agent {agent}]\nisolation = process\n")
    return config


def kill_runner(run, host):
    """One of the processes of agents, with all that it has to do."""
    runners = []
    for thread in os.listdir(f"/proc/{host.process.pid}/task"):
        try:
            with open(f"/proc/{host.process.pid}/task/{thread}/children") as file:
                runners += [int(pid) for pid in file.read().split()]
        except OSError:
            continue
    if runners:
        try:
            os.kill(run.random.choice(runners), signal.SIGKILL)
        except ProcessLookupError:
            pass
    return bool(runners)


def start_all(run, *discord_options):
    script = {"rules": [{"first_delay_ms": 30, "answer": "You said: {last}"}]}
    discord = run.own(rig.Discord(run.directory, *discord_options))
    llm = run.own(rig.Llm(run.directory, script))
    more = waits_config() if VARIANT == "waits" else {}
    config = rig.config(run.directory, discord, llm, extra=ADMISSION, **more)
    host = run.own(rig.Host(run.directory, isolated(config) if VARIANT == "isolated" else config))
    return discord, llm, host


def ledger_rows(host):
    """Attempts that the host knows of: everything that was dispatched."""
    return host.query("SELECT count(*) FROM budget_ledger WHERE dispatched_ms IS NOT NULL")[0][0]


def broken_off(host):
    """Turns whose model was cut twice before anything was shown: they got a sentence instead."""
    return host.query("SELECT count(*) FROM event WHERE state = 'failed' AND reason = "
                      "'llm.interrupted'")[0][0]


def judge(run, discord, llm, host):
    report = discord.report()
    rounds = llm.rounds()
    run.say(f"sent {report['sent']} answered {report['answered']} interrupted "
            f"{report['interrupted']} latency {report['latency_ms']}", True)
    run.say(f"rounds {rounds}", True)
    run.expect(report["closes_1000"] == 0, "the host closed with 1000 or 1001")
    run.expect(report["pings"] == 0, f"{report['pings']} people were pinged")
    run.expect(report["disordered"] == 0, f"{report['disordered']} answers came before that to "
               "an earlier question of their member")
    interrupted = report["interrupted"] + broken_off(host)
    run.expect(interrupted <= rounds["rounds_cut_after"] + rounds["rounds_cut_twice"],
               f"{interrupted} answers were interrupted, more than the "
               f"{rounds['rounds_cut_after']} cut after their first delta and "
               f"{rounds['rounds_cut_twice']} cut twice")
    run.expect(rounds["most"] <= 2, f"a round was paid {rounds['most']} times")
    run.expect(rounds["paid"] <= rounds["rounds"] + rounds["rounds_cut"],
               f"{rounds['paid']} rounds paid, expected at most {rounds['rounds']} and "
               f"{rounds['rounds_cut']} that were cut")
    known = ledger_rows(host)
    run.expect(known >= rounds["paid"],
               f"{rounds['paid']} rounds were paid and {known} are in the ledger")
    refused = host.query("SELECT count(*) FROM event WHERE state = 'refused'")[0][0]
    run.expect(refused == 0, f"{refused} turns were refused")
    failed = host.query("SELECT state, reason, count(*) FROM event WHERE state NOT IN "
                        "('done', 'interrupted') AND NOT (state = 'failed' AND reason = "
                        "'llm.interrupted') GROUP BY 1, 2")
    run.expect(not failed, f"turns that did not end well: {failed}")
    return report


def check_copy(run, host):
    verdict = rig.integrity(host.database)
    run.expect(verdict == "ok", f"integrity_check: {verdict}")


def talk(run, discord, part):
    loads = [({"kind": "mention"}, 1)]
    if VARIANT == "waits":
        loads = [({"kind": "mention"}, 1 / 2),
                 ({"kind": "mention", "text": "{mention} choose {token}"}, 1 / 8),
                 ({"kind": "mention", "text": "{mention} fill {token}"}, 1 / 16),
                 ({"kind": "mention", "text": "{mention} list {token}"}, 1 / 16),
                 ({"kind": "slash", "command": "later", "text": "{token}"}, 1 / 8),
                 ({"kind": "slash", "command": "hidden", "text": "{token}"}, 1 / 8)]
    for i, (load, share) in enumerate(loads):
        discord.do("burst", {"members": 1000, "channels": 200, "rate": RATE * share,
                             "seconds": 36000, "one_in": 1,
                             "seed": run.seed + part * len(loads) + i, **load})


def judge_waits(run, discord, host, report):
    """Presses that were answered, and what of the private answers cannot be known. Returns how many
    questions are lost."""
    entries = [discord.do(f"ledger?n={n}") for n in range(1, report["asked"] + 1)]
    # By what is asked: the beginnings of what may answer it.
    kinds = {"Tea or coffee?": ("Tea", "Coffee"),
             "Tea or coffee? Say it in words": ("words that somebody typed into",),
             "Tea or coffee? Or both of it": ("One", "Both")}
    asked = dict.fromkeys(kinds, 0)
    chosen = dict.fromkeys(kinds, 0)
    for entry in entries:
        texts = [part["content"] for part in entry["parts"] if not part["deleted"]]
        for kind, answers in kinds.items():
            if kind in texts:
                asked[kind] += 1
                said = [text for text in texts if " it is: " in text]
                chosen[kind] += len(said) == 1 and said[0].startswith(answers)
    for kind in kinds:
        run.expect(asked[kind] > 0, f"nobody was asked \"{kind}\"")
    run.expect(chosen == asked, f"what was pressed, filled in or chosen was not answered once, and "
               f"with that: asked {asked}, answered {chosen}")
    run.expect(report["modals"] > asked["Tea or coffee? Say it in words"],
               f"only {report['modals']} forms were opened")
    lost = [entry for entry in entries if entry["owed"] and entry["standing"] == 0]
    unknown = host.query("SELECT count(*) FROM outbox WHERE state = 'unknown'")[0][0]
    private = [entry for entry in lost if entry["kind"] == "/hidden"]
    told = sum(1 for entry in private if any(
        f"<@{entry['author']}> my answer to /hidden can't be shown" in message["content"]
        for message in discord.do(f"messages?channel={entry['channel']}")))
    run.say(f"asked {list(asked.values())} by buttons, forms and selects, {list(chosen.values())} "
            f"answered, {report['modals']} forms opened; private answers: {unknown} "
            f"unknown, {told} told to ask again, {len(private)} that do not stand; late first "
            f"responses {report['callbacks_late']}", True)
    run.expect(len(private) <= unknown + told,
               f"{len(private)} private answers do not stand, and only {unknown} are unknown and "
               f"{told} were told so")
    return len(lost) - len(private)


def storm(run):
    options = ["--members", "1000", "--channels", "200", "--nonce-window",
               "0" if VARIANT == "nowindow" else "300"]
    discord, llm, host = start_all(run, *options)
    slowest = host.start()
    run.expect(discord.wait("connected", 1, 20), "the host did not log in")
    if VARIANT == "waits":
        # Not "Retry" below what a kill broke off: who asks again is answered again.
        discord.do("set", {"press_ms": 5000, "press_text": "Tea or coffee"})
    talk(run, discord, 0)
    killed = started = time.monotonic()
    runners = 0
    for kill in range(KILLS):
        if kill % 4 == 3:  # while it recovers from the last one
            wait = run.random.uniform(0.0, 0.3)
        else:
            wait = run.random.uniform(1.0, 3.0)
        if VARIANT == "isolated":
            time.sleep(wait / 2)
            runners += kill_runner(run, host)
        time.sleep(max(0.0, started + wait - time.monotonic(), killed + 1.0 - time.monotonic()))
        if host.process.poll() is not None:
            run.expect(False, f"the host ended by itself: {host.tail()}")
            break
        host.kill()
        killed = time.monotonic()
        discord.do("stop", {})
        check_copy(run, host)
        if kill % 4 == 2:  # the next kill is at least a second after this one
            time.sleep(max(0.0, killed + 1.0 - time.monotonic()))
        talk(run, discord, kill + 1)
        time.sleep(0.2)
        slowest = max(slowest, host.start())
        started = time.monotonic()
        run.say(f"{kill + 1} of {KILLS} kills, slowest start {slowest:.2f} s")
    if VARIANT == "isolated":
        run.say(f"{runners} processes of agents were killed", True)
        run.expect(runners > 0 or KILLS == 0, "no agent had a process of its own")
    discord.do("stop", {})
    drained = discord.wait("pressed" if VARIANT == "waits" else "answered", 0, 180, quiet=3)
    # A private answer whose interaction is gone has nobody whom it may be shown to: judge_waits asks for
    # the sentence in its place.
    run.expect(drained or VARIANT == "waits",
               "not everything was answered within 180 s after the last kill")
    run.expect(slowest <= READY_MAX, f"ready after {slowest:.2f} s, expected {READY_MAX} s")
    report = judge(run, discord, llm, host)
    lost = judge_waits(run, discord, host, report) if VARIANT == "waits" else report["lost"]
    host.stop()
    check_copy(run, host)
    run.end(KILLS, lost, report["doubled"])


# ---- the N-th call --------------------------------------------------------------------------------


class Trigger:
    """The file that tests/long/kill_at.c shares with us."""

    def __init__(self, path):
        self.path = path
        self.set(0, 0, 0)

    def set(self, armed, at, after):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("IIII", armed, 0, at, after))

    def calls(self):
        with open(self.path, "rb") as file:
            return struct.unpack("IIII", file.read())[1]


def know_session(run, host):
    """What Discord sends to a session that died before its name was stored cannot be asked for again."""
    end = time.monotonic() + 20
    while not host.query("SELECT 1 FROM discord_session WHERE session_id <> ''"):
        if time.monotonic() > end:
            raise rig.Violation("the session was not stored")
        time.sleep(0.01)


def calls(run):
    """Each turn of one message is cut at one call more than the one before."""
    discord, llm, host = start_all(run, "--channels", "10")
    trigger = Trigger(os.path.join(run.directory, "kill_at"))
    library = os.path.join(rig.BUILD, "tests/long/.libs/kill_at.so")
    host.environment.update(LD_PRELOAD=library, TROUPE_KILL_AT=trigger.path)
    runs = 0
    for after in (0, 1):
        at = 0
        passed = 0
        while passed < 3:  # threads take turns differently: three in a row that nothing cut
            at += 1
            host.start()
            run.expect(discord.wait("connected", 1, 20), "the host did not log in")
            know_session(run, host)
            trigger.set(1, at, after)
            n = discord.do("say", {"kind": "mention", "channel": f"#{at % 10}"})["n"]
            end = time.monotonic() + 20
            while host.process.poll() is None and time.monotonic() < end:
                entry = discord.do(f"ledger?n={n}")
                if entry["created"] and trigger.calls() < at:
                    discord.wait("answered", 0, 5, quiet=0.3)
                    break
                time.sleep(0.01)
            died = host.process.poll() is not None
            passed = 0 if died else passed + 1
            trigger.set(0, 0, 0)
            if not died:
                host.kill()
            check_copy(run, host)
            host.start()
            if not discord.wait("answered", 0, 40, quiet=0.5):
                raise rig.Violation(f"call {at}: the message was not answered")
            host.kill()
            runs += 1
            run.say(f"call {at}, {'after' if after else 'before'} it")
        run.say(f"a turn makes about {at - passed} calls", True)
    host.start()
    discord.wait("answered", 0, 20, quiet=3)
    report = judge(run, discord, llm, host)
    run.end(runs, report["lost"], report["doubled"])


if __name__ == "__main__":
    long_run = rig.Run("storm")
    try:
        if VARIANT == "calls":
            calls(long_run)
        else:
            storm(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
