/* SPDX-License-Identifier: Apache-2.0
 *
 * Delivery to Discord against a REST client of the test's own: it keeps what it was given, and the
 * test answers. The store is a real one, so that marks are seen where a restart would see them.
 */
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
    sent->done = done;
    sent->arg = arg;
    return TROUPE_OK;
}

static void end(size_t i, troupe_status status, int http, int code, const char *body)
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

static void created(size_t i, const char *id)
{
    _cleanup_mem_ char *body = mem_printf(
        "{\"author\":{\"id\":\"999\"},\"content\":\"\\\"id\\\":\\\"5\\\"\",\"id\":\"%s\"}", id);

    end(i, TROUPE_OK, 200, 0, body);
}

static bool asks(size_t i, const char *method, const char *path)
{
    return i < box->count && !strcmp(box->sent[i].method, method) &&
           !strcmp(box->sent[i].path, path);
}

static bool has(size_t i, const char *text)
{
    return i < box->count && box->sent[i].body && strstr(box->sent[i].body, text);
}

/* Waits until `count` requests were made. */
static bool wait_sent(size_t count)
{
    uint64_t until = co_after(PATIENCE_MS);

    while (box->count < count && co_after(0) < until)
        co_sleep(1);
    return box->count >= count;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static struct outbox_row *row_of(int64_t turn, unsigned part, const char *body)
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

static troupe_status keep(const struct outbox_row *row)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    outbox_insert(batch, row);
    return store_commit(box->base.store, batch, 0, &box->base.err);
}

static void set_body(struct outbox_row *row, const char *body)
{
    mem_free(row->body);
    row->body = mem_strdup(body);
}

/* Whether the stored row comes to stand like that. */
static bool comes_to(int64_t id, const char *state, const char *remote)
{
    uint64_t until = co_after(PATIENCE_MS);

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        bool good;

        if (store_query(
                box->base.store,
                STORE_SQL("SELECT state, remote_id FROM outbox WHERE id = ?1", store_int(id)), 0,
                &rows, &box->base.err) != TROUPE_OK)
            return false;
        good = rows->count == 1 && !strcmp(store_cell_text(rows, 0, 0, ""), state) &&
               !strcmp(store_cell_text(rows, 0, 1, ""), remote);
        if (good || co_after(0) > until)
            return good;
        co_sleep(1);
    }
}

static struct discord_outbox_stats stats(void)
{
    struct discord_outbox_stats now;

    discord_outbox_stats(box->outbox, &now);
    return now;
}

struct told {
    int count;
    troupe_status status;
};

static void note(void *arg, troupe_status status)
{
    struct told *told = arg;

    told->count++;
    told->status = status;
}

/* ---- fixture ------------------------------------------------------------------------------- */

static troupe_status open_main(void *arg)
{
    (void)arg;
    return outbox_open(box->base.loop, box->base.store, &box->rows, &box->base.err);
}

static void open_box(void)
{
    assert_status(fixture_run(box->base.loop, open_main, NULL), TROUPE_OK);
    box->outbox = discord_outbox_new(&(struct discord_outbox_options){.loop = box->base.loop,
                                                                      .store = box->base.store,
                                                                      .rows = box->rows,
                                                                      .gateway = "discord:0",
                                                                      .self = SELF,
                                                                      .reconcile_after_ms = 1});
}

static void close_box(void)
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

static int setup(void **state)
{
    box = mem_zero(1, sizeof(*box));
    place_make(&box->base.place);
    box->base.loop = fixture_new(NULL);
    fixture_open(&box->base, NULL);
    open_box();
    *state = box;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_box();
    store_settle(&box->base);
    fixture_free(box->base.loop);
    place_remove(&box->base.place);
    mem_free(box);
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------- */

static troupe_status create_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "say \"hi\"\n\\ @everyone \x01 \xc3\xa4");
    struct told told = {0};
    int64_t id = row->id;
    _cleanup_json_ json_t *body = NULL;
    const json_t *mentions, *reference, *button;
    char nonce[OUTBOX_NONCE_MAX + 1];

    row->buttons = mem_strdup(
        "[{\"id\":\"a:1\",\"label\":\"Again\"},{\"id\":\"b\",\"label\":\"\\\"No\\\"\"}]");
    outbox_nonce(row, nonce);
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, note, &told);
    CHECK(asks(0, "POST", "/channels/77/messages"));
    CHECK(!box->sent[0].repeatable && box->sent[0].priority == DISCORD_FINAL);
    CHECK_STATUS(json_parse(box->sent[0].body, strlen(box->sent[0].body), &body, &box->base.err),
                 TROUPE_OK);
    CHECK(!strcmp(json_get_str(body, "content", ""), "say \"hi\"\n\\ @everyone \x01 \xc3\xa4"));
    CHECK(!strcmp(json_get_str(body, "nonce", ""), nonce) && strlen(nonce) <= 25);
    CHECK(json_is_true(json_object_get(body, "enforce_nonce")));
    mentions = json_object_get(body, "allowed_mentions");
    CHECK(json_is_array(json_object_get(mentions, "parse")));
    CHECK(json_array_size(json_object_get(mentions, "parse")) == 0);
    CHECK(json_is_false(json_object_get(mentions, "replied_user")));
    reference = json_object_get(body, "message_reference");
    CHECK(!strcmp(json_get_str(reference, "message_id", ""), "1000"));
    CHECK(json_is_false(json_object_get(reference, "fail_if_not_exists")));
    button = json_array_get(
        json_object_get(json_array_get(json_object_get(body, "components"), 0), "components"), 1);
    CHECK(!strcmp(json_get_str(button, "label", ""), "\"No\""));
    CHECK(!strcmp(json_get_str(button, "custom_id", ""), "b"));
    CHECK(told.count == 0);
    created(0, "5001");
    CHECK(told.count == 1 && told.status == TROUPE_OK);
    CHECK(comes_to(id, "sent", "5001"));
    CHECK(stats().created == 1 && stats().waiting == 0 && box->count == 1);
    return TROUPE_OK;
}

static void a_create_has_a_nonce_and_a_reference_and_pings_nobody(void **state)
{
    (void)state;
    run_body(&box->base, create_main);
}

static troupe_status ping_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "<@77> tea");

    row->state = OUTBOX_STREAMING;
    row->ping = mem_strdup("77");
    mem_free(row->reply_to);
    row->reply_to = NULL;
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, false, NULL, NULL);
    CHECK(asks(0, "POST", "/channels/77/messages"));
    CHECK(has(0, "\"allowed_mentions\":{\"parse\":[],\"users\":[\"77\"],"
                 "\"replied_user\":false}"));
    CHECK(!has(0, "message_reference"));
    created(0, "5001");
    set_body(row, "<@77> tea, now");
    discord_outbox_show(box->outbox, row, false, NULL, NULL);
    CHECK(has(1, "\"allowed_mentions\":{\"parse\":[],\"replied_user\":false}"));
    end(1, TROUPE_OK, 200, 0, "{}");
    return TROUPE_OK;
}

static void a_reminder_pings_its_member_once_and_answers_no_message(void **state)
{
    (void)state;
    run_body(&box->base, ping_main);
}

static troupe_status order_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *first = row_of(1, 0, "one"), *second = row_of(1, 1, "two"),
                      *third = row_of(1, 2, "three"), *other = row_of(2, 0, "other");
    int64_t ids[] = {first->id, second->id, third->id};

    CHECK_STATUS(keep(first), TROUPE_OK);
    CHECK_STATUS(keep(second), TROUPE_OK);
    CHECK_STATUS(keep(third), TROUPE_OK);
    discord_outbox_show(box->outbox, first, true, NULL, NULL);
    discord_outbox_show(box->outbox, second, true, NULL, NULL);
    discord_outbox_show(box->outbox, third, true, NULL, NULL);
    discord_outbox_show(box->outbox, other, true, NULL, NULL);
    CHECK(box->count == 2 && has(0, "one") && has(1, "other"));
    created(0, "5001");
    CHECK(box->count == 3 && has(2, "two"));
    end(2, TROUPE_ARGUMENT, 400, 50035, "{}"); /* one that is refused holds nobody up */
    CHECK(box->count == 4 && has(3, "three"));
    created(3, "5003");
    created(1, "5004");
    CHECK(comes_to(ids[0], "sent", "5001"));
    CHECK(comes_to(ids[1], "failed", ""));
    CHECK(comes_to(ids[2], "sent", "5003"));
    CHECK(stats().failed == 1);
    return TROUPE_OK;
}

static void parts_of_an_answer_leave_in_their_order(void **state)
{
    (void)state;
    run_body(&box->base, order_main);
}

/* An answer of turn `turn` to a member. */
static struct outbox_row *told_to(const char *member, int64_t turn, const char *body)
{
    struct outbox_row *row = row_of(turn, 0, body);

    row->member = mem_strdup(member);
    return row;
}

static troupe_status lane_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *first = told_to("8", 1, "first"), *second = told_to("8", 2, "second"),
                      *third = told_to("8", 3, "third"), *other = told_to("9", 4, "other"),
                      *elsewhere = told_to("8", 5, "elsewhere");

    mem_free(elsewhere->channel);
    elsewhere->channel = mem_strdup("78");
    CHECK_STATUS(keep(first), TROUPE_OK);
    discord_outbox_show(box->outbox, first, true, NULL, NULL);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    discord_outbox_show(box->outbox, second, true, NULL, NULL);
    discord_outbox_show(box->outbox, third, true, NULL, NULL);
    discord_outbox_show(box->outbox, other, true, NULL, NULL);
    discord_outbox_show(box->outbox, elsewhere, true, NULL, NULL);
    CHECK(box->count == 3 && has(1, "other") && has(2, "elsewhere"));
    CHECK(wait_sent(4) && asks(3, "GET", "/channels/77/messages?after=999&limit=100"));
    end(3, TROUPE_OK, 200, 0,
        "[{\"id\":\"2001\",\"author\":{\"id\":\"999\"},"
        "\"content\":\"first\"}]");
    CHECK(box->count == 5 && has(4, "second"));
    created(4, "2002");
    CHECK(box->count == 6 && has(5, "third"));
    created(5, "2003");
    return TROUPE_OK;
}

static void what_a_member_is_told_comes_in_order_also_while_the_first_is_looked_for(void **state)
{
    (void)state;
    run_body(&box->base, lane_main);
}

static troupe_status stream_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "a");
    struct told first = {0}, second = {0}, third = {0}, last = {0};
    int64_t id = row->id;

    row->state = OUTBOX_STREAMING;
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, false, note, &first);
    CHECK(box->count == 1 && box->sent[0].priority == DISCORD_CREATE);
    set_body(row, "a b"); /* while the create is under way */
    discord_outbox_show(box->outbox, row, false, note, &second);
    CHECK(box->count == 1);
    created(0, "5001");
    CHECK(first.count == 1 && second.count == 0);
    CHECK(comes_to(id, "streaming", "5001")); /* at once, so that a crash finds it */
    CHECK(asks(1, "PATCH", "/channels/77/messages/5001") && has(1, "\"a b\""));
    CHECK(has(1, "\"allowed_mentions\":{\"parse\":[],\"replied_user\":false}"));
    CHECK(!has(1, "nonce") && box->sent[1].repeatable && box->sent[1].coalesce[0]);
    set_body(row, "a b c");
    discord_outbox_show(box->outbox, row, false, note, &third);
    CHECK(box->count == 3 && !strcmp(box->sent[2].coalesce, box->sent[1].coalesce));
    end(1, TROUPE_CANCELED, 0, 0, NULL); /* as the schedule does with the older one */
    CHECK(second.count == 0 && third.count == 0);
    end(2, TROUPE_OK, 200, 0, "{}");
    CHECK(second.count == 1 && third.count == 1 && third.status == TROUPE_OK);
    discord_outbox_show(box->outbox, row, false, NULL, NULL);
    CHECK(box->count == 3); /* it is shown already */
    row->state = OUTBOX_READY;
    set_body(row, "a b c d");
    discord_outbox_show(box->outbox, row, true, note, &last);
    CHECK(box->count == 4 && box->sent[3].priority == DISCORD_FINAL);
    end(3, TROUPE_OK, 200, 0, "{}");
    CHECK(last.count == 1 && last.status == TROUPE_OK);
    CHECK(comes_to(id, "sent", "5001"));
    return TROUPE_OK;
}

static void of_a_stream_the_newest_text_wins_and_only_changes_are_sent(void **state)
{
    (void)state;
    run_body(&box->base, stream_main);
}

static troupe_status refused_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *denied = row_of(1, 0, "x"), *deleted = row_of(2, 0, "y"),
                      *waiting = row_of(3, 0, "z");
    struct told told = {0}, gone = {0};
    int64_t ids[] = {denied->id, deleted->id, waiting->id};

    CHECK_STATUS(keep(denied), TROUPE_OK);
    CHECK_STATUS(keep(deleted), TROUPE_OK);
    CHECK_STATUS(keep(waiting), TROUPE_OK);
    discord_outbox_show(box->outbox, denied, true, note, &told);
    end(0, TROUPE_DENIED, 403, 50013, "{\"code\":50013}");
    CHECK(told.count == 1 && told.status == TROUPE_DENIED);
    CHECK(comes_to(ids[0], "failed", ""));
    /* A member deleted it: it does not come again. */
    discord_outbox_show(box->outbox, deleted, false, NULL, NULL);
    created(1, "5001");
    set_body(deleted, "y and more");
    discord_outbox_show(box->outbox, deleted, false, note, &gone);
    end(2, TROUPE_NOT_FOUND, 404, 10008, "{\"code\":10008}");
    CHECK(gone.count == 1 && gone.status == TROUPE_NOT_FOUND);
    discord_outbox_show(box->outbox, deleted, true, note, &gone);
    CHECK(gone.count == 2 && gone.status == TROUPE_NOT_FOUND);
    CHECK(comes_to(ids[1], "failed", "5001"));
    CHECK(box->count == 3);
    /* What is not the row's fault fails no row. */
    discord_outbox_show(box->outbox, waiting, true, NULL, NULL);
    end(3, TROUPE_DENIED, 401, 0, "");
    CHECK(comes_to(ids[2], "ready", ""));
    CHECK(stats().failed == 2 && stats().waiting == 1);
    return TROUPE_OK;
}

static void what_discord_refuses_fails_with_its_reason_and_is_not_made_again(void **state)
{
    (void)state;
    run_body(&box->base, refused_main);
}

/* ---- looking up ---------------------------------------------------------------------------- */

#define ASKED "{\"id\":\"1000\",\"author\":{\"id\":\"4\"},\"content\":\"a question\"}"
#define OURS(id, content)                                                                          \
    "{\"id\":\"" id "\",\"author\":{\"id\":\"999\"},\"content\":\"" content                        \
    "\",\"message_reference\":{\"message_id\":\"1000\"}}"

static troupe_status found_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, " the answer \n");
    struct told told = {0};
    int64_t id = row->id;

    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, note, &told);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(stats().reconciling == 1);
    CHECK(wait_sent(2) && asks(1, "GET", "/channels/77/messages?after=999&limit=100"));
    end(1, TROUPE_OK, 200, 0,
        "[{\"id\":\"2004\",\"author\":{\"id\":\"999\"},\"content\":\"the answer\","
        "\"message_reference\":{\"message_id\":\"1001\"}},"
        "{\"id\":\"2003\",\"author\":{\"id\":\"5\"},\"content\":\"the answer\","
        "\"message_reference\":{\"message_id\":\"1000\"}}," OURS("2002", "the answer") "," OURS(
            "2001", "another") "," ASKED "]");
    CHECK(told.count == 1 && told.status == TROUPE_OK);
    CHECK(comes_to(id, "sent", "2002"));
    CHECK(box->count == 2 && stats().reconciled_found == 1 && stats().reconciling == 0);
    return TROUPE_OK;
}

static void a_lost_answer_is_looked_up_and_what_is_there_is_not_sent_again(void **state)
{
    (void)state;
    run_body(&box->base, found_main);
}

static troupe_status absent_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "answer"), *next = row_of(1, 1, "more");
    int64_t id = row->id;

    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    discord_outbox_show(box->outbox, next, true, NULL, NULL);
    end(0, TROUPE_MAYBE_DONE, 502, 0, "");
    CHECK(wait_sent(2));
    end(1, TROUPE_OK, 200, 0, "[" OURS("2001", "another") "," ASKED "]");
    CHECK(box->count == 3 && asks(2, "POST", "/channels/77/messages"));
    CHECK(!strcmp(box->sent[2].body, box->sent[0].body)); /* the same nonce */
    end(2, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(4) && asks(3, "GET", "/channels/77/messages?after=999&limit=100"));
    end(3, TROUPE_UNAVAILABLE, 0, 0, NULL); /* not now: neither sent again nor given up */
    CHECK(stats().reconciling == 1 && box->count == 4);
    CHECK(comes_to(id, "ready", "") && stats().reconciled_repeated == 1);
    return TROUPE_OK;
}

static void what_is_not_there_is_sent_again_with_the_same_nonce(void **state)
{
    (void)state;
    run_body(&box->base, absent_main);
}

static troupe_status known_nonce_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "old");
    struct told told = {0};
    int64_t id = row->id;

    CHECK_STATUS(keep(row), TROUPE_OK);
    row->state = OUTBOX_STREAMING;
    discord_outbox_show(box->outbox, row, false, NULL, NULL);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    row->state = OUTBOX_READY;
    set_body(row, "new");
    discord_outbox_show(box->outbox, row, true, note, &told);
    CHECK(wait_sent(2));
    end(1, TROUPE_OK, 200, 0, "[" ASKED "]"); /* it came into sight a moment too late */
    CHECK(box->count == 3 && has(2, "new"));
    end(2, TROUPE_OK, 200, 0, "{\"id\":\"2001\",\"content\":\"old\"}");
    CHECK(told.count == 0);
    CHECK(asks(3, "PATCH", "/channels/77/messages/2001") && has(3, "new"));
    end(3, TROUPE_OK, 200, 0, "{}");
    CHECK(told.count == 1 && told.status == TROUPE_OK);
    CHECK(comes_to(id, "sent", "2001"));
    return TROUPE_OK;
}

static void a_nonce_that_discord_knew_gives_an_old_text_which_is_edited(void **state)
{
    (void)state;
    run_body(&box->base, known_nonce_main);
}

static troupe_status unreadable_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "answer"), *denied = row_of(2, 0, "denied");
    struct told told = {0};
    int64_t ids[] = {row->id, denied->id};

    CHECK_STATUS(keep(row), TROUPE_OK);
    CHECK_STATUS(keep(denied), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, note, &told);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(2));
    end(1, TROUPE_OK, 200, 0, "[]");
    CHECK(wait_sent(3) && asks(2, "GET", "/channels/77/messages?limit=100"));
    end(2, TROUPE_OK, 200, 0, "[]");
    CHECK(told.count == 1 && told.status == TROUPE_MAYBE_DONE);
    CHECK(comes_to(ids[0], "unknown", ""));
    discord_outbox_show(box->outbox, denied, true, NULL, NULL);
    end(3, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(5));
    end(4, TROUPE_DENIED, 403, 50001, "{\"code\":50001}");
    CHECK(comes_to(ids[1], "unknown", ""));
    CHECK(stats().unknown == 2 && box->count == 5 && stats().waiting == 0);
    return TROUPE_OK;
}

static void where_the_history_cannot_be_read_it_is_unknown_and_not_repeated(void **state)
{
    (void)state;
    run_body(&box->base, unreadable_main);
}

static troupe_status deleted_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "answer"), *quiet = row_of(2, 0, "quiet");
    int64_t id = row->id;

    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(2));
    end(1, TROUPE_OK, 200, 0,
        "[{\"id\":\"2001\",\"author\":{\"id\":\"999\"},\"content\":\"answer\"}]");
    CHECK(comes_to(id, "sent", "2001"));
    /* Nothing after a question that was deleted: what is older proves that the history is read. */
    discord_outbox_show(box->outbox, quiet, true, NULL, NULL);
    end(2, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(4));
    end(3, TROUPE_OK, 200, 0, "[]");
    CHECK(wait_sent(5));
    end(4, TROUPE_OK, 200, 0, "[{\"id\":\"900\",\"author\":{\"id\":\"4\"},\"content\":\"old\"}]");
    CHECK(wait_sent(6) && asks(5, "POST", "/channels/77/messages"));
    return TROUPE_OK;
}

static void a_deleted_question_hides_no_answer(void **state)
{
    (void)state;
    run_body(&box->base, deleted_main);
}

/* A full page of other people's messages from `first` on. */
static char *full_page(int first)
{
    struct buf page = BUF_INIT;

    for (int i = 99; i >= 0; i--)
        buf_printf(&page, "%s{\"id\":\"%d\",\"author\":{\"id\":\"4\"},\"content\":\"x\"}",
                   i == 99 ? "[" : ",", first + i);
    buf_putc(&page, ']');
    return buf_take(&page);
}

static troupe_status pages_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "answer"), *lost = row_of(2, 0, "lost");
    int64_t ids[] = {row->id, lost->id};

    CHECK_STATUS(keep(row), TROUPE_OK);
    CHECK_STATUS(keep(lost), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    discord_outbox_show(box->outbox, lost, true, NULL, NULL);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    end(1, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(3));
    for (size_t i = 0; i < 20; i++) {
        _cleanup_mem_ char *page = full_page(1000 + (int)i * 100);
        char path[64];

        snprintf(path, sizeof(path), "/channels/77/messages?after=%zu&limit=100",
                 i ? 999 + i * 100 : 999);
        CHECK(wait_sent(3 + i) && asks(2 + i, "GET", path));
        end(2 + i, TROUPE_OK, 200, 0, page);
    }
    CHECK(comes_to(ids[0], "unknown", "") && comes_to(ids[1], "unknown", ""));
    CHECK(box->count == 22);
    return TROUPE_OK;
}

static void a_search_serves_all_rows_and_ends_after_its_pages(void **state)
{
    (void)state;
    run_body(&box->base, pages_main);
}

/* ---- taking back --------------------------------------------------------------------------- */

static troupe_status back_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "first words"), *behind = row_of(1, 1, "more");
    struct told first = {0}, last = {0};
    int64_t id = row->id;

    row->state = behind->state = OUTBOX_STREAMING;
    CHECK_STATUS(keep(row), TROUPE_OK);
    CHECK_STATUS(keep(behind), TROUPE_OK);
    discord_outbox_show(box->outbox, row, false, note, &first);
    discord_outbox_show(box->outbox, behind, false, NULL, NULL);
    CHECK(box->count == 1 && has(0, "first words"));
    CHECK(discord_outbox_take_back(box->outbox, row));
    CHECK(first.count == 1 && first.status == TROUPE_CANCELED);
    CHECK(discord_outbox_take_back(box->outbox, behind));
    discord_outbox_drop(behind);
    set_body(row, "all of it");
    discord_outbox_show(box->outbox, row, true, note, &last);
    CHECK(box->count == 2 && asks(1, "POST", "/channels/77/messages") && has(1, "all of it"));
    created(1, "5001");
    CHECK(last.count == 1 && last.status == TROUPE_OK);
    CHECK(comes_to(id, "sent", "5001") && box->count == 2 && stats().created == 1);
    return TROUPE_OK;
}

static void what_has_not_left_is_taken_back_and_leaves_once_whole(void **state)
{
    (void)state;
    run_body(&box->base, back_main);
}

static troupe_status too_late_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = row_of(1, 0, "first words"), *lost = row_of(2, 0, "lost");
    struct told told = {0}, edit = {0};

    row->state = lost->state = OUTBOX_STREAMING;
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, lost, false, note, &told);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(!discord_outbox_take_back(box->outbox, lost) && told.count == 0); /* it may be there */
    discord_outbox_show(box->outbox, row, false, note, &told);
    box->sent[1].coalesce[0] = '\0'; /* it has left */
    CHECK(!discord_outbox_take_back(box->outbox, row) && told.count == 0);
    created(1, "5001");
    CHECK(told.count == 1 && told.status == TROUPE_OK);
    set_body(row, "first words and more");
    discord_outbox_show(box->outbox, row, false, note, &edit);
    CHECK(box->count == 3 && asks(2, "PATCH", "/channels/77/messages/5001"));
    /* A message that is there stays; nobody waits for its edits any more. */
    CHECK(!discord_outbox_take_back(box->outbox, row));
    CHECK(edit.count == 1 && edit.status == TROUPE_CANCELED);
    end(2, TROUPE_OK, 200, 0, "{}");
    return TROUPE_OK;
}

static void what_may_be_there_is_not_taken_back(void **state)
{
    (void)state;
    run_body(&box->base, too_late_main);
}

/* ---- after a restart ----------------------------------------------------------------------- */

static troupe_status leave_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *rows[6];

    for (unsigned i = 0; i < 6; i++) {
        rows[i] = row_of(i < 3 ? 1 : (int64_t)i, i < 3 ? i : 0, i < 3 ? "same" : "other");
        if (i == 0) { /* out, and marked so */
            rows[i]->state = OUTBOX_SENT;
            rows[i]->remote_id = mem_strdup("2001");
        }
        if (i == 4) /* known, and perhaps not with its last text */
            rows[i]->remote_id = mem_strdup("2009");
        if (i == 5)
            rows[i]->state = OUTBOX_STREAMING;
        CHECK_STATUS(keep(rows[i]), TROUPE_OK);
        outbox_row_free(rows[i]);
    }
    return TROUPE_OK;
}

static troupe_status recover_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *streams[4];
    struct told told = {0};

    CHECK_STATUS(discord_outbox_recover(box->outbox, &box->base.err), TROUPE_OK);
    CHECK(asks(0, "PATCH", "/channels/77/messages/2009"));
    end(0, TROUPE_OK, 200, 0, "{}");
    CHECK(wait_sent(2) && asks(1, "GET", "/channels/77/messages?after=999&limit=100"));
    /* "same" is there twice: one was ours already, the second is part 1's, and part 2 is missing. */
    end(1, TROUPE_OK, 200, 0, "[" OURS("2002", "same") "," OURS("2001", "same") "," ASKED "]");
    CHECK(box->count == 4);
    CHECK(comes_to(2, "sent", "2002"));
    CHECK(has(2, "same") || has(3, "same"));
    CHECK(has(2, "other") || has(3, "other"));
    end(2, TROUPE_OK, 200, 0, "{\"id\":\"3001\"}");
    end(3, TROUPE_OK, 200, 0, "{\"id\":\"3002\"}");
    CHECK(comes_to(5, "sent", "2009"));
    /* The unfinished one waits for its turn. */
    CHECK(discord_outbox_streams(box->outbox, 5, 0, streams, 4) == 1);
    CHECK(discord_outbox_streams(box->outbox, 5, 1, streams, 4) == 0);
    CHECK(streams[0]->id == 6 && box->count == 4 && stats().waiting == 0);
    discord_outbox_show(box->outbox, streams[0], true, note, &told);
    CHECK(box->count == 5 && asks(4, "POST", "/channels/77/messages"));
    end(4, TROUPE_OK, 200, 0, "{\"id\":\"3003\"}");
    CHECK(told.count == 1 && told.status == TROUPE_OK);
    CHECK(comes_to(6, "sent", "3003"));
    return TROUPE_OK;
}

/* Two answers of ended turns to member 8, the first of which an earlier process had not sent. */
static troupe_status leave_lane_main(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct outbox_row *row = row_of(1, 0, "first");

    store_batch_add(batch, STORE_SQL("INSERT INTO event (id, source, source_id, channel, member, "
                                     "kind, payload, created_ms) VALUES (1, 'discord:0', '1000', "
                                     "'77', '8', 'message', '{}', 0)"));
    outbox_insert(batch, row);
    CHECK_STATUS(store_commit(box->base.store, batch, 0, &box->base.err), TROUPE_OK);
    outbox_row_free(row);
    return TROUPE_OK;
}

static troupe_status recover_lane_main(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(discord_outbox_recover(box->outbox, &box->base.err), TROUPE_OK);
    discord_outbox_show(box->outbox, told_to("8", 2, "second"), true, NULL, NULL);
    CHECK(wait_sent(1) && asks(0, "GET", "/channels/77/messages?after=999&limit=100"));
    CHECK(box->count == 1);
    end(0, TROUPE_OK, 200, 0, "[" ASKED "]");
    CHECK(box->count == 2 && has(1, "first"));
    end(1, TROUPE_OK, 200, 0, "{\"id\":\"2001\"}");
    CHECK(box->count == 3 && has(2, "second"));
    created(2, "2002");
    return TROUPE_OK;
}

static void a_later_answer_does_not_overtake_what_an_earlier_process_left(void **state)
{
    (void)state;
    run_body(&box->base, leave_lane_main);
    close_box();
    open_box();
    run_body(&box->base, recover_lane_main);
}

static void what_an_earlier_process_left_is_found_or_sent_by_one_search(void **state)
{
    (void)state;
    run_body(&box->base, leave_main);
    close_box();
    open_box();
    run_body(&box->base, recover_main);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_create_has_a_nonce_and_a_reference_and_pings_nobody,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_reminder_pings_its_member_once_and_answers_no_message,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(parts_of_an_answer_leave_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_a_member_is_told_comes_in_order_also_while_the_first_is_looked_for, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            a_later_answer_does_not_overtake_what_an_earlier_process_left, setup, teardown),
        cmocka_unit_test_setup_teardown(of_a_stream_the_newest_text_wins_and_only_changes_are_sent,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_discord_refuses_fails_with_its_reason_and_is_not_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_lost_answer_is_looked_up_and_what_is_there_is_not_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_nonce_that_discord_knew_gives_an_old_text_which_is_edited,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_sent_again_with_the_same_nonce, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            where_the_history_cannot_be_read_it_is_unknown_and_not_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_question_hides_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_search_serves_all_rows_and_ends_after_its_pages, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_has_not_left_is_taken_back_and_leaves_once_whole,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_be_there_is_not_taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_earlier_process_left_is_found_or_sent_by_one_search,
                                        setup, teardown),
    };

    return cmocka_run_group_tests_name("gateway/discord_outbox", tests, NULL, NULL);
}
