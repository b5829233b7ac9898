#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A whole host against the fake Discord, beside libraries that people use today: discord.py where
Debian's python3-discord is there, eris and discord.js where npm can install them (into the build
directory). Medians of three, all in the same run; loopback only. Lines as tests/bench/run.sh wants them."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import rig  # noqa: E402

RUNS = 3
EVENTS = int(os.environ.get("TROUPE_BENCH_EVENTS", "100000"))
ANSWER_EVENTS = int(os.environ.get("TROUPE_BENCH_ANSWERS", "20000"))
PEERS = os.path.join(rig.SOURCE, "tests/bench/peers")
missed = []


def line(name, value, unit, baseline=None, what=None, better="less", target=None):
    text = f"bench {name} {value:.3f} {unit}"
    if baseline:
        ratio = value / baseline
        text += f" baseline {baseline:.3f} ratio {ratio:.3f}"
        if what:
            text += f" ({what})"
    if target is not None:
        text += f" target {'<=' if better == 'less' else '>='} {target}"
        if (value > target) if better == "less" else (value < target):
            missed.append(f"{name}: {value:.3f} {unit}, target {target}")
    print(text, flush=True)


# ---- who is measured ---------------------------------------------------------------------------


class Troupe(rig.Host):
    name = "troupe"

    def __init__(self, directory, discord, extra="", tls=None):
        text = rig.config(directory, discord, extra=extra + "[agent hello]\n[admission]\n"
                          "concurrent = 1000\nqueue = 10000\nqueue_per_member = 1000\n")
        text = text.replace("[pipeline message]\nstages = conversation\n",
                            "" if "[pipeline message]" in extra else "")
        text = text.replace("[discord]\n", "[discord]\nprefix = !\ntriggers = mention, dm, reply, prefix\n")
        if tls:
            text += f"[http]\nca_file = {tls}\n"
            text = text.replace("http://", "https://")
        super().__init__(directory, text)

    def begin(self):
        self.spawn()


class Peer:
    """A library's bot: prints READY, answers "!hello"."""

    def __init__(self, name, command, discord):
        self.name = name
        self.command = [*command, discord.url, "fake-token"]
        self.process = None

    def begin(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=dict(os.environ, NODE_PATH=NODE_PATH))

    cpu = rig.Host.cpu
    status_kb = rig.Host.status_kb
    _proc = rig.Host._proc

    def stop(self):
        self.process.kill()
        self.process.wait()


NODE_PATH = ""


def peers(discord):
    """Those of the libraries that are here."""
    global NODE_PATH
    found = []
    if subprocess.run(["/usr/bin/python3", "-c", "import discord"], capture_output=True,
                      check=False).returncode == 0:
        found.append(Peer("discord.py", ["/usr/bin/python3", f"{PEERS}/discord_py.py"], discord))
    if shutil.which("npm") and shutil.which("node"):
        folder = os.path.join(rig.BUILD, "tests/bench/npm")
        if not os.path.isdir(f"{folder}/node_modules/eris"):
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix",
                            folder, "eris", "discord.js"], check=False, timeout=300,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        NODE_PATH = f"{folder}/node_modules"
        for name, script in (("eris", "eris.js"), ("discord.js", "discord_js.js")):
            if os.path.isdir(f"{NODE_PATH}/{name}"):
                found.append(Peer(name, ["node", f"{PEERS}/{script}"], discord))
    return found


# ---- what is measured -----------------------------------------------------------------------------


def connect(subject, discord):
    """Milliseconds from its start until it is logged in."""
    readies = discord.report()["readies"]
    began = time.monotonic()
    subject.begin()
    if not discord.wait("readies", readies + 1, 30):
        raise rig.Violation(f"{subject.name} did not log in")
    took = (time.monotonic() - began) * 1000
    discord.wait("connected", 1, 10)
    time.sleep(0.7)  # it settles: caches, late imports
    return took


def flood(discord, events, one_in=0, kind="command"):
    discord.do("flood", {"events": events, "size": 1180, "one_in": one_in, "kind": kind,
                         "records": True})
    if not discord.wait("flood", 0, 120):
        raise rig.Violation("the flood was not consumed")
    if one_in and not discord.wait("flood_answered", 0, 120):
        raise rig.Violation("the flood was not answered")
    return discord.do("flood")


def made_first(subject):
    """Makes its database, as is done once in its life. Not logged in: a second login within 5 s has to
    wait, by Discord's rule of one identify in that time."""
    with open(subject.ini) as file:
        whole = file.read()
    subject.write(re.sub(r"^\[discord\]\n([^\[].*\n)*", "", whole, flags=re.M))
    subject.start()
    subject.stop()
    subject.write(whole)


def receive(subject, discord):
    """CPU seconds a 100,000 events that address nobody."""
    connect(subject, discord)
    flood(discord, EVENTS // 10)
    values = []
    for _ in range(RUNS):
        before = subject.cpu()
        flood(discord, EVENTS)
        values.append((subject.cpu() - before) * 100000 / EVENTS)
    subject.stop()
    discord.do("reset", {})
    return statistics.median(values)


def answers(subject, discord):
    """Answers a second, where one event in ten is a command."""
    connect(subject, discord)
    flood(discord, ANSWER_EVENTS // 10, 10)
    values = [flood(discord, ANSWER_EVENTS, 10)["answers_per_s"] for _ in range(RUNS)]
    peak = subject.status_kb("VmHWM") / 1024
    subject.stop()
    discord.do("reset", {})
    return statistics.median(values), peak


def syncs(directory, count=600):
    """What one fdatasync behind a page takes here: p50 and p99 in milliseconds."""
    path = os.path.join(directory, "sync")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    page = b"x" * 4096
    times = []
    for i in range(count):
        began = time.perf_counter()
        os.pwrite(fd, page, i * 4096)
        os.fdatasync(fd)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.004)
    os.close(fd)
    os.unlink(path)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def latency(directory, make, discord):
    best = []
    for _ in range(RUNS):
        disk = syncs(directory)
        subject = make()
        connect(subject, discord)
        discord.do("burst", {"kind": "mention", "text": "{mention} !hello {token}",
                             "members": 100, "channels": 50, "rate": 200, "seconds": 8,
                             "one_in": 1})
        discord.wait("burst", 0, 30)
        discord.wait("answered", 0, 30, quiet=0.3)
        figures = discord.report()["latency_ms"]
        again = syncs(directory)
        subject.stop()
        discord.do("reset", {})
        best.append((figures["p50"], figures["p99"], min(disk[0], again[0]),
                     max(disk[1], again[1])))
    best.sort()
    return best[RUNS // 2]


# ---- the run ----------------------------------------------------------------------------------------


def fresh(top):
    return tempfile.mkdtemp(prefix="host-", dir=top)


def certificate(top):
    cert, key = os.path.join(top, "cert.pem"), os.path.join(top, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def main(top):
    world = ["--members", "1000", "--channels", "200", "--no-echo"]  # as in the storm
    discord = rig.Discord(top, *world)
    rivals = peers(discord)
    if not rivals:
        print("# neither python3-discord nor npm is here: no peers", flush=True)

    received = {peer.name: receive(peer, discord) for peer in rivals}
    own = receive(Troupe(fresh(top), discord), discord)
    line("discord.receive_cpu_plain", own, "s/100k", received.get("eris") or
         next(iter(received.values()), None), "eris" if "eris" in received else None, target=0.12)
    for name, value in received.items():
        line(f"discord.receive_cpu_plain.{name}", value, "s/100k")

    for kind in ("seen", "owed"):
        watcher = os.path.join(rig.BUILD, f"tests/plugins/.libs/watch_{kind}.so")
        if not os.path.exists(watcher):
            continue
        extra = (f"[agent watch]\nplugin = {watcher}\nisolation = inprocess\n"
                 "[pipeline message]\nstages = watch\nobservers = watch\n")
        line(f"discord.receive_cpu_plain.{kind}",
             receive(Troupe(fresh(top), discord, extra), discord), "s/100k")

    answered = {peer.name: answers(peer, discord) for peer in rivals}
    own, peak = answers(Troupe(fresh(top), discord), discord)
    eris = answered["eris"][0] if "eris" in answered else None
    line("discord.durable_answers", own, "answers/s", eris, "eris, not durable", "more", 15000)
    for name, (value, high) in answered.items():
        line(f"discord.answers.{name}", value, "answers/s")
        line(f"discord.peak_rss.{name}", high, "MB")

    p50, p99, disk50, disk99 = latency(top, lambda: Troupe(fresh(top), discord), discord)
    line("discord.event_to_post_p50", p50, "ms", disk50, "fdatasync", target=round(disk50 + 0.3, 3))
    line("discord.event_to_post_p99", p99, "ms", disk99, "fdatasync", target=round(disk99 + 0.9, 3))

    ready, idle = [], []
    for _ in range(RUNS):
        subject = Troupe(fresh(top), discord)
        made_first(subject)
        ready.append(connect(subject, discord))
        idle.append(subject.status_kb("VmRSS") / 1024)
        subject.stop()
    line("discord.ready", statistics.median(ready), "ms", target=30)
    line("discord.idle_rss", statistics.median(idle), "MB", target=20)
    line("discord.peak_rss", peak, "MB", target=30)
    discord.stop()

    cert, key = certificate(top)
    secure = rig.Discord(top, *world, "--tls", cert, key)
    line("discord.receive_cpu_tls_zstd",
         receive(Troupe(fresh(top), secure, tls=cert), secure), "s/100k", target=0.45)
    secure.stop()


if __name__ == "__main__":
    directory = tempfile.mkdtemp(prefix="troupe-bench-")
    try:
        main(directory)
    except rig.Violation as problem:
        missed.append(str(problem))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    for text in missed:
        print(f"bench: {text}", file=sys.stderr)
    sys.exit(1 if missed else 0)
