# SPDX-License-Identifier: Apache-2.0
"""Members of several servers who ask the same again and again: what of it a model has to answer, and
whether an answer ever reaches somebody whom it was not for; for `tests/long/cache.py`.

Every answer of the model has a number of its own, so that the same number in two places is the same answer.
A question is judged by what its member got, not by what the host says of itself."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402

PERSONAL = "about me"
ANYWHERE = "anywhere"  # what belongs to no server
SCRIPT = {"rules": [{"answer": "{last} number {n}."}]}


def config(directory, discord, llm):
    text = rig.config(directory, discord, llm, pipeline="stages = asker")
    # A repetition of the host's own would look like a question.
    # Where tools are offered only what is known to be meant is shared, and the asker has one.
    text = text.replace("[agent conversation]\n", "attempts = 1\ntool_steps = 0\n")
    return text + f"""[agent asker]
plugin = {rig.BUILD}/tests/plugins_turn/.libs/asker.so
isolation = inprocess
[admission]
concurrent = 64
queue = 1000
queue_per_member = 1000
[budget]
daily = 1000
"""


class Asked:
    """One question and what became of it."""

    def __init__(self, guild, member, words, entry):
        self.guild, self.member, self.words = guild, member, words
        text = entry.get("text") or ""
        self.personal = words.startswith(PERSONAL)
        found = re.search(r"\{.*\}", text, re.S)
        try:
            self.result = json.loads(found.group(0)) if found else {}
        except ValueError:
            self.result = {}
        said = re.fullmatch(r"(.*) number (\d+)\.", self.result.get("text", "").strip(), re.S)
        self.number = int(said.group(2)) if said else None
        self.right = bool(said) and said.group(1).strip() == words
        self.cached = self.result.get("cached") is True
        self.cost = self.result.get("cost_micros")


def ask(discord, questions, channels_a_guild, timeout=60):
    """All of (guild, member, words) at once; what each got, in their order."""
    numbers = []
    for guild, member, words in questions:
        channel = guild * channels_a_guild + member % channels_a_guild
        numbers.append(discord.do("say", {"channel": f"#{channel}", "member": f"#{member}",
                                          "kind": "mention",
                                          "text": f"{{mention}} {words} {{token}}"})["n"])
    if not discord.wait("answered", 1, timeout):
        raise rig.Violation("not every question was answered in time")
    return [Asked(guild, member, words, discord.do(f"ledger?n={number}"))
            for number, (guild, member, words) in zip(numbers, questions)]


def crossings(outcomes):
    """Answers that reached another question, another server than the one that they belong to, or
    anybody beside the one whom they were about."""
    seen, bad = {}, []
    for one in outcomes:
        if one.number is None:
            continue
        whose = (None if one.words.startswith(ANYWHERE) else one.guild, one.words,
                 one.member if one.personal else None)
        if seen.setdefault(one.number, whose) != whose:
            bad.append(f"answer {one.number} of {seen[one.number]} went to {whose}")
        if one.personal and one.cached:
            bad.append(f"a personal question of {whose} was answered by a kept answer")
    return bad
