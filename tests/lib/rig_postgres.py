# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of a long run's own, on a Unix socket in a directory of the run, without fsync and as a
user who is not root; and a relay in front of it that cuts a connection at its COMMIT. Both end with us."""

import glob
import os
import pwd
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time

import rig

SOCKET = ".s.PGSQL.5432"
START_S = 60


def find():
    """The directory of its programs, or None where there is none that may be run."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found or not shutil.which("setpriv"):
        return None
    if os.getuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return None
    return os.path.dirname(found[-1])


class Postgres:
    def __init__(self, directory):
        self.bin = find()
        self.place = os.path.join(directory, "pg")
        self.data = os.path.join(self.place, "data")
        os.mkdir(self.place, 0o755)
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.place, user.pw_uid, user.pw_gid)
        self.process = None
        self.run("initdb", "-D", self.data, "-U", "troupe", "-A", "trust", "--no-sync", "-E", "UTF8",
                 "--no-locale")
        self.start()
        self.run("createdb", "-U", "troupe", "-h", self.place, "-T", "template0", "bot")

    def command(self, program, *arguments):
        """As somebody who is not root, and not longer than we."""
        command = ["setpriv", "--pdeathsig", "QUIT"]
        if os.getuid() == 0:
            command += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        return command + [os.path.join(self.bin, program), *arguments]

    def run(self, program, *arguments):
        result = subprocess.run(self.command(program, *arguments), cwd="/", stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=120)
        if result.returncode:
            raise rig.Violation(f"{program}: {result.stderr}")
        return result.stdout

    def spawn(self):
        self.process = subprocess.Popen(
            self.command("postgres", "-D", self.data, "-k", self.place, "-c", "listen_addresses=",
                         "-c", "fsync=off", "-c", "full_page_writes=off", "-c",
                         "shared_buffers=16MB", "-c", "max_connections=30"),
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        """Children of one that was killed hold its memory for a moment: then it is tried again."""
        end = time.monotonic() + START_S
        self.spawn()
        while subprocess.run(self.command("pg_isready", "-q", "-h", self.place, "-U", "troupe"),
                             cwd="/", timeout=30).returncode:
            if time.monotonic() > end:
                raise rig.Violation(f"PostgreSQL did not start within {START_S} s")
            if self.process.poll() is not None:
                self.spawn()
            time.sleep(0.02)

    def children(self):
        """All of them: the list of the kernel's own leaves some out while others end."""
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/stat") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == self.process.pid and state != "Z":
                yield int(entry)

    def signal_all(self, number):
        for pid in [self.process.pid, *self.children()]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        self.process.send_signal(signal.SIGSTOP)  # it makes no new child meanwhile
        self.signal_all(signal.SIGKILL)
        self.process.wait()
        pid_file = os.path.join(self.data, "postmaster.pid")
        if os.path.exists(pid_file):
            os.unlink(pid_file)

    def pause(self, on):
        if on:
            self.process.send_signal(signal.SIGSTOP)  # as above
        self.signal_all(signal.SIGSTOP if on else signal.SIGCONT)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def query(self, sql):
        return self.run("psql", "-U", "troupe", "-h", self.place, "-At", "-c", sql, "bot").strip()


class Relay:
    """Passes everything on. After `cut("question")` the next COMMIT does not reach the server, after
    `cut("answer")` it does and its outcome is not told; then that connection ends. With `of` it is the COMMIT
    of a transaction in which these bytes were sent. After `gone(True)` nobody reaches the server, with
    `at_cut` from the next cut on."""

    def __init__(self, server, directory):
        self.target = os.path.join(server.place, SOCKET)
        self.place = os.path.join(directory, "relay")
        os.mkdir(self.place, 0o755)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(os.path.join(self.place, SOCKET))
        self.listener.listen(32)
        self.listener.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.wanted = self.of = None
        self.cuts = 0
        self.away = self.away_at_cut = self.ends = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def cut(self, what, of=None):
        self.of = of
        self.wanted = what

    def gone(self, away, at_cut=False):
        self.away_at_cut = away and at_cut
        self.away = away and not at_cut

    def accept(self):
        client = self.listener.accept()[0]
        if self.away:
            client.close()
            return
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(self.target)
        except OSError:
            client.close()
            server.close()
            return
        pair = {"doomed": False, "seen": False}
        self.selector.register(client, selectors.EVENT_READ, (server, pair, True))
        self.selector.register(server, selectors.EVENT_READ, (client, pair, False))

    def is_cut(self):
        self.away, self.away_at_cut = self.away or self.away_at_cut, False
        self.cuts += 1
        return False

    def pass_on(self, source, target, pair, asks):
        """False: both are to be closed."""
        try:
            data = source.recv(65536)
        except OSError:
            return False
        if not data:
            return False
        if asks and self.of and self.of in data:
            pair["seen"] = True
        if asks and self.wanted and b"COMMIT" in data and (pair["seen"] or not self.of):
            what, self.wanted = self.wanted, None
            if what == "question":
                return self.is_cut()
            pair["doomed"] = True
        elif not asks and pair["doomed"]:
            return self.is_cut()
        try:
            target.sendall(data)
        except OSError:
            return False
        return True

    def serve(self):
        while not self.ends:
            for key, _ in self.selector.select(0.1):
                if key.data is None:
                    self.accept()
                    continue
                if key.fileobj.fileno() < 0:  # closed with its other end just now
                    continue
                target, pair, asks = key.data
                if self.pass_on(key.fileobj, target, pair, asks):
                    continue
                for one in (key.fileobj, target):
                    self.selector.unregister(one)
                    one.close()

    def stop(self):
        self.ends = True
        self.thread.join(5)
