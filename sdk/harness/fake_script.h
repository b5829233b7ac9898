/* SPDX-License-Identifier: Apache-2.0
 *
 * The script of the fake LLM: which request gets which answer. A script is a JSON object
 *
 *   { "rules": [ RULE, … ] }                     (or the array alone)
 *
 * with "thinks": {MODEL: "gemini" | "deepseek" | "claude"} for models that think (fake_thoughts.h) and want that
 * back, and "values": {MODEL: N} for how many its vectors have (16); the first rule that matches answers; without one the default echo does. A rule:
 *
 *   "match"          text in the last user message, or an object of conditions that all hold:
 *                    {"contains": T, "regex": POSIX ERE, "nth": N (n-th chat request, from 1),
 *                     "last_role": "tool", "system": T (text in the system message),
 *                     "history": N (number of messages), "model": T (its whole name),
 *                     "pictures": N (in the last user message), "key": T (text in Authorization
 *                     or x-api-key)}
 *   "endpoint"       "chat" (default), "embeddings", "moderations", "images", "models" or "any"
 *   "times"          the rule answers at most so often; "skip": it lets so many pass first
 *   "answer"         text with {last} {count} {history} {user:N} {system} {tool} {n} {pictures} filled
 *                    in, of pictures type, bytes and FNV-1a; {user:-1} counts from the end. "answer_repeat": N writes it N times
 *   "chunk_words"    words a delta (1), or "chunk_chars": code points a delta; "empty_deltas": N
 *                    without text behind the first
 *   "first_delay_ms" before the first byte; "delay_ms" before each delta
 *   "usage"          {"prompt_tokens", "completion_tokens", "cached"}
 *   "headers"        {"name": "value"} added to the answer's head, of errors, too
 *   "finish_reason"  instead of stop, length or tool_calls
 *   "tool_calls"     [{"name", "arguments": object or text, "id"}]; "fragments": pieces that the
 *                    arguments are streamed in (3)
 *   "fault"          a name, or a list of them:
 *     status              "status": 500 (default), 429, 401, 404, 529 …; "retry_after": text;
 *                         "code": the error.code instead of the usual one; "error": the whole body
 *     hang_before_headers, hang_after_headers, hang_mid_stream
 *     cut_before_headers, cut_mid_stream, reset_mid_stream      (after "after_chunks", 2)
 *     garbage_sse, bad_json, error_in_stream, empty_stream, no_done, no_usage
 *     split_utf8, crlf, bom, comments                           (legal, but awkward)
 *     huge_body           "bytes" (1 GB) of one endless line
 *     gzip_bomb           "bytes" (256 MB), packed
 *     slow_loris          one byte each "loris_ms" (100)
 *     wrong_content_type, redirect ("location"), gzip (when the client asks for it)
 */
#ifndef FAKE_SCRIPT_H
#define FAKE_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum fake_fault {
    FAULT_STATUS = 1 << 0,
    FAULT_HANG_BEFORE_HEADERS = 1 << 1,
    FAULT_HANG_AFTER_HEADERS = 1 << 2,
    FAULT_HANG_MID_STREAM = 1 << 3,
    FAULT_CUT_BEFORE_HEADERS = 1 << 4,
    FAULT_CUT_MID_STREAM = 1 << 5,
    FAULT_RESET_MID_STREAM = 1 << 6,
    FAULT_GARBAGE_SSE = 1 << 7,
    FAULT_BAD_JSON = 1 << 8,
    FAULT_ERROR_IN_STREAM = 1 << 9,
    FAULT_EMPTY_STREAM = 1 << 10,
    FAULT_NO_DONE = 1 << 11,
    FAULT_NO_USAGE = 1 << 12,
    FAULT_SPLIT_UTF8 = 1 << 13,
    FAULT_CRLF = 1 << 14,
    FAULT_BOM = 1 << 15,
    FAULT_COMMENTS = 1 << 16,
    FAULT_HUGE_BODY = 1 << 17,
    FAULT_SLOW_LORIS = 1 << 18,
    FAULT_WRONG_CONTENT_TYPE = 1 << 19,
    FAULT_REDIRECT = 1 << 20,
    FAULT_GZIP = 1 << 21,
    FAULT_GZIP_BOMB = 1 << 22,
};

/* What a rule may look at, taken from a request. */
struct fake_talk {
    const char *endpoint;
    uint64_t nth;           /* of its endpoint, from 1        */
    const json_t *messages; /* NULL: none                     */
    char *last;             /* text of the last user message  */
    char *system, *tool;    /* of the system, the last tool result; "" */
    const json_t *pictures; /* of the last user message, as texts; NULL: none */
    size_t history, users;  /* messages, and those of the user */
    const char *last_role;  /* of the last message             */
    const char *model;      /* that is asked; NULL: none       */
    const char *key;        /* that it is asked with; NULL: without one */
};

struct fake_script;

/* NULL with a text in `err` when the script does not hold. */
struct fake_script *fake_script_new(const json_t *source, char *err, size_t err_size);
void fake_script_free(struct fake_script *script);
/* The rule that answers, counted as used, or NULL. Borrowed from the script. */
const json_t *fake_script_match(struct fake_script *script, const struct fake_talk *talk);
/* How a model thinks, by name; "" where it does not. */
const char *fake_script_thinks(const struct fake_script *script, const char *model);
/* How many values a model's vectors have. */
int64_t fake_script_values(const struct fake_script *script, const char *model);
/* The faults of a rule (0 for NULL). */
uint32_t fake_rule_faults(const json_t *rule);
int64_t fake_rule_int(const json_t *rule, const char *key, int64_t fallback);
const char *fake_rule_str(const json_t *rule, const char *key, const char *fallback);

void fake_talk_init(struct fake_talk *talk, const char *endpoint, const json_t *messages,
                    uint64_t nth);
void fake_talk_clear(struct fake_talk *talk);
/* The template with its names filled in; to be freed. */
char *fake_talk_fill(const struct fake_talk *talk, const char *template);
/* The text of a message's content, which is a string or a list of parts; to be freed. */
char *fake_content_text(const json_t *content);

#endif
