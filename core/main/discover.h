/* SPDX-License-Identifier: Apache-2.0
 *
 * What a chat without a configured language model could use: an Ollama on this machine, or a key in
 * the environment. Keys are looked at for their presence only; what goes on is "${env:NAME}".
 */
#ifndef MAIN_DISCOVER_H
#define MAIN_DISCOVER_H

#include "main/options.h"

#define DISCOVER_OLLAMA "http://127.0.0.1:11434"

/* A provider whose key has a variable of its own. */
struct discover_key {
    const char *variable;
    const char *base_url;
    const char *model; /* a cheap one */
};
const struct discover_key *discover_keys(size_t *ret_count);

/* The first model that an Ollama at `base` has, or NULL where none answers within 300 ms. Uses a
 * loop of its own: not from a thread that has one. mem_free. */
char *discover_ollama(const char *base);

/* The first model that an API of OpenAI's kind lists without a key, as discover_ollama. */
char *discover_first_model(const char *base_url);

/* Looks, says on stderr what it found, asks where it must (`terminal`: a yes is read from standard
 * input), and adds base_url, model and api_key of [agent llm] to the options' sets. */
void discover_model(struct options *options, bool terminal);

#endif
