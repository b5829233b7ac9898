/* SPDX-License-Identifier: Apache-2.0
 *
 * What people change while the host runs: layers and their order, who may, what is kept of it, and
 * what holds members back.
 */
#include "turn_fixture.h"

#include "turn/audit.h"
#include "turn/settings.h"

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name)      BODY_IN(name, plain_ini)

#define ACTOR           "[pipeline message]\nstages = a\n[agent a]\nplugin = " LIBS "/actor.so\n"
#define IN(place, ...)  ((struct asking){.guild = (place), __VA_ARGS__})
#define ADMIN_OF(place) IN(place, .member = "1", .flags = EVENT_ADMIN)
#define OWNER_OF(place) IN(place, .member = "2", .flags = EVENT_OWNER)

/* Asks and checks that the answer has a part. */
#define CHECK_PART_AS(who, text, part)                                                             \
    do {                                                                                           \
        struct record *record_ = ask_as(t, who, text);                                             \
        WAIT_FOR(is_answered(record_));                                                            \
        if (!strstr(buf_text(&record_->shown), (part)))                                            \
            fprintf(stderr, "# shown \"%s\", notice \"%s\"\n", buf_text(&record_->shown),          \
                    buf_text(&record_->notice));                                                   \
        CHECK(strstr(buf_text(&record_->shown), (part)));                                          \
    } while (0)

#define CHECK_NO_PART_AS(who, text, part)                                                          \
    do {                                                                                           \
        struct record *record_ = ask_as(t, who, text);                                             \
        WAIT_FOR(is_answered(record_));                                                            \
        CHECK(!strstr(buf_text(&record_->shown), (part)));                                         \
    } while (0)

/* ---- layers --------------------------------------------------------------------------------- */

BODY(a_role_lies_over_a_channel_over_a_server_over_the_bot_over_the_file)
{
    static const char *const roles[] = {"71", "72"};
    struct stage_test *t = arg;
    const struct asking plain = IN("10"), elsewhere = IN("11");
    struct asking helper = IN("10", .roles = roles, .role_count = 2);

    CHECK_PART_AS(plain, "/word_of", "floor 1");
    CHECK_PART_AS(OWNER_OF("10"), "/config set a.word bot scope=bot", "for the whole bot");
    CHECK_PART_AS(plain, "/word_of", "bot 1");
    CHECK_PART_AS(elsewhere, "/word_of", "bot 1");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word server", "is now \"server\" in this server");
    CHECK_PART_AS(plain, "/word_of", "server 1");
    CHECK_PART_AS(elsewhere, "/word_of", "bot 1");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word here scope=channel", "in channel <#100>");
    CHECK_PART_AS(plain, "/word_of", "here 1");
    CHECK_PART_AS(IN("10", .channel = "200"), "/word_of", "server 1");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word seventy-one role=71", "for role <@&71>");
    CHECK_PART_AS(helper, "/word_of", "seventy-one 1");
    CHECK_PART_AS(plain, "/word_of", "here 1");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word \"of two\" role=72", "for role <@&72>");
    CHECK_PART_AS(helper, "/word_of", "of two 1"); /* the one that was set last */
    CHECK_PART_AS(ADMIN_OF("10"), "/config unset a.word role=72", "(it was \"of two\")");
    CHECK_PART_AS(helper, "/word_of", "seventy-one 1");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.count 7", "is now \"7\"");
    CHECK_PART_AS(helper, "/word_of", "seventy-one 7"); /* key by key */
    CHECK_PART_AS(ADMIN_OF("10"), "/config get a.word", "here (in channel <#100>)");
    CHECK_PART_AS(ADMIN_OF("10"), "/config list", "a.count = 7");
    return TROUPE_OK;
}

/* A channel's or role's row belongs to the server where it was set. */
BODY(nobody_reaches_another_server)
{
    struct stage_test *t = arg;

    CHECK_PART_AS(ADMIN_OF("11"), "/config set a.word mine channel=100", "in channel <#100>");
    CHECK_PART_AS(IN("10"), "/word_of", "floor 1");
    CHECK_PART_AS(IN("11"), "/word_of", "mine 1");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word all scope=bot", "for the bot's owner only");
    CHECK_PART_AS(ADMIN_OF("10"), "/config list", "a.word = floor");
    CHECK_PART_AS(IN("10"), "/word_of", "floor 1");
    return TROUPE_OK;
}

BODY(what_does_not_hold_is_refused_in_words)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.wort x", "did you mean \"a.word\"");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set limit.messages 3",
                  "did you mean \"limits.messages\"");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.count 10", "must be an integer from 1 to 9");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.count many", "got \"many\"");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.url http://x.y", "in the configuration file only");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.key abc", "in the configuration file only");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set store.path /etc/x",
                  "in the configuration file only");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set limits.guild_messages 0", "configuration file only");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word ${file:/etc/passwd}", "is now");
    CHECK_PART_AS(IN("10"), "/word_of", "${file:/etc/passwd} 1"); /* it is text and nothing else */
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word", "which value?");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set", "which setting?");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word x scope=role", "which role?");
    CHECK_PART_AS(IN(NULL, .flags = EVENT_OWNER), "/config set a.word x scope=guild",
                  "there is no server here");
    CHECK(ask_int(f, "SELECT count(*) FROM setting") == 1);
    return TROUPE_OK;
}

BODY(settings_survive_a_restart_and_what_no_table_knows_is_named)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct engine_stats stats;

    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word kept", "is now");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.count 3", "is now");
    engine_end(t, 0);
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    CHECK_PART_AS(IN("10"), "/word_of", "kept 3");
    turn_engine_stats(t->engine, &stats);
    CHECK(stats.settings == 2 && stats.settings_ignored == 0);
    /* Another agent takes over; its table knows nothing of the old one's keys. */
    turn_engine_publish(
        t->engine,
        build_set(t, "[pipeline message]\nstages = b\n[agent b]\nplugin = " LIBS "/actor.so\n"));
    turn_engine_stats(t->engine, &stats);
    CHECK(stats.settings == 2 && stats.settings_ignored == 2);
    CHECK(strstr(stats.settings_ignored_names, "a.word"));
    CHECK_PART_AS(IN("10"), "/word_of", "floor 1");
    turn_engine_publish(t->engine, build_set(t, plain_ini));
    CHECK_PART_AS(IN("10"), "/word_of", "kept 3"); /* they were not forgotten */
    CHECK(ask_int(f, "SELECT count(*) FROM setting") == 2);
    return TROUPE_OK;
}

BODY(a_turn_has_one_value_to_its_end)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record =
        ask_as(t, IN("10"), "call word_of;put 0 here 1;until 0 go;call word_of");

    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'here'") == 1);
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word new", "is now");
    CHECK_PART_AS(IN("10", .channel = "200"), "put 0 go 1", "[put]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[floor 1][put][floor 1]"));
    CHECK_PART_AS(IN("10"), "call word_of", "[new 1]");
    return TROUPE_OK;
}

/* ---- rights --------------------------------------------------------------------------------- */

BODY(each_right_opens_what_is_below_it)
{
    static const struct {
        uint32_t flags;
        bool warn, config, shutdown;
    } cases[] = {{0, false, false, false},
                 {EVENT_MODERATOR, true, false, false},
                 {EVENT_ADMIN, true, true, false},
                 {EVENT_OWNER, true, true, true}};
    struct stage_test *t = arg;
    struct fixture *f = arg;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct asking who = IN("10", .flags = cases[i].flags);

        CHECK_PART_AS(who, "/warn", cases[i].warn ? "warned" : "\"warn\" is for moderators only");
        CHECK_PART_AS(who, "call warn",
                      cases[i].warn ? "[warned]" : "\"warn\" is for moderators only");
        CHECK_PART_AS(who, "/config get a.word",
                      cases[i].config ? "a.word = floor" : "for those who manage the server only");
        CHECK_PART_AS(who, "/shutdown",
                      cases[i].shutdown ? "as you wish" : "is for the bot's owner only");
    }
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM audit_log WHERE action = 'denied'") == 7);
    CHECK_PART_AS(IN("10", .flags = EVENT_ADMIN | EVENT_BOT), "/warn", "is for moderators only");
    return TROUPE_OK;
}

BODY(who_changed_what_is_kept)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word one", "is now");
    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word two", "(it was \"one\")");
    CHECK_PART_AS(ADMIN_OF("10"), "/config unset a.word", "not set any more");
    CHECK_PART_AS(ADMIN_OF("10"), "/config audit",
                  "config.unset a.word in this server: two → (not set)");
    CHECK_PART_AS(ADMIN_OF("11"), "/config audit", "nothing was changed");
    CHECK(ask_int(f, "SELECT count(*) FROM audit_log WHERE actor = '1' AND guild = '10' AND "
                     "action = 'config.set' AND detail LIKE '%\"before\":\"one\"%' AND detail LIKE "
                     "'%\"after\":\"two\"%' AND detail LIKE '%\"channel\":\"100\"%'") == 1);
    return TROUPE_OK;
}

BODY(the_audit_log_is_swept_by_age)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    bool more = true;

    CHECK_PART_AS(ADMIN_OF("10"), "/config set a.word one", "is now");
    CHECK_STATUS(turn_audit_sweep(f->store, clock_wall_ms() - 60000, 0, &more, &f->err), TROUPE_OK);
    CHECK(!more && ask_int(f, "SELECT count(*) FROM audit_log") == 1);
    CHECK_STATUS(turn_audit_sweep(f->store, clock_wall_ms() + 60000, 0, &more, &f->err), TROUPE_OK);
    CHECK(!more && ask_int(f, "SELECT count(*) FROM audit_log") == 0);
    return TROUPE_OK;
}

/* ---- limits --------------------------------------------------------------------------------- */

BODY_IN(a_member_who_asks_too_much_is_told_for_how_long, "[limits]\nmessages = 2\n" ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("reply 1", "1");
    CHECK_ANSWER("/echo 2", "2");
    CHECK_NOTICE("reply 3", "that is more than 2 messages in a minute; please wait ");
    CHECK_TRACE("limit.messages.member");
    CHECK_ANSWER("/stop", "nothing of yours is running here"); /* the core's own work always */
    CHECK_NOTICE("reply 4", " seconds");
    CHECK_PART_AS(((struct asking){.member = "8"}), "reply other", "other");
    for (int i = 0; i < 5; i++)
        CHECK_PART_AS(((struct asking){.flags = EVENT_OWNER}), "reply mine", "mine");
    return TROUPE_OK;
}

BODY_IN(a_server_and_all_together_have_limits,
        "[limits]\nguild_messages = 2\ntotal_messages = 4\n" ACTOR)
{
    struct stage_test *t = arg;

    CHECK_PART_AS(IN("10", .member = "1"), "reply 1", "1");
    CHECK_PART_AS(IN("10", .member = "2"), "reply 2", "2");
    CHECK_NOTICE_AS(IN("10", .member = "3"), "reply 3", "this server has asked for more than 2 ");
    CHECK_PART_AS(IN("11", .member = "3"), "reply 3", "3");
    CHECK_PART_AS(IN("12", .member = "3"), "reply 4", "4");
    CHECK_NOTICE_AS(IN("13", .member = "4"), "reply 5", "all together have asked for more than 4 ");
    return TROUPE_OK;
}

BODY_IN(a_role_may_have_more, "[limits]\nmessages = 1\n" ACTOR)
{
    static const char *const roles[] = {"71"};
    struct stage_test *t = arg;
    const struct asking friend = IN("10", .member = "9", .roles = roles, .role_count = 1);

    CHECK_PART_AS(ADMIN_OF("10"), "/config set limits.messages 3 role=71", "for role <@&71>");
    for (int i = 0; i < 3; i++)
        CHECK_PART_AS(friend, "reply yes", "yes");
    CHECK_NOTICE_AS(friend, "reply no", "more than 3 messages");
    CHECK_PART_AS(IN("10"), "reply yes", "yes");
    CHECK_NOTICE_AS(IN("10"), "reply no", "more than 1 messages");
    return TROUPE_OK;
}

BODY_IN(a_dear_function_counts_however_it_is_called, "[limits]\nimages = 2\n" ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("/draw", "a picture");
    CHECK_ANSWER("call draw", "[a picture]"); /* as a model does it */
    CHECK_NOTICE("/draw", "that is more than 2 images in an hour; please wait ");
    CHECK_TRACE("limit.images.member");
    CHECK_PART_AS(((struct asking){0}), "call draw", "limit.images.member: that is more than 2");
    CHECK_ANSWER("reply words", "words"); /* those are counted by themselves */
    return TROUPE_OK;
}

/* What was decided stands when the stage runs again, with windows that know nothing of it. */
BODY_IN(what_a_function_declares_bounds_it_by_the_hour, ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    for (int i = 0; i < 5; i++)
        CHECK_ANSWER("/draw", "a picture");
    CHECK_NOTICE("/draw", "that is more than 5 images in an hour; please wait ");
    CHECK_NOTICE("/draw", " seconds");
    CHECK_TRACE("limit.images.member");
    for (int i = 0; i < 10; i++)
        CHECK_ANSWER("/lookup", "found"); /* a class of its own */
    CHECK_NOTICE("/lookup", "that is more than 10 uses of this kind in an hour; please wait ");
    CHECK_NOTICE("/lookup", " seconds");
    CHECK_TRACE("limit.features.member");
    CHECK_PART_AS(((struct asking){.member = "8"}), "/draw", "a picture");
    return TROUPE_OK;
}

BODY_IN(a_replay_hears_what_was_decided, "[limits]\nimages = 1\n" ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record =
        ask(t, "call draw;call draw;put 0 here 1;until 0 go;call draw;put 0 there 1");

    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'here'") == 1);
    engine_end(t, 0);
    CHECK_STATUS(engine_start(t, t->ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    CHECK_PART_AS(((struct asking){.channel = "200"}), "put 0 go 1", "[put]");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "[a picture]<"));
    CHECK(strstr(buf_text(&record->shown), "that is more than 1 images"));
    return TROUPE_OK;
}

/* Whoever calls it; what a reload builds anew has the same names. */
BODY_IN(a_functions_own_limit_holds_for_members_and_servers_and_through_a_reload, ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct plugin_set *set;

    CHECK_PART_AS(IN("10", .member = "5"), "/twice", "worked");
    CHECK_PART_AS(IN("10", .member = "5"), "call twice", "[worked]");
    CHECK_NOTICE_AS(IN("10", .member = "5"), "/twice",
                    "you may use \"twice\" 2 times in a minute; please wait ");
    CHECK_TRACE("limit.function.member");
    CHECK_PART_AS(IN("10", .member = "5"), "call twice",
                  "you may use \"twice\" 2 times in a minute");
    set = build_set(t, t->ini);
    CHECK(set != NULL);
    turn_engine_publish(t->engine, set);
    CHECK_NOTICE_AS(IN("10", .member = "5"), "/twice", " seconds");
    CHECK_PART_AS(IN("10", .member = "6"), "/twice", "worked");
    CHECK_NOTICE_AS(IN("10", .member = "6"), "/twice",
                    "this server may use \"twice\" 3 times in a minute; please wait ");
    CHECK_TRACE("limit.function.guild");
    CHECK_PART_AS(IN("11", .member = "6"), "/twice", "worked"); /* elsewhere */
    CHECK_PART_AS(OWNER_OF("10"), "/twice", "worked");
    return TROUPE_OK;
}

/* ---- pause and stop ------------------------------------------------------------------------- */

BODY(a_paused_server_is_told_once_a_channel_and_others_go_on)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_PART_AS(IN("10"), "/pause", "is for those who manage the server only");
    CHECK_PART_AS(ADMIN_OF("10"), "/pause 30", "for 30 minutes");
    CHECK_NOTICE_AS(IN("10"), "reply 1", "I am paused in this server until ");
    record = ask_as(t, IN("10"), "reply 2");
    record->hushed = true;
    CHECK_NOTICE_AS(IN("10", .channel = "200"), "reply 3", "I am paused in this server until ");
    WAIT_FOR(
        ask_int(f, "SELECT count(*) FROM event WHERE reason = 'paused' AND state = 'refused'") ==
        3);
    CHECK_PART_AS(IN("11"), "reply 4", "4");
    CHECK_ANSWER("reply 5", "5");
    CHECK_PART_AS(ADMIN_OF("10"), "/help", "/resume");
    engine_end(t, 0); /* it stands through a restart */
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    CHECK_NOTICE_AS(IN("10"), "reply 6", "I am paused in this server until ");
    CHECK_PART_AS(IN("10"), "/resume", "is for those who manage the server only");
    CHECK_PART_AS(ADMIN_OF("10"), "/resume", "I go on in this server");
    CHECK_PART_AS(IN("10"), "reply 7", "7");
    CHECK_PART_AS(ADMIN_OF("10"), "/pause", "until /resume");
    CHECK_NOTICE_AS(IN("10"), "reply 8", "can say /resume");
    CHECK_PART_AS(ADMIN_OF("10"), "/pause 0", "I go on");
    CHECK_PART_AS(IN("10"), "reply 9", "9");
    CHECK_PART_AS(ADMIN_OF("10"), "/config audit", "pause");
    return TROUPE_OK;
}

BODY(a_pause_ends_by_itself)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct error err;
    const struct turn_place place = {TURN_SCOPE_GUILD, "1", "10", NULL};
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    (void)f;
    CHECK_PART_AS(ADMIN_OF("10"), "/pause 1", "for 1 minute");
    CHECK_NOTICE_AS(IN("10"), "reply 1", "paused");
    /* As if the minute were over. */
    turn_settings_apply(&t->engine->settings, &place, TURN_SETTING_PAUSE, "until", "1000", "1", 0);
    CHECK_STATUS(turn_settings_store(&t->engine->settings, &place, TURN_SETTING_PAUSE, "until",
                                     "1000", "1", 0, batch, &err),
                 TROUPE_OK);
    CHECK_PART_AS(IN("10"), "reply 2", "2");
    return TROUPE_OK;
}

BODY(a_member_stops_his_own_and_a_moderator_everything)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *mine = ask_as(t, IN("10", .member = "7"), "write so far;sleep 600000");
    struct record *other = ask_as(t, IN("10", .member = "8"), "write so far;sleep 600000");
    struct record *third = ask_as(t, IN("10", .member = "9"), "write so far;sleep 600000");

    WAIT_FOR(mine->writes == 1 && other->writes == 1 && third->writes == 1);
    CHECK_PART_AS(IN("10", .member = "7"), "/stop", "stopped 1");
    WAIT_FOR(is_answered(mine));
    CHECK_PART_AS(IN("10", .member = "7"), "/stop", "nothing of yours is running here");
    CHECK(!is_answered(other) && !is_answered(third));
    CHECK_PART_AS(IN("10", .member = "6", .flags = EVENT_MODERATOR), "/stop", "stopped 2");
    WAIT_FOR(is_answered(other) && is_answered(third));
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM audit_log WHERE action = 'stop' AND actor = '6'") ==
             1);
    return TROUPE_OK;
}

static unsigned asked_for_rights;

static troupe_status count_rights(struct gateway *gateway, const struct event *event,
                                  enum gateway_rights *ret, struct error *err)
{
    (void)gateway;
    (void)event;
    (void)err;
    asked_for_rights++;
    *ret = GATEWAY_MODERATOR;
    return TROUPE_OK;
}

BODY(help_asks_the_platform_for_rights_once)
{
    struct stage_test *t = arg;
    struct gateway_ops ops = fake_ops;
    struct record *record;

    ops.rights = count_rights;
    t->gateway.ops = &ops;
    asked_for_rights = 0;
    record = ask_as(t, IN("10"), "/help");
    WAIT_FOR(is_answered(record) && list_empty(&t->engine->turns));
    t->gateway.ops = &fake_ops;
    CHECK(asked_for_rights == 1);
    CHECK(strstr(buf_text(&record->shown), "/warn — For moderators\n"));
    CHECK(strstr(buf_text(&record->shown), "/shutdown — For the owner (not for you)\n"));
    CHECK(strstr(buf_text(&record->shown), "/resume — Ends a pause (not for you)"));
    return TROUPE_OK;
}

BODY_IN(the_cores_own_answers_count_and_its_switches_do_not, "[limits]\nmessages = 2\n" ACTOR)
{
    struct stage_test *t = arg;

    CHECK_PART_AS(IN("10"), "/help", "I am");
    CHECK_PART_AS(IN("10"), "/status", "turns run");
    CHECK_NOTICE_AS(IN("10"), "/why", "that is more than 2 messages in a minute");
    CHECK_NOTICE_AS(IN("10"), "/usage", "that is more than 2 messages in a minute");
    CHECK_PART_AS(IN("10"), "/stop", "nothing of yours is running here");
    CHECK_PART_AS(IN("10"), "/pause", "is for those who manage the server only");
    CHECK_PART_AS(IN("10", .member = "8"), "/help", "I am");
    return TROUPE_OK;
}

BODY_IN(bots_do_not_talk_in_circles_with_the_cores_own_commands, "[limits]\nbot_turns = 2\n" ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const struct asking bot = IN("10", .member = "77", .flags = EVENT_BOT);

    CHECK_PART_AS(bot, "/help", "I am");
    CHECK_PART_AS(bot, "/status", "turns run");
    ask_as(t, bot, "/help")->hushed = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'bot_loop'") == 1);
    return TROUPE_OK;
}

BODY_IN(bots_do_not_talk_in_circles, "[limits]\nbot_turns = 2\nmessages = 0\n" ACTOR)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const struct asking bot = IN("10", .member = "77", .flags = EVENT_BOT);
    struct record *record;

    CHECK_PART_AS(bot, "reply 1", "1");
    CHECK_PART_AS(bot, "reply 2", "2");
    record = ask_as(t, bot, "reply 3");
    record->hushed = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'bot_loop'") == 1);
    CHECK_PART_AS(IN("10", .flags = EVENT_UNASKED), "reply a job", "a job"); /* is no person */
    record = ask_as(t, bot, "reply 3");
    record->hushed = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'bot_loop'") == 2);
    CHECK_PART_AS(IN("10", .channel = "200", .member = "77", .flags = EVENT_BOT), "reply x", "x");
    CHECK_PART_AS(IN("10"), "reply a person", "a person");
    CHECK_PART_AS(bot, "reply 4", "4");
    CHECK_PART_AS(IN("10"), "/stop", "nothing of yours");
    CHECK_PART_AS(IN("10", .flags = EVENT_UNASKED), "reply a job", "a job");
    record = ask_as(t, bot, "reply 5"); /* a person's stop wins */
    record->hushed = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'bot_loop'") == 3);
    return TROUPE_OK;
}

BODY(usage_tells_members_of_themselves_and_admins_of_the_server)
{
    struct stage_test *t = arg;

    CHECK_PART_AS(IN("10"), "reply 1", "1");
    CHECK_PART_AS(IN("10", .member = "8"), "reply 2", "2");
    CHECK_PART_AS(IN("10"), "/usage", "you today: 1 turn, 0.0000 USD");
    CHECK_PART_AS(ADMIN_OF("10"), "/usage", "this server today: 3 turns");
    return TROUPE_OK;
}

/* What was spent in this hour, the next, which may have begun until it is asked, and the one before; today and
 * on another day of this month, which has no end here. */
static troupe_status spend(struct fixture *f)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    char day[CLOCK_ISO_SIZE];

    clock_iso(clock_wall_ms(), day);
    day[10] = '\0';
    store_batch_add(
        batch,
        STORE_SQL(
            "INSERT INTO budget_day (day, scope, scope_id, settled_micros, reserved_micros, "
            "unknown_micros) VALUES (?1, 'bot', 'bot', 400000, 100000, 0), "
            "(?1, 'guild', '10', 300000, 0, 1000), (?1, 'member', '7', 200000, 0, 0), "
            "(?1, 'plugin', 'painter', 400000, 0, 0), ('9000-01-01', 'bot', 'bot', 600000, 0, 0), "
            "('9000-01-01', 'member', '7', 50000, 0, 0), "
            "('9000-01-01', 'guild', '99', 70000, 0, 0)",
            store_text(day)));
    store_batch_add(
        batch,
        STORE_SQL("INSERT INTO budget_ledger (turn_id, day, scope_bot, scope_guild, scope_member, "
                  "scope_plugin, what, reserved_micros, settled_micros, state, created_ms) VALUES "
                  "(1, ?1, 'bot', '10', '7', 'painter', 'a test', 20000, 15000, 'unknown', ?2)",
                  store_text(day), store_int(clock_wall_ms())));
    store_batch_add(
        batch,
        STORE_SQL("INSERT INTO budget_hour (hour, scope, scope_id, reserved_micros, "
                  "settled_micros, unknown_micros) "
                  "SELECT ?1 + h.column1, s.column1, s.column2, s.column3, s.column4, s.column4 "
                  "FROM (VALUES (0), (1)) AS h, (VALUES ('bot', 'bot', 20000, 15000), "
                  "('guild', '10', 20000, 15000), ('member', '7', 20000, 15000), "
                  "('plugin', 'painter', 20000, 15000)) AS s "
                  "UNION ALL SELECT ?1 - 1, 'member', '7', 0, 99999, 0",
                  store_int(clock_wall_ms() / 3600000)));
    store_batch_add(batch, STORE_SQL("INSERT INTO budget_stop (what, ledger_id, over_micros, "
                                     "stopped_ms) VALUES ('a test', 1, 2500, 1)"));
    return store_commit(f->store, batch, 0, &f->err);
}

#define CAPS                                                                                       \
    ACTOR "[budget]\ndaily = 1.00\nper_guild_monthly = 2\nper_member_hourly = 0.10\n"              \
          "per_plugin_daily = 0.50\n"

BODY_IN(usage_tells_hour_day_and_month, CAPS)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_STATUS(spend(f), TROUPE_OK);
    CHECK_PART_AS(IN("10"), "/usage",
                  "you this hour: 0.0150 USD of 0.10 (35 %), 0.0200 more are "
                  "reserved (part of it estimated)\nyou today: 0 turns, 0.2000 "
                  "USD\nyou this month: 0.2500 USD");
    CHECK_NO_PART_AS(IN("10"), "/usage", "server");
    CHECK_NO_PART_AS(ADMIN_OF("10"), "/usage", "the bot today");
    CHECK_PART_AS(ADMIN_OF("10"), "/usage", "this server this month: 0.3000 USD of 2.00 (15 %)");
    CHECK_PART_AS(OWNER_OF("10"), "/usage",
                  "the bot today: 0.4000 USD of 1.00 (50 %), 0.1000 more");
    CHECK_PART_AS(OWNER_OF("10"), "/usage", "the bot this month: 1.0000 USD");
    CHECK_PART_AS(OWNER_OF("10"), "/usage", "agent painter this hour: 0.0150 USD");
    return TROUPE_OK;
}

BODY_IN(budget_tells_admins_of_every_cap, CAPS)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_mem_ char *text = NULL, *json = NULL;
    _cleanup_json_ json_t *tree = NULL;
    const json_t *levels;

    CHECK_STATUS(spend(f), TROUPE_OK);
    CHECK_PART_AS(IN("10"), "/budget", "is for those who manage the server only");
    CHECK_PART_AS(ADMIN_OF("10"), "/budget",
                  "the bot today: 0.4000 USD of 1.00 (50 %), 0.1000 more are reserved; anew at "
                  "00:00 UTC\nthis server this month: 0.3000 USD of 2.00 (15 %) (part of it "
                  "estimated); anew on ");
    CHECK_PART_AS(ADMIN_OF("10"), "/budget", "\nyou this hour: 0.0000 USD of 0.10 (0 %); anew at ");
    CHECK_PART_AS(ADMIN_OF("10"), "/budget",
                  "\nagent painter today: 0.4000 USD of 0.50 (80 %); anew");
    CHECK_PART_AS(ADMIN_OF("10"), "/budget",
                  "\nwithout a cap: the bot this hour, the bot this month, each server this hour");
    CHECK_PART_AS(
        ADMIN_OF("10"), "/budget",
        "\nstopped: \"a test\" cost 0.002500 USD more than its worst case; when its price "
        "is right, the bot's owner confirms it: /usage \"a test\"");
    CHECK_NO_PART_AS(ADMIN_OF("10"), "/budget", "99");

    /* At the shell, for people and programs. */
    CHECK_STATUS(turn_engine_call(t->engine, "budget", "{}", 0, &text, &json, &f->err), TROUPE_OK);
    CHECK(strstr(text, "\nserver 10 this month: 0.3000 USD of 2.00"));
    CHECK(strstr(text, "\nserver 99 this month: 0.0700 USD of 2.00"));
    CHECK(strstr(text, "\nmember 7 this hour: 0.0150 USD of 0.10"));
    CHECK(strstr(text, "confirms it: troupe usage \"a test\""));
    CHECK_STATUS(json_parse(json, strlen(json), &tree, &f->err), TROUPE_OK);
    levels = json_object_get(tree, "levels");
    CHECK(json_array_size(levels) == 5);
    CHECK(json_get_int(json_array_get(levels, 0), "spent_micros", 0) == 400000);
    CHECK(json_get_int(json_array_get(levels, 0), "percent", 0) == 50);
    CHECK(json_array_size(json_object_get(tree, "stopped")) == 1);
    return TROUPE_OK;
}

BODY(only_the_owner_confirms_what_cost_too_much)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("INSERT INTO budget_stop (what, ledger_id, over_micros, "
                                     "stopped_ms) VALUES ('a test', 1, 2500, 1)"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_PART_AS(ADMIN_OF("10"), "/usage", "stopped: \"a test\" cost 0.002500 USD more");
    CHECK_NOTICE_AS(
        IN("10"), "reserve 5",
        "\"a test\" cost more than it could, so nothing more is spent on it until the "
        "bot's owner has looked at its price and confirms it: /usage confirm:a test, or "
        "troupe usage \"a test\" at the shell");
    CHECK_PART_AS(ADMIN_OF("10"), "/usage \"a test\"", "Only the bot's owner");
    CHECK(ask_int(f, "SELECT count(*) FROM budget_stop") == 1);
    CHECK_PART_AS(OWNER_OF("10"), "/usage confirm=other", "nothing called \"other\" is stopped");
    CHECK_PART_AS(OWNER_OF("10"), "/usage \"a test\"", "is paid for again");
    CHECK(ask_int(f, "SELECT count(*) FROM budget_stop") == 0);
    CHECK_PART_AS(IN("10"), "reserve 5;reply fine", "fine");
    return TROUPE_OK;
}

BODY(the_shell_reaches_the_cores_own_commands)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_mem_ char *text = NULL, *json = NULL;

    CHECK_STATUS(turn_engine_call(t->engine, "config",
                                  "{\"action\": \"set\", \"key\": \"a.word\", \"value\": \"x y\"}",
                                  0, &text, &json, &f->err),
                 TROUPE_OK);
    CHECK(text && strstr(text, "a.word is now \"x y\" for the whole bot"));
    CHECK_PART_AS(IN("10"), "/word_of", "x y 1");
    CHECK_STATUS(
        turn_engine_call(t->engine, "config", "{\"action\": \"eat\"}", 0, &text, &json, &f->err),
        TROUPE_ARGUMENT);
    CHECK(strstr(f->err.text, "get, set, unset, list or audit"));
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_role_lies_over_a_channel_over_a_server_over_the_bot_over_the_file),
        TEST(nobody_reaches_another_server),
        TEST(what_does_not_hold_is_refused_in_words),
        TEST(settings_survive_a_restart_and_what_no_table_knows_is_named),
        TEST(a_turn_has_one_value_to_its_end),
        TEST(each_right_opens_what_is_below_it),
        TEST(who_changed_what_is_kept),
        TEST(the_audit_log_is_swept_by_age),
        TEST(a_member_who_asks_too_much_is_told_for_how_long),
        TEST(a_server_and_all_together_have_limits),
        TEST(a_role_may_have_more),
        TEST(a_dear_function_counts_however_it_is_called),
        TEST(what_a_function_declares_bounds_it_by_the_hour),
        TEST(a_replay_hears_what_was_decided),
        TEST(a_functions_own_limit_holds_for_members_and_servers_and_through_a_reload),
        TEST(a_paused_server_is_told_once_a_channel_and_others_go_on),
        TEST(a_pause_ends_by_itself),
        TEST(a_member_stops_his_own_and_a_moderator_everything),
        TEST(help_asks_the_platform_for_rights_once),
        TEST(the_cores_own_answers_count_and_its_switches_do_not),
        TEST(bots_do_not_talk_in_circles_with_the_cores_own_commands),
        TEST(bots_do_not_talk_in_circles),
        TEST(usage_tells_members_of_themselves_and_admins_of_the_server),
        TEST(usage_tells_hour_day_and_month),
        TEST(budget_tells_admins_of_every_cap),
        TEST(only_the_owner_confirms_what_cost_too_much),
        TEST(the_shell_reaches_the_cores_own_commands),
    };

    return cmocka_run_group_tests_name("turn/settings", tests, NULL, NULL);
}
