/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer on its way into the outbox: what is stored when, and what is handed on to be shown. The
 * delivery itself is played by the test.
 */
#include "../store/store_fixture.h"

#include "base/text.h"
#include "gateway/discord/internal.h"
#include "gateway/discord/message.h"
#include "loop/latch.h"

#include <string.h>

#define TURN 77

/* ---- the delivery, as the test plays it ------------------------------------------------------ */

#define SHOWS_MAX 64

static struct {
    struct {
        int64_t id;
        unsigned part;
        char *body, *buttons;
        bool final, created;
    } shows[SHOWS_MAX];
    size_t count;
    /* Under way: the last of them. */
    void (*done)(void *arg, troupe_status status);
    void *arg;
    struct outbox_row *row;
    bool held;   /* nothing is answered before release() */
    bool queued; /* what is held has not left */
    unsigned dropped;
    troupe_status outcome;
    struct outbox_row *streams[8];
    size_t stream_count;
    struct outbox_row *rows[SHOWS_MAX]; /* ours to free */
    size_t row_count;
    struct latch *latch; /* of the newest that went ahead; a reference */
    unsigned ahead, durable, failed;
} played;

static void answer_show(void)
{
    void (*done)(void *arg, troupe_status status) = played.done;

    played.done = NULL;
    if (played.outcome == TROUPE_OK && !played.row->remote_id)
        played.row->remote_id = mem_printf("9%u", played.row->part);
    if (done)
        done(played.arg, played.outcome);
}

void discord_outbox_show(struct discord_outbox *outbox, struct outbox_row *row, bool final,
                         void (*done)(void *arg, troupe_status status), void *arg)
{
    size_t i = 0;

    (void)outbox;
    assert_true(played.count < SHOWS_MAX);
    played.shows[played.count].id = row->id;
    played.shows[played.count].part = row->part;
    played.shows[played.count].body = mem_strdup(row->body);
    played.shows[played.count].buttons = row->buttons ? mem_strdup(row->buttons) : NULL;
    played.shows[played.count].final = final;
    played.shows[played.count++].created = !row->remote_id;
    while (i < played.row_count && played.rows[i] != row)
        i++;
    if (i == played.row_count)
        played.rows[played.row_count++] = row;
    if (done) {
        assert_null(played.done); /* one at a time; for final ones nobody waits */
        played.done = done;
        played.arg = arg;
    }
    played.row = row;
    if (!played.held)
        answer_show();
}

void discord_outbox_ahead(struct discord_outbox *outbox, struct outbox_row *row,
                          struct latch *latch)
{
    latch_unref(played.latch);
    played.latch = latch_ref(latch);
    played.ahead++;
    discord_outbox_show(outbox, row, true, NULL, NULL);
}

void discord_outbox_settle(struct outbox_row *row, bool durable)
{
    (void)row;
    if (durable)
        played.durable++;
    else
        played.failed++;
}

bool discord_outbox_take_back(struct discord_outbox *outbox, struct outbox_row *row)
{
    void (*done)(void *arg, troupe_status status) = played.done;

    (void)outbox;
    if (row->remote_id || !played.queued || row != played.row)
        return false;
    played.done = NULL;
    if (done)
        done(played.arg, TROUPE_CANCELED);
    return true;
}

void discord_outbox_drop(struct outbox_row *row)
{
    (void)row; /* freed with the others */
    played.dropped++;
}

void discord_outbox_pass(struct outbox_row *row)
{
    (void)row;
}

size_t discord_outbox_streams(struct discord_outbox *outbox, int64_t turn, unsigned ordinal,
                              struct outbox_row **ret, size_t max)
{
    (void)outbox;
    (void)ordinal;
    assert_int_equal(turn, TURN);
    assert_true(played.stream_count <= max);
    memcpy(ret, played.streams, played.stream_count * sizeof(*ret));
    return played.stream_count;
}

struct discord_outbox *discord_outbox_new(const struct discord_outbox_options *options)
{
    (void)options;
    return NULL;
}

void discord_outbox_free(struct discord_outbox *outbox)
{
    (void)outbox;
}

void discord_outbox_self(struct discord_outbox *outbox, uint64_t self)
{
    (void)outbox;
    (void)self;
}

void discord_outbox_application(struct discord_outbox *outbox, const char *application)
{
    (void)outbox;
    (void)application;
}

void discord_outbox_go_on(struct discord_outbox *outbox)
{
    (void)outbox;
}

troupe_status discord_outbox_recover(struct discord_outbox *outbox, struct error *err)
{
    (void)outbox;
    (void)err;
    return TROUPE_OK;
}

void discord_outbox_stats(const struct discord_outbox *outbox, struct discord_outbox_stats *ret)
{
    (void)outbox;
    *ret = (struct discord_outbox_stats){0};
}

/* ---- a gateway with nothing below it --------------------------------------------------------- */

static struct test {
    struct fixture *f;
    struct discord discord;
    struct event *event;
    struct outbox *rows;
    void *answer;
} test;

static void open_all(struct fixture *f)
{
    struct event event = {.source = "discord:0",
                          .source_id = "500",
                          .kind = "message",
                          .account = "1",
                          .channel = "400",
                          .member = "2",
                          .content = "hi",
                          .content_len = 2};

    memset(&played, 0, sizeof(played));
    memset(&test, 0, sizeof(test));
    test.f = f;
    assert_status(outbox_open(f->loop, f->store, &test.rows, &f->err), TROUPE_OK);
    test.discord.gateway.name = "discord:0";
    test.discord.loop = f->loop;
    test.discord.store = f->store;
    test.discord.options.rows = test.rows;
    test.discord.stream = DISCORD_STREAM_EDITS;
    test.discord.settle_ms = 50;
    list_init(&test.discord.answers);
    list_init(&test.discord.works);
    list_init(&test.discord.presses);
    event.gateway = &test.discord.gateway;
    test.event = event_new(&event);
}

static void close_all(void)
{
    if (played.done)
        answer_show();
    /* What is being stored is told before the store goes. */
    while (test.discord.writes)
        assert_status(co_sleep(1), TROUPE_OK);
    discord_answer_clear(&test.discord);
    assert_status(co_sleep(1), TROUPE_OK); /* timers close on the loop */
    event_unref(test.event);
    outbox_close(test.rows);
    for (size_t i = 0; i < played.count; i++) {
        mem_free(played.shows[i].body);
        mem_free(played.shows[i].buttons);
    }
    for (size_t i = 0; i < played.row_count; i++)
        outbox_row_free(played.rows[i]);
    latch_unref(played.latch);
}

static void begin(enum gateway_kind kind)
{
    struct error err;

    if (discord_answer_begin(&test.discord.gateway, test.event, TURN, 0, kind, &test.answer, &err) <
        0)
        fail_msg("%s", err.text);
}

static void write_text(const char *text)
{
    assert_status(discord_answer_write(&test.discord.gateway, test.answer, text, strlen(text)),
                  TROUPE_OK);
}

static void prepare(const struct gateway_final *final)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err = {0};

    assert_status(discord_answer_prepare(&test.discord.gateway, test.answer, final, batch, &err),
                  TROUPE_OK);
    if (store_commit(test.f->store, batch, 0, &err) < 0)
        fail_msg("%s", err.text);
}

static void end(const struct gateway_final *final)
{
    prepare(final);
    discord_answer_commit(&test.discord.gateway, test.answer);
}

static const struct gateway_final complete = {.outcome = GATEWAY_COMPLETE};

static void wait_shows(size_t count)
{
    for (int i = 0; played.count < count && i < 5000; i++)
        assert_status(co_sleep(1), TROUPE_OK);
    assert_int_equal(played.count, count);
}

/* A column of the row of a part, as it is stored; NULL: there is none. mem_free. */
static char *stored(unsigned part, const char *column)
{
    _cleanup_mem_ char *sql =
        mem_printf("SELECT %s FROM outbox WHERE turn_id = ?1 AND part = ?2", column);
    _cleanup_rows_ struct store_rows *rows = NULL;

    assert_status(store_query(test.f->store, STORE_SQL(sql, store_int(TURN), store_int(part)), 0,
                              &rows, &test.f->err),
                  TROUPE_OK);
    return rows->count && store_cell_text(rows, 0, 0, NULL)
               ? mem_strdup(store_cell_text(rows, 0, 0, NULL))
               : NULL;
}

static void assert_stored(unsigned part, const char *column, const char *want)
{
    _cleanup_mem_ char *got = stored(part, column);

    if (want)
        assert_string_equal(got ? got : "(none)", want);
    else
        assert_null(got);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static troupe_status quick(void *f)
{
    open_all(f);
    test.discord.first_text_ms = 60000;
    begin(GATEWAY_REPLY);
    write_text("Hello, ");
    write_text("Ann!");
    end(&complete);
    wait_shows(1);
    assert_string_equal(played.shows[0].body, "Hello, Ann!");
    assert_true(played.shows[0].final && played.shows[0].created);
    assert_stored(0, "state", "ready");
    assert_stored(0, "reply_to", "500");
    assert_stored(0, "kind", "reply");
    assert_stored(0, "body", "Hello, Ann!");
    close_all();
    return TROUPE_OK;
}

static troupe_status streamed(void *f)
{
    open_all(f);
    begin(GATEWAY_REPLY);
    write_text("Once");
    wait_shows(1);
    assert_string_equal(played.shows[0].body, "Once");
    assert_false(played.shows[0].final);
    assert_stored(0, "state", "streaming");
    assert_stored(0, "body", "Once");
    write_text(" upon a time");
    wait_shows(2);
    assert_string_equal(played.shows[1].body, "Once upon a time");
    assert_false(played.shows[1].created);
    assert_stored(0, "body", "Once upon a time");
    write_text(".");
    end(&complete);
    wait_shows(3);
    assert_string_equal(played.shows[2].body, "Once upon a time.");
    assert_true(played.shows[2].final);
    assert_int_equal(played.shows[2].id, played.shows[0].id);
    assert_stored(0, "state", "ready");
    assert_stored(1, "body", NULL);
    close_all();
    return TROUPE_OK;
}

static troupe_status off(void *f)
{
    open_all(f);
    test.discord.stream = DISCORD_STREAM_OFF;
    begin(GATEWAY_REPLY);
    write_text("Once");
    assert_status(co_sleep(20), TROUPE_OK);
    assert_int_equal(played.count, 0);
    end(&complete);
    wait_shows(1);
    close_all();
    return TROUPE_OK;
}

/* The message is being created when the answer ends, and nobody knows yet what became of it. */
static troupe_status unsettled(void *f)
{
    open_all(f);
    played.held = true;
    begin(GATEWAY_REPLY);
    write_text("Once");
    wait_shows(1);
    write_text(" upon a time");
    end(&complete);
    wait_shows(3);
    assert_string_equal(played.shows[1].body, "Once");
    assert_true(played.shows[1].final);
    assert_int_equal(played.shows[1].id, played.shows[0].id);
    assert_string_equal(played.shows[2].body, "upon a time");
    assert_true(played.shows[2].created);
    /* What a later process would look up is what was sent. */
    assert_stored(0, "body", "Once");
    assert_stored(1, "coalesce(source, body)", " upon a time");
    close_all();
    return TROUPE_OK;
}

static void hold_answers(void)
{
    played.held = true;
}

/* The same, but the answer to the creation comes while the end waits for it. */
static void release_later(struct loop_timer *timer)
{
    (void)timer;
    played.held = false;
    answer_show();
}

static troupe_status settled(void *f)
{
    struct loop_timer timer;

    open_all(f);
    test.discord.settle_ms = 60000;
    hold_answers();
    begin(GATEWAY_REPLY);
    write_text("Once");
    wait_shows(1);
    loop_timer_init(test.f->loop, &timer, release_later);
    loop_timer_start(&timer, 5, 0);
    write_text(" upon a time");
    end(&complete);
    wait_shows(2);
    assert_string_equal(played.shows[1].body, "Once upon a time");
    assert_int_equal(played.shows[1].id, played.shows[0].id);
    loop_timer_close(&timer, NULL);
    close_all();
    return TROUPE_OK;
}

/* The first message has not left when the answer ends: what leaves then is all of it, once. */
static troupe_status taken_back(void *f)
{
    open_all(f);
    test.discord.settle_ms = 60000;
    hold_answers();
    played.queued = true;
    begin(GATEWAY_REPLY);
    write_text("Once");
    wait_shows(1);
    write_text(" upon a time");
    end(&complete);
    assert_int_equal(played.count, 2);
    assert_string_equal(played.shows[1].body, "Once upon a time");
    assert_int_equal(played.shows[1].id, played.shows[0].id);
    assert_true(played.shows[1].final && played.shows[1].created);
    assert_stored(0, "body", "Once upon a time");
    assert_stored(0, "state", "ready");
    close_all();
    return TROUPE_OK;
}

static struct outbox_row *inherited(unsigned part, const char *body, const char *remote)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct outbox_row *row = outbox_row_new();

    row->id = outbox_next_id(test.rows);
    row->turn = TURN;
    row->part = part;
    snprintf(row->kind, sizeof(row->kind), "reply");
    row->gateway = mem_strdup("discord:0");
    row->channel = mem_strdup("400");
    row->reply_to = mem_strdup("500");
    row->body = mem_strdup(body);
    row->remote_id = remote ? mem_strdup(remote) : NULL;
    row->state = OUTBOX_STREAMING;
    row->inherited = true;
    outbox_insert(batch, row);
    assert_status(store_commit(test.f->store, batch, 0, &test.f->err), TROUPE_OK);
    played.rows[played.row_count++] = played.streams[played.stream_count++] = row;
    return row;
}

static troupe_status resumed(void *f)
{
    const char *text;

    open_all(f);
    inherited(0, "Once upon", "90");
    begin(GATEWAY_REPLY);
    assert_int_equal(discord_answer_shown(&test.discord.gateway, test.answer, &text), 9);
    assert_string_equal(text, "Once upon");
    write_text("Once");
    assert_status(co_sleep(20), TROUPE_OK);
    write_text(" upon");
    assert_status(co_sleep(20), TROUPE_OK);
    assert_int_equal(played.count, 0); /* members see that already */
    write_text(" a time");
    wait_shows(1);
    assert_string_equal(played.shows[0].body, "Once upon a time");
    assert_false(played.shows[0].created);
    end(&complete);
    wait_shows(2);
    assert_stored(0, "state", "ready");
    assert_stored(1, "body", NULL);
    close_all();
    return TROUPE_OK;
}

static troupe_status cut(void *f)
{
    const struct gateway_button buttons[] = {{"continue:77", "Continue"}};
    const struct gateway_final final = {
        .outcome = GATEWAY_INTERRUPTED, .buttons = buttons, .button_count = 1};

    open_all(f);
    inherited(0, "Once upon", "90");
    begin(GATEWAY_REPLY);
    end(&final);
    wait_shows(1);
    assert_string_equal(played.shows[0].body, "Once upon (interrupted)");
    assert_non_null(strstr(played.shows[0].buttons, "continue:77"));
    assert_stored(0, "source", "Once upon");
    close_all();
    return TROUPE_OK;
}

static troupe_status replaced(void *f)
{
    const struct gateway_final final = {.text = "Never mind.", .len = 11};

    open_all(f);
    inherited(0, "Once upon", "90");
    inherited(1, "a time", "91");
    begin(GATEWAY_REPLY);
    end(&final);
    wait_shows(2);
    assert_string_equal(played.shows[0].body, "Never mind.");
    assert_stored(0, "body", "Never mind.");
    /* The second is owed, too: as something that says nothing, until it is deleted. */
    assert_stored(1, "state", "ready");
    assert_null(strstr(played.shows[1].body, "time"));
    close_all();
    return TROUPE_OK;
}

static troupe_status long_answer(void *f)
{
    _cleanup_buf_ struct buf text = BUF_INIT, sources = BUF_INIT;

    open_all(f);
    for (int i = 0; text.len < 7000; i++)
        buf_printf(&text, "Line %d of a long story \xF0\x9F\x98\x80.%s", i, i % 5 ? " " : "\n");
    begin(GATEWAY_REPLY);
    for (size_t i = 0; i < text.len; i += 500) {
        size_t n = text.len - i < 500 ? text.len - i : 500;

        assert_status(discord_answer_write(&test.discord.gateway, test.answer, text.data + i, n),
                      TROUPE_OK);
        assert_status(co_sleep(2), TROUPE_OK);
    }
    end(&complete);
    for (unsigned part = 0; part < 8; part++) {
        _cleanup_mem_ char *body = stored(part, "body");
        _cleanup_mem_ char *source = stored(part, "coalesce(source, body)");

        if (!body)
            break;
        assert_true(text_utf16_len(body, strlen(body)) <= DISCORD_CONTENT_MAX);
        assert_stored(part, "state", "ready");
        buf_puts(&sources, source);
    }
    assert_string_equal(buf_text(&sources), buf_text(&text));
    close_all();
    return TROUPE_OK;
}

static troupe_status dropped(void *f)
{
    open_all(f);
    test.discord.first_text_ms = 60000;
    begin(GATEWAY_REPLY);
    write_text("never seen");
    discord_answer_drop(&test.discord.gateway, test.answer);
    assert_status(co_sleep(20), TROUPE_OK);
    assert_int_equal(played.count, 0);
    assert_stored(0, "body", NULL);
    /* The batch of the end failed: what is stored stays for the turn that runs again. */
    test.discord.first_text_ms = 0;
    begin(GATEWAY_REPLY);
    write_text("seen");
    wait_shows(1);
    discord_answer_drop(&test.discord.gateway, test.answer);
    wait_shows(2);
    assert_string_equal(played.shows[1].body, "seen (interrupted)");
    assert_stored(0, "body", "seen");
    assert_stored(0, "state", "streaming");
    close_all();
    return TROUPE_OK;
}

/* Prepares an answer of another turn than the others, and gives the time to go ahead. */
static void *prepared(int64_t turn, const char *text, struct store_batch *batch)
{
    struct gateway_final final = {.outcome = GATEWAY_COMPLETE, .text = text, .len = strlen(text)};
    struct gateway *gateway = &test.discord.gateway;
    struct error err;
    void *answer = NULL;

    assert_status(discord_answer_begin(gateway, test.event, turn, 0, GATEWAY_REPLY, &answer, &err),
                  TROUPE_OK);
    assert_status(discord_answer_prepare(gateway, answer, &final, batch, &err), TROUPE_OK);
    assert_status(co_sleep(5), TROUPE_OK);
    return answer;
}

static troupe_status went_ahead(void *arg)
{
    struct fixture *f = arg;
    struct gateway *gateway = &test.discord.gateway;
    _cleanup_batch_ struct store_batch *first = store_batch_new(), *second = store_batch_new();
    void *one, *two;

    open_all(f);
    one = prepared(TURN, "made meanwhile", first);
    assert_int_equal(played.ahead, 1);
    assert_string_equal(played.shows[0].body, "made meanwhile");
    assert_int_equal(latch_look(played.latch), LATCH_SHUT);
    two = prepared(TURN, "after it", second);
    assert_int_equal(played.count, 1); /* or it might overtake */
    assert_status(store_commit(f->store, first, 0, &f->err), TROUPE_OK);
    assert_int_equal(latch_look(played.latch), LATCH_OPEN); /* by the writer */
    discord_answer_commit(gateway, one);
    assert_int_equal(played.durable, 1);
    assert_status(store_commit(f->store, second, 0, &f->err), TROUPE_OK);
    discord_answer_commit(gateway, two);
    assert_int_equal(played.count, 2);
    assert_int_equal(played.ahead, 1);
    close_all();
    return TROUPE_OK;
}

static troupe_status called_off(void *arg)
{
    struct fixture *f = arg;
    struct gateway *gateway = &test.discord.gateway;
    _cleanup_batch_ struct store_batch *first = store_batch_new(), *second = store_batch_new();
    void *answer;

    open_all(f);
    answer = prepared(TURN, "never kept", first);
    store_batch_add(first, STORE_EXPECT(1, "DELETE FROM outbox WHERE id = ?1", store_int(-1)));
    assert_status(store_commit(f->store, first, 0, &f->err), TROUPE_CONFLICT);
    assert_int_equal(latch_look(played.latch), LATCH_SHUT);
    discord_answer_drop(gateway, answer);
    assert_int_equal(latch_look(played.latch), LATCH_BROKEN);
    assert_int_equal(played.failed, 1);
    /* Its waiter gave up, and the writer had it all the same: it is owed. */
    answer = prepared(TURN, "kept in spite", second);
    assert_status(store_commit(f->store, second, 0, &f->err), TROUPE_OK);
    discord_answer_drop(gateway, answer);
    assert_int_equal(played.durable, 1);
    close_all();
    return TROUPE_OK;
}

static troupe_status refused(void *f)
{
    open_all(f);
    played.outcome = TROUPE_DENIED;
    begin(GATEWAY_REPLY);
    write_text("Once");
    wait_shows(1);
    write_text(" upon a time");
    assert_status(co_sleep(20), TROUPE_OK);
    assert_int_equal(played.count, 1); /* nothing is edited that is not there */
    end(&complete);
    wait_shows(3);
    assert_int_equal(played.shows[1].id, played.shows[0].id); /* only told that it is over */
    assert_string_equal(played.shows[2].body, "Once upon a time");
    assert_stored(0, "state", "streaming"); /* as the outbox left it: it marks by itself */
    assert_stored(1, "state", "ready");
    close_all();
    return TROUPE_OK;
}

#define CASE(name, body)                                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        struct fixture *f = *state;                                                                \
                                                                                                   \
        assert_status(fixture_run(f->loop, body, f), TROUPE_OK);                                   \
    }

CASE(a_short_answer_is_one_message, quick)
CASE(each_piece_is_stored_before_it_is_shown, streamed)
CASE(without_streaming_nothing_is_shown_before_the_end, off)
CASE(the_end_of_a_message_in_the_making_goes_into_another, unsettled)
CASE(the_end_waits_for_a_message_in_the_making, settled)
CASE(what_has_not_left_at_the_end_leaves_whole, taken_back)
CASE(a_turn_that_runs_again_goes_on_with_its_message, resumed)
CASE(a_cut_answer_says_so_and_has_its_buttons, cut)
CASE(another_final_text_replaces_what_was_shown, replaced)
CASE(a_long_answer_is_split_and_loses_nothing, long_answer)
CASE(a_dropped_answer_leaves_nothing_owed, dropped)
CASE(a_refused_message_is_not_edited, refused)
CASE(a_short_answer_is_made_while_the_disk_works_and_leaves_with_its_commit, went_ahead)
CASE(what_went_ahead_is_called_off_where_the_commit_fails, called_off)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_short_answer_is_one_message),
        TEST(each_piece_is_stored_before_it_is_shown),
        TEST(without_streaming_nothing_is_shown_before_the_end),
        TEST(the_end_of_a_message_in_the_making_goes_into_another),
        TEST(the_end_waits_for_a_message_in_the_making),
        TEST(what_has_not_left_at_the_end_leaves_whole),
        TEST(a_turn_that_runs_again_goes_on_with_its_message),
        TEST(a_cut_answer_says_so_and_has_its_buttons),
        TEST(another_final_text_replaces_what_was_shown),
        TEST(a_long_answer_is_split_and_loses_nothing),
        TEST(a_dropped_answer_leaves_nothing_owed),
        TEST(a_refused_message_is_not_edited),
        TEST(a_short_answer_is_made_while_the_disk_works_and_leaves_with_its_commit),
        TEST(what_went_ahead_is_called_off_where_the_commit_fails),
    };

    return cmocka_run_group_tests_name("gateway/discord_answer", tests, NULL, NULL);
}
