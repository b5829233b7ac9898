/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of a Discord session, case by case: each opcode, each close code, silence and
 * garbage, with the action that Discord's documents ask for; pauses, budgets and heartbeats.
 */
#include "machine_fixture.h"

#include "gateway/discord/close.h"

/* ---- the table ----------------------------------------------------------------------------------- */

enum given {
    NEW_GREETING,    /* first connection, before HELLO            */
    NEW_IDENTIFYING, /* identify was sent                         */
    LIVE,            /* healthy for an hour                       */
    RESUME_GREETING, /* connected again, before HELLO             */
    RESUMING,        /* resume was sent                           */
};
enum when {
    CLOSED, /* with `code` and `text` by the other side         */
    HEARD,  /* `text`                                           */
    BROKEN, /* it cannot be unpacked: `text`                    */
    SILENT, /* nothing comes any more, no ACK either            */
};
enum want {
    RESUME,   /* at the session's address, with op 6                     */
    IDENTIFY, /* at the base URL, with op 2, and the session is forgotten */
    FATAL,    /* `code`, a sentence, and no more attempts                 */
    NOTHING,  /* the connection stays                                     */
};

struct row {
    const char *name;
    enum given given;
    enum when when;
    int code;
    const char *text;
    enum want want;
    uint64_t least, most; /* ms until the next attempt */
};

#define LOSS(code_, text_)                                                                         \
    {                                                                                              \
#code_ " resumes", LIVE, CLOSED, code_, text_, RESUME, 0, 0                                \
    }
#define LATER(code_)                                                                               \
    {                                                                                              \
#code_ " resumes later", LIVE, CLOSED, code_, "", RESUME, 500, 10000                       \
    }
#define NEW(code_)                                                                                 \
    {                                                                                              \
#code_ " begins anew", LIVE, CLOSED, code_, "", IDENTIFY, 0, 0                             \
    }
#define STOP(code_)                                                                                \
    {                                                                                              \
#code_ " is the end", LIVE, CLOSED, code_, "", FATAL, 0, 0                                 \
    }
#define OP(name, given_, text_, want_)                                                             \
    {                                                                                              \
        name, given_, HEARD, 0, text_, want_, 0, 1000                                              \
    }

static const struct row rows[] = {
    /* Closed by Discord. */
    LOSS(1000, ""),
    LOSS(1001, "going away"),
    LOSS(1002, ""),
    LOSS(1005, ""),
    LOSS(1006, "connection reset"),
    LOSS(1011, ""),
    LOSS(1012, ""),
    LOSS(4000, "Unknown error"),
    LOSS(4001, ""),
    LOSS(4002, "Error while decoding payload."),
    NEW(4003),
    STOP(4004),
    LOSS(4005, ""),
    LATER(4006),
    NEW(4007),
    {"4008 resumes after a pause", LIVE, CLOSED, 4008, "", RESUME, 5000, 5000},
    NEW(4009),
    STOP(4010),
    STOP(4011),
    STOP(4012),
    STOP(4013),
    STOP(4014),
    LATER(4015),
    LATER(4900),
    LATER(4999),
    {"4004 in place of HELLO is the end", NEW_GREETING, CLOSED, 4004, "", FATAL, 0, 0},
    {"4013 after identify is the end", NEW_IDENTIFYING, CLOSED, 4013, "", FATAL, 0, 0},
    {"4014 after identify is the end", NEW_IDENTIFYING, CLOSED, 4014, "", FATAL, 0, 0},
    {"1006 after identify begins anew", NEW_IDENTIFYING, CLOSED, 1006, "", IDENTIFY, 5000, 5000},
    {"1006 before HELLO begins anew", NEW_GREETING, CLOSED, 1006, "", IDENTIFY, 0, 1000},
    {"1006 in a resume resumes", RESUMING, CLOSED, 1006, "", RESUME, 500, 1000},
    {"1001 in a resume resumes", RESUMING, CLOSED, 1001, "", RESUME, 500, 1000},
    {"4003 in a resume begins anew", RESUMING, CLOSED, 4003, "", IDENTIFY, 500, 1000},
    {"4007 in a resume begins anew", RESUMING, CLOSED, 4007, "", IDENTIFY, 500, 1000},
    {"4009 in a resume begins anew", RESUMING, CLOSED, 4009, "", IDENTIFY, 500, 1000},
    {"4004 in a resume is the end", RESUMING, CLOSED, 4004, "", FATAL, 0, 0},
    /* Opcodes. */
    OP("op 0 with an unknown type stays", LIVE, "{\"op\":0,\"s\":3,\"t\":\"NEW_THING\",\"d\":{}}",
       NOTHING),
    OP("op 0 without number stays", LIVE, "{\"op\":0,\"s\":null,\"t\":\"ODD\",\"d\":[1]}", NOTHING),
    OP("op 0 before HELLO is ignored", NEW_GREETING, "{\"op\":0,\"s\":3,\"t\":\"READY\",\"d\":{}}",
       NOTHING),
    {"op 0 READY without session begins anew", NEW_IDENTIFYING, HEARD, 0,
     "{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"v\":10}}", IDENTIFY, 5000, 5000},
    OP("op 1 stays", LIVE, "{\"op\":1,\"d\":null}", NOTHING),
    OP("op 2 and others of clients stay", LIVE, "{\"op\":2,\"d\":null}", NOTHING),
    OP("op 3", LIVE, "{\"op\":3}", NOTHING),
    OP("op 4", LIVE, "{\"op\":4}", NOTHING),
    OP("op 5", LIVE, "{\"op\":5}", NOTHING),
    OP("op 6", LIVE, "{\"op\":6}", NOTHING),
    {"op 7 resumes at once", LIVE, HEARD, 0, "{\"op\":7,\"d\":null}", RESUME, 0, 0},
    OP("op 7 before HELLO begins anew without a session", NEW_GREETING, "{\"op\":7,\"d\":null}",
       IDENTIFY),
    OP("op 7 before HELLO resumes a session", RESUME_GREETING, "{\"op\":7,\"d\":null}", RESUME),
    OP("op 7 in a resume resumes", RESUMING, "{\"op\":7,\"d\":null}", RESUME),
    OP("op 8", LIVE, "{\"op\":8}", NOTHING),
    {"op 9 true resumes at once", LIVE, HEARD, 0, "{\"op\":9,\"d\":true}", RESUME, 0, 0},
    {"op 9 false begins anew at once", LIVE, HEARD, 0, "{\"op\":9,\"d\":false}", IDENTIFY, 0, 0},
    OP("op 9 true in a resume resumes", RESUMING, "{\"op\":9,\"d\":true}", RESUME),
    OP("op 9 false in a resume begins anew", RESUMING, "{\"op\":9,\"d\":false}", IDENTIFY),
    {"op 9 false after identify begins anew 5 s later", NEW_IDENTIFYING, HEARD, 0,
     "{\"op\":9,\"d\":false}", IDENTIFY, 5000, 5000},
    OP("op 10 again stays", LIVE, "{\"op\":10,\"d\":{\"heartbeat_interval\":1}}", NOTHING),
    OP("op 10 without interval is given up", RESUME_GREETING, "{\"op\":10,\"d\":{}}", RESUME),
    OP("op 10 with a mad interval is given up", RESUME_GREETING,
       "{\"op\":10,\"d\":{\"heartbeat_interval\":0}}", RESUME),
    OP("op 11 stays", LIVE, "{\"op\":11}", NOTHING),
    OP("an unknown op stays", LIVE, "{\"op\":200,\"d\":{\"a\":[]}}", NOTHING),
    OP("no op stays", LIVE, "{}", NOTHING),
    /* What cannot be read. */
    {"no JSON resumes", LIVE, HEARD, 0, "{\"op\":0,\"s\":9,", RESUME, 0, 0},
    {"no JSON before HELLO resumes", RESUME_GREETING, HEARD, 0, "hello", RESUME, 500, 1000},
    {"torn compression resumes", LIVE, BROKEN, 0, "the compressed stream is torn", RESUME, 0, 0},
    {"too much unpacked resumes", LIVE, BROKEN, 0, "a message of more than 32 MB", RESUME, 0, 0},
    {"too much packed resumes", LIVE, CLOSED, 1006, "the message is too large", RESUME, 0, 0},
    {"torn compression in a resume resumes", RESUMING, BROKEN, 0, "torn", RESUME, 500, 1000},
    /* Silence: the attempt's or the heartbeats' time, then the pause. */
    {"a zombie resumes", LIVE, SILENT, 0, NULL, RESUME, 0, 2 * INTERVAL},
    {"no HELLO begins anew", NEW_GREETING, SILENT, 0, NULL, IDENTIFY, 20000, 21000},
    {"no HELLO in a resume resumes", RESUME_GREETING, SILENT, 0, NULL, RESUME, 15000, 16000},
    {"no RESUMED resumes", RESUMING, SILENT, 0, NULL, RESUME, 15000, 16000},
    {"no READY begins anew", NEW_IDENTIFYING, SILENT, 0, NULL, IDENTIFY, INTERVAL, 120500},
};

static void arrange(struct world *world, enum given given)
{
    if (given >= LIVE) {
        world_make_live(world);
        if (given == LIVE)
            return;
        world_cut(world, 1006, "");
    }
    assert_int_equal(world_wait_connect(world, 0), 0);
    world_connected(world);
    if (given == NEW_IDENTIFYING || given == RESUMING)
        world_hello(world);
}

static void happen(struct world *world, const struct row *row)
{
    switch (row->when) {
    case CLOSED: world_cut(world, row->code, row->text); break;
    case HEARD: world_hear(world, row->text); break;
    case BROKEN: discord_machine_broken(&world->machine, row->text); break;
    case SILENT: world->deaf = true; break;
    }
}

/* What the next connection is, down to the payload that opens it. */
static void expect_resume(struct world *world, int64_t seq)
{
    json_t *data;

    assert_string_equal(world->url, RESUME_HOST);
    world_connected(world);
    world_hello(world);
    data = world_sent(world);
    assert_string_equal(json_get_str(data, "session_id", ""), "the-session");
    assert_string_equal(json_get_str(data, "token", ""), "token.of.bot");
    assert_int_equal(json_get_int(data, "seq", -1), seq);
    json_decref(data);
}

static void expect_identify(struct world *world)
{
    json_t *data;

    assert_string_equal(world->url, "");
    world_connected(world);
    world_hello(world);
    data = world_sent(world);
    assert_null(json_object_get(data, "session_id"));
    assert_string_equal(json_get_str(data, "token", ""), "token.of.bot");
    assert_int_equal(json_get_int(data, "intents", -1), 513);
    assert_string_equal(json_get_str(json_object_get(data, "properties"), "browser", ""), "troupe");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(data, "shard"), 1)), 1);
    json_decref(data);
    world_ready(world);
    assert_int_equal(world->phase, DISCORD_READY);
}

static void check_row(const struct row *row)
{
    struct world world;
    unsigned resumes, identifies, connects, closes;
    int64_t seq;
    uint64_t took;

    world_init(&world, NULL);
    arrange(&world, row->given);
    connects = world.connects;
    closes = world.closes;
    resumes = world.ops[6];
    identifies = world.ops[2];
    seq = world.machine.resume.seq;
    happen(&world, row);
    switch (row->want) {
    case NOTHING:
        assert_true(world.open);
        assert_int_equal(world.connects, connects);
        assert_int_equal(world.closes, closes);
        break;
    case FATAL:
        assert_int_equal(world.fatals, 1);
        assert_int_equal(world.fatal_code, row->code);
        assert_true(strlen(world.sentence) > 30);
        world_pass(&world, 7 * 86400000);
        assert_int_equal(world.connects, connects);
        assert_string_equal(world.stored.session_id, "");
        break;
    case RESUME:
    case IDENTIFY:
        took = world_wait_connect(&world, row->most);
        if (took < row->least || took > row->most)
            fail_msg("%s: after %" PRIu64 " ms", row->name, took);
        /* We closed it where Discord did not, and the code kept the session. */
        assert_int_equal(world.closes, closes + (row->when != CLOSED));
        if (row->when != CLOSED)
            assert_int_equal(world.close_code, 4900);
        world.deaf = false;
        if (row->want == RESUME)
            expect_resume(&world, seq);
        else
            expect_identify(&world);
        assert_int_equal(world.ops[6], resumes + (row->want == RESUME));
        assert_int_equal(world.ops[2], identifies + (row->want == IDENTIFY));
        assert_int_equal(world.fatals, 0);
        break;
    }
    world_clear(&world);
}

static void each_close_code_opcode_and_silence_has_its_documented_action(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("# %s\n", rows[i].name);
        check_row(&rows[i]);
    }
}

static void a_fatal_sentence_names_the_remedy(void **state)
{
    const struct {
        int code;
        const char *words;
    } wants[] = {
        {4004, "token"},
        {4010, "shard"},
        {4011, "shards"},
        {4012, "newer"},
        {4013, "intents"},
        {4014, "Message Content Intent / Server Members Intent "
               "/ Presence Intent in the Developer Portal, Bot "
               "page"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
        const struct discord_close *close = discord_close_of(wants[i].code);

        assert_int_equal(close->after, DISCORD_FATAL);
        assert_non_null(strstr(close->text, wants[i].words));
    }
}

/* ---- the session ---------------------------------------------------------------------------------- */

static void ready_is_stored_and_replay_ends_with_resumed(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, NULL);
    assert_int_equal(world_wait_connect(&world, 0), 0);
    assert_int_equal(world.phase, DISCORD_CONNECTING);
    world_connected(&world);
    world_hello(&world);
    world_ready(&world);
    assert_int_equal(world.changes, 1);
    assert_string_equal(world.stored.session_id, "the-session");
    assert_string_equal(world.stored.url, RESUME_HOST);
    assert_int_equal(world.stored.seq, 1);
    assert_int_equal(world.machine.self, 4242);
    world_hear_event(&world, "MESSAGE_CREATE", 2);
    world_cut(&world, 1006, "");
    world_wait_connect(&world, 0);
    world_connected(&world);
    world_hello(&world);
    assert_int_equal(world.phase, DISCORD_CONNECTING);
    world_hear_event(&world, "MESSAGE_CREATE", 3);
    assert_string_equal(world.type, "MESSAGE_CREATE");
    assert_int_equal(world.phase, DISCORD_CONNECTING);
    world_hear_event(&world, "RESUMED", 4);
    assert_int_equal(world.phase, DISCORD_READY);
    assert_int_equal(world.events, 4);
    assert_int_equal(world.machine.stats.seq, 4);
    assert_int_equal(world.changes, 1);
    world_clear(&world);
}

static void a_session_of_an_earlier_process_is_resumed(void **state)
{
    struct discord_resume resume = {"the-session", RESUME_HOST, 77};
    struct world world;

    (void)state;
    world_init(&world, &resume);
    world_wait_connect(&world, 0);
    expect_resume(&world, 77);
    world_resumed(&world);
    assert_int_equal(world.ops[2], 0);
    world_clear(&world);
    /* An address that the token must not go to is not used. */
    snprintf(resume.url, sizeof(resume.url), "ws://resume.example");
    world_init(&world, &resume);
    world_wait_connect(&world, 0);
    assert_string_equal(world.url, "");
    world_connected(&world);
    world_hello(&world);
    assert_int_equal(world.ops[6], 1);
    world_clear(&world);
}

static void events_may_come_twice_and_the_number_never_falls(void **state)
{
    const int64_t seqs[] = {2, 3, 3, 2, 9, 4, 10};
    struct world world;

    (void)state;
    world_init(&world, NULL);
    world_wait_connect(&world, 0);
    world_connected(&world);
    world_hello(&world);
    world_ready(&world);
    for (size_t i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++)
        world_hear_event(&world, "MESSAGE_CREATE", seqs[i]);
    assert_int_equal(world.events, 8);
    assert_int_equal(world.machine.resume.seq, 10);
    world_hear(&world, "{\"op\":1}");
    assert_string_equal(world.beat, "{\"op\":1,\"d\":10}");
    world_clear(&world);
}

static void stopping_ends_the_session_or_keeps_it(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct world world;
        unsigned connects;

        world_init(&world, NULL);
        world_make_live(&world);
        connects = world.connects;
        world.stopping = !keep;
        discord_machine_stop(&world.machine, keep);
        assert_int_equal(world.closes, 1);
        assert_int_equal(world.close_code, keep ? 4900 : 1000);
        assert_string_equal(world.stored.session_id, keep ? "the-session" : "");
        assert_int_equal(world.phase, DISCORD_ENDED);
        world_pass(&world, 86400000);
        assert_int_equal(world.connects, connects);
        assert_int_equal(world.fatals, 0);
        world_clear(&world);
    }
}

/* ---- heartbeats ----------------------------------------------------------------------------------- */

static void heartbeats_begin_with_jitter_and_tell_the_newest_number(void **state)
{
    const double randoms[] = {0, 0.25, 0.999};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        uint64_t first;

        world_init(&world, NULL);
        world.random = randoms[i];
        world_wait_connect(&world, 0);
        world_connected(&world);
        world_hello(&world); /* no READY yet: they begin all the same */
        first = world.now + (uint64_t)(INTERVAL * randoms[i]);
        world_pass(&world, (uint64_t)(INTERVAL * randoms[i]));
        assert_int_equal(world.ops[1], 1);
        assert_int_equal(world.beat_at, first);
        assert_string_equal(world.beat, "{\"op\":1,\"d\":null}");
        world_ready(&world);
        world_hear_event(&world, "MESSAGE_CREATE", 2);
        for (unsigned n = 1; n < 100; n++) {
            world_pass(&world, INTERVAL);
            assert_int_equal(world.ops[1], n + 1);
            assert_int_equal(world.beat_at, first + (uint64_t)n * INTERVAL);
            assert_string_equal(world.beat, "{\"op\":1,\"d\":2}");
        }
        world_clear(&world);
    }
}

static void a_heartbeat_is_answered_at_once_and_keeps_the_clock(void **state)
{
    struct world world;
    uint64_t planned;

    (void)state;
    world_init(&world, NULL);
    world_make_live(&world);
    planned = world.machine.next_beat;
    world_pass(&world, 10);
    world_hear(&world, "{\"op\":1,\"d\":null}");
    assert_int_equal(world.beat_at, world.now);
    assert_int_equal(world.machine.next_beat, planned);
    /* Its ACK is not what the clock's heartbeat waits for. */
    world_pass(&world, planned - world.now);
    assert_int_equal(world.beat_at, planned);
    assert_int_equal(world.machine.stats.zombies, 0);
    world_clear(&world);
}

static void a_zombie_is_seen_at_the_second_heartbeat(void **state)
{
    struct world world;
    uint64_t planned;

    (void)state;
    world_init(&world, NULL);
    world_make_live(&world);
    world.deaf = true;
    planned = world.machine.next_beat;
    world_pass(&world, planned - world.now + INTERVAL - 1);
    assert_true(world.open);
    assert_int_equal(world.machine.stats.zombies, 0);
    /* Asked for just before: that one has had no time yet, the one before has. */
    world_hear(&world, "{\"op\":1,\"d\":null}");
    world_pass(&world, 1);
    assert_false(world.open);
    assert_int_equal(world.close_code, 4900);
    assert_int_equal(world.machine.stats.zombies, 1);
    world_clear(&world);
}

/* ---- where to resume ------------------------------------------------------------------------------ */

enum poison { HTTP_503, NXDOMAIN, HANG, LOOP_1006, SILENT_HELLO, LOOP_RESUMED, LOOP_OP_9 };

/* One attempt at a host that does not work. */
static void suffer(struct world *world, enum poison poison)
{
    uint64_t began = world->connects;

    switch (poison) {
    case HTTP_503: world_refused(world, TROUPE_DATA, "the server answered with 503"); return;
    case NXDOMAIN: world_refused(world, TROUPE_UNAVAILABLE, "no such name"); return;
    case HANG:
        while (world->connecting && world->connects == began)
            world_pass(world, 100);
        return;
    case LOOP_1006:
        world_connected(world);
        world_hello(world);
        world_cut(world, 1006, "");
        return;
    case SILENT_HELLO:
        world_connected(world);
        while (world->open)
            world_pass(world, 100);
        return;
    case LOOP_RESUMED:
        world_connected(world);
        world_hello(world);
        world_resumed(world);
        world_cut(world, 1006, "");
        return;
    case LOOP_OP_9:
        world_connected(world);
        world_hello(world);
        world_hear(world, "{\"op\":9,\"d\":true}");
        return;
    }
}

static void a_poisoned_resume_host_is_left_for_the_base_url(void **state)
{
    (void)state;
    for (enum poison poison = HTTP_503; poison <= LOOP_OP_9; poison++) {
        struct world world;
        uint64_t since;
        unsigned before;

        world_init(&world, NULL);
        world_make_live(&world);
        before = world.host_connects;
        since = world.now;
        world_cut(&world, 1006, "");
        for (;;) {
            world_wait_connect(&world, 60000);
            if (!world.url[0])
                break;
            assert_true(world.host_connects - before <= 3);
            suffer(&world, poison);
        }
        assert_int_equal(world.host_connects - before, 3);
        assert_true(world.now - since <= 120000);
        /* The session is still good there, so nothing is lost. */
        world_connected(&world);
        world_hello(&world);
        assert_int_equal(world.ops[2], 1);
        world_resumed(&world);
        assert_int_equal(world.phase, DISCORD_READY);
        assert_string_equal(world.stored.session_id, "the-session");
        world_clear(&world);
    }
}

static void where_nothing_resumes_a_new_session_begins_within_two_minutes(void **state)
{
    (void)state;
    for (enum poison poison = HTTP_503; poison <= LOOP_OP_9; poison++)
        for (int seed = 0; seed < 3; seed++) {
            /* The base URL greets, but never resumes. */
            enum poison base = poison < LOOP_1006 ? SILENT_HELLO + (seed == 1) * 2 : poison;
            struct world world;
            uint64_t since;

            if (base == SILENT_HELLO || base == LOOP_RESUMED)
                base = LOOP_1006;
            world_init(&world, NULL);
            world_make_live(&world);
            world.random = seed / 3.0;
            since = world.now;
            world_cut(&world, 1006, "");
            while (world.machine.resume.session_id[0]) {
                world_wait_connect(&world, 60000);
                suffer(&world, world.url[0] ? poison : base);
                assert_true(world.now - since <= 120000);
            }
            world_wait_connect(&world, 60000);
            assert_true(world.base_connects <= 4);
            expect_identify(&world);
            assert_true(world.now - since <= 120000);
            assert_int_equal(world.ops[2], 2);
            world_clear(&world);
        }
}

static void a_session_that_resumes_is_never_given_up(void **state)
{
    struct world world;
    unsigned on_base;

    (void)state;
    world_init(&world, NULL);
    world_make_live(&world);
    on_base = world.base_connects;
    /* Sent away each time it has resumed: at its own address, without growing pauses. */
    for (int i = 0; i < 50; i++) {
        if (i % 2)
            world_hear(&world, "{\"op\":7,\"d\":null}");
        else
            world_cut(&world, 4000, "");
        assert_true(world_wait_connect(&world, 1000) <= 1000);
        expect_resume(&world, world.machine.resume.seq);
        world_resumed(&world);
    }
    assert_int_equal(world.base_connects, on_base);
    /* Lost without a word: the base URL is tried, too. */
    for (int i = 0; i < 50; i++) {
        world_cut(&world, 1006, "");
        world_wait_connect(&world, 60000);
        world_connected(&world);
        world_hello(&world);
        world_resumed(&world);
    }
    assert_true(world.base_connects > on_base);
    assert_int_equal(world.ops[2], 1);
    world_clear(&world);
}

static void a_dead_network_costs_no_session(void **state)
{
    struct world world;
    uint64_t longest = 0;

    (void)state;
    world_init(&world, NULL);
    world_make_live(&world);
    world_cut(&world, 1006, "network is unreachable");
    for (uint64_t since = world.now; world.now - since < 3600000;) {
        uint64_t took = world_wait_connect(&world, 60000);

        longest = took > longest ? took : longest;
        assert_string_equal(world.machine.resume.session_id, "the-session");
        world_refused(&world, TROUPE_UNAVAILABLE, "no such name");
    }
    assert_true(longest >= 30000);
    while (world_wait_connect(&world, 60000), !world.url[0])
        world_refused(&world, TROUPE_UNAVAILABLE, "no such name");
    expect_resume(&world, 2);
    world_resumed(&world);
    assert_int_equal(world.ops[2], 1);
    world_clear(&world);
}

static void a_burst_cut_a_hundred_times_is_resumed_each_time(void **state)
{
    struct world world;
    int64_t seq = 2;

    (void)state;
    world_init(&world, NULL);
    world_make_live(&world);
    for (int cut = 0; cut < 100; cut++) {
        uint64_t took;

        for (int i = 0; i < (cut * 37) % 500 + 1; i++)
            world_hear_event(&world, "MESSAGE_CREATE", ++seq);
        world_cut(&world, 1006, "connection reset");
        took = world_wait_connect(&world, 1000);
        assert_true(took <= 1000);
        expect_resume(&world, seq);
        if (cut % 3) { /* the others are cut in the middle of the replay */
            world_resumed(&world);
            seq++;
        }
    }
    assert_int_equal(world.ops[2], 1);
    assert_int_equal(world.base_connects, 1);
    world_clear(&world);
}

/* ---- pauses and budgets --------------------------------------------------------------------------- */

static void pauses_double_to_a_minute_and_a_healthy_minute_resets_them(void **state)
{
    struct world world;
    uint64_t last = 0;

    (void)state;
    world_init(&world, NULL);
    world.random = 0;
    for (int i = 0; i < 12; i++) {
        uint64_t took = world_wait_connect(&world, 60000);

        assert_true(took >= last && took <= 60000);
        last = took;
        world_refused(&world, TROUPE_UNAVAILABLE, "no such name");
    }
    assert_int_equal(last, 60000);
    world_wait_connect(&world, 60000);
    world_connected(&world);
    world_hello(&world);
    world_ready(&world);
    world_pass(&world, 60000);
    world_cut(&world, 1006, "");
    assert_int_equal(world_wait_connect(&world, 0), 0);
    world_clear(&world);
    for (unsigned failures = 1; failures < 200; failures++)
        for (int r = 0; r < 10; r++)
            assert_in_range(discord_backoff(failures, r / 10.0), 500, 60000);
    assert_int_equal(discord_backoff(0, 0.9), 0);
}

static void identifies_are_five_seconds_apart_and_spread_out(void **state)
{
    struct world world;
    uint64_t last = 0;
    unsigned in_a_day;

    (void)state;
    world_init(&world, NULL);
    world.random = 0.999;
    for (int i = 0; i < 50; i++) {
        world_wait_connect(&world, 60000);
        world_connected(&world);
        world_hello(&world);
        assert_int_equal(world.ops[2], (unsigned)i + 1);
        if (last)
            assert_true(world.sent_at - last >= 5000);
        last = world.sent_at;
        /* A session that is ended as soon as it is ready is no health either. */
        if (i % 2) {
            world_ready(&world);
            world_hear_event(&world, "MESSAGE_CREATE", 2);
            world_cut(&world, 4009, "");
        } else {
            world_hear(&world, "{\"op\":9,\"d\":false}");
        }
    }
    in_a_day = (unsigned)(86400000 / world_wait_connect(&world, 60000));
    assert_true(in_a_day <= 3000); /* the budget does the rest */
    world_clear(&world);
}

static void without_leave_no_identify_is_sent(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, NULL);
    world.leave = TROUPE_LIMIT;
    world.leave_wait = 5 * 3600000;
    world_wait_connect(&world, 0);
    world_connected(&world);
    world_hello(&world);
    assert_int_equal(world.ops[2], 0);
    assert_int_equal(world.close_code, 4900);
    assert_int_equal(world.phase, DISCORD_WAITING);
    assert_string_equal(world.why, "no leave to identify");
    assert_int_equal(world_wait_connect(&world, 6 * 3600000), 5 * 3600000);
    world_connected(&world);
    /* The store is away: tried again later, and not sent uncounted. */
    world.leave = TROUPE_UNAVAILABLE;
    world_hello(&world);
    assert_int_equal(world.ops[2], 0);
    assert_in_range(world_wait_connect(&world, 60000), 5000, 60000);
    world_connected(&world);
    /* Nobody answers: the connection is not held for ever. */
    world.leave_silent = true;
    world_hello(&world);
    assert_in_range(world_wait_connect(&world, 90000), 20000, 90000);
    assert_int_equal(world.ops[2], 0);
    world_connected(&world);
    world.leave_silent = false;
    world.leave = TROUPE_BUSY;
    world.leave_wait = 4000;
    world_hello(&world);
    assert_int_equal(world_wait_connect(&world, 10000), 4000);
    world.leave = TROUPE_OK;
    world_connected(&world);
    world_hello(&world);
    assert_int_equal(world.ops[2], 1);
    world_clear(&world);
}

static void sends_are_bounded_and_heartbeats_keep_their_share(void **state)
{
    static const char presence[] = "{\"op\":3,\"d\":{}}";
    static char big[DISCORD_PAYLOAD_MAX + 2];
    struct world world;
    unsigned sent = 0, total;

    (void)state;
    world_init(&world, NULL);
    assert_status(discord_machine_send(&world.machine, presence, strlen(presence)),
                  TROUPE_UNAVAILABLE);
    world_make_live(&world);
    snprintf(big, sizeof(big), "%-*s", DISCORD_PAYLOAD_MAX + 1, presence);
    assert_status(discord_machine_send(&world.machine, big, DISCORD_PAYLOAD_MAX + 1), TROUPE_LIMIT);
    assert_status(discord_machine_send(&world.machine, big, DISCORD_PAYLOAD_MAX), TROUPE_OK);
    world_pass(&world, 60000);
    total = world.ops[1] + world.ops[3];
    while (discord_machine_send(&world.machine, presence, strlen(presence)) == TROUPE_OK)
        sent++;
    assert_in_range(sent, 110, 114);
    for (int i = 0; i < 50; i++)
        world_hear(&world, "{\"op\":1}");
    /* A minute of heartbeats by the clock fits still. */
    world_pass(&world, 59999);
    assert_int_equal(world.machine.stats.zombies, 0);
    assert_true(world.open);
    assert_true(world.ops[1] + world.ops[3] - total <= 120);
    world_pass(&world, 1);
    assert_status(discord_machine_send(&world.machine, presence, strlen(presence)), TROUPE_OK);
    world_clear(&world);
}

static void a_token_that_is_none_ends_it_with_a_sentence(void **state)
{
    struct discord_session_options options = {.token = "\xff\xfe", .resume = {.seq = -1}};
    struct world world = {.now = 1000, .random = 0.5, .leave = TROUPE_OK};

    (void)state;
    discord_machine_init(&world.machine, &options, &world_io, &world, &world_handler, &world);
    discord_machine_start(&world.machine);
    world_wait_connect(&world, 0);
    world_connected(&world);
    world_hello(&world);
    assert_int_equal(world.fatals, 1);
    assert_non_null(strstr(world.sentence, "token"));
    assert_false(world.open);
    world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_close_code_opcode_and_silence_has_its_documented_action),
        cmocka_unit_test(a_fatal_sentence_names_the_remedy),
        cmocka_unit_test(ready_is_stored_and_replay_ends_with_resumed),
        cmocka_unit_test(a_session_of_an_earlier_process_is_resumed),
        cmocka_unit_test(events_may_come_twice_and_the_number_never_falls),
        cmocka_unit_test(stopping_ends_the_session_or_keeps_it),
        cmocka_unit_test(heartbeats_begin_with_jitter_and_tell_the_newest_number),
        cmocka_unit_test(a_heartbeat_is_answered_at_once_and_keeps_the_clock),
        cmocka_unit_test(a_zombie_is_seen_at_the_second_heartbeat),
        cmocka_unit_test(a_poisoned_resume_host_is_left_for_the_base_url),
        cmocka_unit_test(where_nothing_resumes_a_new_session_begins_within_two_minutes),
        cmocka_unit_test(a_session_that_resumes_is_never_given_up),
        cmocka_unit_test(a_dead_network_costs_no_session),
        cmocka_unit_test(a_burst_cut_a_hundred_times_is_resumed_each_time),
        cmocka_unit_test(pauses_double_to_a_minute_and_a_healthy_minute_resets_them),
        cmocka_unit_test(identifies_are_five_seconds_apart_and_spread_out),
        cmocka_unit_test(without_leave_no_identify_is_sent),
        cmocka_unit_test(sends_are_bounded_and_heartbeats_keep_their_share),
        cmocka_unit_test(a_token_that_is_none_ends_it_with_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
