/* SPDX-License-Identifier: Apache-2.0
 *
 * Delivery to Discord, row by row: what leaves when, what is looked up, what is found again.
 */
#include "discord_outbox_fixture.h"

#include "loop/latch.h"

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
    CHECK(is_quiet() && stats().created == 1 && box->count == 1);
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

static troupe_status ahead_main(void *arg)
{
    struct fixture *f = arg;
    struct latch *latch = latch_new(), *broken = latch_new();
    struct outbox_row *row = row_of(1, 0, "ahead"), *never = row_of(2, 0, "never"),
                      *next = row_of(2, 1, "next");
    int64_t id = row->id, next_id = next->id;

    discord_outbox_ahead(box->outbox, row, latch);
    CHECK(asks(0, "POST", "/channels/77/messages") && box->sent[0].after == latch);
    CHECK(box->sent[0].priority == DISCORD_FINAL && stats().waiting == 1);
    CHECK_STATUS(keep(row), TROUPE_OK);
    latch_open(latch);
    created(0, "5001"); /* before its owner hears of the commit: the row is there still */
    CHECK(!strcmp(row->remote_id, "5001"));
    discord_outbox_settle(row, true);
    CHECK(comes_to(id, "sent", "5001") && is_quiet());

    discord_outbox_ahead(box->outbox, never, broken);
    CHECK_STATUS(keep(next), TROUPE_OK);
    discord_outbox_show(box->outbox, next, true, NULL, NULL);
    CHECK(box->count == 2); /* what stands before it may be about to leave */
    latch_break(broken);
    discord_outbox_settle(never, false);
    CHECK(box->count == 3 && has(2, "next") && !box->sent[2].after);
    end(1, TROUPE_CANCELED, 0, 0, NULL);
    created(2, "5002");
    CHECK(comes_to(next_id, "sent", "5002") && is_quiet());
    CHECK(stats().created == 2 && stats().failed == 0);
    latch_unref(latch);
    latch_unref(broken);
    return TROUPE_OK;
}

static void
a_row_ahead_of_its_commit_waits_for_it_and_goes_without_a_trace_if_it_fails(void **state)
{
    (void)state;
    run_body(&box->base, ahead_main);
}

static troupe_status closed_ahead_main(void *arg)
{
    struct latch *latch = latch_new();
    struct outbox_row *row = row_of(1, 0, "ahead");

    (void)arg;
    discord_outbox_ahead(box->outbox, row, latch);
    CHECK(box->count == 1);
    discord_outbox_free(box->outbox);
    box->outbox = NULL;
    end(0, TROUPE_CANCELED, 0, 0, NULL);
    CHECK(!strcmp(row->body, "ahead")); /* its owner's, until it is settled */
    discord_outbox_settle(row, false);
    latch_unref(latch);
    return TROUPE_OK;
}

static void a_row_ahead_of_its_commit_outlives_a_stop(void **state)
{
    (void)state;
    run_body(&box->base, closed_ahead_main);
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
    CHECK(box->count == 2 &&
          asks(1, "PUT", "/channels/77/messages/1000/reactions/%F0%9F%94%87/@me"));
    /* A member deleted it: it does not come again. */
    discord_outbox_show(box->outbox, deleted, false, NULL, NULL);
    created(2, "5001");
    set_body(deleted, "y and more");
    discord_outbox_show(box->outbox, deleted, false, note, &gone);
    end(3, TROUPE_NOT_FOUND, 404, 10008, "{\"code\":10008}");
    CHECK(gone.count == 1 && gone.status == TROUPE_NOT_FOUND);
    discord_outbox_show(box->outbox, deleted, true, note, &gone);
    CHECK(gone.count == 2 && gone.status == TROUPE_NOT_FOUND);
    CHECK(comes_to(ids[1], "failed", "5001"));
    CHECK(box->count == 4); /* there was an answer: no sign is needed */
    /* What is not the row's fault fails no row. */
    discord_outbox_show(box->outbox, waiting, true, NULL, NULL);
    end(4, TROUPE_DENIED, 401, 0, "");
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
    CHECK(is_quiet() && stats().unknown == 2 && box->count == 5);
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
    discord_outbox_show(box->outbox, lost, false, NULL, NULL);
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(2) && asks(1, "GET", "/channels/77/messages?after=999&limit=100"));
    CHECK(!discord_outbox_take_back(box->outbox, lost)); /* it may be there */
    discord_outbox_show(box->outbox, row, false, note, &told);
    box->sent[2].coalesce[0] = '\0'; /* it has left */
    CHECK(!discord_outbox_take_back(box->outbox, row) && told.count == 0);
    created(2, "5001");
    CHECK(told.count == 1 && told.status == TROUPE_OK);
    set_body(row, "first words and more");
    discord_outbox_show(box->outbox, row, false, note, &edit);
    CHECK(box->count == 4 && asks(3, "PATCH", "/channels/77/messages/5001"));
    /* A message that is there stays; nobody waits for its edits any more. */
    CHECK(!discord_outbox_take_back(box->outbox, row));
    CHECK(edit.count == 1 && edit.status == TROUPE_CANCELED);
    end(3, TROUPE_OK, 200, 0, "{}");
    return TROUPE_OK;
}

static void what_may_be_there_is_not_taken_back(void **state)
{
    (void)state;
    run_body(&box->base, too_late_main);
}

static troupe_status behind_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *first = row_of(1, 0, "first"), *second = row_of(1, 1, "second"),
                      *question = row_of(1, 2, "a question");

    first->state = second->state = OUTBOX_STREAMING;
    CHECK_STATUS(keep(first), TROUPE_OK);
    CHECK_STATUS(keep(second), TROUPE_OK);
    CHECK_STATUS(keep(question), TROUPE_OK);
    discord_outbox_show(box->outbox, first, false, NULL, NULL);
    discord_outbox_show(box->outbox, second, false, NULL, NULL);
    discord_outbox_show(box->outbox, question, true, NULL, NULL);
    CHECK(discord_outbox_take_back(box->outbox, first));
    CHECK(discord_outbox_take_back(box->outbox, second));
    CHECK(box->count == 1); /* they may come back whole, and go first then */
    discord_outbox_drop(first);
    CHECK(box->count == 2 && has(1, "a question"));
    created(1, "5001");
    return TROUPE_OK;
}

static void what_is_taken_back_for_good_holds_nobody_up(void **state)
{
    (void)state;
    run_body(&box->base, behind_main);
}

static troupe_status passed_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *first = row_of(1, 0, "first"), *question = row_of(1, 1, "a question");

    first->state = OUTBOX_STREAMING;
    CHECK_STATUS(keep(first), TROUPE_OK);
    CHECK_STATUS(keep(question), TROUPE_OK);
    discord_outbox_show(box->outbox, first, false, NULL, NULL);
    discord_outbox_show(box->outbox, question, true, NULL, NULL);
    CHECK(discord_outbox_take_back(box->outbox, first) && box->count == 1);
    discord_outbox_pass(first);
    CHECK(box->count == 2 && has(1, "a question"));
    created(1, "5001");
    return TROUPE_OK;
}

static void an_end_that_could_not_be_stored_holds_nobody_up(void **state)
{
    (void)state;
    run_body(&box->base, passed_main);
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
    CHECK(streams[0]->id == 6 && box->count == 4 && is_quiet());
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

/* Two messages of a turn, the first of which cannot be known any more. */
static troupe_status leave_forgotten_main(void *arg)
{
    struct fixture *f = arg;

    for (unsigned part = 0; part < 2; part++) {
        struct outbox_row *row = row_of(1, part, part ? "second" : "first");

        if (!part) {
            mem_free(row->reply_to);
            row->reply_to = mem_strdup("@private");
        }
        CHECK_STATUS(keep(row), TROUPE_OK);
        outbox_row_free(row);
    }
    return TROUPE_OK;
}

static troupe_status recover_forgotten_main(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(discord_outbox_recover(box->outbox, &box->base.err), TROUPE_OK);
    CHECK(comes_to(1, "failed", ""));
    CHECK(wait_sent(1) && asks(0, "GET", "/channels/77/messages?after=999&limit=100"));
    end(0, TROUPE_OK, 200, 0, "[" OURS("2001", "second") "," ASKED "]");
    CHECK(comes_to(2, "sent", "2001") && box->count == 1);
    return TROUPE_OK;
}

static void the_end_of_one_that_was_left_sends_nothing_unseen(void **state)
{
    (void)state;
    run_body(&box->base, leave_forgotten_main);
    close_box();
    open_box();
    run_body(&box->base, recover_forgotten_main);
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
            a_row_ahead_of_its_commit_waits_for_it_and_goes_without_a_trace_if_it_fails, setup,
            teardown),
        cmocka_unit_test_setup_teardown(a_row_ahead_of_its_commit_outlives_a_stop, setup, teardown),
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
        cmocka_unit_test_setup_teardown(what_is_taken_back_for_good_holds_nobody_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_end_that_could_not_be_stored_holds_nobody_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_end_of_one_that_was_left_sends_nothing_unseen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_an_earlier_process_left_is_found_or_sent_by_one_search,
                                        setup, teardown),
    };

    return cmocka_run_group_tests_name("gateway/discord_outbox", tests, NULL, NULL);
}
