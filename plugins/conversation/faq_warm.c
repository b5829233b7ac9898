/* SPDX-License-Identifier: Apache-2.0 */
#include "faq_warm.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/cache.h>

/* FNV-1a. Only the operator's words go in, so nobody looks for two that meet. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xFF) * UINT64_C(0x100000001b3);
}

static void name_key(const struct faq_entry *entry, const struct faq_prompt *prompt,
                     char ret[FAQ_KEY_SIZE])
{
    char numbers[64];
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), prompt->source);

    snprintf(numbers, sizeof(numbers), "%" PRIu64 " %" PRId64, entry->guild, prompt->answer_tokens);
    hash = mix(mix(mix(hash, prompt->bot_name), numbers), entry->question);
    snprintf(ret, FAQ_KEY_SIZE, "faq.%016" PRIx64, hash);
}

troupe_status faq_kept(troupe_turn *turn, const struct faq_entry *entry,
                       const struct faq_prompt *prompt, troupe_str *ret)
{
    char key[FAQ_KEY_SIZE];

    name_key(entry, prompt, key);
    return troupe_cache_get(turn, TROUPE_SCOPE_AGENT, key, ret);
}

/* On the route for short things, which offers no tools: what they find is some member's. */
static char *arguments_of(const struct faq_entry *entry, const struct faq_prompt *prompt)
{
    json_t *tree = json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:s, s:I, s:s}", "messages", "role",
                             "system", "content", prompt->instructions, "role", "user", "content",
                             entry->question, "route", "quick", "max_tokens",
                             (json_int_t)prompt->answer_tokens, "cache", "none");
    char *text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;

    json_decref(tree);
    return text;
}

/* The text of an answer, in the turn's memory, and whether it ended by itself. */
static troupe_str text_of(troupe_turn *turn, troupe_str result, int *ret_whole)
{
    json_t *tree = json_loadb(result.ptr, result.len, 0, NULL);
    const json_t *text = json_object_get(tree, "text");
    const char *finish = json_string_value(json_object_get(tree, "finish"));
    const size_t len = json_string_length(text);
    char *copy = len ? troupe_turn_alloc(turn, len + 1) : NULL;

    *ret_whole = finish && strcmp(finish, "stop") == 0;
    if (copy)
        memcpy(copy, json_string_value(text), len);
    json_decref(tree);
    return copy ? (troupe_str){copy, len} : (troupe_str){"", 0};
}

troupe_status faq_ask(troupe_turn *turn, const struct faq_entry *entry,
                      const struct faq_prompt *prompt, troupe_str *ret, int *ret_whole)
{
    char *arguments = arguments_of(entry, prompt), key[FAQ_KEY_SIZE];
    troupe_str result = {"", 0}, text;
    troupe_status status;
    int whole;

    if (!arguments)
        return TROUPE_NOMEM;
    status = troupe_call(turn, TROUPE_SERVICE_LLM_CHAT, (troupe_str){arguments, strlen(arguments)},
                         &result);
    free(arguments);
    if (status < 0)
        return status;
    text = text_of(turn, result, &whole);
    if (text.len == 0)
        return TROUPE_DATA;
    *ret = text;
    *ret_whole = whole;
    if (!whole)
        return TROUPE_OK;
    name_key(entry, prompt, key);
    (void)troupe_cache_put(turn, TROUPE_SCOPE_AGENT, key, text, FAQ_LIFE_MS);
    return troupe_turn_status(turn);
}

/* Whether there is money for what nobody has asked for yet. */
static int may_spend(troupe_turn *turn)
{
    uint32_t percent = 0;
    const troupe_status status = troupe_budget_level(turn, &percent);

    if (status == TROUPE_UNSUPPORTED)
        return 1;
    if (status >= 0 && percent < FAQ_HELD_FOR)
        return 1;
    troupe_reason(turn, "faq.held", "%u %% of a cap are spent, status %d", percent, status);
    return 0;
}

troupe_status faq_warm_run(troupe_turn *turn, const struct faq *faq,
                           const struct faq_prompt *prompt, int64_t most)
{
    uint32_t kept = 0, asked = 0, left = 0;
    int goes_on = most > 0;
    char result[96];
    troupe_str text;

    for (uint32_t i = 0; i < faq->count; i++) {
        const struct faq_entry *entry = &faq->entries[i];
        troupe_status status = TROUPE_OK;
        int whole = 1;

        if (entry->answer || (i > 0 && entry->question == entry[-1].question))
            continue; /* or another spelling of the one before */
        if (faq_kept(turn, entry, prompt, &text) >= 0) {
            kept++;
            continue;
        }
        if (goes_on && (asked >= most || !may_spend(turn)))
            goes_on = 0;
        if (goes_on && asked > 0)
            status = troupe_sleep(turn, FAQ_REST_MS);
        if (goes_on && status >= 0) {
            asked++;
            status = faq_ask(turn, entry, prompt, &text, &whole);
        }
        if (troupe_turn_status(turn) < 0)
            return troupe_turn_status(turn);
        if (!goes_on || status < 0 || !whole)
            left++;
        if (status < 0) { /* the next one would fare no better */
            troupe_reason(turn, "faq.failed", "\"%s\": status %d", entry->question, status);
            goes_on = 0;
        }
    }
    snprintf(result, sizeof(result), "{\"kept\":%u,\"asked\":%u,\"left\":%u}", kept, asked, left);
    return troupe_result(turn, result, strlen(result));
}
