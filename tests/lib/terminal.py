#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program in a terminal and answers what it asks.

    terminal.py TALK PROGRAM ARGUMENT...

TALK is a file of lines "PART<tab>ANSWER": when the terminal shows PART, behind what was shown
before, ANSWER is typed and return pressed; the answers "^C" and "^D" press Ctrl-C and Ctrl-D instead.
One that ends in a carriage return is pasted as from a file with CRLF: return is pressed twice.
What the terminal showed comes out on standard output. The status is the program's, 128 + N where
signal N ended it, or 99 where a PART did not come within 30 s.
"""
import os
import pty
import select
import sys
import time


def main():
    with open(sys.argv[1], encoding="utf-8", newline="\n") as file:
        talk = [line.rstrip("\n").split("\t") for line in file]
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[2], sys.argv[2:])
    shown, at, late = b"", 0, time.monotonic() + 30
    while True:
        ready, _, _ = select.select([fd], [], [], max(0, late - time.monotonic()))
        if not ready:
            sys.stdout.buffer.write(shown)
            print("\nnothing came of: %r" % (talk[:1],))
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return 99
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            break
        shown += data
        while talk and talk[0][0].encode() in shown[at:]:
            at = shown.index(talk[0][0].encode(), at) + len(talk[0][0].encode())
            answer = talk.pop(0)[1]
            os.write(fd, {"^C": b"\x03", "^D": b"\x04"}.get(answer, answer.encode() + b"\n"))
            late = time.monotonic() + 30
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


sys.exit(main())
