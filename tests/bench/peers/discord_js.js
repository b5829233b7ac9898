// SPDX-License-Identifier: Apache-2.0
//
// discord_js.js BASE TOKEN: discord.js as a peer in the benches; see discord_py.py.
const { Client, GatewayIntentBits, Events } = require("discord.js");

const [base, token] = process.argv.slice(2);
const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.DirectMessages,
    GatewayIntentBits.MessageContent,
  ],
  rest: { api: base + "/api", version: "10" },
});
client.once(Events.ClientReady, () => console.log("READY"));
client.on(Events.MessageCreate, (message) => {
  if (message.content.startsWith("!hello")) message.channel.send(message.content.slice(1));
});
client.login(token);
