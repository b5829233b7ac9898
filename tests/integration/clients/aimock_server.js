// SPDX-License-Identifier: Apache-2.0
//
// A mock of language models that is not ours (npm's @copilotkit/aimock), with what our test asks of it. Prints
// its URL and leaves when its standard input ends.
const { LLMock } = require('@copilotkit/aimock');

const mock = new LLMock({ port: 0, strict: true, logLevel: 'silent' });
const usage = {
    prompt_tokens: 40, completion_tokens: 9, total_tokens: 49, input_tokens: 40, output_tokens: 9,
};
mock.addFixture({
    match: { userMessage: 'how tall' },
    response: { content: 'Wie\u017ca ma 324 m \u{1f5fc}, and that is "tall".\nIs it not?', usage },
    chunkSize: 3,
});
mock.addFixture({
    match: { userMessage: 'busy', sequenceIndex: 0 },
    response: { error: { message: 'Slow down', type: 'rate_limit_error' }, status: 429, retryAfter: 0 },
});
mock.addFixture({ match: { userMessage: 'busy' }, response: { content: 'Now I can.', usage } });
mock.addFixture({
    match: { userMessage: 'use the tool', hasToolResult: true },
    response: { content: 'The tool has said it.', usage },
});
mock.addFixture({
    match: { userMessage: 'use the tool' },
    response: { toolCalls: [{ name: 'echo', arguments: JSON.stringify({ text: 'one "word"' }) }], usage },
    chunkSize: 4,
});
mock.addFixture({
    match: { userMessage: 'break off' },
    response: { content: 'This is going to be cut before it has been said.' },
    chunkSize: 4,
    truncateAfterChunks: 3,
});
mock.addFixture({
    match: { userMessage: 'not allowed' },
    response: { error: { message: 'No such key', type: 'authentication_error' }, status: 401 },
});

mock.start().then(() => console.log(mock.url));
process.stdin.on('end', () => mock.stop().then(() => process.exit(0)));
process.stdin.resume();
