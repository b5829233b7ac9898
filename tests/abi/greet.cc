// SPDX-License-Identifier: Apache-2.0
//
// A plugin in C++17 with everything that the declaring macros can say, as an author would write it.
#include <troupe/troupe.h>

TROUPE_FUNCTION(greet, "Greets somebody", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_STRING(name, "Whom", .max = 20, .min = 1),
                TROUPE_OPT_INT(times, "How often", .def = 1, .min = 1, .max = 3))
static troupe_status greet(troupe_turn *turn, troupe_str name, int64_t times)
{
    const troupe_str word = troupe_config_str(troupe_turn_host(turn), "word");

    return troupe_reply(turn, "%.*s %.*s x%lld", static_cast<int>(word.len), word.ptr,
                        static_cast<int>(name.len), name.ptr, static_cast<long long>(times));
}

// Without parameters.
TROUPE_LIMITED(ask, "Asks everything that can be asked", 30, 0, 60, TROUPE_SLASH)
static troupe_status ask(troupe_turn *turn)
{
    troupe_str said[2];
    int32_t places[2];
    int32_t choice = -1;
    uint32_t count = 0;
    troupe_status status = troupe_ask(turn, "Really?", TROUPE_BUTTONS("Yes", "No"), &choice);

    if (status >= 0)
        status = troupe_ask_text(
            turn, "What?", "Form",
            TROUPE_FIELDS(TROUPE_FIELD("To"), TROUPE_FIELD("Text", .max = 80, .min = 1)), said);
    if (status >= 0)
        status =
            troupe_ask_select(turn, "How?",
                              TROUPE_OPTIONS(TROUPE_OPTION("Mail", .flags = TROUPE_OPTION_CHOSEN),
                                             TROUPE_OPTION("Pigeon", .doc = "slow, but charming")),
                              1, 2, places, &count);
    return status < 0 ? status : troupe_reply(turn, "button %d", static_cast<int>(choice));
}

TROUPE_MENU(keep, "Keep this", "Keeps a message", TROUPE_MENU_MESSAGE,
            TROUPE_STRING(text, "What it says"), TROUPE_OPT_MEMBER(author, "Who wrote it"))
static troupe_status keep(troupe_turn *turn, troupe_str text, uint64_t author)
{
    return troupe_reply(turn, "%llu: %.*s", static_cast<unsigned long long>(author),
                        static_cast<int>(text.len), text.ptr);
}

TROUPE_FUNCTION(weigh, "Weighs a file", TROUPE_SLASH,
                TROUPE_OPT_ATTACHMENT(file, "Which one", .choices = "text", .max = 1000))
static troupe_status weigh(troupe_turn *turn, uint64_t file)
{
    troupe_str text = {nullptr, 0};
    troupe_span span = troupe_span_begin(turn, "weigh");
    troupe_status status = troupe_attachment_read(turn, file, &text);

    troupe_span_int(turn, span, "bytes", static_cast<int64_t>(text.len));
    troupe_span_bool(turn, span, "read", status >= 0);
    troupe_span_text(turn, span, "unit", "bytes");
    troupe_span_end(turn, span, status);
    if (status == TROUPE_OK &&
        troupe_cache_get(turn, TROUPE_SCOPE_GUILD, "last", &text) == TROUPE_NOT_FOUND &&
        troupe_cache_put(turn, TROUPE_SCOPE_GUILD, "last", text, 1000) < 0)
        (void)troupe_cache_remove(turn, TROUPE_SCOPE_GUILD, "last");
    if (status == TROUPE_OK) {
        float values[64];
        troupe_array hits = {nullptr, 0, 0};

        if (troupe_vectors_of_text(turn, text, values, 64) == TROUPE_OK &&
            troupe_vectors_put(turn, TROUPE_SCOPE_GUILD, "last", values, 64) == TROUPE_OK)
            (void)troupe_vectors_search(turn, TROUPE_SCOPE_GUILD, values, 64, 1, &hits);
        for (uint32_t i = 0; i < hits.count; i++)
            if (TROUPE_AT(hits, troupe_vector_hit, i)->score < 0)
                (void)troupe_vectors_remove(turn, TROUPE_SCOPE_GUILD, "last");
        troupe_new_file made = {};
        made.size = sizeof(made);
        made.name = {"copy.txt", 8};
        made.type = {"text/plain", 10};
        made.data = text;
        (void)troupe_attach(turn, &made);
        troupe_blob kept = {};
        kept.size = sizeof(kept);
        uint64_t got = 0;
        char some[16];
        if (troupe_blobs_put(turn, TROUPE_SCOPE_GUILD, "last", "text/plain", text, 0) == TROUPE_OK &&
            troupe_blobs_info(turn, TROUPE_SCOPE_GUILD, "last", &kept) == TROUPE_OK &&
            troupe_blobs_get(turn, TROUPE_SCOPE_GUILD, "last", &text) == TROUPE_OK &&
            troupe_blobs_read(turn, TROUPE_SCOPE_GUILD, "last", 0, some, sizeof(some), &got) ==
                TROUPE_OK &&
            troupe_blobs_list(turn, TROUPE_SCOPE_GUILD, "", "", 1, &hits) == TROUPE_OK)
            (void)troupe_blobs_remove(turn, TROUPE_SCOPE_GUILD, "last");
        troupe_text_query query = {};
        query.size = sizeof(query);
        query.scope = TROUPE_SCOPE_GUILD;
        query.text = text;
        query.most = 1;
        if (troupe_texts_put(turn, TROUPE_SCOPE_GUILD, "last", text) == TROUPE_OK &&
            troupe_texts_search(turn, &query, &hits) == TROUPE_OK)
            (void)troupe_texts_remove(turn, TROUPE_SCOPE_GUILD, "last");
    }
    return status < 0 ? status
                      : troupe_reply(turn, "%llu", static_cast<unsigned long long>(text.len));
}

// A service, which counts in a table of the plugin's own.
TROUPE_SERVICE(count, "greet.count", "Counts its calls", 0)
static troupe_status count(troupe_turn *turn)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_statement add = troupe_statement();
    troupe_rows *rows = nullptr;
    troupe_status status = TROUPE_UNSUPPORTED;

    add.sql = "INSERT INTO {greeted} (said) VALUES (1)";
    add.expect = 1;
    if (sql && (status = sql->commit(turn, &add, 1)) >= 0)
        status = sql->query(turn, "SELECT count(*) FROM {greeted}", nullptr, 0, &rows);
    return status < 0 ? status
                      : troupe_reply(turn, "call %lld",
                                     static_cast<long long>(sql->cell(rows, 0, 0)->u.i));
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = nullptr;
    troupe_log(host, TROUPE_LOG_INFO, "agent %s", troupe_agent(host));
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);

    if (!message || !TROUPE_HAS(message, quotes))
        return TROUPE_NEXT;
    troupe_reply(turn, "the message says %.*s", static_cast<int>(message->content.len),
                 message->content.ptr);
    return TROUPE_DONE;
}

TROUPE_PLUGIN(
    "org.example.greet", "1.0.0", "Greets", .stage = stage, .create = create, .state_flags = 0,
    .functions = TROUPE_LIST(greet, ask, keep, count, weigh),
    .capabilities = "sql files vectors cache texts attach blobs",
    .migrations = TROUPE_MIGRATIONS({1, 0, "greeted",
                                     "CREATE TABLE {greeted} (said INTEGER NOT NULL, who TEXT)",
                                     "DROP TABLE {greeted}"}),
    .metrics = TROUPE_METRICS(TROUPE_COUNTER("greeted", "Greetings", .labels = "whom"),
                              TROUPE_GAUGE("open", "Open ones"),
                              TROUPE_HISTOGRAM("wait_seconds", "Waiting", "1|10|60",
                                               .labels = "whom")),
    .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("greeted", "That you greeted", .member = "who",
                                                    .flags = TROUPE_USER_ANONYMISE)),
    .config = TROUPE_KEYS(TROUPE_KEY("word", "How", .def = "hello", .type = TROUPE_TYPE_STRING),
                          TROUPE_KEY("every", "How long", .type = TROUPE_TYPE_DURATION, .def = "5m",
                                     .min = 1000, .max = 3600000)));
