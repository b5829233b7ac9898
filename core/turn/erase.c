/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/erase.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "plugin/agent.h"
#include "store/blob.h"
#include "store/index.h"
#include "turn/budget_stop.h"
#include "turn/engine_private.h"
#include "turn/erase_end.h"
#include "turn/erase_others.h"
#include "turn/owner.h"
#include "turn/sql/erase.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define CORE      "core"
#define BUDGET    "core:budget"
#define OTHERS    "core:others"
#define HOSTS     "core:host/" /* of each: erase_end.h */
#define SOON_MS   1000
#define CACHE_MS  5000                        /* between two attempts to reach the cache's server */
#define CACHED_MS (INT64_C(24) * 3600 * 1000) /* nothing lives longer there */
#define LATER_MS  (10 * 60 * 1000)
#define UNSENT_MS (10 * 60 * 1000) /* an answer that was not delivered by then goes, too */
/* Nothing is written while the file is cleaned: for members that takes a twentieth of the time at most. */
#define CLEAN_REST 20
#define REST_MS    (40 * 1000)
#define POLL_MS    50
#define CLEAN_NS   "core"
#define CLEAN_KEY  "erase.clean" /* something was deleted and may be on the disk still */
#define MEMBER_MAX 128

/* One member's, as it is stored. */
struct erasure {
    const char *member;
    int64_t turn_id, last_event, created_ms, now_ms;
    char day[CLOCK_ISO_SIZE], today[CLOCK_ISO_SIZE];
    bool soon;
};

/* ---- what agents keep ------------------------------------------------------------------------ */

troupe_status turn_erase_declare(struct store *store, const struct plugin_agent *agent,
                                 uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct plugin_manifest *manifest = agent->manifest;

    /* A build that says nothing (an older one) leaves what another build has said. */
    if (!manifest->user_data_count)
        return TROUPE_OK;
    store_batch_add(batch, STORE_SQL(SQL_ERASE_DECLARE_CLEAR, store_text(agent->name)));
    for (size_t i = 0; i < manifest->user_data_count; i++) {
        const troupe_user_data *data = &manifest->user_data[i];
        _cleanup_mem_ char *probe = mem_printf("SELECT %s, %s FROM {%s} LIMIT 0", data->member,
                                               data->age ? data->age : data->member, data->name);

        /* Proves table and column, in the transaction that relies on them. */
        if (data->kind == TROUPE_USER_IS_TABLE)
            store_batch_add(
                batch, &(struct store_statement){.sql = probe, .ns = agent->name, .expect = 0});
        store_batch_add(batch,
                        STORE_SQL(SQL_ERASE_DECLARE, store_text(agent->name), store_int(data->kind),
                                  store_text(data->name), store_text(data->doc),
                                  store_text(data->member), store_int(data->flags)));
    }
    if (store_commit(store, batch, deadline, err) < 0) {
        error_prefix(err, "its user_data");
        return err->status;
    }
    return TROUPE_OK;
}

/* ---- what is asked for ----------------------------------------------------------------------- */

/* What the member wrote behind it is a new beginning. */
static int64_t asked_ms(const struct engine *engine, int64_t turn_id)
{
    const struct turn *turn = turn_id ? turn_engine_turn(engine, turn_id) : NULL;

    return turn && turn->event->time_ms > 0 ? turn->event->time_ms : clock_wall_ms();
}

troupe_status turn_erase_ask(struct engine *engine, const char *member, const char *asked_by,
                             int64_t turn_id, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;
    size_t asked;

    if (!*member || strlen(member) > MEMBER_MAX)
        return error_set(err, TROUPE_ARGUMENT, "\"%.80s\" is no member's id", member);
    asked = store_batch_add(batch,
                            STORE_EXPECT(1, SQL_ERASE_ASK, store_text(member), store_text(asked_by),
                                         store_int(turn_id), store_int(engine->last_event),
                                         store_int(clock_wall_ms())));
    store_batch_add(batch, STORE_SQL(SQL_ERASE_ASK_PARTS, store_text(member)));
    turn_erase_end_ask(engine, batch, member);
    turn_spool_forget(engine, batch, member, asked_ms(engine, turn_id));
    /* A job that came due meanwhile would be an event of after it. */
    store_batch_add(batch, STORE_SQL(SQL_ERASE_JOBS, store_text(member)));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK) {
        int64_t last = store_cell_int(store_batch_result(batch, asked), 0, 0, 0);

        if (engine->last_event < last) /* of another host: what comes next is a new beginning */
            engine->last_event = last;
        turn_erase_wake(engine);
    }
    return status;
}

/* ---- doing it -------------------------------------------------------------------------------- */

char *turn_erase_scope(const char *member, bool session)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    buf_puts(&text, session ? "%/session/%/" : "%/member/");
    for (const char *p = member; *p; p++) {
        if (strchr("%_!", *p))
            buf_putc(&text, '!');
        buf_putc(&text, *p);
    }
    return buf_take(&text);
}

static void look_by(struct engine *engine, uint64_t ms)
{
    uint64_t at = loop_now(engine->loop) + ms;

    if (!engine->erase.next_ms || at < engine->erase.next_ms)
        engine->erase.next_ms = at;
}

/* What goes, goes with the note that the disk has it still. */
static troupe_status commit_part(struct engine *engine, const struct erasure *erasure,
                                 struct store_batch *batch, const char *part, struct error *err)
{
    troupe_status status;

    store_batch_add(batch,
                    STORE_SQL(SQL_ERASE_PART_DONE, store_text(erasure->member), store_text(part)));
    store_batch_add(batch, STORE_SQL(SQL_ERASE_OVER, store_text(erasure->member)));
    store_kv_put(batch, CLEAN_NS, "", CLEAN_KEY, "1", 1, 0);
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK) {
        engine->erase.parts++;
        if (store_batch_changes(batch, store_batch_count(batch) - 2) > 0) {
            engine->erase.count++;
            log_info("erase", "what was kept about a member is deleted");
        }
    }
    return status;
}

/* Whether an answer is on its way to the member still. */
static troupe_status is_unsent(struct engine *engine, const struct erasure *erasure, bool *ret,
                               struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(engine->store,
                                       STORE_SQL(SQL_ERASE_UNSENT, store_text(erasure->member),
                                                 store_int(erasure->last_event),
                                                 store_int(erasure->now_ms - UNSENT_MS)),
                                       turn_engine_soon(engine), &rows, err);

    if (status == TROUPE_OK)
        *ret = store_cell_int(rows, 0, 0, 0) > 0;
    return status;
}

/* Commits what lets blobs go, and clears their bytes: megabytes of them, so in portions. */
static troupe_status clear_blobs(struct engine *engine, struct store_batch *batch,
                                 struct error *err)
{
    troupe_status status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    bool more = true;

    while (status >= 0 && more)
        status = store_blob_sweep(engine->store, turn_engine_soon(engine), &more, err);
    return status;
}

static troupe_status do_blobs(struct engine *engine, const char *member, const char *session,
                              struct error *err)
{
    static const char *const steps[] = {SQL_ERASE_BLOBS_LOOSEN, SQL_ERASE_BLOBS_DUE,
                                        SQL_ERASE_BLOBS};
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        store_batch_add(batch, STORE_SQL(steps[i], store_text(member), store_text(session)));
    return clear_blobs(engine, batch, err);
}

static troupe_status do_core(struct engine *engine, struct erasure *erasure, bool *ret_done,
                             struct error *err)
{
    static const char *const of_turns[] = {SQL_ERASE_CALLS,
                                           SQL_ERASE_WAITS,
                                           SQL_ERASE_FILES,
                                           SQL_ERASE_ANSWER_FILES,
                                           SQL_ERASE_ANSWER_FILE_PARTS,
                                           SQL_ERASE_OUTBOX,
                                           SQL_ERASE_EVENTS};
    static const char *const of_member[] = {SQL_ERASE_RATINGS, SQL_ERASE_JOBS, SQL_ERASE_DENIED,
                                            SQL_ERASE_SETTER, SQL_ERASE_HOSTS};
    static const char *const of_scopes[] = {SQL_ERASE_KV, SQL_ERASE_INDEX_SCOPES,
                                            SQL_ERASE_INDEX_CHANGES};
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *member = turn_erase_scope(erasure->member, false);
    _cleanup_mem_ char *session = turn_erase_scope(erasure->member, true);
    const struct turn_erase_end end = {erasure->member, erasure->turn_id, erasure->last_event,
                                       erasure->created_ms};
    bool more = true;
    troupe_status status = turn_erase_end(engine, &end, &more, err);

    if (status == TROUPE_OK && !more)
        status = is_unsent(engine, erasure, &more, err);
    if (status < 0 || more) {
        erasure->soon |= more;
        return status;
    }
    if ((status = do_blobs(engine, member, session, err)) < 0)
        return status;
    for (size_t i = 0; i < sizeof(of_turns) / sizeof(of_turns[0]); i++)
        store_batch_add(batch, STORE_SQL(of_turns[i], store_text(erasure->member),
                                         store_int(erasure->last_event)));
    for (size_t i = 0; i < sizeof(of_member) / sizeof(of_member[0]); i++)
        store_batch_add(batch, STORE_SQL(of_member[i], store_text(erasure->member)));
    for (size_t i = 0; i < sizeof(of_scopes) / sizeof(of_scopes[0]); i++)
        store_batch_add(batch, STORE_SQL(of_scopes[i], store_text(member), store_text(session)));
    *ret_done = true;
    status = commit_part(engine, erasure, batch, CORE, err);
    store_index_forget(engine->store, erasure->member);
    return status;
}

/* Names of what is stopped may be made of the member's words, where nobody else had them. */
static troupe_status add_stops(struct engine *engine, struct store_batch *batch,
                               struct store_value member, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(engine->store, STORE_SQL(SQL_ERASE_STOPS, member),
                                       turn_engine_soon(engine), &rows, err);

    for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
        const char *what = store_cell_text(rows, i, 0, "");
        char alias[TURN_BUDGET_ALIAS_SIZE];

        turn_budget_stop_alias(what, alias);
        if (alias[0])
            store_batch_add(batch, STORE_SQL(SQL_ERASE_STOP, store_text(what), store_text(alias)));
    }
    return status;
}

static troupe_status do_budget(struct engine *engine, const struct erasure *erasure,
                               struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct store_value member = store_text(erasure->member), day = store_text(erasure->day);
    troupe_status status;

    status = add_stops(engine, batch, member, err);
    if (status < 0)
        return status;
    store_batch_add(batch, STORE_SQL(SQL_ERASE_LEDGER, member, store_int(erasure->created_ms)));
    store_batch_add(batch, STORE_SQL(SQL_ERASE_DAYS, member, day, store_text(erasure->today)));
    store_batch_add(batch, STORE_SQL(SQL_ERASE_HOURS, member, store_int(erasure->created_ms),
                                     store_int(erasure->now_ms)));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    engine->aliases = (struct turn_budget_aliases){0}; /* the names themselves */
    if (status == TROUPE_OK)
        status = store_query(
            engine->store,
            STORE_SQL(SQL_ERASE_BUDGET_LEFT, member, day, store_int(erasure->created_ms)),
            turn_engine_soon(engine), &rows, err);
    if (status < 0 || store_cell_int(rows, 0, 0, 0))
        return status;
    store_batch_free(batch);
    batch = store_batch_new();
    return commit_part(engine, erasure, batch, BUDGET, err);
}

/* What others found of the member's, and may find: last, when the member's own is gone. */
static troupe_status do_others(struct engine *engine, const struct erasure *erasure,
                               struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status = turn_erase_others(engine, err);
    char owner[CACHE_OWNER + 1];
    struct error away = {0};

    if (status < 0)
        return status;
    if (engine->cache && erasure->created_ms > erasure->now_ms - CACHED_MS) {
        if (!turn_owner(erasure->member, owner))
            return error_set(err, TROUPE_FAILED, "libcrypto has no SHA-256");
        if (cache_forget(engine->cache, owner, &away) < 0) {
            if (co_status() < 0)
                return error_set(err, co_status(), "%s", away.text);
            look_by(engine, CACHE_MS);
            return TROUPE_OK;
        }
    }
    return commit_part(engine, erasure, batch, OTHERS, err);
}

char *turn_erase_key(const char *form, const char *member)
{
    static const char place[] = "{member}";
    _cleanup_buf_ struct buf text = BUF_INIT;
    const char *at;

    buf_puts(&text, "");
    while ((at = strstr(form, place))) {
        buf_append(&text, form, (size_t)(at - form));
        buf_puts(&text, member);
        form = at + strlen(place);
    }
    buf_puts(&text, form);
    return buf_take(&text);
}

static void add_table(struct store_batch *batch, const char *ns, const struct store_rows *rows,
                      size_t i, const char *member)
{
    const char *name = store_cell_text(rows, i, 1, ""), *column = store_cell_text(rows, i, 3, "");
    bool anonymise = store_cell_int(rows, i, 4, 0) & TROUPE_USER_ANONYMISE;
    _cleanup_mem_ char *sql =
        anonymise ? mem_printf("UPDATE {%s} SET %s = ?2 WHERE %s = ?1", name, column, column)
                  : mem_printf("DELETE FROM {%s} WHERE %s = ?1", name, column);
    unsigned long long number = 0;
    char nobody[32];

    while (getrandom(&number, sizeof(number), 0) != sizeof(number))
        continue;
    snprintf(nobody, sizeof(nobody), "deleted-%016llx", number);
    store_batch_add(
        batch, &(struct store_statement){
                   .sql = sql,
                   .ns = ns,
                   .expect = STORE_ANY,
                   .params = (const struct store_value[]){store_text(member), store_text(nobody)},
                   .param_count = anonymise ? 2 : 1});
}

/* An agent's. One that has tables and never said what is in them is left. */
static troupe_status do_agent(struct engine *engine, struct erasure *erasure, const char *ns,
                              struct error *err)
{
    static const char *const of_key[] = {SQL_ERASE_INDEX_KEY, SQL_ERASE_INDEX_KEY_CHANGES,
                                         SQL_ERASE_KV_KEY};
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *blobs = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL, *tables = NULL;
    troupe_status status =
        store_query(engine->store, STORE_SQL(SQL_ERASE_DECLARED_BY, store_text(ns)),
                    turn_engine_soon(engine), &rows, err);

    if (status == TROUPE_OK && !rows->count)
        status = store_query(engine->store, STORE_SQL(SQL_ERASE_HAS_TABLES, store_text(ns)),
                             turn_engine_soon(engine), &tables, err);
    if (status < 0 || (tables && tables->count))
        return status;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t kind = store_cell_int(rows, i, 0, 0);
        _cleanup_mem_ char *key = turn_erase_key(store_cell_text(rows, i, 1, ""), erasure->member);

        if (kind == TROUPE_USER_IS_TABLE)
            add_table(batch, ns, rows, i, erasure->member);
        if (kind != TROUPE_USER_IS_KEY)
            continue;
        for (size_t k = 0; k < sizeof(of_key) / sizeof(of_key[0]); k++)
            store_batch_add(batch, STORE_SQL(of_key[k], store_text(ns), store_text(key)));
        store_batch_add(blobs,
                        STORE_SQL(SQL_ERASE_BLOB_KEY_LOOSEN, store_text(ns), store_text(key)));
        store_batch_add(blobs, STORE_SQL(SQL_ERASE_BLOB_KEY, store_text(ns), store_text(key)));
    }
    if (store_batch_count(blobs))
        status = clear_blobs(engine, blobs, err);
    if (status == TROUPE_OK)
        status = commit_part(engine, erasure, batch, ns, err);
    if (status < 0)
        log_warn("erase", "agent \"%s\": a member's data stays for now: %s", ns, err->text);
    /* One agent's trouble (a table that is gone) is not the others'. */
    return status < 0 && co_status() == TROUPE_OK ? TROUPE_OK : status;
}

static troupe_status do_parts(struct engine *engine, struct erasure *erasure, struct error *err)
{
    _cleanup_rows_ struct store_rows *parts = NULL;
    troupe_status status =
        store_query(engine->store, STORE_SQL(SQL_ERASE_PARTS, store_text(erasure->member)),
                    turn_engine_soon(engine), &parts, err);
    bool core = true, others = false;

    /* The turns of the member come first: what they write is to go, too. */
    for (size_t i = 0; status == TROUPE_OK && i < parts->count; i++)
        if (!strcmp(store_cell_text(parts, i, 0, ""), CORE)) {
            core = false;
            status = do_core(engine, erasure, &core, err);
        }
    for (size_t i = 0; status == TROUPE_OK && core && i < parts->count; i++) {
        const char *part = store_cell_text(parts, i, 0, "");

        if (!strcmp(part, BUDGET))
            status = do_budget(engine, erasure, err);
        else if (!strcmp(part, OTHERS))
            others = true;
        else if (strcmp(part, CORE) != 0 && strncmp(part, HOSTS, strlen(HOSTS)) != 0)
            status = do_agent(engine, erasure, part, err);
    }
    if (status == TROUPE_OK && others)
        status = do_others(engine, erasure, err);
    return status;
}

/* ---- the disk -------------------------------------------------------------------------------- */

/* The note goes first: what is deleted meanwhile leaves a new one. */
static troupe_status clean(struct engine *engine, bool *ret_soon, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *again = NULL;
    _cleanup_rows_ struct store_rows *rows = NULL;
    uint64_t began = clock_ms();
    troupe_status status =
        store_kv_get(engine->store, CLEAN_NS, "", CLEAN_KEY, turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status == TROUPE_NOT_FOUND ? TROUPE_OK : status;
    if (!engine->erase.urgent && engine->erase.cleaned_ms &&
        loop_now(engine->loop) < engine->erase.cleaned_ms + engine->erase.rest_ms) {
        look_by(engine, engine->erase.cleaned_ms + engine->erase.rest_ms - loop_now(engine->loop));
        return TROUPE_OK;
    }
    store_kv_delete(batch, CLEAN_NS, "", CLEAN_KEY);
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK)
        status = store_forget(engine->store, 0, err);
    if (status == TROUPE_OK) {
        uint64_t rest = CLEAN_REST * (clock_ms() - began);

        engine->erase.rest_ms = rest < REST_MS ? rest : REST_MS;
        engine->erase.cleaned_ms = loop_now(engine->loop);
        return TROUPE_OK;
    }
    *ret_soon = true;
    again = store_batch_new();
    store_kv_put(again, CLEAN_NS, "", CLEAN_KEY, "1", 1, 0);
    if (store_commit(engine->store, again, turn_engine_soon(engine), NULL) < 0)
        log_warn("erase", "what was deleted may be on the disk still");
    return status == TROUPE_BUSY ? TROUPE_OK : status;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

troupe_status turn_erase_round(struct engine *engine, int64_t now_ms, bool *ret_soon,
                               struct error *err)
{
    _cleanup_mem_ char *after = mem_strdup("");
    troupe_status status = TROUPE_OK;

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;

        status = store_query(engine->store, STORE_SQL(SQL_ERASE_OPEN, store_text(after)),
                             turn_engine_soon(engine), &rows, err);
        for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
            struct erasure erasure = {.member = store_cell_text(rows, i, 0, ""),
                                      .turn_id = store_cell_int(rows, i, 1, 0),
                                      .last_event = store_cell_int(rows, i, 2, 0),
                                      .created_ms = store_cell_int(rows, i, 3, 0),
                                      .now_ms = now_ms};

            clock_iso(erasure.created_ms, erasure.day);
            clock_iso(now_ms, erasure.today);
            erasure.day[10] = erasure.today[10] = '\0';
            status = do_parts(engine, &erasure, err);
            *ret_soon |= erasure.soon;
        }
        if (status < 0 || !rows->count)
            break;
        mem_free(after);
        after = mem_strdup(store_cell_text(rows, rows->count - 1, 0, ""));
    }
    if (status == TROUPE_OK && !*ret_soon)
        status = clean(engine, ret_soon, err);
    return status;
}

static troupe_status round_main(void *arg)
{
    struct engine *engine = arg;
    uint64_t now, wait = LATER_MS;
    bool soon = false;
    struct error err;

    engine->erase.next_ms = 0;
    if (turn_erase_round(engine, clock_wall_ms(), &soon, &err) < 0 && co_status() == TROUPE_OK) {
        log_warn("erase", "put off: %s", err.text);
        soon = false;
    }
    engine->erase.running = false;
    now = loop_now(engine->loop);
    if (engine->erase.next_ms)
        wait = engine->erase.next_ms > now ? engine->erase.next_ms - now : 0;
    if (soon && wait > SOON_MS)
        wait = SOON_MS;
    if (!engine->closing)
        loop_timer_start(&engine->erase.timer, engine->erase.again ? 0 : wait, 0);
    engine->erase.again = false;
    return TROUPE_OK;
}

static void fired(struct loop_timer *timer)
{
    static const struct co_owner owner = {"core:erase", 0};
    struct engine *engine = container_of(timer, struct engine, erase.timer);

    if (engine->closing || engine->erase.running)
        return;
    engine->erase.running = co_spawn(&engine->scope, &owner, round_main, engine) == TROUPE_OK;
    if (!engine->erase.running)
        loop_timer_start(timer, SOON_MS, 0);
}

void turn_erase_init(struct engine *engine)
{
    loop_timer_init(engine->loop, &engine->erase.timer, fired);
}

void turn_erase_wake(struct engine *engine)
{
    if (engine->closing)
        return;
    if (engine->erase.running)
        engine->erase.again = true;
    else
        loop_timer_start(&engine->erase.timer, 0, 0);
}

/* ---- for operators --------------------------------------------------------------------------- */

static json_t *open_part(const char *part)
{
    bool budget = !strcmp(part, BUDGET), core = !strcmp(part, CORE);
    bool others = !strcmp(part, OTHERS);

    return json_pack("{s:s, s:s}", "part", part, "why",
                     core ? "its turns and answers are being ended"
                     : strncmp(part, HOSTS, strlen(HOSTS)) == 0
                         ? "a host that shares the database is ending its turns"
                     : others
                         ? "the cache's server does not answer: what it has is over within a day"
                     : budget ? "what was spent today counts against caps until the day is over"
                              : "the agent does not say what its tables keep about members: it "
                                "is done when a build of it does, or when the storage works");
}

static troupe_status list_parts(struct engine *engine, const char *member, json_t *list,
                                bool *ret_core, struct error *err)
{
    _cleanup_rows_ struct store_rows *parts = NULL;
    troupe_status status =
        store_query(engine->store, STORE_SQL(SQL_ERASE_PARTS, store_text(member)),
                    turn_engine_soon(engine), &parts, err);

    for (size_t i = 0; status == TROUPE_OK && i < parts->count; i++) {
        const char *part = store_cell_text(parts, i, 0, "");

        *ret_core |= !strcmp(part, CORE);
        json_array_append_new(list, open_part(part));
    }
    return status;
}

/* Whether what was deleted is gone from the disk. */
static troupe_status is_clean(struct engine *engine, bool *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_kv_get(engine->store, CLEAN_NS, "", CLEAN_KEY, turn_engine_soon(engine), &rows, err);

    *ret = status == TROUPE_NOT_FOUND;
    return *ret ? TROUPE_OK : status;
}

/* Until nothing of it moves any more. */
static troupe_status wait_for_it(struct engine *engine, const char *member, uint64_t deadline,
                                 json_t **ret, struct error *err)
{
    for (;;) {
        json_t *list = json_array();
        bool core = false, cleaned = false;
        troupe_status status = list_parts(engine, member, list, &core, err);

        if (status == TROUPE_OK && !core && !engine->erase.running && !engine->erase.again) {
            status = is_clean(engine, &cleaned, err);
            if (cleaned) {
                *ret = list;
                return TROUPE_OK;
            }
            turn_erase_wake(engine);
        }
        json_decref(list);
        if (status < 0)
            return status;
        if ((deadline && loop_now(engine->loop) > deadline) || co_sleep(POLL_MS) < 0)
            return error_set(
                err, co_status() < 0 ? co_status() : TROUPE_DEADLINE,
                "it is asked for and goes on; \"troupe user list\" shows what is open");
    }
}

troupe_status turn_erase_now(struct engine *engine, const char *member, uint64_t deadline,
                             json_t **ret, struct error *err)
{
    troupe_status status = turn_erase_ask(engine, member, "operator", 0, err);

    if (status < 0)
        return status;
    engine->erase.urgent++;
    status = wait_for_it(engine, member, deadline, ret, err);
    engine->erase.urgent--;
    return status;
}

troupe_status turn_erase_list(struct engine *engine, json_t **ret, struct error *err)
{
    _cleanup_mem_ char *after = mem_strdup("");
    json_t *list = json_array();
    troupe_status status;

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;

        status = store_query(engine->store, STORE_SQL(SQL_ERASE_OPEN, store_text(after)),
                             turn_engine_soon(engine), &rows, err);
        for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
            const char *member = store_cell_text(rows, i, 0, "");
            json_t *parts = json_array();
            char when[CLOCK_ISO_SIZE];
            bool core = false;

            clock_iso(store_cell_int(rows, i, 3, 0), when);
            status = list_parts(engine, member, parts, &core, err);
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s, s:o}", "member", member, "asked", when,
                                            "by", store_cell_text(rows, i, 4, ""), "open", parts));
        }
        if (status < 0 || !rows->count)
            break;
        mem_free(after);
        after = mem_strdup(store_cell_text(rows, rows->count - 1, 0, ""));
    }
    if (status < 0)
        json_decref(list);
    else
        *ret = list;
    return status;
}
