/* SPDX-License-Identifier: Apache-2.0
 *
 * memory - remembers what members tell: when they ask for it, and what their talks say about them when a
 * session ends; answers from it, with a model or without; learns documents. Other agents ask `memory.search`.
 */
#include "follow.h"
#include "gather.h"
#include "ingest.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TROUPE_EMBED(memory_sql_001, "sql/001_memory.sql");
TROUPE_EMBED(memory_sql_002, "sql/002_embedder.sql");
TROUPE_EMBED(memory_sql_003, "sql/003_sealed.sql");
TROUPE_EMBED(memory_sql_004, "sql/004_reflection.sql");
TROUPE_EMBED(memory_back_001, "sql/back/001_memory.sql");
TROUPE_EMBED(memory_back_002, "sql/back/002_embedder.sql");
TROUPE_EMBED(memory_back_003, "sql/back/003_sealed.sql");
TROUPE_EMBED(memory_back_004, "sql/back/004_reflection.sql");

enum memory_answers { ANSWERS_AUTO, ANSWERS_ALWAYS, ANSWERS_NEVER };

struct memory {
    struct memory_embedder embedder; /* first: embedder.c takes it from there */
    struct memory_limits limits;
    enum memory_answers answers;
    int64_t session_ms;
    double sure; /* share of a question that an answer without a model has */
    uint8_t gathers, by_model;
};

static troupe_status no_storage(troupe_turn *turn, troupe_status status)
{
    troupe_str code, sentence;

    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    troupe_error(turn, &code, &sentence);
    troupe_reason(turn, "memory.storage", "status %d, code \"%.*s\"", status, (int)code.len,
                  code.ptr);
    if (status == TROUPE_LIMIT)
        return troupe_fail(turn, status, "memory.full",
                           "My memory for you is full here. /memory action=forget makes room.");
    return troupe_fail(turn, status, "memory.storage",
                       "I can't get at my memory at the moment. Please try again in a minute.");
}

/* ---- services --------------------------------------------------------------------------------- */

TROUPE_SERVICE(
    search, TROUPE_SERVICE_MEMORY_SEARCH,
    "Looks up what the member told earlier and what documents say", TROUPE_TOOL | TROUPE_IDEMPOTENT,
    TROUPE_STRING(query, "What to look for, in words of the question", .min = 1, .max = 4000),
    TROUPE_INT(limit, "At most so many", .min = 1, .max = 20, .def = 5),
    TROUPE_INT(tokens, "About so many tokens together", .min = 16, .max = 8000, .def = 500))

static troupe_status search(troupe_turn *turn, troupe_str query, int64_t limit, int64_t tokens)
{
    struct memory_found *found;
    uint32_t count;
    char *json, *text;
    troupe_str whole;
    troupe_status status = follow_rewrite(turn, query, &whole);

    if (status >= 0)
        status = recall_find(turn, whole, (uint32_t)limit, tokens, &found, &count);
    if (status < 0)
        return no_storage(turn, status);
    text = show_found(turn, found, count);
    json = show_found_json(found, count);
    status = text && json ? troupe_result(turn, json, strlen(json)) : TROUPE_NOMEM;
    free(json);
    if (status < 0)
        return status;
    return count ? troupe_reply_text(turn, text, strlen(text))
                 : troupe_reply(turn, "Nothing about that is remembered.");
}

/* ---- /memory ---------------------------------------------------------------------------------- */

static int is(troupe_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static troupe_status forget(troupe_turn *turn, troupe_str what)
{
    uint64_t count;
    troupe_status status;

    if (!what.len)
        return troupe_reply(turn, "What shall I forget? Give text=: the letters before a memory, "
                                  "some of its words, or all.");
    if (!is(what, "all"))
        return show_forget(turn, what);
    status = fact_forget_all(turn, &count);
    if (status >= 0)
        status = reflect_forget(turn);
    if (status < 0)
        return status;
    return troupe_reply(turn, "Forgotten: all %llu memories of you here.",
                        (unsigned long long)count);
}

static troupe_status look(troupe_turn *turn, troupe_str query)
{
    struct memory_found *found;
    uint32_t count;
    const char *text;
    troupe_status status;

    if (!query.len)
        return troupe_reply(turn, "What shall I look for? Give text=.");
    status = recall_find(turn, query, 10, 2000, &found, &count);
    if (status < 0)
        return status;
    text = show_found(turn, found, count);
    if (!text)
        return TROUPE_NOMEM;
    return text[0] ? troupe_reply_text(turn, text, strlen(text))
                   : troupe_reply(turn, "I remember nothing about that here.");
}

TROUPE_FUNCTION(memory, "Shows, searches, forgets or exports what I remember of you here",
                TROUPE_SLASH | TROUPE_PRIVATE,
                TROUPE_STRING(action, "What to do", .choices = "show|search|forget|export|talks",
                              .def_text = "show"),
                TROUPE_OPT_STRING(text, "What to look for, or to forget", .max = 500))

static troupe_status memory(troupe_turn *turn, troupe_str action, troupe_str text)
{
    struct memory_row *rows;
    uint64_t count;
    troupe_status status;

    if (!troupe_turn_message(turn))
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "memory.no_member",
                           "Memories belong to a member; call this from a chat.");
    if (is(action, "search")) {
        status = look(turn, text);
    } else if (is(action, "forget")) {
        status = forget(turn, text);
    } else if (is(action, "export")) {
        status = show_export(turn);
    } else if (is(action, "talks")) {
        status = reflect_show(turn);
    } else {
        status = fact_list(turn, NULL, &rows, &count);
        if (status >= 0)
            status = show_rows(turn, rows, count);
    }
    return status < 0 ? no_storage(turn, status) : status;
}

/* ---- documents -------------------------------------------------------------------------------- */

static troupe_status learn_text(troupe_turn *turn, troupe_str source, troupe_str document)
{
    const troupe_message *message = troupe_turn_message(turn);
    uint32_t scope = message && message->guild ? TROUPE_SCOPE_GUILD : TROUPE_SCOPE_AGENT, pieces;
    uint64_t before;
    troupe_status status;

    /* What everybody may read is the operator's, at the shell. */
    if (message && !message->guild)
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "memory.no_guild",
                           "Documents belong to a server; use this there.");
    status = ingest_put(turn, scope, source, document, &pieces, &before);
    if (status == TROUPE_LIMIT)
        return troupe_fail(turn, status, "memory.too_long",
                           "That document is too long: give it in parts of at most %d kB, each "
                           "with a source of its own.",
                           PIECES_MAX * PIECE_WANTED / 2 / 1000);
    if (status < 0)
        return no_storage(turn, status);
    if (!pieces)
        return troupe_reply(turn, before ? "Forgotten: %.*s." : "There is nothing in %.*s.",
                            (int)source.len, source.ptr);
    return troupe_reply(turn, "Learned %.*s in %u piece%s%s.", (int)source.len, source.ptr, pieces,
                        pieces == 1 ? "" : "s", before ? ", in place of what it said before" : "");
}

TROUPE_FUNCTION(learn, "Learns a document, or forgets it where it is empty",
                TROUPE_SLASH | TROUPE_ADMIN | TROUPE_PRIVATE,
                TROUPE_STRING(source, "What it is called", .min = 1, .max = 100),
                TROUPE_OPT_STRING(text, "What it says, text or Markdown", .max = 200000),
                TROUPE_OPT_ATTACHMENT(file, "A file with it", .choices = "text", .max = 400000))

static troupe_status learn(troupe_turn *turn, troupe_str source, troupe_str text, uint64_t file)
{
    troupe_status status;

    if (file) {
        status = troupe_attachment_read(turn, file, &text);
        if (status < 0)
            return no_storage(turn, status);
    }
    return learn_text(turn, source, text);
}

/* ---- plain words ------------------------------------------------------------------------------ */

static troupe_status say_kept(troupe_turn *turn, enum memory_outcome outcome, const char *content,
                              const char *replaced)
{
    switch (outcome) {
    case MEMORY_KNOWN: return troupe_reply(turn, "I knew that already, and keep it: %s", content);
    case MEMORY_REPLACED:
        return troupe_reply(turn, "I'll remember that: %s\n-# instead of: %s", content, replaced);
    case MEMORY_ASIDE:
        return troupe_reply(turn,
                            "I put that aside, since somebody else wrote it: %s\n-# say it in your "
                            "own words, \"remember that …\", and I'll use it",
                            content);
    default: return troupe_reply(turn, "I'll remember that: %s", content);
    }
}

/* "remember …": `what` is empty where it means the message that this one answers. */
static troupe_status keep(troupe_turn *turn, troupe_str what)
{
    const struct memory *memory = (const struct memory *)troupe_state(turn);
    const troupe_message *message = troupe_turn_message(turn);
    struct memory_fact fact = {.content = what,
                               .extractor = MEMORY_ASKED,
                               .confidence = 1,
                               .importance = 0.8,
                               .message = (int64_t)message->id,
                               .trusted = 1};
    char content[FACT_MAX + 1], replaced[FACT_MAX + 1];
    enum memory_outcome outcome;
    troupe_status status;

    fact.said_at = message->time_ms > 0 ? message->time_ms : troupe_now(turn);
    if (!what.len && TROUPE_HAS(message, quote_author) && message->quote.len) {
        fact.content = message->quote;
        fact.extractor = MEMORY_QUOTE;
        fact.confidence = 0.3;
        fact.importance = 0.4;
        fact.trusted = 0;
    }
    if (!fact.content.len)
        return troupe_reply(turn,
                            "What shall I remember? Say it like this: remember that my cat is "
                            "called Tom.");
    if (fact.content.len > FACT_MAX - 10 && fact.trusted)
        return troupe_reply(turn, "That is too long to remember at once: at most %d letters.",
                            FACT_MAX - 10);
    words_clean(fact.content, content);
    status = fact_add(turn, &memory->limits, &fact, &outcome, replaced);
    if (status == TROUPE_NOT_FOUND)
        return troupe_reply(turn, "There is no word in that which I could remember.");
    return status < 0 ? no_storage(turn, status) : say_kept(turn, outcome, content, replaced);
}

/* Whether a model could answer instead. An empty question costs nothing: it is refused before anybody is asked,
 * and how tells which. */
static int has_model(troupe_turn *turn)
{
    static const char ask[] = "{\"messages\": []}";
    troupe_str code, answer;
    troupe_status status =
        troupe_call(turn, TROUPE_SERVICE_LLM_CHAT, ((troupe_str){ask, sizeof(ask) - 1}), &answer);

    if (status >= 0)
        return 1;
    troupe_error(turn, &code, NULL);
    return is(code, "llm.bad_arguments");
}

static troupe_status say_found(troupe_turn *turn, const struct memory_found *found)
{
    char date[16];

    if (found->source.len)
        return troupe_reply(turn, "%.*s\n-# from %.*s%s%.*s", (int)found->text.len, found->text.ptr,
                            (int)found->source.len, found->source.ptr,
                            found->heading.len ? ", " : "", (int)found->heading.len,
                            found->heading.ptr);
    fact_date(found->said_at, date);
    return troupe_reply(turn, "You told me on %s: %.*s", date, (int)found->text.len,
                        found->text.ptr);
}

/* TROUPE_NEXT where memory alone has no sure answer, or a model can say it better. */
static troupe_status answer(troupe_turn *turn, troupe_str question)
{
    const struct memory *memory = (const struct memory *)troupe_state(turn);
    struct memory_found *found;
    troupe_str whole;
    uint32_t count;
    troupe_status status;

    if (memory->answers == ANSWERS_NEVER)
        return TROUPE_NEXT;
    status = follow_rewrite(turn, question, &whole);
    if (status >= 0)
        status = recall_find(turn, whole, 3, 2000, &found, &count);
    if (status < 0) { /* the others may answer without a memory */
        troupe_reason(turn, "memory.storage", "looking failed with status %d", status);
        return troupe_turn_status(turn) < 0 ? troupe_turn_status(turn) : TROUPE_NEXT;
    }
    if (count == 0 || found[0].share < memory->sure)
        return TROUPE_NEXT;
    if (memory->answers == ANSWERS_AUTO && has_model(turn))
        return troupe_turn_status(turn) < 0 ? troupe_turn_status(turn) : TROUPE_NEXT;
    troupe_reason(turn, "memory.answered", "from \"%.*s\", %.2f of the question",
                  (int)found[0].key.len, found[0].key.ptr, found[0].share);
    status = say_found(turn, &found[0]);
    return status < 0 ? status : TROUPE_DONE;
}

/* The words are kept for the end of the session, which is as long after the last of them. */
static troupe_status listen(troupe_turn *turn, troupe_str words)
{
    const struct memory *memory = (const struct memory *)troupe_state(turn);
    troupe_job job = {.size = sizeof(job),
                      .payload = {"session", 7},
                      .key = {"session", 7},
                      .missed = TROUPE_MISSED_RUN};
    troupe_status status;

    if (!memory->gathers || words.len < 8)
        return TROUPE_NEXT;
    job.at_ms = troupe_now(turn) + memory->session_ms;
    status = gather_keep(turn, &memory->limits, words);
    if (status >= 0)
        status = troupe_schedule_add(turn, &job, NULL);
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0)
        troupe_reason(turn, "memory.not_kept", "status %d", status);
    return TROUPE_NEXT;
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_str own = {NULL, 0}, what;
    troupe_status status;
    char *words;

    if (!message || !(message->flags & TROUPE_MESSAGE_ADDRESSED) ||
        (message->flags & (TROUPE_MESSAGE_BOT | TROUPE_MESSAGE_CONTINUE)))
        return TROUPE_NEXT;
    words = (char *)troupe_turn_alloc(turn, OWN_MAX);
    if (!words)
        return TROUPE_NOMEM;
    own.ptr = words;
    own.len = words_own(message->content, words);
    if (words_to_keep(own, &what)) {
        status = keep(turn, what);
        return status < 0 ? status : TROUPE_DONE;
    }
    if (words_is_question(own)) {
        status = answer(turn, own);
        if (status != TROUPE_NEXT)
            return status;
    }
    return listen(turn, own);
}

/* ---- the end of a session --------------------------------------------------------------------- */

static troupe_status make_vectors(troupe_turn *turn)
{
    uint32_t count;
    int left;
    troupe_status status = embedder_again(turn, &count, &left);

    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0)
        troupe_reason(turn, "memory.vectors", "status %d; again later", status);
    else
        troupe_reason(turn, "memory.vectors", "%u made again%s", count,
                      left ? "; more to come" : "");
    if (status < 0 || left)
        (void)embedder_plan(turn, status < 0 ? MEMORY_AGAIN_MS : 0);
    return TROUPE_DONE;
}

static troupe_status due(troupe_turn *turn, troupe_str payload)
{
    const struct memory *memory = (const struct memory *)troupe_state(turn);
    struct reflection reflection;
    troupe_status status;

    if (is(payload, EMBEDDER_JOB))
        return make_vectors(turn);
    status = gather_session(turn, &memory->limits, memory->by_model, &reflection);
    if (status >= 0)
        status = fact_sweep(turn, &memory->limits);
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    /* Nobody asked, so nobody is told. The words are there for the next session. */
    if (status < 0)
        troupe_reason(turn, "memory.storage", "gathering failed with status %d", status);
    else
        troupe_reason(turn, "memory.gathered", "%u new",
                      reflection.outcomes[MEMORY_NEW] + reflection.outcomes[MEMORY_REPLACED]);
    return TROUPE_DONE;
}

/* ---- the plugin ------------------------------------------------------------------------------- */

static int read_embedder(troupe_host *host, struct memory_embedder *ret)
{
    const troupe_str model = troupe_config_str(host, "embed_model");

    ret->model[0] = '\0';
    if (!is(troupe_config_str(host, "embedder"), "llm"))
        return 1;
    if (!model.len || model.len > MEMORY_MODEL_MAX) {
        troupe_log(
            host, TROUPE_LOG_ERROR,
            "key \"embed_model\": with \"embedder = llm\" it names the model of llm.embed, one of "
            "those in \"embed_model\" of [agent llm]");
        return 0;
    }
    snprintf(ret->model, sizeof(ret->model), "%.*s", (int)model.len, model.ptr);
    return 1;
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct memory *memory = (struct memory *)troupe_alloc(host, sizeof(*memory));
    troupe_str gather = troupe_config_str(host, "gather");
    troupe_str answers = troupe_config_str(host, "answer");

    if (!memory)
        return TROUPE_NOMEM;
    if (!read_embedder(host, &memory->embedder)) {
        troupe_free(host, memory);
        return TROUPE_CONFIG;
    }
    memory->limits.alike = troupe_config_float(host, "alike", 0.8);
    memory->limits.short_ms = troupe_config_int(host, "short_term", 2592000000);
    memory->limits.immediate_ms = troupe_config_int(host, "immediate", 21600000);
    memory->limits.half_life_ms = troupe_config_int(host, "half_life", 1209600000);
    memory->limits.most = troupe_config_int(host, "most", 1000);
    memory->limits.fill = troupe_config_float(host, "fill", 0.8);
    memory->session_ms = troupe_config_int(host, "session_timeout", 1800000);
    memory->sure = troupe_config_float(host, "sure", 0.6);
    memory->gathers = !is(gather, "off");
    memory->by_model = (uint8_t)is(gather, "auto");
    memory->answers = is(answers, "always")  ? ANSWERS_ALWAYS
                      : is(answers, "never") ? ANSWERS_NEVER
                                             : ANSWERS_AUTO;
    *ret_state = memory;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN(
    "org.troupe.memory", "1.0.0", "Remembers what members tell, and answers from it",
    .needs = TROUPE_SQL " " TROUPE_TEXTS " " TROUPE_VECTORS " " TROUPE_SCHEDULE,
    .capabilities = "sql texts vectors schedule files try:llm.chat try:llm.embed",
    .functions = TROUPE_LIST(search, memory, learn),
    .migrations = TROUPE_MIGRATIONS({1, 0, "memory", memory_sql_001, memory_back_001},
                                    {2, 0, "embedder", memory_sql_002, memory_back_002},
                                    {3, 0, "sealed", memory_sql_003, memory_back_003},
                                    {4, 0, "reflection", memory_sql_004, memory_back_004}),
    .user_data = TROUPE_USER_DATA(
        TROUPE_USER_TABLE("memory", "What I remember of what you told me"),
        TROUPE_USER_TABLE("reflection_log", "How many things I learned from each talk",
                          .age = "created_at", .keep_days = 90),
        TROUPE_USER_TABLE("knowledge", "Documents that you added", .member = "added_by")),
    .config = TROUPE_KEYS(
        {"answer", "Whether memory answers by itself", .type = TROUPE_TYPE_STRING, .def = "auto",
         .choices = "auto|always|never"},
        {"sure", "Share of a question that such an answer has", .type = TROUPE_TYPE_FLOAT,
         .def = "0.6", .min = 0.1, .max = 1},
        {"gather", "Who finds facts when a session ends", .type = TROUPE_TYPE_STRING, .def = "auto",
         .choices = "auto|rules|off"},
        {"session_timeout", "Silence that ends a session", .type = TROUPE_TYPE_DURATION,
         .def = "30m", .min = 1000, .max = 86400000},
        {"immediate", "How long the words of a session are kept at most",
         .type = TROUPE_TYPE_DURATION, .def = "6h", .min = 3600000, .max = 86400000},
        {"short_term", "How long what was gathered is kept", .type = TROUPE_TYPE_DURATION,
         .def = "30d", .min = 86400000, .max = 2592000000},
        {"half_life", "In which what was gathered loses half of its weight",
         .type = TROUPE_TYPE_DURATION, .def = "14d", .min = 3600000, .max = 31536000000.0},
        {"alike", "Likeness from which two memories may be one", .type = TROUPE_TYPE_FLOAT,
         .def = "0.8", .min = 0.5, .max = 1},
        {"embedder", "Who makes vectors of what is remembered: the host, or a model",
         .type = TROUPE_TYPE_STRING, .def = "local", .choices = "local|llm"},
        {"embed_model", "That model, one of those in embed_model of the agent llm",
         .type = TROUPE_TYPE_STRING},
        {"most", "Memories of a member in one place", .type = TROUPE_TYPE_INT, .def = "1000",
         .min = 10, .max = 2000},
        {"fill", "Share of most from which what weighs least goes", .type = TROUPE_TYPE_FLOAT,
         .def = "0.8", .min = 0.1, .max = 1}),
    .create = create, .destroy = destroy, .stage = stage, .job = due);
