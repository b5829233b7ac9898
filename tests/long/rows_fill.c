/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "base/clock.h"
#include "base/embed.h"
#include "base/mem.h"
#include "store/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

EMBED_TEXT(rows_conversation_1, "plugins/conversation/sql/001_conversation.sql");
EMBED_TEXT(rows_conversation_2, "plugins/conversation/sql/002_context.sql");
EMBED_TEXT(rows_memory_1, "plugins/memory/sql/001_memory.sql");

enum { CHUNK = 10000, BATCH = 100, WORDS = 40000, MEMORY_WORDS = 12, PIECE_WORDS = 60 };

uint32_t rows_draw(struct rows *rows, uint32_t below)
{
    uint64_t x = rows->seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((x ^ (x >> 31)) >> 32) % below;
}

/* The rank of a word by a law of Zipf, about: each doubling of the rank is as often. */
static uint32_t draw_word(struct rows *rows)
{
    uint32_t octave = rows_draw(rows, 15), from = UINT32_C(1) << octave;
    uint32_t word = from + rows_draw(rows, from);

    return word < WORDS ? word : word % WORDS;
}

/* Letters for a number, so that words look like some. */
static size_t write_word(uint32_t word, char *out)
{
    static const char first[] = "bdfghklmnprstvwz", second[] = "aeiou";
    size_t len = 0;

    do {
        out[len++] = first[word % 16];
        out[len++] = second[word / 16 % 5];
        word /= 80;
    } while (word);
    out[len++] = 'k';
    return len;
}

size_t rows_text(struct rows *rows, size_t words, char out[ROWS_TEXT_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < words && len + 16 < ROWS_TEXT_MAX; i++) {
        if (i)
            out[len++] = ' ';
        len += write_word(draw_word(rows), out + len);
    }
    out[len] = '\0';
    return len;
}

int64_t rows_memories_of(const struct rows *rows, int64_t member)
{
    int64_t most = rows->memories / 10, others = (rows->memories - most) / (ROWS_MEMBERS - 1);

    return member == 0 ? rows->memories - others * (ROWS_MEMBERS - 1) : others;
}

void rows_scope(int64_t member, char out[STORE_KV_SCOPE_MAX])
{
    snprintf(out, STORE_KV_SCOPE_MAX, "1/place/5/member/%" PRId64, 1000 + member);
}

/* ---- memories -------------------------------------------------------------------------------- */

#define OF_AGENT(agent, text, ...)                                                                 \
    (&(const struct store_statement){                                                              \
        .sql = (text), .ns = (agent), .expect = STORE_ANY, STORE_PARAMS(__VA_ARGS__)})

static void put_entry(struct store_batch *batch, const char *scope, const char *key,
                      const char *text, size_t len)
{
    _cleanup_buf_ struct buf packed = BUF_INIT;
    char place[STORE_KV_SCOPE_MAX + 16];
    float values[VECTOR_TEXT_DIM];

    if (!text_index_pack(text, len, &packed) || !vector_of_text(text, len, values, VECTOR_TEXT_DIM))
        return;
    snprintf(place, sizeof(place), "texts/%s", scope);
    store_index_put(batch, "memory", place, key, packed.data, packed.len);
    snprintf(place, sizeof(place), "vectors/%s", scope);
    store_index_put(batch, "memory", place, key, values, sizeof(values));
}

void rows_put_memory(struct rows *rows, struct store_batch *batch, int64_t member, int64_t n)
{
    char text[ROWS_TEXT_MAX], scope[STORE_KV_SCOPE_MAX], key[32], id[24];
    size_t len = rows_text(rows, MEMORY_WORDS, text);

    rows_scope(member, scope);
    snprintf(key, sizeof(key), "m%07" PRId64, n);
    snprintf(id, sizeof(id), "%" PRId64, 1000 + member);
    store_batch_add(
        batch,
        OF_AGENT("memory",
                 "INSERT INTO {memory} (account, guild, member, key, tier, state, content, "
                 "extractor, confidence, importance, channel, message, said_at, used_at) VALUES "
                 "('1', '5', ?1, ?2, 'long', 'active', seal(?3, 'memory.content', '1', '5', ?1, "
                 "?2), 'asked', 0.9, 0.5, '200', 0, ?4, ?4) ON CONFLICT (account, guild, member, "
                 "key) DO UPDATE SET content = excluded.content",
                 store_text(id), store_text(key), store_text(text), store_int(clock_wall_ms())));
    put_entry(batch, scope, key, text, len);
}

static void put_piece(struct rows *rows, struct store_batch *batch, int64_t n)
{
    char text[ROWS_TEXT_MAX], key[32];
    size_t len = rows_text(rows, PIECE_WORDS / 2 + rows_draw(rows, PIECE_WORDS), text);

    snprintf(key, sizeof(key), "k%07" PRId64, n);
    store_batch_add(batch, OF_AGENT("memory",
                                    "INSERT INTO {knowledge} (account, guild, source, part, key, "
                                    "heading, content, added_by, added_at) VALUES ('1', '5', ?1, "
                                    "?2, ?3, 'A heading', ?4, '', 0)",
                                    store_text("manual"), store_int(n), store_text(key),
                                    store_text(text)));
    put_entry(batch, ROWS_KNOWLEDGE, key, text, len);
}

static void say(const char *what, int64_t n, int64_t of)
{
    printf("# %s: %" PRId64 " of %" PRId64 "\n", what, n, of);
    fflush(stdout);
}

/* Memories of all members, then pieces. */
static troupe_status fill_memory(struct rows *rows)
{
    int64_t member = 0, of_member = 0, all = rows->memories + rows->knowledge;

    for (int64_t n = 0; n < all;) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (size_t i = 0; i < BATCH && n < all; i++, n++) {
            if (n >= rows->memories) {
                put_piece(rows, batch, n - rows->memories);
                continue;
            }
            if (of_member++ == rows_memories_of(rows, member)) {
                member++;
                of_member = 1;
            }
            rows_put_memory(rows, batch, member, n);
        }
        if (store_commit(rows->store, batch, co_after(PATIENCE_MS), &rows->err) < 0)
            return rows->err.status;
        if (n % (all / 4) == 0)
            say("memories and pieces", n, all);
    }
    return TROUPE_OK;
}

/* ---- what is filled by the database itself ---------------------------------------------------- */

#define NUMBERS                                                                                    \
    "WITH RECURSIVE n (i) AS (SELECT %" PRId64 " UNION ALL SELECT i + 1 FROM n "                   \
    "WHERE i < %" PRId64 ") "
#define WHO "CASE WHEN i %% 10 = 0 THEN 0 ELSE i %% 1000 END"

static troupe_status run(struct rows *rows, const char *ns, const char *sql)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch,
                    &(const struct store_statement){.sql = sql, .ns = ns, .expect = STORE_ANY});
    return store_commit(rows->store, batch, co_after(PATIENCE_MS), &rows->err);
}

/* A tenth is member 0's; each other one has a thousandth, in sessions of 20 questions. */
static troupe_status fill_history(struct rows *rows)
{
    troupe_status status = TROUPE_OK;

    for (int64_t from = 0; from < rows->history && status >= 0; from += CHUNK) {
        _cleanup_mem_ char *sql = mem_printf(
            "INSERT INTO {conversation_history} (account, channel, member, guild, session_start, "
            "message, part, role, content, created_at) " NUMBERS "SELECT '1', CAST((" WHO
            ") %% 200 + 200 AS TEXT), CAST(" WHO " + 1000 AS TEXT), '5', "
            "i / 40000, i, i / 1000 %% 2, CASE WHEN i / 1000 %% 2 = 0 THEN 'user' ELSE "
            "'assistant' END, 'What somebody said as number ' || CAST(i AS TEXT) || ', and what "
            "else there was to tell about it in a message of ordinary length', i FROM n",
            from, from + CHUNK - 1);

        status = run(rows, "conversation", sql);
        if ((from + CHUNK) % (rows->history / 4) == 0)
            say("history", from + CHUNK, rows->history);
    }
    return status;
}

static troupe_status fill_members(struct rows *rows)
{
    _cleanup_mem_ char *sessions = mem_printf(
        "INSERT INTO {conversation_sessions} (account, channel, member, guild, session_start, "
        "last_message_at, message_count) " NUMBERS
        "SELECT '1', CAST(i %% 200 + 200 AS TEXT), CAST(i + 1000 AS TEXT), '5', %" PRId64
        ", 0, 40 FROM n",
        (int64_t)0, (int64_t)ROWS_MEMBERS - 1, (rows->history - 1) / 40000);
    _cleanup_mem_ char *preferences = mem_printf(
        "INSERT INTO {user_preferences} (account, member, created_at, updated_at) " NUMBERS
        "SELECT '1', CAST(i + 1000 AS TEXT), 0, 0 FROM n",
        (int64_t)0, (int64_t)ROWS_MEMBERS - 1);
    _cleanup_mem_ char *days = mem_printf(
        "INSERT INTO budget_day (day, scope, scope_id, settled_micros) " NUMBERS
        "SELECT '2026-11-' || CAST(10 + i / 1000 AS TEXT), 'member', CAST(i %% 1000 + 1000 AS "
        "TEXT), 7 FROM n",
        (int64_t)0, (int64_t)ROWS_MEMBERS * 20 - 1);
    _cleanup_mem_ char *values =
        mem_printf("INSERT INTO kv (ns, scope, key, value, expires_ms, updated_ms) " NUMBERS
                   "SELECT 'conversation', '1/member/' || CAST(i %% 1000 + 1000 AS TEXT), 'key' || "
                   "CAST(i / 1000 AS TEXT), CAST('a value' AS BLOB), 0, 0 FROM n",
                   (int64_t)0, (int64_t)ROWS_MEMBERS * 20 - 1);
    troupe_status status = run(rows, "conversation", sessions);

    if (status >= 0)
        status = run(rows, "conversation", preferences);
    if (status >= 0)
        status = run(rows, NULL, days);
    return status < 0 ? status : run(rows, NULL, values);
}

troupe_status rows_fill(struct rows *rows)
{
    const struct store_migration conversation[] = {
        {1, "001_conversation.sql", rows_conversation_1, NULL},
        {2, "002_context.sql", rows_conversation_2, NULL}};
    const struct store_migration memory[] = {{1, "001_memory.sql", rows_memory_1, NULL}};
    troupe_status status = store_migrate(rows->store, "conversation", conversation, 2,
                                         co_after(PATIENCE_MS), &rows->err);

    if (status >= 0)
        status = store_migrate(rows->store, "memory", memory, 1, co_after(PATIENCE_MS), &rows->err);
    if (status >= 0)
        status = fill_members(rows);
    if (status >= 0)
        status = fill_history(rows);
    if (status >= 0)
        status = fill_memory(rows);
    /* As a server does by itself, once a minute has gone by. */
    return status >= 0 && rows->in_server ? run(rows, NULL, "ANALYZE") : status;
}
