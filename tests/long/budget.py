#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Money: TROUPE_LONG_COUNT (10,000) calls of a model that costs, as many at once as there are members, under
caps of an hour, a day and a month for the bot, its servers and their members, while the host is
killed once for each hundred of them.

Some members and one server talk more than the others, so that caps of each kind are reached one after
the other; which span of a scope is the tightest is chance. The ledger is added up again from the
database, by its rows and by nothing of the host's: again and again while it runs, and in the end
anew for each reservation. What was booked is held against the bill that the fake model keeps.

Then the model bills more than the most that was reserved: that is booked and logged, nothing is spent on
it any more, and only the owner's word changes that."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import ledger  # noqa: E402
import rig  # noqa: E402

COUNT = int(os.environ.get("TROUPE_LONG_COUNT", "10000"))
PART = 100  # calls between two kills
KILLS = max(2, COUNT // PART)
GUILDS, CHANNELS = 4, 10
SHORT = COUNT < 10000  # too few for caps of every kind
LOUD, MEMBERS = 4 if SHORT else 20, 200
RATE = 200
# What a call may cost at most, about, and what it costs: the caps follow from it.
WORST, USUAL = 1300, 260
# Answers that take their time, so that a kill meets them; failures that cost nothing; silence, of which
# nobody knows what it costs. By the last digits of the token, whatever is asked.
SCRIPT = {"rules": [
    {"match": {"regex": "tok-[0-9]*(13|77)-"}, "times": 1000000, "fault": "status", "status": 500},
    {"match": {"regex": "tok-[0-9]*37-"}, "fault": "hang_before_headers"},
    {"match": {"regex": "tok-[0-9]*[05]-"}, "first_delay_ms": 500, "answer": "You said: {last}"},
    {"match": {"regex": "tok-[0-9]*[369]-"}, "first_delay_ms": 20, "delay_ms": 60,
     "answer": "Word by word by word by word: {last}"},
    {"first_delay_ms": 60, "answer": "You said: {last}"},
]}
DEAR = {"rules": [{"match": "dear", "answer": "You said: {last}",
                   "usage": {"prompt_tokens": 40000, "completion_tokens": 60000}},
                  {"answer": "You said: {last}"}]}
OWNER = 400000000000000000


def caps_of(run):
    """One span of each scope is the tightest, the others are a little wider. What is turned away while the model
    is left alone for its failures comes to no cap."""
    full = COUNT * USUAL + KILLS * 60 * WORST
    tightest = {"bot": full * 0.55, "guild": full * 0.22, "member": full * 0.008}
    caps = {}
    for scope, least in tightest.items():
        spans = list(ledger.SPANS)
        run.random.shuffle(spans)
        for i, span in enumerate(spans):
            caps[scope, span] = int(max(least, 3 * WORST) * (1 + 0.2 * i))
    return ledger.Caps(caps)


def config(run, discord, llm, caps):
    names = {"hour": "hourly", "day": "daily", "month": "monthly"}
    whose = {"bot": "", "guild": "per_guild_", "member": "per_member_"}
    text = rig.config(run.directory, discord, llm)
    text = text.replace("[agent conversation]\n", "max_tokens = 300\nattempts = 2\n"
                        "first_token_timeout = 5s\n[agent conversation]\n")
    text = text.replace("[discord]\n", f"[discord]\nowners = {OWNER}\n")
    text += "[admission]\nconcurrent = 200\nqueue = 10000\nqueue_per_member = 1000\nmerge = no\n[budget]\n"
    for (scope, span), cap in caps.caps.items():
        text += f"{whose[scope]}{names[span]} = {cap / 1e6:.6f}\n"
    return text


def talk(discord, run, part):
    """A hundred messages: three in ten by those who talk much, in the first server."""
    for members, channels, share in ((LOUD, CHANNELS, 0.3), (MEMBERS, GUILDS * CHANNELS, 0.7)):
        discord.do("burst", {"kind": "mention", "members": members, "channels": channels,
                             "rate": RATE * share, "count": int(PART * share), "one_in": 1,
                             "seed": run.seed + 2 * part + (members == LOUD)})


def storm(run, discord, host, watch):
    for kill in range(KILLS):
        talk(discord, run, kill)
        # While it is asked, while it answers, and sometimes while it still recovers.
        host.done.wait(run.random.uniform(0.0, 0.3) if kill % 5 == 4 else
                       run.random.uniform(0.3, 1.2))
        if host.process.poll() is not None:
            raise rig.Violation(f"the host ended by itself: {host.tail()}")
        host.kill()
        host.start()
        run.say(f"{kill + 1} of {KILLS} kills, {watch.looks} looks at the ledger, "
                f"{len(watch.bad)} beyond a cap")


def begun_anew(rows):
    """The spans that ended while it ran: half of what was spent in each may have come to no cap."""
    begins = [dict((span, begin) for _, _, span, begin in ledger.sums_of(row)) for row in rows]
    return {span for span in ledger.SPANS if len({of[span] for of in begins}) > 1}


def judge(run, discord, llm, host, caps):
    rows = ledger.rows_of(host)
    anew = begun_anew(rows)
    states = {state: sum(row.state == state for row in rows)
              for state in ("settled", "unknown", "released")}
    refused = host.query("SELECT count(*) FROM event WHERE reason LIKE 'budget.%'")[0][0]
    bad = ledger.wrong_rows(rows) + ledger.wrong_sums(host, rows) + ledger.replay(rows, caps)
    bad += [f"reservation {row.id} cost {row.settled}, more than its worst case {row.reserved}"
            for row in rows if row.state == "settled" and row.settled > row.reserved]
    for text in bad[:20]:
        run.expect(False, text)
    bill = llm.call("/_stats")
    billed = bill["billed_input"] + bill["billed_output"]  # a micro-USD a token
    booked = sum(ledger.counted(row) for row in rows)
    dispatched = sum(row.dispatched is not None for row in rows)
    report = discord.report()
    run.say(f"{report['asked']} calls, {len(rows)} reservations {states}, {refused} refused by a cap; "
            f"booked {booked} micro-USD, the model billed {billed} for {bill['billed']} answers of "
            f"{bill['chats']} requests, {bill['concurrent_max']} at once", True)
    run.say("fullest: " + ", ".join(f"{scope} {span} {100 * part:.1f} %" for (scope, span), part
                                    in sorted(caps.fullest.items())), True)
    run.expect(booked >= billed, f"{booked} micro-USD are booked and the model billed {billed}")
    run.expect(dispatched >= bill["chats"],
               f"{bill['chats']} requests came to the model, and {dispatched} were dispatched")
    run.expect(states["unknown"] > 0, "no kill met a request that was on its way")
    run.expect(refused > 0 or anew, "no cap was reached")
    for scope in ledger.SCOPES:
        span = min(ledger.SPANS, key=lambda span: caps.caps[scope, span])
        left = (1 - caps.fullest[scope, span]) * caps.caps[scope, span]
        run.expect(left < 1.5 * WORST or SHORT or span in anew, f"the cap of a {scope} and {span} was never reached, "
                   f"{left:.0f} micro-USD were left")
    return report


def ask(run, discord, words):
    """What a member who has not talked yet gets told."""
    n = discord.do("say", {"kind": "mention", "channel": "#0", "member": f"#{MEMBERS + 1}",
                           "text": f"{{mention}} {words} {{token}}"})["n"]
    if not discord.wait("answered", 0, 30, quiet=0.3):
        raise rig.Violation(f"\"{words}\" was not answered")
    return discord.do(f"ledger?n={n}")["text"]


def alarm(run, discord, llm, host, caps):
    """More than the worst case: booked, told, stopped, and confirmed by the owner alone."""
    host.stop()
    for key in caps.caps:
        caps.caps[key] = 1000 * 1000000
    host.write(config(run, discord, llm, caps))
    host.start()
    llm.call("/_script", DEAR)
    last = ledger.rows_of(host)[-1].id
    before = llm.call("/_stats")
    run.expect("You said" in ask(run, discord, "something dear"), "a dear answer was not shown")
    row = [row for row in ledger.rows_of(host) if row.id > last][0]
    run.expect(row.state == "settled" and row.settled == 100000 > row.reserved,
               f"an answer for 100000 micro-USD is booked as {row}")
    with open(host.log, errors="replace") as file:
        run.expect("more than was reserved and is not paid for any more" in file.read(),
                   "nothing is logged of what was above its worst case")
    stopped = [what for what, in host.query("SELECT what FROM budget_stop")]
    run.expect(stopped == [row.what], f"stopped is {stopped}, not {row.what}")
    told = ask(run, discord, "anything at all")
    run.expect("cost more than it could" in told, f"who asks meanwhile is told {told!r}")
    run.expect(llm.call("/_stats")["chats"] == before["chats"] + 1, "the model was asked meanwhile")
    for member, paid in (("#1", False), ("#0", True)):
        discord.do("slash", {"name": "usage", "options": {"confirm": row.what}, "channel": "#0",
                             "member": member})
        discord.wait("answered", 0, 30, quiet=0.3)
        told = ask(run, discord, "and now")
        run.expect(("You said" in told) == paid, f"after {member} confirmed it, one is told {told!r}")
    rows = ledger.rows_of(host)
    for text in ledger.wrong_rows(rows) + ledger.wrong_sums(host, rows):
        run.expect(False, text)
    run.say(f"\"{row.what}\" cost {row.settled} micro-USD where {row.reserved} were reserved: stopped, "
            "and paid for again after the owner's word", True)


def main(run):
    discord = run.own(rig.Discord(run.directory, "--guilds", str(GUILDS), "--channels",
                                  str(CHANNELS), "--members", str(MEMBERS + 2)))
    llm = run.own(rig.Llm(run.directory, SCRIPT))
    caps = caps_of(run)
    host = run.own(rig.Host(run.directory, config(run, discord, llm, caps)))
    host.done = ledger.threading.Event()  # nobody sets it: a pause that says what it is
    host.start()
    run.expect(discord.wait("connected", 1, 20), "the host did not log in")
    watch = ledger.Watch(host, caps)
    storm(run, discord, host, watch)
    run.expect(discord.drain(COUNT // 2), "nothing was answered for a minute, and not everything was")
    looks = watch.stop()
    for text in looks[:20]:
        run.expect(False, text)
    run.expect(watch.looks > KILLS, f"only {watch.looks} looks at the ledger")
    report = judge(run, discord, llm, host, caps)
    alarm(run, discord, llm, host, caps)
    host.stop()
    run.end(report["asked"], report["lost"], report["doubled"])


if __name__ == "__main__":
    long_run = rig.Run("budget")
    try:
        main(long_run)
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
