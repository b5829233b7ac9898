# SPDX-License-Identifier: Apache-2.0
"""What can befall a question to a language model, as rules of the fake LLM, and a round of questions
that meets each of them once: `tests/integration/llm_faults.sh` plays one round a format,
`tests/long/llm.py` as many as make a thousand faults."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

FIRST_MS = 600       # first_token_timeout and idle_timeout of the host
SUITE = {"first_ms": 2000, "total_ms": 20000}  # of one with a sanitizer, on a machine that is busy
HOLD_MS = 350        # a quick fault waits, so that all questions of a round are on their way before
FORMATS = {"openai": "/v1", "anthropic": "/v1", "ollama": "/api"}
RIGHT = "{last} RIGHT"

# Each kind's rule; whether the model's own answer is right in spite of it; and whether it strikes
# after text was shown, when nobody else may answer.
KINDS = {
    "status_500": ({"fault": "status", "status": 500}, False, False),
    "status_429": ({"fault": "status", "status": 429}, False, False),
    "status_429_after": ({"fault": "status", "status": 429, "retry_after": "1"}, False, False),
    "slow_loris": ({"fault": "slow_loris", "loris_ms": 1000}, False, False),
    "hang_before_headers": ({"fault": "hang_before_headers"}, False, False),
    "hang_after_headers": ({"fault": "hang_after_headers"}, False, False),
    "half_close": ({"fault": "cut_mid_stream", "after_chunks": 3, "answer": RIGHT}, False, True),
    "garbage": ({"fault": "garbage_sse", "after_chunks": 0}, False, False),
    "split_utf8": ({"fault": "split_utf8", "answer": "{last} \u00e4\U0001f642\u20ac RIGHT"}, True,
                   False),
    "crlf": ({"fault": "crlf", "answer": RIGHT}, True, False),
    "huge_body": ({"fault": "huge_body"}, False, False),
    "gzip_bomb": ({"fault": "gzip_bomb"}, False, False),
    "tiny_deltas": ({"answer": RIGHT, "empty_deltas": 0}, True, False),
    "redirect": ({"fault": "redirect"}, False, False),
}
# What a member reads of those that nobody answers: how the host took the fault. One that hangs is ended by the
# model's own time, or it would be another sentence, or none.
TOLD = {"status_500": "has trouble", "redirect": "has trouble", "half_close": "broke off",
        "status_429": "try again in 30 seconds", "status_429_after": "try again in 1 second.",
        "slow_loris": "took too long", "hang_before_headers": "took too long",
        "hang_after_headers": "took too long", "garbage": "cannot be understood",
        "huge_body": "cannot be understood", "gzip_bomb": "cannot be understood"}
TLS = "bad_tls"  # is no rule: the address of its provider speaks no TLS


def script(deltas):
    """Model "fake" fails as the question says, "other" answers."""
    rules = []
    for name, (rule, _, _) in KINDS.items():
        rule = dict(rule, match={"regex": f"fault {name}\\b", "model": "fake"})
        if "empty_deltas" in rule:
            rule["empty_deltas"] = deltas
        if "hang" not in name and name != "slow_loris":
            rule["first_delay_ms"] = HOLD_MS
        rules.append(rule)
    return {"rules": rules + [{"answer": RIGHT}]}


class Llm(rig.Child):
    def __init__(self, directory, deltas):
        path = os.path.join(directory, "faults.json")
        with open(path, "w") as file:
            rig.json.dump(script(deltas), file)
        super().__init__("troupe-fake-llm", directory, "--model", "fake", "--model", "other",
                         "--script", path)


def config(directory, discord, llm, form, fallback, tls=False, first_ms=FIRST_MS, total_ms=3000):
    port = llm.url.rpartition(":")[2]
    first = f"https://127.0.0.1:{port}{FORMATS[form]}" if tls else llm.url + FORMATS[form]
    route = "route_chat = fake 90, 2:other 20" if fallback else "route_chat = fake"
    return f"""[troupe]
data = {directory}/data
[limits]
messages = 0
guild_messages = 0
[admission]
concurrent = 100
[pipeline message]
stages = conversation
[discord]
token = fake-token
api = {discord.api}
global_limit = 0
[agent llm]
base_url = {first}
format = {form}
base_url_2 = {llm.url}/v1
{route}
attempts = 1
local_pool = 0
llm_warm = no
connect_timeout = {first_ms}ms
first_token_timeout = {first_ms}ms
idle_timeout = {first_ms}ms
total_timeout = {total_ms}ms
[agent conversation]
summary = no
"""


class Outcome:
    def __init__(self, kind, text, ms):
        self.kind, self.text, self.ms = kind, text, ms
        self.right = text.rstrip().endswith("RIGHT")
        # A sentence, or a mark behind what was shown: something that a member can read.
        self.told = len(text.strip()) > 15


def play(directory, discord, llm, form, fallback, tls=False, **times):
    """One round, by a new host that has learned nothing yet: an Outcome for each question, and the
    host's greatest memory in kB beyond what it had before. Lost ones have text ""."""
    discord.do("reset")
    kinds = [TLS] if tls else sorted(KINDS)
    host = rig.Host(directory, config(directory, discord, llm, form, fallback, tls, **times))
    host.start()
    try:
        if not discord.wait("connected", 1, 20):
            raise rig.Violation(f"the host did not log in: {host.tail()}")
        before = host.status_kb("VmHWM")
        for i, kind in enumerate(kinds):
            discord.do("say", {"channel": f"#{i}", "member": f"#{i}", "kind": "mention",
                               "text": f"{{mention}} fault {kind} {{token}}"})
        discord.wait("answered", len(kinds), 30, quiet=0.2)
        grown = host.status_kb("VmHWM") - before
        outcomes = []
        for i, kind in enumerate(kinds):
            entry = discord.do(f"ledger?n={i + 1}")
            # An answer that pauses for a hundred thousand deltas looks quiet before it is whole.
            end = time.monotonic() + 5
            while (KINDS.get(kind, (None, True))[1] and time.monotonic() < end
                   and not (entry.get("text") or "").rstrip().endswith("RIGHT")):
                time.sleep(0.05)
                entry = discord.do(f"ledger?n={i + 1}")
            ms = (entry.get("last_us", 0) - entry.get("sent_us", 0)) / 1000
            outcomes.append(Outcome(kind, entry.get("text") or "", ms))
        return outcomes, grown
    finally:
        host.stop()
        host.notify.close()
        rig.shutil.rmtree(host.data, ignore_errors=True)


def main():
    """For the suite: TAP lines of one round a format alone, and one with a fallback."""
    directory = rig.tempfile.mkdtemp(prefix="troupe-llm-faults-")
    discord = rig.Discord(directory, "--members", "30", "--channels", "30")
    llm = Llm(directory, 2000)
    bad, number, began = 0, 0, time.monotonic()

    def point(holds, promise, why):
        nonlocal bad, number
        number += 1
        bad += not holds
        print(f"{'ok' if holds else 'not ok'} {number} - {promise}", flush=True)
        for line in [] if holds else why:
            print(f"# {line}", flush=True)

    for form in FORMATS:
        outcomes, _ = play(directory, discord, llm, form, False, **SUITE)
        describe = [f"{o.kind}: {o.ms:.0f} ms, {o.text[:150]!r}" for o in outcomes]
        point(all(o.told for o in outcomes), f"{form}: each fault is told in words", describe)
        point(all(TOLD.get(o.kind, "RIGHT") in o.text for o in outcomes),
              f"{form}: each as what it is, and one that hangs as too slow", describe)
        point(all(o.right == KINDS[o.kind][1] for o in outcomes),
              f"{form}: what is awkward and legal is answered, and nothing else is", describe)
    outcomes, _ = play(directory, discord, llm, "openai", True, **SUITE)
    describe = [f"{o.kind}: {o.ms:.0f} ms, {o.text[:150]!r}" for o in outcomes]
    point(all(o.right != KINDS[o.kind][2] for o in outcomes),
          "with a second model every fault before the first word ends in the right answer", describe)
    outcomes, _ = play(directory, discord, llm, "openai", True, True, **SUITE)
    point(outcomes[0].right, "and an address without TLS, too", [outcomes[0].text])
    print(f"1..{number}\n# {time.monotonic() - began:.1f} s")
    llm.stop()
    discord.stop()
    rig.shutil.rmtree(directory, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
