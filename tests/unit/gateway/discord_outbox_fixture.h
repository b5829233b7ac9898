/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of the delivery to Discord: an outbox against a REST client of the test's own, which keeps
 * what it was given, and the test answers. The store is a real one, so that marks are seen where a
 * restart would see them.
 */
#ifndef TESTS_DISCORD_OUTBOX_FIXTURE_H
#define TESTS_DISCORD_OUTBOX_FIXTURE_H

#include "../store/store_fixture.h"

#include "base/buf.h"
#include "base/json.h"
#include "gateway/discord/outbox.h"
#include "gateway/discord/rest.h"

#include <string.h>

#define SENT_MAX    256
#define SELF        UINT64_C(999)
#define PATIENCE_MS 60000

/* ---- the REST client ----------------------------------------------------------------------- */

struct sent {
    char method[8], path[160], coalesce[96];
    char *body;
    enum discord_priority priority;
    bool repeatable;
    const struct latch *after;
    discord_rest_done done;
    void *arg;
};

struct box {
    struct fixture base; /* first */
    struct outbox *rows;
    struct discord_outbox *outbox;
    struct sent sent[SENT_MAX];
    size_t count;
};

static struct box *box; /* cmocka's state, for the functions that stand in */

troupe_status discord_rest_send(struct discord_rest *rest, const struct discord_request *request,
                                discord_rest_done done, void *arg, struct error *err)
{
    struct sent *sent = &box->sent[box->count];

    (void)rest;
    if (box->count == SENT_MAX)
        return error_set(err, TROUPE_BUSY, "the test asks for too much");
    box->count++;
    snprintf(sent->method, sizeof(sent->method), "%s", request->method);
    snprintf(sent->path, sizeof(sent->path), "%s", request->path);
    snprintf(sent->coalesce, sizeof(sent->coalesce), "%s",
             request->coalesce ? request->coalesce : "");
    sent->body = request->body ? mem_strndup(request->body, request->body_len) : NULL;
    sent->priority = request->priority;
    sent->repeatable = request->repeatable;
    sent->after = request->after;
    sent->done = done;
    sent->arg = arg;
    return TROUPE_OK;
}

static inline void end(size_t i, troupe_status status, int http, int code, const char *body)
{
    struct discord_response response = {
        .status = http, .code = code, .body = body, .len = body ? strlen(body) : 0, .left = true};
    struct error err = {.status = status, .text = "as the test says"};
    discord_rest_done done = box->sent[i].done;

    box->sent[i].done = NULL;
    if (done)
        done(box->sent[i].arg, status, &response, &err);
}

/* As if nothing that the test has not answered had left. */
bool discord_rest_take_back(struct discord_rest *rest, const char *key)
{
    (void)rest;
    for (size_t i = 0; i < box->count; i++) {
        if (box->sent[i].done && !strcmp(box->sent[i].coalesce, key)) {
            end(i, TROUPE_CANCELED, 0, 0, NULL);
            return true;
        }
    }
    return false;
}

static inline void created(size_t i, const char *id)
{
    _cleanup_mem_ char *body = mem_printf(
        "{\"author\":{\"id\":\"999\"},\"content\":\"\\\"id\\\":\\\"5\\\"\",\"id\":\"%s\"}", id);

    end(i, TROUPE_OK, 200, 0, body);
}

static inline bool asks(size_t i, const char *method, const char *path)
{
    return i < box->count && !strcmp(box->sent[i].method, method) &&
           !strcmp(box->sent[i].path, path);
}

static inline bool has(size_t i, const char *text)
{
    return i < box->count && box->sent[i].body && strstr(box->sent[i].body, text);
}

/* Waits until `count` requests were made. */
static inline bool wait_sent(size_t count)
{
    uint64_t until = co_after(PATIENCE_MS);

    while (box->count < count && co_after(0) < until)
        co_sleep(1);
    return box->count >= count;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static inline struct outbox_row *row_of(int64_t turn, unsigned part, const char *body)
{
    struct outbox_row *row = outbox_row_new();

    row->id = outbox_next_id(box->rows);
    row->turn = turn;
    row->part = part;
    memcpy(row->kind, "reply", 6);
    row->gateway = mem_strdup("discord:0");
    row->channel = mem_strdup("77");
    row->reply_to = mem_strdup("1000");
    row->body = mem_strdup(body);
    row->state = OUTBOX_READY;
    row->created_ms = 1700000000000;
    return row;
}

static inline troupe_status keep(const struct outbox_row *row)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    outbox_insert(batch, row);
    return store_commit(box->base.store, batch, 0, &box->base.err);
}

static inline void set_body(struct outbox_row *row, const char *body)
{
    mem_free(row->body);
    row->body = mem_strdup(body);
}

/* Whether the stored row comes to stand like that. */
static inline bool comes_to(int64_t id, const char *state, const char *remote)
{
    uint64_t until = co_after(PATIENCE_MS);

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status = store_query(
            box->base.store,
            STORE_SQL("SELECT state, remote_id FROM outbox WHERE id = ?1", store_int(id)), until,
            &rows, &box->base.err);
        const char *is = status >= 0 && rows->count ? store_cell_text(rows, 0, 0, "") : "not there";
        const char *there =
            status >= 0 && rows->count ? store_cell_text(rows, 0, 1, "") : "not there";

        if (status >= 0 && !strcmp(is, state) && !strcmp(there, remote))
            return true;
        if (status < 0 || co_after(0) > until) {
            print_message("# row %lld: %s, \"%s\"; %s\n", (long long)id, is, there,
                          status < 0 ? box->base.err.text : "it stays so");
            return false;
        }
        co_sleep(1);
    }
}

static inline struct discord_outbox_stats stats(void);

/* Nothing is under way any more: the marks of what was answered are stored. */
static inline bool is_quiet(void)
{
    uint64_t until = co_after(PATIENCE_MS);

    while (stats().waiting && co_after(0) < until)
        co_sleep(1);
    return !stats().waiting;
}

static inline struct discord_outbox_stats stats(void)
{
    struct discord_outbox_stats now;

    discord_outbox_stats(box->outbox, &now);
    return now;
}

struct told {
    int count;
    troupe_status status;
};

static inline void note(void *arg, troupe_status status)
{
    struct told *told = arg;

    told->count++;
    told->status = status;
}

/* ---- fixture ------------------------------------------------------------------------------- */

static inline troupe_status open_main(void *arg)
{
    (void)arg;
    return outbox_open(box->base.loop, box->base.store, &box->rows, &box->base.err);
}

static inline void open_box(void)
{
    assert_status(fixture_run(box->base.loop, open_main, NULL), TROUPE_OK);
    box->outbox = discord_outbox_new(&(struct discord_outbox_options){.loop = box->base.loop,
                                                                      .store = box->base.store,
                                                                      .rows = box->rows,
                                                                      .gateway = "discord:0",
                                                                      .self = SELF,
                                                                      .reconcile_after_ms = 1});
}

static inline void close_box(void)
{
    discord_outbox_free(box->outbox);
    for (size_t i = 0; i < box->count; i++) {
        end(i, TROUPE_CANCELED, 0, 0, NULL);
        mem_free(box->sent[i].body);
    }
    box->count = 0;
    outbox_close(box->rows);
    for (int i = 0; i < 3; i++)
        loop_step(box->base.loop, 0);
}

static inline int setup(void **state)
{
    box = mem_zero(1, sizeof(*box));
    place_make(&box->base.place);
    box->base.loop = fixture_new(NULL);
    fixture_open(&box->base, NULL);
    open_box();
    *state = box;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    close_box();
    store_settle(&box->base);
    fixture_free(box->base.loop);
    place_remove(&box->base.place);
    mem_free(box);
    return 0;
}

/* ---- what stands in the channel ------------------------------------------------------------ */

#define ASKED "{\"id\":\"1000\",\"author\":{\"id\":\"4\"},\"content\":\"a question\"}"
#define OURS(id, content)                                                                          \
    "{\"id\":\"" id "\",\"author\":{\"id\":\"999\"},\"content\":\"" content                        \
    "\",\"message_reference\":{\"message_id\":\"1000\"}}"

#endif
