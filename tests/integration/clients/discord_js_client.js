// SPDX-License-Identifier: Apache-2.0
//
// A bot by discord.js that proves the fake Discord: it answers whoever mentions it, edits its answer,
// and prints what happens to it, a line each. Its arguments: the fake's URL, the token.
const { Client, Events, GatewayIntentBits } = require('discord.js');

const [base, token] = process.argv.slice(2);
const client = new Client({
    intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
    rest: { api: base + '/api' },
});
const tell = (...words) => console.log(...words);

client.once(Events.ClientReady, () => {
    const guild = client.guilds.cache.first();
    tell('ready', client.user.username, client.guilds.cache.size, guild.channels.cache.size);
});
client.on(Events.ShardResume, () => tell('resumed'));
client.on(Events.Error, (error) => tell('error', error.message));
client.on(Events.MessageCreate, async (message) => {
    if (message.author.id === client.user.id || !message.mentions.users.has(client.user.id))
        return;
    tell('message', message.author.username, message.content);
    const answer = await message.reply({ content: 'working on it', allowedMentions: { parse: [] } });
    await answer.edit('done: ' + message.content.split(' ').pop());
    await message.react('✅');
    const history = await message.channel.messages.fetch({ limit: 5 });
    tell('history', history.size, history.first().content);
    if (message.content.includes('leave')) {
        await client.destroy();
        process.exit(0);
    }
});
client.login(token);
