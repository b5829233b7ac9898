#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Never silent: whatever people set, may not, exceed and break, each message that addresses the bot ends
in an answer, a reaction, or a reason that `troupe why` tells.

TROUPE_LONG_COUNT (1,000) messages of members, by mention, in private, as replies, in threads and as
slash commands; with files, too long, empty, edited and deleted; in servers whose settings change by
/config and by the file, in channels where the bot may not write, react, attach or read, or that are
gone, on a Discord and with a model that fail, while the host is reloaded and killed. Then the faults
end, what is open is waited for, and each message is judged: by the ledger of the fake Discord, and
where that knows of nothing, by `troupe why`."""

import collections
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

COUNT = int(os.environ.get("TROUPE_LONG_COUNT", "1000"))
KILLS = 2
GUILDS, CHANNELS, MEMBERS = 3, 6, 12
DRAIN_S = 150
DOCUMENT = os.path.join(os.environ.get("TROUPE_TEST_DATA", ""), "discord-openapi.json")
REACTION, ANSWER, REASON = "reactions", "answers", "reason codes"

LLM_FAULTS = [
    {"fault": "status", "status": 429, "retry_after": "1"},
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 503},
    {"fault": "status", "status": 401},
    {"fault": "hang_before_headers"},
    {"fault": "hang_mid_stream"},
    {"fault": "cut_before_headers"},
    {"fault": "cut_mid_stream"},
    {"fault": "garbage_sse"},
    {"fault": "bad_json"},
    {"fault": "error_in_stream"},
    {"fault": "empty_stream"},
]
CODE = "Here you are:\n```c\n" + "int x;\n" * 400 + "```\nThat is all."
MUCH = " ".join(f"The {i}th thing to say about it." for i in range(150))
SCRIPT = {"rules": [
    {"match": "wants-code", "answer": "{last}\n" + CODE, "chunk_words": 50},
    {"match": "wants-much", "answer": "{last}: " + MUCH, "chunk_words": 40},
    {"match": "wants-time", "answer": "{last}, slowly, word by word by word", "delay_ms": 300},
    {"match": "wants-nothing", "answer": ""},
    *[{"match": f"fault-{i}-", "answer": "{last} so far so good it goes", **fault}
      for i, fault in enumerate(LLM_FAULTS)],
    {"answer": "You said: {last}"},
]}

REST_FAULTS = [
    {"do": "status", "status": 500}, {"do": "status", "status": 502}, {"do": "status", "status": 503},
    {"do": "status", "status": 403, "code": 50013, "message": "Missing Permissions"},
    {"do": "status", "status": 403, "code": 50001, "message": "Missing Access"},
    {"do": "status", "status": 404, "code": 10008, "message": "Unknown Message"},
    {"do": "status", "status": 404, "code": 10003, "message": "Unknown Channel"},
    {"do": "status", "status": 400, "code": 50035, "message": "Invalid Form Body"},
    {"do": "status", "status": 403, "code": 200000,
     "message": "Message was blocked by automatic moderation"},
    {"do": "user", "retry_after": 0.5}, {"do": "shared", "retry_after": 0.5},
    {"do": "global", "retry_after": 0.3}, {"do": "sublimit", "retry_after": 1},
    {"do": "cut"}, {"do": "reset"}, {"do": "lost"}, {"do": "lost_reset"},
    {"do": "slow", "ms": 700}, {"do": "garbage"},
]
EDIT_FAULTS = [{"do": "status", "status": 400, "code": 30046, "message":
                "Maximum number of edits to messages older than 1 hour reached. Try again later"}]
REACT_FAULTS = [{"do": "status", "status": 400, "code": 30010, "message":
                 "Maximum number of reactions reached (20)"},
                {"do": "status", "status": 403, "code": 90001, "message": "Reaction was blocked"}]
PLACES = ["create", "create", "create", "edit", "history", "message", "typing", "react", "unreact", "callback",
          "webhook_create", "webhook_edit", "thread", "attachment", "rest"]
DENIED = ["SEND_MESSAGES", "SEND_MESSAGES", "SEND_MESSAGES_IN_THREADS", "ADD_REACTIONS",
          "ADD_REACTIONS", "ATTACH_FILES", "EMBED_LINKS", "READ_MESSAGE_HISTORY",
          "READ_MESSAGE_HISTORY", "CREATE_PUBLIC_THREADS", "timed_out", "VIEW_CHANNEL"]
SETTINGS = ["limits.messages 1", "limits.messages 3 scope=channel", "limits.messages 0",
            "llm.max_tokens 32", "conversation.bot_name Nemo scope=channel",
            "conversation.session_gap 60s", "limits.images 0", "nothing.like it",
            "discord.auto_thread yes scope=channel", "discord.auto_thread no",
            "limits.messages 2 role=<@&600000000000000000>"]
COMMANDS = [("help", {}), ("status", {}), ("why", {}), ("usage", {}), ("budget", {}), ("stop", {}),
            ("config", {"action": "list"}),
            ("config", {"action": "set", "key": "limits.messages", "value": "4"}),
            ("config", {"action": "unset", "key": "limits.messages"}),
            ("reminders", {}), ("not-there", {})]
FILES = [{"name": "notes.txt", "type": "text/plain", "text": "some notes\n"},
         {"name": "big.txt", "type": "text/plain", "fill": 400000},
         {"name": "cat.png", "type": "image/png", "hex": "89504e470d0a1a0a00"},
         {"name": "song.mp3", "type": "audio/mpeg", "text": "la la la"},
         {"name": "bad.txt", "type": "text/plain", "hex": "fffe00ff"}]


class Silence:
    def __init__(self, run):
        self.run = run
        self.random = run.random
        self.discord = run.own(rig.Discord(run.directory, "--guilds", str(GUILDS), "--channels",
                                           str(CHANNELS), "--members", str(MEMBERS),
                                           "--heartbeat-ms", "5000"))
        self.llm = run.own(rig.Llm(run.directory, SCRIPT))
        self.host = run.own(rig.Host(run.directory, self.config()))
        self.threads = []
        self.last = []  # (id of a message, its channel)
        self.asked = 0
        self.events = {}  # number in the ledger -> message or interaction
        self.used = set()  # messages that name whom they answer, each of which answers one
        self.did = collections.Counter()

    # ---- what the owner sets in the file

    def config(self, broken=False):
        pick = self.random.choice
        agents = ""
        pipeline = pick(["stages = conversation"] * 6 + ["stages = reminder, conversation"] * 2 +
                        ["stages = reminder", "stages = conversation\ntimeout = 1s",
                         "stages = conversation\n[stage conversation]\npercent = 50",
                         "stages = conversation\n[stage conversation]\n"
                         "guilds = 200000000000000000"])
        if "reminder" in pipeline:
            agents += "[agent reminder]\n"
        text = rig.config(self.run.directory, self.discord, self.llm, agents, pipeline)
        text = text.replace("[limits]\nmessages = 0\nguild_messages = 0\n",
                            f"[limits]\nmessages = {pick([0, 0, 8, 30])}\n"
                            f"guild_messages = {pick([0, 0, 40])}\n")
        text = text.replace("[agent conversation]", "first_token_timeout = 1500ms\n"
                            "idle_timeout = 1500ms\nattempts = 2\n[agent conversation]")
        text = text.replace("global_limit = 0\n", "global_limit = 0\n"
                            f"cdn = {self.discord.url}\n"
                            f"auto_thread = {pick(['yes', 'no', 'no'])}\n"
                            f"triggers = {pick(['mention, dm, reply, thread', 'mention, dm'])}\n"
                            f"stream = {pick(['edits', 'edits', 'partial', 'off'])}\n"
                            f"acknowledge = {pick(['yes', 'yes', 'no'])}\n"
                            f"attachments = {pick([4, 4, 0])}\n"
                            f"code_file = {pick([1900, 200, 0])}\n" +
                            pick(["", "buttons = regenerate, rate, stop\n"]))
        text += f"""[admission]
concurrent = {pick([2, 8, 64])}
queue = {pick([3, 100, 100])}
queue_per_member = {pick([1, 3, 10])}
merge = {pick(['yes', 'no'])}
[budget]
daily = {pick(['1000', '1000', '1000', '0.000001'])}
"""
        return text + ("[no such section\n" if broken else "")

    def reload(self):
        self.host.write(self.config(broken=self.random.random() < 0.2))
        self.host.process.send_signal(signal.SIGHUP)

    # ---- what Discord does

    def permit(self):
        pick = self.random.choice
        if self.threads and self.random.random() < 0.25:
            body = {"channel": pick(self.threads), "archived": self.random.random() < 0.5,
                    "locked": self.random.random() < 0.5}
        elif self.random.random() < 0.15:
            body = {"channel": f"dm:#{self.random.randrange(MEMBERS)}",
                    "deny": pick([["blocked"], []])}
        else:
            denied = self.random.sample(DENIED, pick([0, 1, 1, 2, 3]))
            body = {"channel": self.channel(), "deny": denied,
                    "gone": self.random.random() < 0.08}
        self.discord.do("permit", body)

    def fault(self):
        place = self.random.choice(PLACES)
        faults = REST_FAULTS
        if place == "edit":
            faults = REST_FAULTS + EDIT_FAULTS * 3
        elif place == "react":
            faults = REACT_FAULTS
        elif place == "attachment":
            faults = [{"do": "status", "status": 404}, {"do": "cut"}, {"do": "slow", "ms": 900}]
        rule = dict(self.random.choice(faults), on=place, times=self.random.choice([1, 1, 2, 4]),
                    skip=self.random.choice([0, 0, 1]))
        self.discord.do("fault", rule)

    def gateway(self):
        self.discord.do("gateway", self.random.choice([
            {"do": "close", "code": 4000}, {"do": "reset"}, {"do": "reset", "n": 300}, {"do": "cut"},
            {"do": "op7"}, {"do": "op9", "resumable": True}, {"do": "op1"}, {"do": "fragment", "n": 7},
            {"do": "torn"}]))

    # ---- what members do

    def channel(self):
        return f"#{self.random.randrange(GUILDS * CHANNELS)}"

    def text(self):
        pick = self.random.choice
        return pick(["how are you? {token}", "ping {token}", "{token} wants-code", "{token} wants-much",
                     "{token} wants-time", "{token} wants-nothing", "{token} @everyone <@&600000000000000001>",
                     "{token} remind me in 20 minutes to stretch", "{token} " + "long " * 500,
                     "{token} " + "\\u00e9 \U0001f600 `" * 40] +
                    [f"{{token}} fault-{i}- please" for i in range(len(LLM_FAULTS))])

    def typed(self):
        pick = self.random.choice
        return "{mention} " + pick(
            ["/help", "/status", "/why last", "/usage", "/budget", "/stop", "/pause 1", "/resume", "/resume",
             "/config list", "/config audit", "/remind", "/no-such-thing x", "/help nothing"] +
            [f"/config set {setting}" for setting in SETTINGS] +
            ["/config unset limits.messages"]) + pick(["", " {token}"])

    def note(self, n, source, kind):
        self.events[n] = source
        self.asked += 1
        self.did[kind] += 1

    def say(self, kind, **more):
        body = {"kind": kind, "channel": self.channel(),
                "member": f"#{self.random.randrange(MEMBERS)}", **more}
        answer = self.discord.do("say", {k: v for k, v in body.items() if v is not None})
        self.note(answer["n"], answer["message"], kind)
        self.last = (self.last + [(answer["message"], answer["channel"])])[-40:]
        return answer

    def slash(self):
        name, options = self.random.choice(COMMANDS)
        answer = self.discord.do("slash", {"name": name, "options": options,
                                           "channel": self.channel(),
                                           "member": f"#{self.random.choice([0, 0, 1, 2, 3])}"})
        n = self.discord.report()["asked"]
        self.note(n, answer["id"], "slash")

    def message(self):
        kind = self.random.choice(["mention"] * 6 + ["dm"] * 3 + ["reply"] * 3 + ["slash"] * 3 +
                                  ["typed"] * 3 + ["files"] * 2 + ["empty", "edited", "deleted",
                                                                   "thread", "private files"])
        if kind == "slash":
            self.slash()
        elif kind == "typed":
            self.say("mention", text=self.typed(),
                     member=f"#{self.random.choice([0, 0, 0, 1, 2])}")
        elif kind == "files":
            self.say("attachment", text=self.random.choice(["{mention}", "{mention} see {token}"]),
                     files=self.random.sample(FILES, self.random.choice([1, 1, 2, 4])))
        elif kind == "private files":
            self.say("dm", text="", files=[self.random.choice(FILES)])
        elif kind == "empty":
            self.say("mention", text="{mention}")
        elif kind == "edited":
            said = self.say("mention", text="{mention} " + self.text())
            self.discord.do("revise", {"message": said["message"],
                                       "text": f"<@100000000000000001> otherwise {said['token']}"})
        elif kind == "deleted":
            said = self.say("mention", text="{mention} " + self.text())
            time.sleep(self.random.choice([0, 0, 0.05, 0.5]))
            self.discord.do("remove", {"message": said["message"]})
        elif kind == "thread":
            if not self.threads or self.random.random() < 0.3:
                said = self.say("mention", text="{mention} " + self.text())
                try:
                    self.threads.append(self.discord.do(
                        "thread", {"message": said["message"], "name": "a thread"})["id"])
                except rig.Violation:
                    pass  # the bot has opened it
            else:
                self.say("mention", text="{mention} " + self.text(),
                         channel=self.random.choice(self.threads))
        elif kind == "dm":
            self.say("dm", text=self.text())
        elif kind == "reply":
            message, channel = self.random.choice(self.last or [(None, None)])
            if not message or channel.startswith("5") or self.random.random() < 0.3:
                self.say("reply", text="{mention} " + self.text())
            else:  # to what a member said, perhaps to a message that is gone
                self.say("reply", text="{mention} " + self.text(), channel=channel,
                         reply_to=message)
        else:
            self.say("mention", text="{mention} " + self.text())

    # ---- the run

    def kill(self):
        self.host.kill()
        self.did["kills"] += 1
        if self.random.random() < 0.5:
            self.message()
        self.host.write(self.config())
        self.host.start()
        self.discord.wait("connected", 1, 30)

    def ask(self):
        kills = {int(COUNT * (k + 1) / (KILLS + 1)) for k in range(KILLS)}
        while self.asked < COUNT:
            before = self.asked
            self.message()
            roll = self.random.random()
            if roll < 0.10:
                self.permit()
            elif roll < 0.25:
                self.fault()
            elif roll < 0.28:
                self.gateway()
            elif roll < 0.30:
                self.reload()
            if any(before < at <= self.asked for at in kills):
                self.kill()
            if self.host.process.poll() is not None:
                raise rig.Violation(f"the host ended by itself: {self.host.tail()}")
            time.sleep(self.random.choice([0, 0, 0, 0.02, 0.1, 0.2]))
            self.run.say(f"{self.asked} of {COUNT} messages")

    def is_open(self):
        return self.host.query("SELECT (SELECT count(*) FROM event WHERE finished_ms IS NULL), "
                               "(SELECT count(*) FROM outbox WHERE state IN ('ready', 'streaming'))")[0]

    def drain(self):
        """Until nothing is open any more, and a moment later, too."""
        self.discord.do("heal", {})
        self.discord.wait("connected", 1, 30)
        end = time.monotonic() + DRAIN_S
        quiet = 0
        while quiet < 4 and time.monotonic() < end:
            time.sleep(0.25)
            events, rows = self.is_open()
            quiet = 0 if events or rows else quiet + 1
            self.run.say(f"waiting for {events} turns and {rows} messages")
        self.run.expect(quiet >= 4, f"after {DRAIN_S} s (turns, messages) are still open: "
                        f"{self.is_open()}")

    def stands(self, source):
        """Whether a message that the host sent for it is there. One that may not refer to the question
        and does not repeat its token is nobody's in the ledger."""
        for channel, message in self.host.query(
                "SELECT o.channel, o.remote_id FROM outbox AS o JOIN event AS e ON e.id = o.turn_id "
                "WHERE e.source_id = ? AND o.remote_id IS NOT NULL", source):
            if any(there["id"] == message and not there["deleted"]
                   for there in self.discord.do(f"messages?channel={channel}")):
                return True
        return False

    def names(self, entry, source):
        """Whether a message names the member instead of referring to the question: where the bot may
        not reply, or the interaction was over. Each such message answers one."""
        for there in self.discord.do(f"messages?channel={entry['channel']}"):
            text = there["content"]
            named = text.startswith(f"<@{entry['author']}> ") and (
                not entry["kind"].startswith("/") or entry["kind"] in text)
            if there["bot"] and not there["deleted"] and named and \
                    int(there["id"]) > int(source) and there["id"] not in self.used:
                self.used.add(there["id"])
                return True
        return False

    def verdict(self, entry, source):
        if entry["standing"] > 0 or self.stands(source) or self.names(entry, source):
            return ANSWER, None
        if entry["reacted"] > 0:
            return REACTION, None
        status, why = self.host.command("why", source)
        if status or not why or not why["finished_ms"] or not why["reason"]:
            return None, f"troupe why says {status} {why}"
        undelivered = [row["why"] for row in why["undelivered"] if row["why"]]
        if why["reason"] == "answered" and not undelivered:
            return None, f"troupe why says it is {why['state']}, {why['reason']}"
        return REASON, undelivered[0] if why["reason"] == "answered" else why["reason"]

    def shown(self, source):
        """What there is to see of an interaction."""
        return [{key: it[key] for key in ("callback", "late", "followups", "ephemeral", "original",
                                          "text")}
                for it in self.discord.do("interactions") if it["id"] == source]

    def doubled(self, n):
        """Messages that say again what another one says. The model repeats what it is asked, quotes
        included, so what begins with one may show the token of another question."""
        parts = [part["content"].removesuffix("(interrupted)").strip()
                 for part in self.discord.do(f"ledger?n={n}")["parts"] if not part["deleted"]]
        parts = [part for part in parts if part and not part.startswith("(This")]
        count = sum(any(part.startswith(other) or other.startswith(part) for other in parts[:i])
                    for i, part in enumerate(parts))
        self.run.expect(not count, f"token {n} was answered more than once: {parts}"[:900])
        return count

    def judge(self):
        silent = []
        counts = collections.Counter()
        reasons = collections.Counter()
        for n, source in self.events.items():
            entry = self.discord.do(f"ledger?n={n}")
            how, why = self.verdict(entry, source)
            if not how:
                silent.append(n)
                self.run.expect(False, f"message {source} ({entry['kind']}, token {n}) in channel "
                                f"{entry['channel']} ended in silence: {why}; {self.shown(source)}")
            counts[how] += 1
            if why and how:
                reasons[why.split(":")[0][:60]] += 1
        print("# " + ", ".join(f"{kind} {count}" for kind, count in sorted(self.did.items())))
        print("# reasons: " + ", ".join(f"{code} {count}" for code, count in reasons.most_common()))
        print(f"# {ANSWER} {counts[ANSWER]} {REACTION} {counts[REACTION]} {REASON} "
              f"{counts[REASON]} silent {len(silent)}", flush=True)
        return len(silent)

    def check_requests(self):
        """All that the host asked of Discord holds what Discord describes."""
        path = os.path.join(self.run.directory, "requests.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.discord.do("requests"), file)
        checked = subprocess.run(
            [sys.executable, "-B", os.path.join(rig.SOURCE, "tests/lib/openapi.py"), DOCUMENT, path],
            capture_output=True, text=True, check=True).stdout.splitlines()
        print(f"# {checked[-1]} requests were held against Discord's description", flush=True)
        for line in sorted(set(checked[:-1]))[:20]:
            self.run.expect(False, f"a request does not hold: {line}"[:900])

    def play(self):
        if os.access(DOCUMENT, os.R_OK):
            self.discord.do("set", {"record": True})
        self.host.start()
        if not self.discord.wait("connected", 1, 30):
            raise rig.Violation(f"the host did not log in: {self.host.tail()}")
        self.ask()
        self.drain()
        lost = self.judge()
        report = self.discord.report()
        doubled = sum(self.doubled(n) for n in report["doubled_tokens"])
        self.run.expect(report["pings"] == 0, f"{report['pings']} people were pinged")
        self.run.expect(report["mentions_absent"] == 0, "requests without allowed_mentions")
        code = self.host.stop()
        self.run.expect(code == 0, f"the host ended with {code}")
        if os.access(DOCUMENT, os.R_OK):
            self.check_requests()
        self.run.end(self.asked, lost, doubled)


if __name__ == "__main__":
    long_run = rig.Run("silence")
    try:
        Silence(long_run).play()
    except rig.Violation as problem:
        long_run.violations.append(str(problem))
        long_run.end(0, 0, 0)
