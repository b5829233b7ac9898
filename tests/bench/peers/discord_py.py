#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# discord_py.py BASE TOKEN: discord.py as a peer in the benches. BASE is the fake Discord,
# "http://127.0.0.1:PORT". Repeats what begins with "!hello"; prints READY.
import logging
import sys

import discord
import yarl
from discord import gateway, http

base, token = sys.argv[1:3]
http.Route.BASE = base + "/api/v10"
logging.disable(logging.CRITICAL)
# ws:// on loopback needs no more than the address that the server names.
gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(base.replace("http", "ws"))

intents = discord.Intents.default()
intents.message_content = True
client = discord.Client(intents=intents)


@client.event
async def on_ready():
    print("READY", flush=True)


@client.event
async def on_message(message):
    if message.content.startswith("!hello"):
        await message.channel.send(message.content[1:])


client.run(token, log_handler=None)
