# SPDX-License-Identifier: Apache-2.0
"""plugins/llm against a mock of providers that is not ours, in each of the three formats: what it
understands of us and we of it does not rest on our own reading of their documents alone.

Its arguments: the program of the mock. Prints TAP."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import llm_cache  # noqa: E402
import rig  # noqa: E402

FORMATS = {"openai": "/v1", "anthropic": "/v1", "ollama": "/api"}
TALL = 'Wie\u017ca ma 324 m \U0001f5fc, and that is "tall".\nIs it not?'
number = bad = 0


def point(holds, name, *describe):
    global number, bad
    number += 1
    bad += not holds
    print(f"{'ok' if holds else 'not ok'} {number} - {name}", flush=True)
    for text in () if holds else describe:
        print("# " + str(text).replace("\n", "\n# ")[:2000], flush=True)


class Mock:
    def __init__(self, program):
        self.process = subprocess.Popen(["node", program], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise rig.Violation("the mock did not start")

    def journal(self):
        with rig.NO_PROXY.open(self.url + "/__aimock/journal", timeout=10) as answer:
            got = rig.json.load(answer)
        return got if isinstance(got, list) else got["entries"]

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def config(directory, discord, mock, form):
    text = llm_cache.config(directory, discord, mock)
    text = text.replace(f"base_url = {mock.url}/v1\n", f"base_url = {mock.url}{FORMATS[form]}\n"
                        f"format = {form}\nlocal = no\ncache = no\ntool_steps = 2\nattempts = 2\n")
    text = text.replace("attempts = 1\n", "").replace("tool_steps = 0\n", "")
    return text + f"""[agent actor]
plugin = {rig.BUILD}/tests/plugins_turn/.libs/actor.so
isolation = inprocess
"""


def ask(discord, words):
    n = discord.do("say", {"kind": "mention", "channel": "#0", "member": "#1",
                           "text": f"{{mention}} {words} {{token}}"})["n"]
    discord.wait("answered", 0, 30, quiet=0.02)
    entry = discord.do(f"ledger?n={n}")
    return llm_cache.Asked(0, 1, words, entry), entry.get("text") or ""


def rows(host, since):
    return host.query("SELECT state, settled_micros, reserved_micros FROM budget_ledger "
                      "WHERE id > ? ORDER BY id", since)


def last(host):
    return host.query("SELECT coalesce(max(id), 0) FROM budget_ledger")[0][0]


def play(discord, mock, host, form):
    asked, text = ask(discord, "how tall is it")
    point(asked.result.get("text") == TALL, f"{form}: a streamed answer comes whole", text)
    usage = asked.result.get("usage", {})
    if form == "ollama":  # the mock says that nothing at all was used
        point(usage.get("estimated") is True and usage.get("output", 0) > 0,
              f"{form}: usage of nothing is estimated", usage)
    else:
        point((usage.get("input"), usage.get("output"), usage.get("estimated")) == (40, 9, False),
              f"{form}: its usage is taken", usage)
    point(rows(host, 0)[-1][:2] == ("settled", usage.get("input", 0) + usage.get("output", 0)),
          f"{form}: and settled", rows(host, 0))
    since = last(host)
    asked, text = ask(discord, "are you busy")
    point(asked.result.get("text") == "Now I can.", f"{form}: after a 429 it is asked again", text)
    point([row[1] > 0 for row in rows(host, since)] == [False, True],
          f"{form}: and what was refused costs nothing", rows(host, since))
    asked, text = ask(discord, "use the tool")
    point(asked.result.get("text") == "The tool has said it.",
          f"{form}: a tool is called and its result understood", text)
    body = mock.journal()[-1].get("body") or {}
    said = [message.get("content") for message in body.get("messages", [])
            if message.get("role") == "tool"]
    point(said == ['one "word"'], f"{form}: the call's arguments came whole", said or body)
    since = last(host)
    asked, text = ask(discord, "break off")
    point("The tool" not in text and len(text) > 20, f"{form}: what breaks off is told", text)
    point(all(row[0] in ("settled", "unknown") and 0 < row[1] <= row[2]
              for row in rows(host, since)), f"{form}: and is booked up to its worst case", rows(host, since))
    asked, text = ask(discord, "not allowed")
    point(len(text) > 20 and "No such key" not in text,
          f"{form}: a refusal is told in other words than the provider's", text)
    strange = [entry for entry in mock.journal()
               if (entry.get("response") or {}).get("status") not in (200, 401, 429)]
    point(not strange, f"{form}: the mock understood every request", strange)


def main():
    began = time.monotonic()
    directory = tempfile.mkdtemp(prefix="troupe-mock-")
    for form in FORMATS:
        mock = Mock(sys.argv[1])
        discord = rig.Discord(directory, "--members", "3")
        host = rig.Host(directory, config(directory, discord, mock, form))
        try:
            host.start()
            discord.wait("connected", 1, 20)
            play(discord, mock, host, form)
        finally:
            host.stop()
            discord.stop()
            mock.stop()
            shutil.rmtree(host.data, ignore_errors=True)
            os.rename(host.log, host.log + "." + form)
    print(f"1..{number}\n# {time.monotonic() - began:.1f} s")
    if not bad:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
