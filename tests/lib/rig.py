# SPDX-License-Identifier: Apache-2.0
"""The rig of the long runs and benches: a host, the fake Discord and the fake LLM as children of one
program, all on loopback and in a directory of its own. Whatever becomes of the program, they end with
it: the fakes watch a pipe, the host is killed.

Nothing here waits for a time where it can wait for a condition."""

import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BUILD = os.environ.get("TROUPE_BUILDDIR", os.getcwd())
SOURCE = os.environ.get("TROUPE_SRCDIR", os.path.dirname(os.path.abspath(__file__)) + "/../..")
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Violation(Exception):
    pass


class Child:
    """A fake: started with --parent and --port-file, ends with our end of its standard input."""

    def __init__(self, program, directory, *options):
        port_file = os.path.join(directory, program + ".port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen(
            [os.path.join(BUILD, program), "--parent", "--port-file", port_file, *options],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(400):
            if os.path.exists(port_file) and os.path.getsize(port_file):
                break
            if self.process.poll() is not None:
                raise Violation(f"{program} ended with {self.process.returncode}")
            time.sleep(0.025)
        self.port = int(open(port_file).read())
        self.url = f"http://127.0.0.1:{self.port}"

    def call(self, path, body=None, timeout=120):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)
        try:
            with NO_PROXY.open(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 408:
                return {"ok": False}
            raise Violation(f"{path}: {error.code} {error.read()[:200]!r}") from error

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Discord(Child):
    def __init__(self, directory, *options):
        super().__init__("troupe-fake-discord", directory, *options)
        self.api = self.url + "/api/v10"

    def do(self, name, body=None, timeout=120):
        return self.call("/_fake/" + name, body, timeout)

    def report(self):
        return self.do("report")

    def wait(self, until, least=0, timeout=30.0, quiet=0.0):
        """True as soon as the condition holds, False when it does not in time."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return False
            path = (f"/_fake/wait?until={until}&min={least}"
                    f"&timeout_ms={int(min(left, 30) * 1000) + 1}&quiet_ms={int(quiet * 1000)}")
            if self.call(path, timeout=60).get("ok"):
                return True

    def drain(self, least, still=60.0, quiet=1.0):
        """True as soon as everything is answered, False when nothing was for `still` seconds: how long all
        of it takes is the machine's."""
        before = -1
        while not self.wait("answered", least, still, quiet):
            answered = self.report()["answered"]
            if answered == before:
                return False
            before = answered
        return True


class Llm(Child):
    def __init__(self, directory, script=None):
        options = ["--model", "fake"]
        if script is not None:
            path = os.path.join(directory, "llm.json")
            with open(path, "w") as file:
                json.dump(script, file)
            options += ["--script", path]
        super().__init__("troupe-fake-llm", directory, *options)

    def rounds(self):
        return self.call("/_rounds")


class Host:
    """`troupe run` with a configuration of its own."""

    def __init__(self, directory, config, environment=None, arguments=()):
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.ini = os.path.join(directory, "troupe.ini")
        self.log = os.path.join(directory, "log")
        self.arguments = list(arguments)
        self.environment = dict(os.environ, HOME=directory, XDG_RUNTIME_DIR=directory,
                                **(environment or {}))
        for name in list(self.environment):
            if name.endswith("_API_KEY"):
                del self.environment[name]
        self.process = None
        self.write(config)
        self.notify_path = os.path.join(directory, "notify")
        if os.path.exists(self.notify_path):
            os.unlink(self.notify_path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.environment["NOTIFY_SOCKET"] = self.notify_path

    def write(self, config):
        with open(self.ini, "w") as file:
            file.write(config)

    def spawn(self):
        """Starts it; `ready` waits."""
        self.notify.setblocking(False)
        try:
            while True:
                self.notify.recv(4096)
        except BlockingIOError:
            pass
        log = open(self.log, "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "troupe"), "run", "-c", self.ini, *self.arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        log.close()

    def ready(self, timeout=30.0):
        """Seconds from its start until it said READY=1."""
        self.notify.settimeout(0.05)
        while time.monotonic() - self.started < timeout:
            try:
                if b"READY=1" in self.notify.recv(4096):
                    return time.monotonic() - self.started
            except (socket.timeout, TimeoutError, BlockingIOError):
                pass
            if self.process.poll() is not None:
                raise Violation(f"the host ended with {self.process.returncode}: {self.tail()}")
        raise Violation(f"the host was not ready within {timeout} s: {self.tail()}")

    def start(self):
        self.spawn()
        return self.ready()

    def tail(self, lines=5):
        with open(self.log, errors="replace") as file:
            return " | ".join(file.read().splitlines()[-lines:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=40):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired as late:
                self.process.kill()
                self.process.wait()
                raise Violation(f"the host did not stop within {timeout} s") from late
        return self.process.returncode if self.process else None

    def command(self, *arguments):
        """The JSON answer of `troupe ARGUMENTS --json`."""
        result = subprocess.run(
            [os.path.join(BUILD, "troupe"), *arguments, "-c", self.ini, "--json"],
            capture_output=True, env=self.environment, timeout=60)
        return result.returncode, json.loads(result.stdout) if result.stdout.strip() else None

    # What the kernel tells about it.
    def _proc(self, name):
        with open(f"/proc/{self.process.pid}/{name}") as file:
            return file.read()

    def cpu(self):
        """Seconds of user and system time of all threads."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status_kb(self, key):
        match = re.search(rf"^{key}:\s+(\d+)", self._proc("status"), re.M)
        return int(match.group(1))

    def descriptors(self):
        """Their number, and how many of them are TCP connections, of which HTTP keeps up to 64 for
        the next requests."""
        inodes = {line.split()[9] for line in self._proc("net/tcp").splitlines()[1:]}
        names = []
        for number in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                names.append(os.readlink(f"/proc/{self.process.pid}/fd/{number}"))
            except FileNotFoundError:
                pass  # closed meanwhile
        tcp = sum(1 for name in names if name[:8] == "socket:[" and name[8:-1] in inodes)
        return len(names), tcp

    def mappings(self):
        return self._proc("maps").count("\n")

    def children(self):
        return len(self._proc(f"task/{self.process.pid}/children").split())

    @property
    def database(self):
        return os.path.join(self.data, "troupe.db")

    def query(self, sql, *values):
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


def integrity(path):
    """What PRAGMA integrity_check says of a copy of the database as it lies there, log included."""
    copy = path + ".check"
    for suffix in ("", "-wal"):
        if os.path.exists(path + suffix):
            shutil.copyfile(path + suffix, copy + suffix)
    connection = sqlite3.connect(copy)
    try:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(copy + suffix):
            os.unlink(copy + suffix)
    return verdict


def config(directory, discord=None, llm=None, agents="", pipeline="stages = conversation",
           extra=""):
    text = f"""[troupe]
data = {directory}/data
[limits]
messages = 0
guild_messages = 0
[pipeline message]
{pipeline}
"""
    if discord:
        text += f"""[discord]
token = fake-token
api = {discord.api}
global_limit = 0
"""
    if llm:
        text += f"""[agent llm]
base_url = {llm.url}/v1
model = fake
price_input = 1
price_output = 1
[agent conversation]
"""
    return text + agents + extra


class Run:
    """One long run as tests/long/README.md wants it: seed first, verdict last."""

    def __init__(self, name):
        self.name = name
        self.seed = int(os.environ.get("TROUPE_SEED", random.randrange(1, 1 << 31)))
        self.random = random.Random(self.seed)
        self.violations = []
        self.began = time.monotonic()
        self.last_said = self.began
        self.directory = tempfile.mkdtemp(prefix=f"troupe-{name}-")
        self.children = []
        print(f"long {name} seed {self.seed}", flush=True)

    def say(self, text, now=False):
        """Progress, at least once a minute."""
        if now or time.monotonic() - self.last_said > 20:
            self.last_said = time.monotonic()
            print(f"# [{time.monotonic() - self.began:4.0f} s] {text}", flush=True)

    def own(self, child):
        self.children.append(child)
        return child

    def expect(self, holds, text):
        if not holds:
            self.violations.append(text)

    def end(self, runs, lost, doubled):
        for child in reversed(self.children):
            try:
                child.stop()
            except Violation as violation:
                self.violations.append(str(violation))
        print(f"long {self.name} runs {runs} lost {lost} doubled {doubled}", flush=True)
        for violation in self.violations:
            print(f"violation: {violation}", flush=True)
        good = not self.violations and not lost and not doubled
        if good:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            print(f"# everything is left in {self.directory}", flush=True)
        sys.exit(0 if good else 1)
