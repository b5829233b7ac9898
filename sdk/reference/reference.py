#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference of the plugin API, from its headers.

    reference.py DIR HEADER...       writes DIR/NAME.3 for each header, DIR/FUNCTION.3 that leads there for
                                     each function and macro, and DIR/reference.md with all of them
    reference.py --check HEADER...   prints what is not documented; status 1 where there is something

What the headers say is the specification; nothing is said here that does not stand there. The form that is
read: a comment stands above what it is about, or behind it on the same line; one above several lines
without a blank line between is about all of them. A comment about a function says

    where it may be called          [loop] [turn] [worker] [any], with ", waits" where it waits
    whether it is recorded          Noted, Stored, Outside, Paid, Not recorded: of calls in a turn
    how it fails                    TROUPE_… or a sentence with "fails"; of calls with a status
    who owns what, and how long     where it differs from the rule of troupe/abi.h

and a function without a comment has the one above that names it, or that of the table's member that it
calls. Names that end with "_" are not public. A header's first comment holds an example, indented.
"""
import os
import re
import sys
import textwrap

CONTEXT = re.compile(r"\[(loop|turn|worker|any)((?:, waits|, [a-z]+)*)\]")
RECORDED = re.compile(r"\b(Noted|Stored|Outside|Paid|Not recorded|Kept with the end|not recorded|recorded)\b")
OWNED = re.compile(r"[^.]*\b(lives?|live until|valid|kept until|borrowed|[Ff]ree it|freed|closed|host's|caller's)\b[^.]*\.")
DEFAULT_OWNED = ("Arguments are borrowed until the call returns; results are the host's and live until the stage or "
                 "function returns.")
PLACES = {
    "loop": "create, destroy and state, on the loop: it must not wait",
    "turn": "a stage, an observer, a job or a function, while it runs",
    "worker": "a thread of the host's pool",
    "any": "any thread",
}


class Item:
    """Something public: kind is constant, macro, type, function or member."""

    def __init__(self, kind, name, text, doc, line):
        self.kind, self.name, self.text, self.doc, self.line = kind, name, text, doc, line
        self.members, self.body, self.table = [], "", None


class Header:
    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)[:-2]
        self.intro, self.items = "", []


# ---- reading -------------------------------------------------------------------------------------

def clean(comment):
    """A comment's text without its frame; lines stay lines."""
    text = comment.strip()
    text = re.sub(r"^/\*+", "", text)
    text = re.sub(r"\*/$", "", text)
    lines = [re.sub(r"^\s*\* ?", "", line) if i else line.lstrip() for i, line in enumerate(text.split("\n"))]
    return "\n".join(line.rstrip() for line in lines).strip("\n").rstrip()


def comments_of(text):
    return "\n".join(clean(c) for c in re.findall(r"/\*.*?\*/", text, re.S)).strip()


def without_comments(text):
    return re.sub(r"\s*/\*.*?\*/", "", text, flags=re.S)


def chunks(path):
    """("comment" | "define" | "directive" | "code" | "blank", text, line) in order; C++ is left out."""
    lines = open(path, encoding="utf-8").read().split("\n")
    i, hidden = 0, []
    while i < len(lines):
        line, first = lines[i], i + 1
        stripped = line.strip()
        if stripped.startswith("#") and not stripped.startswith("#define"):
            if re.match(r"#\s*if", stripped):
                hidden.append("__cplusplus" in stripped and "ifdef" in stripped)
            elif re.match(r"#\s*else", stripped) and hidden:
                hidden[-1] = not hidden[-1] if "__cplusplus" in conditions[-1] else hidden[-1]
            elif re.match(r"#\s*endif", stripped) and hidden:
                hidden.pop()
                conditions.pop()
            if re.match(r"#\s*if", stripped):
                conditions.append(stripped)
            i += 1
            if not any(hidden):
                yield "directive", stripped, first
            continue
        if not stripped:
            i += 1
            yield "blank", "", first
            continue
        if stripped.startswith("#define"):
            text = line
            while text.endswith("\\") or text.count("/*") > text.count("*/"):
                i += 1
                text = (text[:-1].rstrip() if text.endswith("\\") else text) + "\n" + lines[i]
            i += 1
            if not any(hidden):
                yield "define", text, first
            continue
        if stripped.startswith("/*"):
            text = line
            while "*/" not in lines[i]:
                i += 1
                text += "\n" + lines[i]
            i += 1
            if not any(hidden):
                yield "comment", text, first
            continue
        text, depth = "", 0
        while True:
            plain = re.sub(r'"(\\.|[^"\\])*"', '""', without_comments(lines[i]))
            text += lines[i] + "\n"
            depth += plain.count("{") - plain.count("}")
            i += 1
            done = plain.rstrip().endswith(";") or (plain.strip() == "}" or plain.rstrip().endswith("}"))
            if (depth <= 0 and done and text.count("/*") <= text.count("*/")) or i >= len(lines):
                break
        if not any(hidden):
            yield "code", text, first


conditions = []


def public(name):
    return not name.endswith("_") and re.match(r"(troupe_|TROUPE_)", name)


def members_of(body, line):
    """Members with their comments, above or behind on the same line."""
    found, above, at, start = [], "", 0, 0
    text = ""
    depth = 0
    while at < len(body):
        if body.startswith("/*", at):
            end = body.index("*/", at) + 2
            comment = body[at:end]
            before = body[:at].rsplit("\n", 1)[-1].strip()
            if not text.strip() and before and found:
                found[-1].doc = (found[-1].doc + "\n" + clean(comment)).strip()
            else:
                above = (above + "\n" + clean(comment)).strip()
            at = end
            continue
        c = body[at]
        depth += (c in "({") - (c in ")}")
        if c == ";" and depth == 0:
            declared = " ".join(text.split())
            pointer = re.search(r"\(\*(\w+)\)\(", declared)
            name = pointer.group(1) if pointer else re.split(r"[\s*,]+", re.sub(r"\[.*?\]", "", declared))[-1]
            item = Item("member", name, declared, above, line + body[:at].count("\n"))
            item.callback = bool(pointer)
            found.append(item)
            above, text = "", ""
        else:
            text += c
        at += 1
    return found


def read_code(header, text, doc, line):
    plain = without_comments(text)
    struct = re.match(r"\s*(?:typedef\s+)?struct\s+(\w+)\s*\{(.*)\}\s*(\w*)\s*;\s*$", text, re.S)
    if struct:
        item = Item("type", struct.group(3) or struct.group(1), "struct " + struct.group(1), doc, line)
        item.members = members_of(struct.group(2), line)
        header.items.append(item)
        return
    if "static inline" in plain:
        signature, body = plain.split("{", 1)
        signature = re.sub(r"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)", "", signature)
        signature = " ".join(signature.replace("static inline", "").split())
        name = re.search(r"(\w+)\s*\(", signature).group(1)
        item = Item("function", name, signature, doc, line)
        item.body = body
        header.items.append(item)
        return
    if plain.strip().startswith("typedef"):
        declared = " ".join(plain.split()).rstrip(";")
        pointer = re.search(r"\(\*(\w+)\)", declared)
        name = pointer.group(1) if pointer else re.split(r"[\s*]+", declared)[-1]
        header.items.append(Item("type", name, declared, (doc + "\n" + comments_of(text)).strip(), line))


def read(path):
    header, above, group = Header(path), "", False
    first = True
    for kind, text, line in chunks(path):
        if kind == "blank":
            above, group = "", False
        elif kind == "comment":
            if first:
                header.intro = re.sub(r"^SPDX-License-Identifier: \S+\n+", "", clean(text)).strip("\n")
                first = False
            elif clean(text).startswith("----"):
                above = ""
            else:
                above = (above + "\n" + clean(text)).strip() if not group else clean(text)
                group = False
        elif kind == "define":
            define = re.match(r"\s*#define\s+(\w+)(\([^)]*\))?(.*)", text, re.S)
            name, arguments, rest = define.groups()
            group = True
            if not public(name) or (name.endswith("_H") and not without_comments(rest).strip()):
                continue
            behind = comments_of(rest)
            doc = (above + "\n" + behind).strip()
            value = " ".join(without_comments(rest).replace("\\", " ").split())
            known = next((i for i in header.items if i.name == name), None)
            if known: # a macro that wraps a function of its name
                continue
            header.items.append(Item("macro" if arguments else "constant", name,
                                     name + (arguments or "") if arguments else name + " " + value, doc, line))
        elif kind == "code":
            read_code(header, text, above, line)
            group = True
            above = "" if "static inline" in text or "{" in text else above
    return header


def resolve(headers):
    """Gives functions without a comment the one that is about them."""
    tables = [(item, member) for h in headers for item in h.items if item.kind == "type" for member in item.members
              if getattr(member, "callback", False)]
    for header in headers:
        before = []
        for item in header.items:
            if item.kind != "function":
                continue
            called = re.findall(r"->(\w+)\)?\(", item.body)
            own = [(t, m) for t, m in tables if t in header.items and m.name in called]
            for table, member in own:
                member.wrapper = item.name
            if not item.doc:
                for doc in before:
                    if re.search(r"\b%s\b" % re.escape(item.name), doc):
                        item.doc = doc
            if not item.doc and own:
                item.doc = "\n".join(member.doc for _, member in own if member.doc)
            if item.doc and item.doc not in before:
                before.insert(0, item.doc)


# ---- what is missing -----------------------------------------------------------------------------

def facts(item, returns_status):
    """(context, recorded, errors, owned) as far as the comment says."""
    flat = " ".join(item.doc.split())
    context = CONTEXT.search(flat)
    recorded = RECORDED.search(flat)
    errors = sorted(set(re.findall(r"\bTROUPE_(?:CANCELED|DEADLINE|FAILED|ARGUMENT|NOMEM|DENIED|VERSION|BUSY|"
                                   r"UNSUPPORTED|NOT_FOUND|LIMIT|UNAVAILABLE|BUDGET|MAYBE_DONE|PARKED|INTERRUPTED|"
                                   r"CRASHED|END|CONFLICT|IO|DATA|CONFIG)\b", flat)))
    fails = returns_status and (errors or re.search(r"\b(fails?|failures?|status)\b", flat, re.I))
    owned = OWNED.search(flat)
    return context, recorded, errors, bool(fails), owned.group(0).strip() if owned else None


def status_of(text):
    return bool(re.match(r"troupe_status\b", text))


def lacks(item):
    if not item.doc.strip():
        return ["a purpose"]
    if item.kind != "function" and not getattr(item, "callback", False):
        return []
    context, recorded, _, fails, _ = facts(item, status_of(item.text))
    missing = []
    if not context:
        missing.append("where it may be called")
    elif context.group(1) == "turn" and item.kind == "function" and not recorded:
        missing.append("whether it is recorded")
    if status_of(item.text) and item.kind == "function" and not fails:
        missing.append("how it fails")
    return missing


def check(headers):
    """Lines about what is not documented."""
    found = []
    for header in headers:
        if not header.intro:
            found.append("%s:1: the header says nothing about itself" % header.path)
        elif header.items and not re.search(r"(?m)^ {4}\S", header.intro):
            found.append("%s:1: the first comment has no example" % header.path)
        for item in header.items:
            if item.kind == "type" and item.members:
                silent = [m for m in item.members if not m.doc and m.name not in ("size", "reserved", "abi_minor")
                          and not getattr(m, "wrapper", None)]
                if not item.doc and silent:
                    found.append("%s:%d: %s lacks a purpose, as do its members %s"
                                 % (header.path, item.line, item.name, ", ".join(m.name for m in silent)))
                for member in item.members:
                    if getattr(member, "callback", False) and not getattr(member, "wrapper", None):
                        about = Item("member", member.name, member.text, member.doc or item.doc, member.line)
                        about.callback = True
                        for what in lacks(about):
                            found.append("%s:%d: %s.%s lacks %s" % (header.path, member.line, item.name,
                                                                    member.name, what))
                continue
            for what in lacks(item):
                found.append("%s:%d: %s lacks %s" % (header.path, item.line, item.name, what))
    return found


# ---- writing -------------------------------------------------------------------------------------

def paragraphs(text):
    """("text" | "code", lines): what is indented by four stays as it is."""
    blocks = []
    for line in text.split("\n"):
        kind = "code" if line.startswith("    ") else "text"
        if not line.strip():
            if blocks and blocks[-1][0] == "code":
                blocks[-1][1].append("")
            else:
                blocks.append(("gap", []))
        elif blocks and blocks[-1][0] == kind:
            blocks[-1][1].append(line)
        else:
            blocks.append((kind, [line]))
    return [(k, b) for k, b in blocks if k != "gap" and any(x.strip() for x in b)]


def rows(item):
    """What a function's comment says in its parts: (part, text)."""
    context, recorded, errors, _, owned = facts(item, status_of(item.text))
    result = []
    if context:
        result.append(("Where", PLACES[context.group(1)] + ("; it waits" if "waits" in context.group(2) else "")))
        if context.group(1) == "turn":
            words = sorted({word.lower() for word in RECORDED.findall(" ".join(item.doc.split()))})
            result.append(("Recorded", ", or ".join(words) or "see the table"))
        else:
            result.append(("Recorded", "no"))
    result.append(("Ownership", owned or DEFAULT_OWNED))
    if status_of(item.text):
        waits = ["TROUPE_CANCELED", "TROUPE_DEADLINE", "TROUPE_PARKED"] if context and "waits" in context.group(2) else []
        result.append(("Errors", ", ".join(errors + [w for w in waits if w not in errors]) or "as told above"))
    return result


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def man_text(text):
    out = []
    for kind, lines in paragraphs(text):
        if kind == "code":
            out += [".PP", ".RS 4", ".nf", roff(textwrap.dedent("\n".join(lines)).rstrip()), ".fi", ".RE"]
        else:
            out += [".PP", roff("\n".join(" ".join(line.split()) for line in lines))]
    return out


def man(header):
    title = "troupe_" + header.name if header.name != "troupe" else "troupe"
    out = ['.\\" made from troupe/%s.h by sdk/reference/reference.py' % header.name,
           '.TH %s 3 "" "Troupe" "Plugin API"' % title.upper(), ".SH NAME"]
    names = [i.name for i in header.items if i.kind in ("function", "macro")]
    line = " ".join(re.split(r"\n\s*\n", header.intro)[0].split())
    line = re.sub(r'^(troupe/\S+ - )?("troupe\.[^"]+": )?', "", line)
    line = re.split(r"[.:;] |, in ", line + " ")[0].rstrip(" .") or header.name
    out.append(roff("%s \\- %s" % (title, line)).replace("\\e\\-", "\\-"))
    out += [".SH SYNOPSIS", ".nf", ".B #include <troupe/%s.h>" % header.name]
    for item in header.items:
        if item.kind == "function":
            out.append(roff(item.text + ";"))
    out += [".fi", ".SH DESCRIPTION"] + man_text(header.intro)
    for kind, heading in (("function", "FUNCTIONS"), ("type", "TYPES"), ("macro", "MACROS"),
                          ("constant", "CONSTANTS")):
        chosen = [i for i in header.items if i.kind == kind]
        if chosen:
            out.append(".SH " + heading)
        for item in chosen:
            out += [".SS " + roff(item.name), ".nf", roff(item.text), ".fi"] + man_text(item.doc)
            if kind == "function":
                for part, text in rows(item):
                    out += [".TP", ".B " + part, roff(text)]
            for member in item.members:
                out += [".TP", ".B " + roff(member.text), roff(" ".join(member.doc.split())) or
                        (roff("see " + member.wrapper) if getattr(member, "wrapper", None) else "\\&")]
                if getattr(member, "callback", False) and not getattr(member, "wrapper", None):
                    out += [".br"] + [roff("%s: %s." % row) for row in rows(member)]
    out += [".SH SEE ALSO", ".BR troupe (1),", ".BR troupe_abi (3),", ".BR troupe_status (3)", ""]
    return title, names, "\n".join(out)


def md_text(text):
    out = []
    for kind, lines in paragraphs(text):
        if kind == "code":
            out += ["```c", textwrap.dedent("\n".join(lines)).rstrip(), "```", ""]
        else:
            out += ["\n".join(" ".join(line.split()) for line in lines), ""]
    return out


def markdown(headers):
    out = ["# The plugin API", "", "Made from the headers by sdk/reference/reference.py.", ""]
    for header in headers:
        out += ["- [troupe/%s.h](#troupe%sh)" % (header.name, header.name)]
    for header in headers:
        out += ["", "## troupe/%s.h" % header.name, ""] + md_text(header.intro)
        for item in header.items:
            out += ["### `%s`" % item.name, "", "```c", item.text, "```", ""] + md_text(item.doc)
            if item.kind == "function":
                out += ["| | |", "| --- | --- |"] + ["| %s | %s |" % row for row in rows(item)] + [""]
            for member in item.members:
                out.append("- `%s`%s" % (member.text, ": " + " ".join(member.doc.split()) if member.doc else
                                         ": see `%s`" % member.wrapper if getattr(member, "wrapper", None) else ""))
                if getattr(member, "callback", False) and not getattr(member, "wrapper", None):
                    out += ["  - %s: %s" % row for row in rows(member)]
            out.append("")
    return "\n".join(out) + "\n"


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def main():
    checking = sys.argv[1:2] == ["--check"]
    headers = [read(path) for path in sys.argv[2:]]
    if len(sys.argv) < 3 or not headers:
        sys.exit(__doc__)
    resolve(headers)
    if checking:
        found = check(headers)
        print("\n".join(found) if found else
              "%d headers, %d names" % (len(headers), sum(len(h.items) for h in headers)))
        sys.exit(1 if found else 0)
    os.makedirs(sys.argv[1], exist_ok=True)
    for header in headers:
        title, names, text = man(header)
        write(sys.argv[1], title + ".3", text)
        titles = ["troupe_" + other.name for other in headers]
        for name in names:
            if name in titles:  # its header's page has the name
                continue
            write(sys.argv[1], name + ".3", ".so man3/%s.3\n" % title)
    write(sys.argv[1], "reference.md", markdown(headers))


if __name__ == "__main__":
    main()
