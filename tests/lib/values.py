#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Values of JSON for shell tests, which ask for some thousands of them and often until one changes: a process
that stays costs a tenth of a python3 for each. fake_discord.sh starts it and asks with curl.

    values.py SOCKET

A request's body is an expression, the byte 1, "&" and a JSON text; its answer what the expression says where d is the
whole text, or status 400 with the reason in the header "error". Whoever may open the socket may run code here: it is
for the folder of one test, which is its owner's alone. It ends with its stdin, which only the test holds open.
"""
import json
import os
import select
import socket
import sys

ASKING_S = 30  # how long one who asks may take to say what


def value(expression, text):
    d = json.loads(text)
    return str(eval(expression, {"json": json, "sys": sys, "d": d})) + "\n"


def body_of(stream):
    size = 0
    for line in iter(stream.readline, b"\r\n"):
        if not line:
            return b""
        name, _, rest = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(rest)
    return stream.read(size)


def serve(connection):
    connection.settimeout(ASKING_S)
    with connection, connection.makefile("rb") as stream:
        expression, _, text = body_of(stream).partition(b"\x01")
        try:
            status, reason = "200 OK", ""
            answer = value(expression.decode(), text.removeprefix(b"&").decode()).encode()
        except Exception as problem:  # whatever an expression raises is for the one who wrote it
            status, answer = "400 Bad Request", b""
            reason = "error: " + repr(problem).encode("ascii", "replace").decode() + "\r\n"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\n{reason}Connection: close\r\n\r\n"
        connection.sendall(head.encode() + answer)


def main(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(64)
    os.rename(path + ".new", path)  # what is there can be asked
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        try:
            serve(connection)
        except OSError:
            pass  # who asked is gone, or says nothing


main(sys.argv[1])
