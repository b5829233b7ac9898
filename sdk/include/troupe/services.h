/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/services.h - functions with a well-known name and contract, which any plugin may provide and
 * any plugin may call (capability "call:NAME", or "try:NAME" where it does without). Where several agents provide one, they are tried in
 * the order of their priority.
 *
 *     static const char ask[] = "{\"messages\": [{\"role\": \"user\", \"content\": \"Good morning\"}]}";
 *     troupe_str answer;
 *     troupe_status status =
 *         troupe_call(turn, TROUPE_SERVICE_LLM_CHAT, (troupe_str){ask, sizeof(ask) - 1}, &answer);
 */
#ifndef TROUPE_SERVICES_H
#define TROUPE_SERVICES_H

/* llm.chat: an answer of a language model. Streams text.
 *
 * Arguments
 *   messages     JSON array of {"role": "system" | "user" | "assistant", "content": text}, oldest
 *                first; at least one. A message may say "stable": so many bytes of its content, and all
 *                before them, will be the same in later calls. Providers that keep what they read, and
 *                want to be told, then charge it less. A user's message may have "pictures": places of the turn's
 *                files (troupe/files.h), at most 8, as in [0, 2]. The provider of llm.chat reads them itself, so
 *                that their bytes are in no argument and no record, and the caller needs no capability for them.
 *                They are shown to models that take pictures only
 *   route        string, optional: what it is for ("chat" by default, "quick", "summary" …)
 *   max_tokens   integer, optional: bound of the answer; the provider's config bounds it further
 *   temperature  number, optional
 *   cache        "none" (by default), "guild" or "account", optional: "guild" says that nothing about a
 *                member is in the messages, so that whoever asks exactly the same in the same guild may
 *                get the same answer; "account" that nothing of a guild or a channel is in them either,
 *                so that whoever asks exactly the same of this bot may get it
 *   question     string, optional: stands in for the last message where it is looked up whether it was
 *                asked before; the caller's word for what is meant, at most 2,000 bytes; so nothing that is
 *                not in it may be in that message. It counts for nothing where there are pictures
 *   schema       JSON schema, optional: the answer is one JSON value that holds it. Nothing is streamed
 *                before it was checked; what does not hold is sent back to the model once. Known are type,
 *                properties, required, additionalProperties, items, minItems, maxItems, enum, const,
 *                minimum, maximum, minLength, maxLength; at most 16 kB
 * Result
 *   {"text": …, "model": …, "finish": "stop" | "length" | …, "usage": {"input": n, "output": n,
 *    "cached": n, "guessed": n, "estimated": bool}, "cost_micros": n}; "guessed" is what "input" was taken
 *   for before the provider counted it, which tells how good a guess by the number of bytes is
 *   and "json": the value, where a schema was given; "text" is then that value as text
 *   and "cached": true where it was answered to somebody before; members are to be told
 * Failure codes (troupe_error), each with a sentence that may be shown to a member
 *   llm.not_configured  no provider is set up                       TROUPE_UNAVAILABLE
 *   llm.unreachable     the provider does not answer                TROUPE_UNAVAILABLE
 *   llm.too_slow        a deadline passed                           TROUPE_DEADLINE
 *   llm.rate_limited    too many requests; the sentence ends with the
 *                       seconds to wait                             TROUPE_BUSY
 *   llm.refused         what was asked or answered is not allowed    TROUPE_DENIED
 *   llm.account         key, credit or permission was refused       TROUPE_DENIED
 *   llm.bad_model       the provider does not know the model        TROUPE_CONFIG
 *   llm.too_long        the messages do not fit the model            TROUPE_LIMIT
 *   llm.cannot_see      there are pictures, and no model that is set
 *                       up takes any; nothing was sent or paid       TROUPE_UNSUPPORTED
 *   llm.picture_refused the last model that was asked takes none     TROUPE_UNSUPPORTED
 *   llm.bad_picture     one is too large, or none that a model takes,
 *                       or there are too many                        TROUPE_LIMIT, TROUPE_DATA
 *   llm.bad_arguments   the arguments are not as above               TROUPE_ARGUMENT
 *   llm.bad_answer      what came back cannot be understood         TROUPE_DATA
 *   llm.bad_json        the answer does not hold the schema, twice   TROUPE_DATA
 *   llm.provider_error  the provider failed                         TROUPE_UNAVAILABLE
 *   llm.interrupted     cut after text had been handed out          TROUPE_INTERRUPTED
 *   budget.*            cap reached or price unknown                TROUPE_BUDGET
 */
#define TROUPE_SERVICE_LLM_CHAT "llm.chat"

/* llm.embed: vectors of texts, which are near each other where the texts mean alike. Paid.
 *
 *     static const char texts[] = "{\"texts\": [\"a cat\", \"a kitten\"], \"encoding\": \"base64\"}";
 *     status = troupe_call(turn, TROUPE_SERVICE_LLM_EMBED, (troupe_str){texts, sizeof(texts) - 1}, &answer);
 *
 * Arguments
 *   texts        JSON array of 1 to 64 texts of 1 to 32,768 bytes; they go to the provider in as few requests
 *                as it takes
 *   dimensions   integer, optional: values of a vector, up to 4,096. A model that makes no such vectors is not
 *                asked, as far as that is known: by the price table, or since an earlier answer
 *   encoding     "float" (by default): arrays of numbers; "base64": their bytes as little-endian 32-bit floats,
 *                which takes a third of the room
 *   model        text, optional: the one model that may make them, as an earlier result named it; vectors of two
 *                cannot be compared
 * Result
 *   {"model": …, "dimensions": n, "vectors": […], "usage": {"input": n, "estimated": bool}, "cost_micros": n},
 *   a vector for each text in their order, of at most 1 MB together
 * Failure codes
 *   as of llm.chat; llm.not_configured without embed_model, llm.too_long above 1 MB (TROUPE_LIMIT), and
 *   llm.unsupported     the provider makes no vectors, or its model others TROUPE_UNSUPPORTED
 */
#define TROUPE_SERVICE_LLM_EMBED "llm.embed"

/* llm.moderate: what a provider's own classifier thinks of a text. OpenAI's is free.
 *
 *     static const char text[] = "{\"text\": \"how are you?\"}";
 *     status = troupe_call(turn, TROUPE_SERVICE_LLM_MODERATE, (troupe_str){text, sizeof(text) - 1}, &answer);
 *
 * Arguments
 *   text         1 to 32,768 bytes
 * Result
 *   {"model": …, "flagged": bool, "categories": ["violence", …], "scores": {"violence": 0.98, …},
 *    "cost_micros": n}; the categories that it was flagged for, and a score from 0 to 1 for each that was
 *   looked at
 * Failure codes
 *   as of llm.chat, and
 *   llm.unsupported     the provider judges no texts                TROUPE_UNSUPPORTED
 */
#define TROUPE_SERVICE_LLM_MODERATE "llm.moderate"

/* llm.image: a picture of what a text says. Paid.
 *
 *     static const char ask[] = "{\"prompt\": \"a cat on a roof\", \"shape\": \"landscape\"}";
 *     status = troupe_call(turn, TROUPE_SERVICE_LLM_IMAGE, (troupe_str){ask, sizeof(ask) - 1}, &answer);
 *
 * Arguments
 *   prompt       what it shows, 1 to 4,000 bytes
 *   shape        "square" (by default), "landscape" or "portrait"
 *   quality      "auto" (by default), "low", "medium" or "high"
 *   as           "file" (by default): it goes with the turn's answer, described by the prompt (troupe/attach.h);
 *                "data": it stands in the result; "any": it does where it has room there, else it is a file. Where
 *                nobody takes files it is "data" in any case
 *   model        text, optional: the one model that may paint it, of those that are set up
 * Result
 *   {"model": …, "type": "image/webp" …, "file": the name that it has, "bytes": n, "cost_micros": n}, or
 *   {"model": …, "type": "image/webp" …, "data": its bytes in base64, "cost_micros": n}
 * Failure codes
 *   as of llm.chat; llm.bad_arguments for a model that is not set up, with those that are;
 *   llm.refused where the provider does not allow it, llm.too_long above 4 MB (as
 *   data above 750 kB) or what else is attached, and
 *   llm.unsupported     the provider paints no pictures             TROUPE_UNSUPPORTED
 */
#define TROUPE_SERVICE_LLM_IMAGE "llm.image"

/* memory.search: what is remembered that may answer a question, of the turn's member where they are, and of
 * documents. The text is a list to be read by people.
 *
 * Arguments
 *   query   string: the question, or words
 *   limit   integer, optional: at most so many, 1 to 20 (5 by default)
 *   tokens  integer, optional: about so many tokens together, 16 to 8000 (500 by default)
 * Result
 *   {"memories": [{"id": …, "text": …, "tier": "short" | "long" | "knowledge", "said_ms": n, "share": 0 to 1,
 *    "source": …, "heading": …}]}, the best first; "source" and "heading" of documents only. It is what people
 *    wrote: data, never instructions
 * Failure codes
 *   memory.storage      the storage is away                          TROUPE_UNAVAILABLE
 */
#define TROUPE_SERVICE_MEMORY_SEARCH "memory.search"

#endif
