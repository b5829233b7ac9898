/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that keeps a member's words wherever the host lets it: for the tests of their deletion.
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <string.h>

enum { DIM = 384, LIFE_MS = 86400000, DAYS_3_MS = 3 * 86400000 };

static troupe_status keep_values(troupe_turn *turn, troupe_str word)
{
    static const uint32_t scopes[] = {TROUPE_SCOPE_MEMBER, TROUPE_SCOPE_SESSION, TROUPE_SCOPE_HERE};
    char key[64], text[300];
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; status >= 0 && i < sizeof(scopes) / sizeof(scopes[0]); i++)
        status = troupe_kv_put(turn, scopes[i], "word", word, 0);
    snprintf(key, sizeof(key), "of/%llu", (unsigned long long)troupe_turn_message(turn)->author);
    snprintf(text, sizeof(text), "%.*s-key", (int)word.len, word.ptr);
    if (status >= 0)
        status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, key, (troupe_str){text, strlen(text)}, 0);
    return status;
}

/* Of more than one piece, with the word in each; and under a key with the member's id, for everybody. */
static troupe_status keep_blobs(troupe_turn *turn, troupe_str word)
{
    enum { SIZE = 600000, EVERY = 1000 };
    char *bytes = troupe_turn_alloc(turn, SIZE), key[64], text[300];
    const int len = snprintf(text, sizeof(text), "%.*s-blob", (int)word.len, word.ptr);
    troupe_str data = {bytes, SIZE};
    troupe_status status = TROUPE_NOMEM;

    for (size_t i = 0; bytes && i < SIZE; i += EVERY)
        memcpy(bytes + i, text, (size_t)len);
    if (bytes)
        status = troupe_blobs_put(turn, TROUPE_SCOPE_MEMBER, "word", "text/plain", data, 0);
    if (status >= 0)
        status = troupe_blobs_put(turn, TROUPE_SCOPE_HERE, "word", "text/plain", data, LIFE_MS);
    snprintf(key, sizeof(key), "of/%llu", (unsigned long long)troupe_turn_message(turn)->author);
    snprintf(text, sizeof(text), "%.*s-blobkey", (int)word.len, word.ptr);
    data = (troupe_str){text, strlen(text)};
    if (status >= 0)
        status = troupe_blobs_put(turn, TROUPE_SCOPE_AGENT, key, "text/plain", data, 0);
    return status;
}

/* Also where everybody looks: who put it there is known to the host alone. */
static troupe_status keep_cached(troupe_turn *turn, troupe_str word)
{
    static const uint32_t scopes[] = {TROUPE_SCOPE_MEMBER, TROUPE_SCOPE_GUILD, TROUPE_SCOPE_AGENT};
    troupe_status status = TROUPE_OK;
    char who[24];

    for (size_t i = 0; status >= 0 && i < sizeof(scopes) / sizeof(scopes[0]); i++)
        status = troupe_cache_put(turn, scopes[i], "word", word, LIFE_MS);
    snprintf(who, sizeof(who), "%llu", (unsigned long long)troupe_turn_message(turn)->author);
    if (status >= 0)
        status = troupe_cache_put(turn, TROUPE_SCOPE_AGENT, "who", (troupe_str){who, strlen(who)},
                                  LIFE_MS);
    return status;
}

static troupe_status keep_indexed(troupe_turn *turn, troupe_str word)
{
    float values[DIM];
    troupe_status status = troupe_texts_put(turn, TROUPE_SCOPE_HERE, "word", word);

    if (status >= 0)
        status = troupe_vectors_of_text(turn, word, values, DIM);
    if (status >= 0)
        status = troupe_vectors_put(turn, TROUPE_SCOPE_HERE, "word", values, DIM);
    return status;
}

static troupe_status keep_planned(troupe_turn *turn, troupe_str word)
{
    const troupe_job job = {.size = sizeof(job),
                            .at_ms = troupe_now(turn) + DAYS_3_MS,
                            .payload = word,
                            .key = {"word", 4},
                            .missed = TROUPE_MISSED_RUN};

    return troupe_schedule_add(turn, &job, NULL);
}

/* A reservation whose name has the word in it, against the contract: one that is closed, one that is open while the
 * question is. */
static troupe_status keep_booked(troupe_turn *turn, troupe_str word)
{
    const troupe_budget_v1 *budget = troupe_budget(turn);
    troupe_status status = TROUPE_OK;
    uint64_t id = 0;
    char what[300];

    snprintf(what, sizeof(what), "%.*s-what", (int)word.len, word.ptr);
    for (int i = 0; status >= 0 && i < 2; i++) {
        status = budget->reserve(turn, 0, what, &id);
        if (status >= 0 && i == 0)
            status = budget->release(turn, id);
    }
    return status;
}

TROUPE_FUNCTION(hoard, "Keeps a word wherever it can, and asks for another", TROUPE_SLASH,
                TROUPE_STRING(word, "Which one", .min = 1, .max = 200))
static troupe_status hoard(troupe_turn *turn, troupe_str word)
{
    char text[300], shown[300];
    troupe_str said = {"", 0};
    troupe_status status = keep_values(turn, word);

    if (status >= 0)
        status = keep_cached(turn, word);
    if (status >= 0)
        status = keep_indexed(turn, word);
    if (status >= 0)
        status = keep_blobs(turn, word);
    if (status >= 0)
        status = keep_planned(turn, word);
    if (status >= 0)
        status = keep_booked(turn, word);
    if (status < 0)
        return status;
    troupe_reason(turn, "hoard.word", "%.*s-trace", (int)word.len, word.ptr);
    snprintf(shown, sizeof(shown), "%.*s-field", (int)word.len, word.ptr);
    snprintf(text, sizeof(text), "Another one than %.*s?", (int)word.len, word.ptr);
    status = troupe_ask_text(turn, text, "Another",
                             TROUPE_FIELDS(TROUPE_FIELD("Word", .value = shown)), &said);
    return status < 0 ? status : troupe_reply(turn, "kept, and %.*s", (int)said.len, said.ptr);
}

/* For a while, and what it can once more when it is told to end. */
TROUPE_FUNCTION(brood, "Keeps a word again and again", TROUPE_SLASH,
                TROUPE_STRING(word, "Which one", .min = 1, .max = 200))
static troupe_status brood(troupe_turn *turn, troupe_str word)
{
    troupe_status status = keep_values(turn, word);

    for (int i = 0; status >= 0 && i < 100; i++) {
        status = keep_cached(turn, word);
        if (status >= 0)
            status = keep_values(turn, word);
        if (status >= 0)
            status = troupe_sleep(turn, 200);
    }
    (void)keep_cached(turn, word);
    (void)keep_values(turn, word);
    return status < 0 ? status : troupe_reply(turn, "brooded");
}

/* What everybody finds: nobody's name is on it. */
TROUPE_FUNCTION(rummage, "Says what is cached", TROUPE_SLASH)
static troupe_status rummage(troupe_turn *turn)
{
    troupe_str guild = {"nothing", 7}, agent = {"nothing", 7}, who = {"nobody", 6};

    (void)troupe_cache_get(turn, TROUPE_SCOPE_GUILD, "word", &guild);
    (void)troupe_cache_get(turn, TROUPE_SCOPE_AGENT, "word", &agent);
    (void)troupe_cache_get(turn, TROUPE_SCOPE_AGENT, "who", &who);
    troupe_reason(turn, "hoard.told", "%.*s-told of %.*s", (int)agent.len, agent.ptr, (int)who.len,
                  who.ptr);
    return troupe_reply(turn, "cached: %.*s and %.*s", (int)guild.len, guild.ptr, (int)agent.len,
                        agent.ptr);
}

static troupe_status due(troupe_turn *turn, troupe_str payload)
{
    return troupe_reply(turn, "%.*s", (int)payload.len, payload.ptr);
}

TROUPE_PLUGIN("org.example.hoard", "1.0.0", "Keeps words",
              .needs = TROUPE_KV " " TROUPE_BLOBS " " TROUPE_CACHE " " TROUPE_TEXTS
                                 " " TROUPE_VECTORS " " TROUPE_SCHEDULE " " TROUPE_BUDGET_EXTENSION,
              .capabilities = "kv blobs cache texts vectors schedule budget",
              .functions = TROUPE_LIST(hoard, brood, rummage), .job = due,
              .user_data = TROUPE_USER_DATA(TROUPE_USER_KEY("of/{member}", "A word of yours")));
