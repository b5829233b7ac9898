# SPDX-License-Identifier: Apache-2.0
"""A Redis of a long run's own, on a Unix socket in a directory of the run, without anything on the disk. It
ends with us."""

import os
import shutil
import signal
import subprocess
import time

import rig

START_S = 30


def find():
    return shutil.which("redis-server") and shutil.which("redis-cli") and shutil.which("setpriv")


class Redis:
    def __init__(self, directory):
        self.place = os.path.join(directory, "redis-server")
        os.mkdir(self.place)
        self.socket = os.path.join(self.place, "socket")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "redis-server", "--port", "0", "--unixsocket", self.socket,
             "--save", "", "--appendonly", "no", "--dir", self.place, "--loglevel", "warning"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while self.ask("PING") != "PONG":
            if time.monotonic() > end:
                raise rig.Violation(f"Redis did not start within {START_S} s")
            time.sleep(0.02)

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True,
                              timeout=30).stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self, on):
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.kill()
