/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that answer an interaction: what is theirs in the channel, what becomes of them when nobody
 * knows or somebody deletes them, and what is known of it for sentences beside them.
 */
#include "discord_outbox_fixture.h"

#include "base/clock.h"
#include "gateway/event.h"

/* A row that answers interaction 1500, as a followup. */
static struct outbox_row *answering(int64_t turn, const char *body, const char *file)
{
    const struct event event = {.source = "discord:0",
                                .source_id = "1500",
                                .kind = "command",
                                .member = "4",
                                .channel = "77",
                                .command = "walls.paint",
                                .content = "{}",
                                .content_len = 2,
                                .token = "secret",
                                .flags = EVENT_DEFERRED,
                                .time_ms = clock_wall_ms()};
    struct outbox_row *row = row_of(turn, 0, body);

    mem_free(row->reply_to);
    row->reply_to = mem_strdup("@followup");
    row->event = event_new(&event);
    row->file_name = file ? mem_strdup("wall.c") : NULL;
    row->file = file ? mem_strdup(file) : NULL;
    return row;
}

#define THROUGH(id, interaction, files)                                                            \
    "{\"id\":\"" id "\",\"author\":{\"id\":\"999\"},\"content\":\"\","                             \
    "\"interaction_metadata\":{\"id\":\"" interaction "\"},\"attachments\":[" files "]}"
#define WALL "{\"filename\":\"wall.c\",\"size\":6}"

static troupe_status followup_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = answering(1, "", "int a;");
    int64_t id = row->id;

    discord_outbox_application(box->outbox, "55");
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    CHECK(asks(0, "POST", "/webhooks/55/secret"));
    end(0, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(2) && !strcmp(box->sent[1].method, "GET"));
    /* Without the file, of another interaction, and of none. */
    end(1, TROUPE_OK, 200, 0,
        "[" THROUGH("2003", "1500", "") "," THROUGH("2002", "1499", WALL) "," OURS("2001", "") "]");
    CHECK(box->count == 3 && asks(2, "POST", "/webhooks/55/secret"));
    end(2, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(4));
    end(3, TROUPE_OK, 200, 0,
        "[" THROUGH("2004", "1500", WALL) "," THROUGH("2002", "1499", WALL) "]");
    CHECK(comes_to(id, "sent", "2004"));
    CHECK(box->count == 4);
    return TROUPE_OK;
}

static void a_followup_is_found_by_its_interaction_and_its_file(void **state)
{
    (void)state;
    run_body(&box->base, followup_main);
}

/* What nothing keeps is said beside it then, and not in its place. */
static troupe_status answered_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = answering(1, "all white", NULL);
    int64_t id = row->id;

    mem_free(row->reply_to);
    row->reply_to = mem_strdup("@original");
    discord_outbox_application(box->outbox, "55");
    CHECK(discord_outbox_answered(box->outbox, "1500") == DISCORD_UNANSWERED);
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, false, NULL, NULL);
    CHECK(asks(0, "PATCH", "/webhooks/55/secret/messages/@original"));
    CHECK(discord_outbox_answered(box->outbox, "1500") == DISCORD_ANSWERING);
    created(0, "2001");
    CHECK(discord_outbox_answered(box->outbox, "1500") == DISCORD_ANSWERED);
    CHECK(discord_outbox_answered(box->outbox, "1501") == DISCORD_UNANSWERED);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    CHECK(comes_to(id, "sent", "2001")); /* and nobody holds the row any more */
    CHECK(discord_outbox_answered(box->outbox, "1500") == DISCORD_ANSWERED);
    return TROUPE_OK;
}

static void that_an_interaction_has_its_answer_is_known_from_then_on(void **state)
{
    (void)state;
    run_body(&box->base, answered_main);
}

/* The public response is taken away for a private answer, and nobody knows whether that has happened. */
static troupe_status instead_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = answering(1, "between us", NULL);
    int64_t id = row->id;

    mem_free(row->reply_to);
    row->reply_to = mem_strdup("@instead");
    discord_outbox_application(box->outbox, "55");
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    CHECK(asks(0, "DELETE", "/webhooks/55/secret/messages/@original"));
    end(0, TROUPE_MAYBE_DONE, 502, 0, NULL);
    CHECK(stats().unknown == 0 && stats().waiting == 1); /* it is tried again, later */
    CHECK(comes_to(id, "ready", ""));
    return TROUPE_OK;
}

static void a_private_answer_stays_owed_until_the_public_response_has_gone(void **state)
{
    (void)state;
    run_body(&box->base, instead_main);
}

static troupe_status gone_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = answering(1, "all", NULL);
    struct told told = {0};
    int64_t id = row->id;

    mem_free(row->reply_to);
    row->reply_to = mem_strdup("@original");
    discord_outbox_application(box->outbox, "55");
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, false, NULL, NULL);
    created(0, "2001");
    set_body(row, "all white");
    discord_outbox_show(box->outbox, row, true, note, &told);
    CHECK(asks(1, "PATCH", "/webhooks/55/secret/messages/2001"));
    end(1, TROUPE_NOT_FOUND, 404, 10008, NULL);
    CHECK(told.count == 1 && told.status == TROUPE_NOT_FOUND);
    CHECK(comes_to(id, "failed", "2001"));
    CHECK(box->count == 2 && stats().detached == 0); /* and it is not said in the channel instead */
    return TROUPE_OK;
}

static void an_answer_that_somebody_deleted_does_not_come_back(void **state)
{
    (void)state;
    run_body(&box->base, gone_main);
}

static troupe_status detached_main(void *arg)
{
    struct fixture *f = arg;
    struct outbox_row *row = answering(1, "all white", NULL);
    int64_t id = row->id;

    discord_outbox_application(box->outbox, "55");
    CHECK_STATUS(keep(row), TROUPE_OK);
    discord_outbox_show(box->outbox, row, true, NULL, NULL);
    end(0, TROUPE_NOT_FOUND, 404, 10015, NULL); /* the interaction is over */
    CHECK(asks(1, "POST", "/channels/77/messages") && has(1, "<@4> /paint: all white"));
    end(1, TROUPE_MAYBE_DONE, 0, 0, NULL);
    CHECK(wait_sent(3) && !strcmp(box->sent[2].method, "GET"));
    end(2, TROUPE_OK, 200, 0,
        "[" OURS("1499", "<@4> /paint: all white") "]"); /* an earlier one's */
    CHECK(box->count == 4 && asks(3, "POST", "/channels/77/messages"));
    end(3, TROUPE_OK, 200, 0, "{\"id\":\"2001\"}");
    CHECK(comes_to(id, "sent", "2001"));
    return TROUPE_OK;
}

static void an_answer_in_the_channel_is_none_that_stood_there_before_its_command(void **state)
{
    (void)state;
    run_body(&box->base, detached_main);
}

/* Two private messages of one answer: perhaps they are there, and nobody but the member can look. */
static troupe_status leave_private_main(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = NULL;

    for (unsigned part = 0; part < 2; part++) {
        struct outbox_row *row = answering(1, "between us", NULL);

        mem_free(row->reply_to);
        row->reply_to = mem_strdup("@private");
        row->part = part;
        if (!payload) {
            payload = event_print(row->event);
            store_batch_add(batch, STORE_SQL("INSERT INTO event (id, source, source_id, kind, "
                                             "payload, created_ms) VALUES (1, 'discord:0', '1500', "
                                             "'command', ?1, 0)",
                                             store_text(payload)));
        }
        outbox_insert(batch, row);
        outbox_row_free(row);
    }
    CHECK_STATUS(store_commit(box->base.store, batch, 0, &box->base.err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status recover_private_main(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(discord_outbox_recover(box->outbox, &box->base.err), TROUPE_OK);
    CHECK(box->count == 0 && stats().unknown == 2);
    discord_outbox_application(box->outbox, "55");
    CHECK(box->count == 1 && asks(0, "POST", "/webhooks/55/secret"));
    CHECK(has(0, "may be missing; please ask again") && has(0, "\"flags\":64"));
    CHECK(!has(0, "between us"));
    created(0, "2001");
    discord_outbox_go_on(box->outbox);
    CHECK(box->count == 1); /* once */
    CHECK(comes_to(1, "unknown", "") && comes_to(2, "unknown", ""));
    return TROUPE_OK;
}

static void who_may_lack_a_private_message_after_a_crash_is_told_so_once(void **state)
{
    (void)state;
    run_body(&box->base, leave_private_main);
    close_box();
    open_box();
    run_body(&box->base, recover_private_main);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_followup_is_found_by_its_interaction_and_its_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(that_an_interaction_has_its_answer_is_known_from_then_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_private_answer_stays_owed_until_the_public_response_has_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_somebody_deleted_does_not_come_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            an_answer_in_the_channel_is_none_that_stood_there_before_its_command, setup, teardown),
        cmocka_unit_test_setup_teardown(
            who_may_lack_a_private_message_after_a_crash_is_told_so_once, setup, teardown),
    };

    return cmocka_run_group_tests_name("gateway/discord_reply", tests, NULL, NULL);
}
