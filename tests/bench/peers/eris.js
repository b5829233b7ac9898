// SPDX-License-Identifier: Apache-2.0
//
// eris.js BASE TOKEN: eris as a peer in the benches; see discord_py.py.
const http = require("http");
const https = require("https");

const [base, token] = process.argv.slice(2);
const url = new URL(base);
// It speaks HTTPS only; the fake on loopback does not.
const agent = new http.Agent({ keepAlive: true });
https.request = (options, done) => http.request({ ...options, port: url.port, agent }, done);
const { Client } = require("eris");

const bot = new Client(token, {
  intents: 1 | 512 | 4096 | 32768,
  restMode: true,
  rest: { domain: url.hostname, baseURL: "/api/v10" },
  compress: false,
});
bot.on("ready", () => console.log("READY"));
bot.on("error", () => {});
bot.on("messageCreate", (message) => {
  if (message.content.startsWith("!hello")) bot.createMessage(message.channel.id, message.content.slice(1));
});
bot.connect();
