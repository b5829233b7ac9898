# SPDX-License-Identifier: Apache-2.0
"""A bot by discord.py that proves the fake Discord: it answers whoever mentions it, edits its
answer, and prints what happens to it, a line each. Its arguments: the fake's URL, the token."""

import sys

import discord
import yarl
from discord import gateway, http

base, token = sys.argv[1:3]
http.Route.BASE = base + "/api/v10"
gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(base.replace("http", "ws", 1))

intents = discord.Intents.default()
intents.message_content = True
client = discord.Client(intents=intents)


def tell(*words):
    print(*words, flush=True)


@client.event
async def on_ready():
    tell("ready", client.user.name, len(client.guilds), len(client.guilds[0].text_channels))


@client.event
async def on_resumed():
    tell("resumed")


@client.event
async def on_message(message):
    if message.author == client.user or client.user not in message.mentions:
        return
    tell("message", message.author.name, message.content)
    answer = await message.reply("working on it", mention_author=False)
    await answer.edit(content="done: " + message.content.split()[-1])
    await message.add_reaction("\N{WHITE HEAVY CHECK MARK}")
    history = [m.content async for m in message.channel.history(limit=5)]
    tell("history", len(history), history[0])
    if "leave" in message.content:
        await client.close()


client.run(token, log_handler=None)
