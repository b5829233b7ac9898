/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include <stdio.h>
#include <string.h>
#include <troupe/cache.h>

#define FORMAT         2 /* of what is kept; another one is another key                  */
#define JOINS_MAX      2 /* after so many waits for others the question is asked anyway */
#define REFRESH_ONE_IN 8 /* hits */
#define PLACE_MAX      32
#define LIFE_MAX_MS    ((int64_t)24 * 3600 * 1000) /* of the host's cache */

/* What lies in a place. */
struct entry {
    json_t *tree;
    const char *key;
    int64_t made_ms;
};

/* Address, name and price of every model that may be asked. */
static json_t *models_of(const struct llm_agent *agent)
{
    json_t *models = json_array();

    for (uint32_t i = 0; i < agent->router.count; i++) {
        const struct llm_settings *one = &agent->router.candidates[i].settings;

        json_array_append_new(models,
                              json_pack("[s, s, I, I, I]", one->base_url, one->model,
                                        (json_int_t)one->price.input, (json_int_t)one->price.cached,
                                        (json_int_t)one->price.output));
    }
    json_array_append_new(models, json_string(llm_price_table_digest(agent->settings.prices)));
    return models;
}

/* The messages, or what stands in for the last of them. */
static json_t *asked_of(const struct llm_request *request, const struct llm_share *share)
{
    json_t *asked = json_copy(request->messages);

    if (share->question.len == 0)
        return asked;
    json_array_remove(asked, json_array_size(asked) - 1);
    json_array_append_new(
        asked, json_pack("{s:s%}", "question", share->question.ptr, (size_t)share->question.len));
    return asked;
}

/* What is seen is part of what is asked: a file's place says nothing about what is in it. */
static json_t *pictures_of(const struct llm_request *request)
{
    return json_pack("{s:o, s:b}", "digests", llm_pictures_digests(request), "low",
                     request->pictures->low);
}

/* An answer for the account is in a scope that all accounts of the agent have: the key parts them. */
static json_t *scope_of(const struct llm_share *share)
{
    return share->scope == TROUPE_SCOPE_GUILD
               ? json_string("guild")
               : json_sprintf("account %llu", (unsigned long long)share->account);
}

static uint32_t places_of(const struct llm_agent *agent, const struct llm_share *share)
{
    const uint32_t entries = agent->settings.cache_entries;

    if (share->question.len > 0)
        return entries < LLM_CACHE_MEANT ? entries : LLM_CACHE_MEANT;
    return share->scope == TROUPE_SCOPE_GUILD ? entries : entries * LLM_CACHE_ACCOUNT;
}

troupe_status llm_cache_key(const struct llm_agent *agent, enum llm_route route,
                            const struct llm_request *request, const struct llm_share *share,
                            struct llm_cache *ret)
{
    const uint32_t places = places_of(agent, share);
    LLM_CLEANUP_JSON json_t *whole =
        json_pack("{s:i, s:o, s:o, s:s, s:I, s:o, s:o}", "format", FORMAT, "scope", scope_of(share),
                  "models", models_of(agent), "route", llm_route_name(route), "max_tokens",
                  (json_int_t)request->max_tokens, "temperature",
                  request->has_temperature ? json_real(request->temperature) : json_null(),
                  "messages", asked_of(request, share));
    LLM_CLEANUP_TEXT char *text = NULL;
    uint8_t digest[LLM_DIGEST_SIZE];

    /* What a member may call is part of what the model knows, and says. */
    if (whole && request->tools)
        json_object_set(whole, "tools", request->tools);
    if (whole && request->pictures)
        json_object_set_new(whole, "pictures", pictures_of(request));

    text = whole ? json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (!text)
        return TROUPE_NOMEM;
    llm_digest(text, strlen(text), digest);
    llm_digest_text(digest, ret->key);
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *at = digest + 4 * i;
        uint32_t number =
            (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

        ret->places[i] = number % places;
    }
    ret->scope = share->scope;
    ret->messages = json_array_size(request->messages);
    ret->meant = share->question.len > 0;
    ret->ttl_ms = agent->settings.cache_ttl_ms / (ret->meant ? 2 : 1);
    return TROUPE_OK;
}

static void name_place(const struct llm_cache *cache, int i, char ret[PLACE_MAX])
{
    snprintf(ret, PLACE_MAX, "%s.%u", cache->meant ? "meant" : "answer", cache->places[i]);
}

static void read_entry(troupe_str value, struct entry *ret)
{
    ret->tree = llm_json_load(value.ptr, value.len);
    ret->key = json_string_value(json_object_get(ret->tree, "key"));
    ret->made_ms = json_integer_value(json_object_get(ret->tree, "made"));
    if (!ret->key)
        ret->key = "";
}

/* ---- a hit --------------------------------------------------------------------------------------*/

static troupe_status put(troupe_turn *turn, const struct llm_cache *cache, int i,
                         const json_t *tree, int64_t life_ms)
{
    LLM_CLEANUP_TEXT char *text = llm_json_print(tree, 0);
    char name[PLACE_MAX];

    if (!text)
        return TROUPE_NOMEM;
    name_place(cache, i, name);
    return troupe_cache_put(turn, cache->scope, name, (troupe_str){text, strlen(text)},
                            (uint64_t)(life_ms < LIFE_MAX_MS ? life_ms : LIFE_MAX_MS));
}

/* What is asked for often lives longer, up to a bound. Chance decides, which the host records, where
 * a count would have to be written at each hit. The same value stays whose it was for the host: with that
 * member's other words it goes. */
static troupe_status refresh(troupe_turn *turn, const struct llm_cache *cache, int i,
                             const struct entry *entry)
{
    int64_t left;

    if (troupe_random(turn, REFRESH_ONE_IN) != 0)
        return TROUPE_OK;
    left = entry->made_ms + LLM_CACHE_LIVES * cache->ttl_ms - troupe_now(turn);
    if (left > cache->ttl_ms)
        left = cache->ttl_ms;
    if (left > 0)
        put(turn, cache, i, entry->tree, left);
    return troupe_turn_status(turn);
}

static troupe_status give(troupe_turn *turn, const struct llm_cache *cache,
                          const struct entry *entry, int waited)
{
    const json_t *text = json_object_get(entry->tree, "text");
    const char *model = json_string_value(json_object_get(entry->tree, "model"));
    json_int_t cost = json_integer_value(json_object_get(entry->tree, "cost"));
    LLM_CLEANUP_JSON json_t *result =
        json_pack("{s:O, s:s, s:s, s:{s:i, s:i, s:i, s:b}, s:i, s:b}", "text", text, "model",
                  model ? model : "", "finish", "stop", "usage", "input", 0, "output", 0, "cached",
                  0, "estimated", 0, "cost_micros", 0, "cached", 1);
    LLM_CLEANUP_TEXT char *json = llm_json_print(result, 0);
    troupe_status status;

    if (!json)
        return TROUPE_NOMEM;
    status = troupe_write(turn, json_string_value(text), json_string_length(text));
    if (status < 0)
        return status;
    if (!troupe_replayed(turn)) {
        troupe_metric(turn, "cache", 1, waited ? "shared" : cache->meant ? "meant" : "hit", NULL);
        troupe_metric(turn, "cache_saved_usd", (double)cost / 1e6, NULL, NULL);
    }
    troupe_reason(turn, "llm.cached", "%s of %s, which had cost %.6f USD",
                  waited ? "the answer to somebody who asked the same at the same time"
                         : "an answer that was kept",
                  model ? model : "", (double)cost / 1e6);
    return troupe_result(turn, json, strlen(json));
}

/* ---- looking ------------------------------------------------------------------------------------*/

/* TROUPE_OK: found and given. TROUPE_NOT_FOUND; any other: storage is away, or the turn has ended. */
static troupe_status look(troupe_turn *turn, struct llm_cache *cache, int waited)
{
    int64_t oldest = INT64_MAX;

    for (uint8_t i = 0; i < 2; i++) {
        char name[PLACE_MAX];
        struct entry entry;
        troupe_str value;
        troupe_status status;
        int found;

        name_place(cache, i, name);
        status = troupe_cache_get(turn, cache->scope, name, &value);
        if (status == TROUPE_NOT_FOUND) {
            if (oldest > INT64_MIN)
                cache->into = i;
            oldest = INT64_MIN;
            continue;
        }
        if (status < 0)
            return status;
        read_entry(value, &entry);
        found = strcmp(entry.key, cache->key) == 0 &&
                json_string_length(json_object_get(entry.tree, "text")) > 0;
        if (found) {
            status = give(turn, cache, &entry, waited);
            if (status >= 0)
                status = refresh(turn, cache, i, &entry);
        } else if (entry.made_ms < oldest) {
            cache->into = i;
            oldest = entry.made_ms;
        }
        json_decref(entry.tree);
        if (found)
            return status;
    }
    return TROUPE_NOT_FOUND;
}

/* Whether this turn asks, or somebody else was waited for. */
static troupe_status join(troupe_turn *turn, struct llm_cache *cache, int *ret_waited)
{
    LLM_CLEANUP_JSON json_t *tree = NULL;
    char args[LLM_DIGEST_TEXT + 16];
    troupe_str result;
    troupe_status status;

    snprintf(args, sizeof(args), "{\"key\":\"%s\"}", cache->key);
    *ret_waited = 0;
    status = troupe_call(turn, LLM_FLIGHT_FUNCTION, (troupe_str){args, strlen(args)}, &result);
    if (status < 0)
        return troupe_turn_status(turn);
    tree = llm_json_load(result.ptr, result.len);
    cache->leads = json_is_true(json_object_get(tree, "leads"));
    *ret_waited = json_is_true(json_object_get(tree, "waited"));
    return TROUPE_OK;
}

static troupe_status look_and_join(troupe_turn *turn, struct llm_cache *cache)
{
    int waited = 0;
    troupe_status status = look(turn, cache, waited);

    for (int i = 0; i < JOINS_MAX && status == TROUPE_NOT_FOUND && !cache->leads; i++) {
        status = join(turn, cache, &waited);
        if (status < 0)
            return status;
        if (!cache->leads && !waited)
            return TROUPE_NOT_FOUND;
        /* What others asked for came, or it came between the first look and now. */
        status = look(turn, cache, waited);
    }
    return status;
}

troupe_status llm_cache_open(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                             const struct llm_request *request, const struct llm_share *share,
                             struct llm_cache *ret)
{
    troupe_status status;

    memset(ret, 0, sizeof(*ret));
    status = llm_cache_key(agent, route, request, share, ret);
    if (status < 0)
        return status;
    status = look_and_join(turn, ret);
    if (status == TROUPE_NOT_FOUND) {
        ret->open = 1;
        if (!troupe_replayed(turn))
            troupe_metric(turn, "cache", 1, "miss", NULL);
        return status;
    }
    if (ret->leads) {
        llm_flight_end(&agent->flights, ret->key, troupe_turn_id(turn));
        ret->leads = 0;
    }
    if (status >= 0 || troupe_turn_status(turn) < 0)
        return status < 0 ? troupe_turn_status(turn) : status;
    /* No guild, or no storage: the model answers all the same. */
    troupe_reason(turn, "llm.no_cache", "it cannot be read: status %d", status);
    return TROUPE_NOT_FOUND;
}

/* ---- keeping ------------------------------------------------------------------------------------*/

static int is_whole(const struct llm_stream *stream)
{
    return stream->len > 0 && stream->len <= LLM_CACHE_TEXT_MAX && !stream->full &&
           stream->call_count == 0 && (!stream->finish[0] || strcmp(stream->finish, "stop") == 0);
}

static void keep(troupe_turn *turn, const struct llm_cache *cache, const struct llm_round *round)
{
    const struct llm_stream *stream = &round->stream;
    LLM_CLEANUP_JSON json_t *tree =
        json_pack("{s:s, s:I, s:s%, s:s, s:I}", "key", cache->key, "made",
                  (json_int_t)troupe_now(turn), "text", stream->text, stream->len, "model",
                  stream->model[0] ? stream->model : round->settings->model, "cost",
                  (json_int_t)round->cost_micros);
    troupe_status status;

    if (!tree) /* no UTF-8, or no memory */
        return;
    status = put(turn, cache, cache->into, tree, cache->ttl_ms);
    if (status < 0 && troupe_turn_status(turn) >= 0)
        troupe_reason(turn, "llm.not_kept", "the answer was not kept: status %d", status);
}

troupe_status llm_cache_close(troupe_turn *turn, struct llm_agent *agent, struct llm_cache *cache,
                              troupe_status status, const struct llm_round *round)
{
    /* What functions were called for, and what they found, is the member's. */
    const int called = json_array_size(round->request->messages) != cache->messages;

    if (cache->open && status >= 0 && !called && is_whole(&round->stream))
        keep(turn, cache, round);
    if (cache->leads)
        llm_flight_end(&agent->flights, cache->key, troupe_turn_id(turn));
    cache->open = cache->leads = 0;
    return troupe_turn_status(turn);
}
