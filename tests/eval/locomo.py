#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evidence recall on LoCoMo: how often the dialogue turns that answer a question are among the first found.

    tests/eval/locomo.py build/tests/eval/rank PATH [--tune]

PATH is the data of https://github.com/snap-research/locomo (its own licence; not in this repository): the
directory with 26.json and so on, or locomo10.json. Each conversation is a scope of its own, each dialogue turn
a text with its speaker: alone, or twice, with the day and what the two turns before said, without which an answer
means little. Nothing asks a language model. --tune: only the
conversations that the ways were tuned on (26, 30, 41, 42, 43); without it also the others, apart.
"""
import argparse
import glob
import json
import os
import re
import subprocess
import sys

TUNED_ON = {"26", "30", "41", "42", "43"}


def conversations(path):
    """(number, {session: (date, [turn])}, [question]) of each."""
    if os.path.isdir(path):
        for name in sorted(glob.glob(os.path.join(path, "[0-9]*.json"))):
            with open(name, encoding="utf-8") as f:
                tree = json.load(f)
            yield os.path.basename(name)[:-5], tree, tree["qa"]
        return
    with open(path, encoding="utf-8") as f:
        for tree in json.load(f):
            yield tree["sample_id"].replace("conv-", ""), tree["conversation"], tree["qa"]


def clean(text):
    return " ".join(str(text).split())


def texts_of(tree, context):
    """(id, text) of each turn."""
    for number in range(1, 100):
        turns = tree.get("session_%d" % number)
        if not turns:
            continue
        day = tree.get("session_%d_date_time" % number, "")
        before = []
        for turn in turns:
            said = clean(turn.get("text", ""))
            caption = clean(turn.get("blip_caption", ""))
            own = said + (" (picture: %s)" % caption if caption else "")
            text = "%s: %s" % (turn["speaker"], own)
            if context:
                text = " | ".join(["%s %s %s" % (text, own, day)] + before[::-1])
            yield turn["dia_id"], text
            before = (before + [own])[-2:]


def evidence_of(question):
    found = set()
    for entry in question.get("evidence") or []:
        for session, turn in re.findall(r"D(\d+):(\d+)", str(entry)):
            found.add("D%d:%d" % (int(session), int(turn)))
    return found


def measure(rank, chosen, context):
    lines, wanted = [], {}
    for number, tree, questions in chosen:
        lines.append("N")
        known = set()
        for key, text in texts_of(tree, context):
            known.add(key)
            lines.append("T\t%s\t%s" % (key, text))
        for i, question in enumerate(questions):
            evidence = evidence_of(question) & known
            if not evidence:
                continue
            key = "%s/%d" % (number, i)
            wanted[key] = evidence
            lines.append("Q\t%s\t%s" % (key, clean(question["question"])))
    out = subprocess.run([rank], input="\n".join(lines) + "\n", text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    sums = {}
    for line in out.splitlines():
        how, key, *found = line.split("\t")
        evidence = wanted[key]
        for depth in (5, 10):
            part = len(evidence & set(found[:depth])) / len(evidence)
            sums[how, depth] = sums.get((how, depth), 0) + part
    return {k: v / len(wanted) for k, v in sums.items()}, len(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rank")
    parser.add_argument("path")
    parser.add_argument("--tune", action="store_true")
    args = parser.parse_args()
    everything = list(conversations(args.path))
    if not everything:
        sys.exit("no conversations in %s" % args.path)
    parts = [("tuned on", [c for c in everything if c[0] in TUNED_ON])]
    if not args.tune:
        parts.append(("held out", [c for c in everything if c[0] not in TUNED_ON]))
    for title, chosen in parts:
        for context in (False, True):
            figures, count = measure(args.rank, chosen, context)
            print("%s, %s: %d questions" % (title, "with what stood before" if context
                                            else "turns alone", count))
            for how in ("lexical", "vector", "hybrid"):
                print("  %-8s recall@5 %.3f  @10 %.3f" % (how, figures[how, 5], figures[how, 10]))


if __name__ == "__main__":
    main()
