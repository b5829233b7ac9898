# SPDX-License-Identifier: Apache-2.0
"""A raw gateway client for tests of the fake Discord: one case by name a run, TAP-free; it prints the
close code, or what it saw. Arguments: the gateway's URL, the case, whatever the case wants."""

import asyncio
import json
import sys
import zlib

import aiohttp

url, case, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
QUERY = "/?v=10&encoding=json"
IDENTIFY = {"token": "fake-token", "intents": 1 | 1 << 9 | 1 << 12 | 1 << 15, "properties": {"os": "linux"}}


class Probe:
    def __init__(self, ws, packed):
        self.ws, self.seq, self.inflate = ws, None, zlib.decompressobj() if packed else None

    async def send(self, op, d):
        await self.ws.send_str(json.dumps({"op": op, "d": d}))

    async def next(self):
        """The next payload, or the close code as a number."""
        message = await self.ws.receive(timeout=20)
        if message.type is aiohttp.WSMsgType.BINARY:
            assert message.data[-4:] == b"\x00\x00\xff\xff"
            payload = json.loads(self.inflate.decompress(message.data))
        elif message.type is aiohttp.WSMsgType.TEXT:
            payload = json.loads(message.data)
        else:
            return self.ws.close_code
        self.seq = payload["s"] or self.seq
        return payload

    async def until(self, name):
        """The event of that type or op; a close ends the wait, too."""
        while True:
            payload = await self.next()
            if not isinstance(payload, dict) or name in (payload["t"], payload["op"]):
                return payload

    async def ready(self, **changes):
        await self.until(10)
        await self.send(2, {**IDENTIFY, **changes})
        return await self.until("READY")


async def main():
    query = QUERY + ("&compress=zlib-stream" if case == "zlib" else "")
    if case == "version":
        query = "/?v=6&encoding=json"
    async with aiohttp.ClientSession() as http:
        ws = await http.ws_connect(url + query, max_msg_size=0)
        probe = Probe(ws, case == "zlib")
        result = await CASES[case](probe, http)
        print(result)
        if not ws.closed:
            await ws.close(code=4000)


async def closes(probe, *sends):
    for op, d in sends:
        await probe.send(op, d)
    while isinstance(answer := await probe.next(), dict):
        pass
    return answer


async def too_large(probe, _):
    await probe.ready()
    return await closes(probe, (3, {"x": "y" * 4096}))


async def not_json(probe, _):
    await probe.ready()
    await probe.ws.send_str("{")
    return await closes(probe)


async def unknown_op(probe, _):
    await probe.ready()
    return await closes(probe, (99, None))


async def too_many(probe, _):
    await probe.ready()
    return await closes(probe, *[(3, {})] * 121)


async def early(probe, _):
    return await closes(probe, (3, {}))


async def twice(probe, _):
    await probe.ready()
    return await closes(probe, (2, IDENTIFY))


async def bad_seq(probe, http):
    ready = await probe.ready()
    await probe.ws.close(code=4000)
    probe.ws = await http.ws_connect(ready["d"]["resume_gateway_url"] + QUERY)
    return await closes(
        probe, (6, {"token": "fake-token", "session_id": ready["d"]["session_id"], "seq": 9999})
    )


def identify(**changes):
    async def run(probe, _):
        ready = await probe.ready(**changes)
        return ready if not isinstance(ready, dict) else "ready"

    return run


async def version(probe, _):
    return await closes(probe)


async def first(probe, _):
    answer = await probe.next()
    return f"op {answer['op']}" if isinstance(answer, dict) else f"close {answer}"


async def refused(probe, _):
    """The answer to identify, where it is not READY."""
    await probe.until(10)
    await probe.send(2, IDENTIFY)
    return await first(probe, _)


async def beat(probe, _):
    """Whether a heartbeat is acknowledged before the answer to the next command, which closes."""
    await probe.until(10)
    await probe.send(1, None)
    await probe.send(99, None)
    return await first(probe, _)


async def zlib_stream(probe, _):
    await probe.ready()
    guild = await probe.until("GUILD_CREATE")
    return "zlib " + guild["d"]["name"]


async def resume(probe, http):
    """Drops, waits for the word on stdin, resumes with the same query; tells what was replayed."""
    ready = await probe.ready()
    await probe.until("GUILD_CREATE")
    await probe.ws.close(code=int(rest[0]) if rest else 4000)
    print("dropped", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    probe.ws = await http.ws_connect(ready["d"]["resume_gateway_url"] + QUERY)
    await probe.until(10)
    await probe.send(6, {"token": "fake-token", "session_id": ready["d"]["session_id"], "seq": probe.seq})
    seen = []
    while True:
        payload = await probe.next()
        if payload["op"] == 9:
            return f"invalid {payload['d']}"
        if payload["t"] == "RESUMED":
            await probe.ws.close(code=4000)
            return " ".join(["resumed", *seen])
        if payload["t"] == "MESSAGE_CREATE":
            seen.append(payload["d"]["content"].split()[-1])


async def listen(probe, _):
    """Prints each message's content in brackets until one says good night."""
    await probe.ready(intents=int(rest[0]))
    while True:
        payload = await probe.until("MESSAGE_CREATE")
        content = payload["d"]["content"]
        print(f"[{content}]", flush=True)
        if "good night" in content:
            return "end"


CASES = {
    "too_large": too_large,
    "not_json": not_json,
    "unknown_op": unknown_op,
    "too_many": too_many,
    "early": early,
    "twice": twice,
    "bad_seq": bad_seq,
    "token": identify(token="wrong"),
    "intents": identify(intents=1 << 30),
    "privileged": identify(intents=1 << 15),
    "shard": identify(shard=[2, 2]),
    "version": version,
    "zlib": zlib_stream,
    "first": first,
    "refused": refused,
    "beat": beat,
    "resume": resume,
    "listen": listen,
}
asyncio.run(main())
