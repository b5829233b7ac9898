/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin whose stage does a bit of everything once, and tells in its answer what it saw: a test
 * that ends the process anywhere can compare the answer with what happened.
 */
#include <troupe/troupe.h>

#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

static troupe_status put(troupe_turn *turn, const char *key, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    return troupe_kv_put(turn, TROUPE_SCOPE_AGENT, key, str_of(text), 0);
}

static troupe_status insert(troupe_turn *turn, const char *what, int64_t value)
{
    const troupe_value values[] = {troupe_sql_str(str_of(what)), troupe_sql_int(value)};
    const troupe_statement statement = {"INSERT INTO {fact} (what, value) VALUES (?1, ?2)",
                                        TROUPE_ARRAY(values), 1};

    return troupe_sql(turn)->commit(turn, &statement, 1);
}

/* METHOD and path below `url`; the body, cut to `size`, in `ret`. */
static troupe_status fetch(troupe_turn *turn, const char *method, const char *path,
                           uint64_t reservation, char *ret, size_t size, int stream)
{
    const troupe_http_v1 *http = troupe_http_api(turn);
    troupe_str base = troupe_config_str(troupe_turn_host(turn), "url"), part;
    troupe_http_request request = {.size = sizeof(request), .method = method};
    troupe_http *answer;
    char url[200];
    size_t len = 0;
    troupe_status status;

    snprintf(url, sizeof(url), "%.*s%s", (int)base.len, base.ptr, path);
    request.url = str_of(url);
    request.reservation = reservation;
    status = http->open(turn, &request, &answer);
    if (status < 0)
        return status;
    while ((status = http->read(turn, answer, &part)) == TROUPE_OK) {
        if (stream && troupe_write(turn, part.ptr, part.len) < 0)
            break;
        for (uint64_t i = 0; i < part.len && len < size - 1; i++)
            ret[len++] = part.ptr[i];
    }
    ret[len] = '\0';
    http->close(turn, answer);
    return status == TROUPE_END ? TROUPE_OK : status;
}

/* ---- functions ------------------------------------------------------------------------------ */

TROUPE_FUNCTION(tool, "A tool", TROUPE_TOOL, TROUPE_INT(n, "Which"))
static troupe_status tool(troupe_turn *turn, int64_t n)
{
    int64_t seen = troupe_random(turn, 1000000);
    troupe_status status = insert(turn, n == 1 ? "tool1" : "tool2", seen);

    return status < 0 ? status : troupe_reply(turn, "%lld", (long long)seen);
}

/* Two paid rounds, each followed by a tool, as a model would have it. */
TROUPE_FUNCTION(talk, "Two rounds and two tools", TROUPE_STREAMS | TROUPE_PAID)
static troupe_status talk(troupe_turn *turn)
{
    for (int i = 1; i <= 2; i++) {
        char body[64], args[24], text[64];
        uint64_t reservation;
        troupe_str ret;
        const troupe_budget_v1 *budget = troupe_budget(turn);
        troupe_status status = i == 1 ? budget->reserve_at_open(turn, 10, "a round", &reservation)
                                      : budget->reserve(turn, 10, "a round", &reservation);

        if (status < 0)
            return status;
        status =
            fetch(turn, "POST", i == 1 ? "/paid1" : "/paid2", reservation, body, sizeof(body), 1);
        if (status < 0)
            return status;
        status = troupe_budget(turn)->settle(turn, reservation, 7);
        if (status < 0)
            return status;
        snprintf(args, sizeof(args), "{\"n\":%d}", i);
        status = troupe_call(turn, "tool", str_of(args), &ret);
        if (status < 0)
            return status;
        snprintf(text, sizeof(text), " tool%d=%.*s", i, (int)ret.len, ret.ptr);
        status = troupe_write(turn, text, strlen(text));
        if (status < 0)
            return status;
    }
    return TROUPE_OK;
}

/* ---- the stage ------------------------------------------------------------------------------ */

struct child {
    const char *name;
    uint64_t nap;
    int64_t seen;
};

static troupe_status child(troupe_turn *turn, void *arg)
{
    struct child *own = arg;
    troupe_status status;

    own->seen = troupe_random(turn, 1000000);
    status = troupe_sleep(turn, own->nap);
    return status < 0 ? status : insert(turn, own->name, own->seen);
}

static troupe_status children(troupe_turn *turn, struct child *pair, uint32_t *ret_first)
{
    troupe_task *tasks[2];
    troupe_status status = TROUPE_OK;

    for (int i = 0; status >= 0 && i < 2; i++)
        status = troupe_spawn(turn, child, &pair[i], &tasks[i]);
    if (status >= 0)
        status = troupe_join_any(turn, tasks, 2, ret_first);
    for (int i = 0; status >= 0 && i < 2; i++)
        status = troupe_join(turn, tasks[i]);
    return status < 0 ? status : put(turn, "first", *ret_first);
}

/* Passes the rounds on to the member. TROUPE_INTERRUPTED is no failure of the stage's. */
static troupe_status pass_on(troupe_turn *turn, int *ret_cut)
{
    troupe_stream *stream;
    troupe_str chunk;
    troupe_status status = troupe_open(turn, "talk", str_of("{}"), &stream), read;

    if (status < 0)
        return status;
    while ((read = troupe_read(turn, stream, &chunk)) == TROUPE_OK) {
        read = troupe_write(turn, chunk.ptr, chunk.len);
        if (read < 0)
            return read;
    }
    status = troupe_close(turn, stream, NULL);
    *ret_cut = status == TROUPE_INTERRUPTED;
    return *ret_cut ? TROUPE_OK : status;
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        troupe_status status_ = (call);                                                            \
        if (status_ < 0)                                                                           \
            return status_;                                                                        \
    } while (0)

static troupe_status stage(troupe_turn *turn)
{
    int64_t seen = troupe_random(turn, 1000000), at = troupe_now(turn), before = 0;
    struct child pair[2] = {{"child0", 2, 0}, {"child1", 1, 0}};
    char got[64] = "", posted[64] = "", text[400];
    troupe_str value, asked = {"", 0};
    uint32_t first = 0;
    int32_t choice = -1;
    int cut = 0;
    troupe_status status = troupe_kv_get(turn, TROUPE_SCOPE_AGENT, "runs", &value);

    if (status == TROUPE_OK)
        before = strtoll(value.ptr, NULL, 10);
    else if (status != TROUPE_NOT_FOUND)
        return status;
    TRY(put(turn, "runs", before + 1));
    TRY(insert(turn, "seen", seen));
    if (seen % 2)
        TRY(insert(turn, "odd", at));
    else
        TRY(put(turn, "even", at));
    TRY(children(turn, pair, &first));
    TRY(troupe_sleep(turn, 1));
    TRY(troupe_ask(turn, "Go on?", TROUPE_BUTTONS("No", "Yes"), &choice));
    TRY(insert(turn, "choice", choice));
    TRY(troupe_call(turn, "test.ask", str_of("{\"text\":\"you\"}"), &asked));
    TRY(fetch(turn, "GET", "/get", 0, got, sizeof(got), 0));
    status = fetch(turn, "POST", "/post", 0, posted, sizeof(posted), 0);
    if (status == TROUPE_MAYBE_DONE)
        snprintf(posted, sizeof(posted), "maybe");
    else if (status < 0)
        return status;
    TRY(pass_on(turn, &cut));
    TRY(troupe_batch_begin(turn));
    TRY(put(turn, "batch", seen));
    TRY(insert(turn, "batch", seen));
    TRY(troupe_batch_commit(turn));
    snprintf(text, sizeof(text),
             " seen=%lld at=%lld before=%lld child0=%lld child1=%lld first=%u choice=%d "
             "asked=%.*s got=%s posted=%s cut=%d.",
             (long long)seen, (long long)at, (long long)before, (long long)pair[0].seen,
             (long long)pair[1].seen, first, choice, (int)asked.len, asked.ptr, got, posted, cut);
    TRY(troupe_write(turn, text, strlen(text)));
    return TROUPE_DONE;
}

TROUPE_PLUGIN("org.example.replay", VERSION, "Does a bit of everything",
              .functions = TROUPE_LIST(tool, talk), .capabilities = "kv sql budget call:test.ask",
              .config = TROUPE_KEYS({"url", "Where to go", .type = TROUPE_TYPE_URL,
                                     .flags = TROUPE_KEY_ENDPOINT}),
              .migrations = TROUPE_MIGRATIONS({1, 0, "first",
                                               "CREATE TABLE {fact} (what TEXT NOT NULL, value "
                                               "INTEGER NOT NULL)",
                                               NULL}),
              .stage = stage);
