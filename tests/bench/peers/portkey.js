// SPDX-License-Identifier: Apache-2.0
//
// @portkey-ai/gateway, whose release answers 500 to every stream on Node 20: it appends to the headers of what
// fetch gave, which may not be changed there. Given a copy of them it serves.
const { pathToFileURL } = require('url');
const plain = globalThis.fetch;
const NativeResponse = globalThis.Response;

globalThis.fetch = async (...given) => {
    const { body, status, statusText, headers } = await plain(...given);
    return new NativeResponse(body, { status, statusText, headers: new Headers(headers) });
};
import(pathToFileURL(process.env.PORTKEY));
