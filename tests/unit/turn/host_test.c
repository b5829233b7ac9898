/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin gets from the host while it runs: calls, services, streams, storage, the network and
 * the budget, each within its bounds.
 */
#include "turn_fixture.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name)        BODY_IN(name, plain_ini)

#define ACTOR(name, more) "[agent " name "]\nplugin = " LIBS "/actor.so\n" more "\n"

/* The answer contains `want`. */
#define CHECK_PART_AS(who, text, want)                                                             \
    do {                                                                                           \
        struct record *record_ = ask_as(t, who, text);                                             \
        WAIT_FOR(is_answered(record_));                                                            \
        if (!strstr(buf_text(&record_->shown), (want)))                                            \
            fprintf(stderr, "# shown \"%s\", notice \"%s\"\n", buf_text(&record_->shown),          \
                    buf_text(&record_->notice));                                                   \
        CHECK(strstr(buf_text(&record_->shown), (want)));                                          \
    } while (0)
#define CHECK_PART(text, want) CHECK_PART_AS(((struct asking){0}), text, want)

/* ---- calls ---------------------------------------------------------------------------------- */

BODY(functions_call_functions_down_to_a_limit)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_ANSWER("call echo {\"text\":\"hi\"};call sum {\"a\":1,\"b\":2}", "[hi][{\"sum\":3}]");
    CHECK_ANSWER("call deep {\"n\":7}", "[bottom]");
    CHECK_PART("call deep {\"n\":8}", "call.depth: functions call each other more than 8 deep");
    CHECK_PART("call broken", "<-3 actor.broken: the thing is broken>");
    CHECK_PART("call echo {\"text\":7}", "text");
    CHECK_PART("call echo {\"text\":\"a\",\"more\":1}", "more");
    CHECK_PART("call echo not-json", "<-");
    CHECK_PART("call shutdown", "\"shutdown\" is for the bot's owner only");
    CHECK_PART_AS(((struct asking){.flags = EVENT_OWNER}), "call shutdown", "[as you wish]");
    CHECK_PART("call test.none", "has not declared the capability \"call:test.none\"");
    return TROUPE_OK;
}

BODY_IN(an_agent_means_its_own_functions,
        "[pipeline message]\nstages = a\n" ACTOR("a", "away = 6") ACTOR("b", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_ANSWER("call deep {\"n\":2};call a.deep {\"n\":0}", "[bottom][bottom]");
    CHECK_ANSWER("stream 0 stutter {\"count\":2}", "[1][2][12]");
    CHECK_PART("call b.deep {\"n\":0}", "has not declared the capability \"call:b.deep\"");
    return TROUPE_OK;
}

BODY_IN(a_service_falls_back_on_the_next_provider,
        "[pipeline message]\nstages = a\n" ACTOR("a", "priority = -5")
            ACTOR("far", "away = 12\npriority = 9") ACTOR("near", "priority = 3"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("call test.ask {\"text\":\"me\"}", "[near answers me]");
    CHECK_TRACE("far is away");
    return TROUPE_OK;
}

BODY_IN(a_service_that_fails_otherwise_is_not_asked_again,
        "[pipeline message]\nstages = a\n" ACTOR("a", "priority = -5")
            ACTOR("sour", "away = 6\npriority = 9"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_PART("call test.ask {}", "<-6 actor.away: sour is away>");
    return TROUPE_OK;
}

BODY_IN(what_was_not_declared_is_denied,
        "[pipeline message]\nstages = a\n[agent a]\nplugin = " LIBS "/bare.so\n" ACTOR("b", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_PART("put 0 k v", "has not declared the capability \"kv\"");
    CHECK_PART("get 0 k", "has not declared the capability \"kv\"");
    CHECK_PART("rows SELECT 1", "has not declared the capability \"sql\"");
    CHECK_PART("sql DELETE FROM {note}", "has not declared the capability \"sql\"");
    CHECK_PART("settle 1", "budget.state");
    CHECK_NOTICE("reserve 1", "has not declared the capability \"budget\"");
    CHECK_PART("http GET http://127.0.0.1:9/ x", "may not reach \"127.0.0.1\"");
    CHECK_PART("call b.echo {\"text\":\"x\"}", "has not declared the capability \"call:b.echo\"");
    CHECK_PART("stream 0 b.echo {\"text\":\"x\"}", "\"call:b.echo\"");
    return TROUPE_OK;
}

/* ---- streams -------------------------------------------------------------------------------- */

BODY(streams_hand_out_their_pieces)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("stream 0 stutter {\"count\":3}", "[1][2][3][123]");
    CHECK_ANSWER("stream 0 echo {\"text\":\"whole\"}", "[whole][whole]");
    CHECK_PART("stream 0 stutter {\"count\":5,\"fail_at\":3}",
               "[1][2]<-3 actor.stutter: I choked>");
    /* Closed early: the callee is cancelled, far from its end. */
    CHECK_PART("stream 2 stutter {\"count\":100000000}", "[1][2]<-1 ");
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'stutter'") == 0);
    CHECK_PART("stream 0 nobody", "<-");
    CHECK_PART("stream 0 stutter {\"count\":\"x\"}", "count");
    CHECK_ANSWER("streams 17", "[16 open]"); /* and the host closes them */
    CHECK_ANSWER("streams 3;streams 17", "[3 open][13 open]");
    CHECK(loop_current() == t->base.loop);
    return TROUPE_OK;
}

/* ---- mistakes ------------------------------------------------------------------------------- */

BODY(mistakes_of_authors_are_told_to_them)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_ANSWER("careless", "[survived]");
    CHECK_PART("hoard", "holds at most 67108864 bytes of results");
    CHECK_ANSWER("reply well", "well");
    return TROUPE_OK;
}

/* ---- storage -------------------------------------------------------------------------------- */

BODY_IN(values_stay_in_their_scope,
        "[pipeline message]\nstages = a\n[pipeline other]\nstages = b\n" ACTOR("a", "")
            ACTOR("b", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const struct asking ann = {.member = "7"}, bob = {.member = "8"};
    const struct asking ann_there = {.member = "7", .channel = "200", .guild = "5"};

    /* member */
    CHECK_PART_AS(ann, "put 3 k ann's;get 3 k", "[put][ann's]");
    CHECK_PART_AS(bob, "get 3 k", "[none]");
    CHECK_PART_AS(ann_there, "get 3 k", "[ann's]");
    /* channel */
    CHECK_PART_AS(ann, "put 2 k here", "[put]");
    CHECK_PART_AS(bob, "get 2 k", "[here]");
    CHECK_PART_AS(ann_there, "get 2 k", "[none]");
    /* session: this member in this channel */
    CHECK_PART_AS(ann, "put 4 k both", "[put]");
    CHECK_PART_AS(bob, "get 4 k", "[none]");
    CHECK_PART_AS(ann_there, "get 4 k", "[none]");
    /* agent */
    CHECK_PART_AS(ann, "put 0 k all", "[put]");
    CHECK_PART_AS(bob, "get 0 k;take 0 k;get 0 k;take 0 k", "[all][removed][none][removed]");
    /* a scope that the turn has not */
    CHECK_PART_AS(ann, "put 1 k v", "kv.scope: this turn has no such scope");
    CHECK_PART_AS(ann_there, "put 1 k guild;get 1 k", "[put][guild]");
    CHECK_PART_AS(ann, "get 9 k", "kv.scope: unknown scope 9");
    CHECK_PART_AS(ann, "get 0", "kv.key");
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE ns <> 'a'") == 0);
    return TROUPE_OK;
}

BODY_IN(tables_belong_to_the_agent_and_the_turn,
        "[pipeline message]\nstages = a, b\n" ACTOR("a", "")
            ACTOR("b", "script = rows SELECT count(*) FROM {note}"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const struct asking bob = {.member = "8"};

    CHECK_PART("sql INSERT INTO {note} VALUES (:member, :channel, 'mine')", "[committed]");
    CHECK_PART_AS(bob, "sql INSERT INTO {note} VALUES (:member, :channel, 'bob''s')",
                  "[committed]");
    CHECK_ANSWER("rows SELECT body FROM {note} WHERE member = :member", "[mine]");
    CHECK_PART_AS(bob, "rows SELECT body, member, :guild FROM {note} WHERE member = :member",
                  "[bob's][8][null]");
    CHECK_ANSWER("verdict next", "[0]"); /* b has a table of its own */
    CHECK_PART("rows SELECT count(*) FROM event", "<-6 sql.storage");
    CHECK_PART("sql DELETE FROM b_note", "<-");
    CHECK_PART("rows SELECT", "<-4 sql.storage");
    CHECK(ask_int(f, "SELECT count(*) FROM event") > 0);
    return TROUPE_OK;
}

/* ---- the network ---------------------------------------------------------------------------- */

/* One connection after the other: answers each request with the value of its header x-key. */
struct server {
    int fd;
    unsigned port;
    atomic_uint asked;
    pthread_t thread;
    char url[64];
};

static void *serve(void *arg)
{
    struct server *server = arg;

    for (;;) {
        char in[2048] = "", out[2200], *value, *end;
        int fd = accept(server->fd, NULL, NULL);
        size_t len = 0;
        ssize_t n;

        if (fd < 0)
            return NULL;
        while (!strstr(in, "\r\n\r\n") && len < sizeof(in) - 1 &&
               (n = read(fd, in + len, sizeof(in) - 1 - len)) > 0)
            len += (size_t)n;
        atomic_fetch_add(&server->asked, len > 0);
        value = strstr(in, "x-key: ");
        value = value ? value + 7 : in + len;
        end = strstr(value, "\r\n");
        if (end)
            *end = '\0';
        n = snprintf(out, sizeof(out),
                     "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n%s",
                     strlen(value), value);
        if (write(fd, out, (size_t)n) != n)
            fprintf(stderr, "# short write\n");
        close(fd);
    }
}

static void server_start(struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);

    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&at, &len), 0);
    server->port = ntohs(at.sin_port);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", server->port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static struct server server; /* the body's; a test runs one at a time */

static troupe_status network_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char text[256];

    snprintf(text, sizeof(text), "http GET %s/a hello", server.url);
    CHECK_ANSWER(text, "hello");
    snprintf(text, sizeof(text), "http POST %s/a Bearer {secret:key}!", server.url);
    CHECK_ANSWER(text, "Bearer sk-very-secret!");
    snprintf(text, sizeof(text), "http GET %s/ {secret:key2}", server.url);
    CHECK_PART(text, "<-10 http.secret: the secret \"key2\" is not set in [agent a]>");
    snprintf(text, sizeof(text), "http GET %s/ {secret:url}", server.url);
    CHECK_PART(text, "the secret \"url\" is not set");
    snprintf(text, sizeof(text), "http GET %s/ {secret:key", server.url);
    CHECK_PART(text, "unfinished");
    /* The same host on another port is no endpoint: it may be reached, without the secret. */
    CHECK_PART("http GET http://127.0.0.1:9/ {secret:key}", "goes to endpoints of [agent a] only");
    CHECK_PART("http GET http://127.0.0.1:9/ x", "<-"); /* loopback is private */
    CHECK_PART("http GET http://example.org/ x", "may not reach \"example.org\"");
    CHECK_PART("http GET http://127.0.0.1@example.org/ x", "may not reach \"example.org\"");
    /* What only begins as the endpoint does is another place. */
    snprintf(text, sizeof(text), "http GET %s@example.org/a {secret:key}", server.url);
    CHECK_PART(text, "may not reach \"example.org\"");
    snprintf(text, sizeof(text), "http GET %s.example.org/a {secret:key}", server.url);
    CHECK_PART(text, "<-");
    snprintf(text, sizeof(text), "http GET %s/a@b\\c {secret:key2}", server.url);
    CHECK_PART(text, "the secret \"key2\" is not set"); /* the endpoint, by its parts */
    CHECK_PART("http GET nonsense x", "<-");
    CHECK_PART("http GET file:///etc/passwd x", "<-");
    for (size_t i = 0; i < t->record_count; i++) /* one answer is the server's, by design */
        CHECK(i == 1 || !strstr(buf_text(&t->records[i].shown), "sk-very"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE trace LIKE '%sk-very%' OR sentence LIKE "
                     "'%sk-very%'") == 0);

    /* What acts outside is stored before, so that a crash does not repeat it. */
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE kind = 'http' AND state <> 'hash'") >= 1);

    /* Budget: what left is booked, what did not leave is only reserved. */
    snprintf(text, sizeof(text), "reserve 500;http POST %s/ paid;settle 200;settle 1", server.url);
    CHECK_PART(text, "paid[settled]<-4 budget.state");
    snprintf(text, sizeof(text), "reserve 500;http POST %s/ paid", server.url);
    CHECK_ANSWER(text, "paid"); /* nobody settles it: the worst case */
    snprintf(text, sizeof(text), "reserve 500;http POST %s/ paid;release", server.url);
    CHECK_PART(text, "paid<-4 budget.state");
    snprintf(text, sizeof(text), "reserve 500;http POST %s/ a;http POST %s/ b;settle 5", server.url,
             server.url);
    CHECK_PART(text, "the reservation is used already");
    CHECK_PART("reserve 500;http POST http://127.0.0.1:9/ x;release", "[released]");
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 1205);
    CHECK(ask_int(f, "SELECT unknown_micros FROM budget_day WHERE scope = 'bot'") == 1000);
    CHECK(ask_int(f, "SELECT reserved_micros FROM budget_day WHERE scope = 'bot'") == 0);
    CHECK(ask_int(f, "SELECT sum(cost_micros) FROM event") == 1205);
    return TROUPE_OK;
}

static void requests_go_where_they_may_with_their_secrets(void **state)
{
    char ini[512];

    (void)state;
    server_start(&server);
    snprintf(ini, sizeof(ini),
             "[pipeline message]\nstages = a\n%surl = %s/v1\nkey = sk-very-secret\n",
             ACTOR("a", ""), server.url);
    play_in(ini, NULL, network_body);
    server_stop(&server);
}

/* Reserved by its own opening: one row, dispatched, or none where nothing may leave. */
#define LONG_NAME "a test of a name that is longer than the room that figures of a turn have"

static troupe_status at_open_body(void *arg)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char text[200];

    atomic_store(&server.asked, 0);
    snprintf(text, sizeof(text), "promise 500;http POST %s/ paid;settle 200;settle 1", server.url);
    CHECK_PART(text, "paid[settled]<-4 budget.state");
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'settled'") == 1);
    snprintf(text, sizeof(text), "promise 500;http POST %s/ paid", server.url);
    CHECK_ANSWER(text, "paid"); /* nobody settles it: the worst case */
    snprintf(text, sizeof(text), "promise 500;http POST %s/ paid;release", server.url);
    CHECK_PART(text, "paid<-4 budget.state");
    snprintf(text, sizeof(text), "promise 500;http POST %s/ a;http POST %s/ b;settle 5", server.url,
             server.url);
    CHECK_PART(text, "the reservation is used already");
    CHECK(atomic_load(&server.asked) == 4);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger") == 4);
    /* Once for each: the second has no number that the first had. */
    snprintf(text, sizeof(text),
             "promise 9;http POST %s/ a;settle 4;promise 9;http POST %s/ b;settle 4", server.url,
             server.url);
    CHECK_ANSWER(text, "a[settled]b[settled]");

    /* Nothing left: a cap, no price, no connection, no request. */
    snprintf(text, sizeof(text), "promise 9001;http POST %s/ paid;release", server.url);
    CHECK_PART(text, "budget.cap: the bot's budget for today is used up");
    snprintf(text, sizeof(text), "promise 8000;http POST %s/ paid;settle 1", server.url);
    CHECK_PART(text, "budget.cap: the bot's budget for today is used up");
    snprintf(text, sizeof(text), "promise unknown;http POST %s/ paid;release", server.url);
    CHECK_PART(text, "budget.price_unknown: the price of \"a test\" is not known");
    CHECK_PART("promise 500;http POST http://127.0.0.1:9/ x;release", "[released]");
    CHECK_ANSWER("promise 500;release", "[released]");
    CHECK_PART("promise 500;settle 1", "budget.state");
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(atomic_load(&server.asked) == 6);
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 1213);
    CHECK(ask_int(f, "SELECT unknown_micros FROM budget_day WHERE scope = 'bot'") == 1000);
    CHECK(ask_int(f, "SELECT reserved_micros FROM budget_day WHERE scope = 'bot'") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'released'") == 1);
    CHECK(ask_int(f, "SELECT sum(cost_micros) FROM event") == 1213);

    /* Nobody waits for a booking; one that the store does not take is told, and its worst case booked. */
    store_batch_add(batch, STORE_SQL("CREATE UNIQUE INDEX once ON budget_ledger (state) "
                                     "WHERE settled_micros = 200"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    snprintf(text, sizeof(text), "promise 500;http POST %s/ paid;settle 200", server.url);
    CHECK_ANSWER(text, "paid[settled]");
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT settled_micros FROM budget_day WHERE scope = 'bot'") == 1713);
    CHECK(ask_int(f, "SELECT unknown_micros FROM budget_day WHERE scope = 'bot'") == 1500);
    CHECK(ask_int(f, "SELECT reserved_micros FROM budget_day WHERE scope = 'bot'") == 0);

    /* The owner hears of marks of the bot's cap, and of what cost more than was reserved. */
    CHECK(strstr(buf_text(&t->reports),
                 "\"a test\" is refused: 0.0012 of the 0.009 USD that the bot may cost today are "
                 "spent or reserved, and it could cost up to 0.0090."));
    buf_clear(&t->reports);
    memset(t->report_counts, 0, sizeof(t->report_counts));
    snprintf(text, sizeof(text), "promise 6000;http POST %s/ paid;settle 3500", server.url);
    CHECK_ANSWER(text, "paid[settled]");
    WAIT_FOR(strstr(buf_text(&t->reports),
                    "0.0052 of 0.009 USD are spent today: 50 % of the cap of the "
                    "bot. What it went to is in /usage.\n"));
    snprintf(text, sizeof(text), "promise 2000;http POST %s/ paid", server.url);
    CHECK_ANSWER(text, "paid"); /* it ends without a word: booked at its worst case */
    WAIT_FOR(strstr(buf_text(&t->reports), "spent today: 80 % of the cap of the bot."));
    snprintf(text, sizeof(text), "promise 1500 " LONG_NAME ";http POST %s/ paid;settle 2000",
             server.url);
    CHECK_ANSWER(text, "paid[settled]");
    WAIT_FOR(strstr(buf_text(&t->reports), ": 100 % of the cap of the bot."));
    CHECK(strstr(buf_text(&t->reports),
                 "0.0092 of 0.015 USD are spent this month: 50 % of the cap of agent a. What it "
                 "went to is in /usage.\n"));
    CHECK(strstr(buf_text(&t->reports),
                 "\"" LONG_NAME "\" cost 0.000500 USD more than was reserved and is "
                 "not paid for any more. Check the price table, then confirm it: "
                 "/usage confirm:" LONG_NAME "\n")); /* whole: else it confirms nothing */
    CHECK(t->report_counts[TURN_REPORT_CAP] == 4 && t->report_counts[TURN_REPORT_PLAIN] == 1);
    CHECK(t->report_counts[TURN_REPORT_HOUR] == 0);
    return TROUPE_OK;
}

static void a_request_reserves_by_itself(void **state)
{
    char ini[512];

    (void)state;
    server_start(&server);
    snprintf(ini, sizeof(ini),
             "[budget]\ndaily = 0.009\nper_plugin_monthly = 0.015\n[pipeline message]\n"
             "stages = a\n%surl = %s/v1\n"
             "key = sk-very-secret\n",
             ACTOR("a", ""), server.url);
    play_in(ini, NULL, at_open_body);
    server_stop(&server);
}

/* ---- the budget ----------------------------------------------------------------------------- */

BODY_IN(a_cap_is_told_to_the_member,
        "[budget]\ndaily = 0.01\nper_member_daily = 0.005\n[pipeline message]\nstages = a\n" ACTOR(
            "a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("reserve 5001", "your budget for today is used up");
    CHECK_TRACE("budget.cap");
    CHECK_NOTICE("reserve unknown", "the price of \"a test\" is not known");
    CHECK_TRACE("budget.price_unknown");
    CHECK_ANSWER("reserve 5000;release;reserve 5000", "[released]");
    WAIT_FOR(list_empty(&t->engine->turns));
    /* What a turn leaves reserved is released at its end. */
    CHECK(ask_int(f, "SELECT sum(reserved_micros + settled_micros) FROM budget_day") == 0);
    CHECK_ANSWER("reserve 5000;reply again", "again");
    WAIT_FOR(list_empty(&t->engine->turns));
    if (!is_isolated()) /* the member's cap is fuller than the bot's; nothing is left of what was only reserved */
        CHECK_ANSWER("level;reserve 3000;level;release;level", "[0 0 %][0 60 %][released][0 0 %]");
    return TROUPE_OK;
}

/* The last mark is seldom reached: what is asked for at worst does not fit any more before it is. */
BODY_IN(a_cap_that_is_used_up_is_told_to_the_owner_once,
        "[budget]\nhourly = 0.006\nper_member_daily = 0.005\nper_plugin_monthly = "
        "0.0055\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("reserve 5001", "your budget for today is used up");
    CHECK_TRACE("0 % of the member's cap of today are spent or reserved, and \"a test\" could cost "
                "up to 100 % of it");
    CHECK(t->reports.len == 0);
    for (int i = 0; i < 2; i++) { /* no sums to members */
        CHECK_NOTICE("reserve 6001", "the bot's budget for this hour is used up; it starts anew "
                                     "with the next hour, or when the admin raises the cap");
        CHECK_TRACE("0 % of the bot's cap of this hour are spent or reserved");
    }
    CHECK(strstr(buf_text(&t->reports),
                 "\"a test\" is refused: 0.0000 of the 0.006 USD that the bot may cost this hour "
                 "are spent or reserved, and it could cost up to 0.0060. That starts anew at "));
    CHECK(strstr(buf_text(&t->reports), "UTC, or raise hourly in [budget] and reload."));
    CHECK(strstr(buf_text(&t->reports), "is refused") ==
          strrchr(buf_text(&t->reports), '"') + 2); /* once */
    return TROUPE_OK;
}

BODY_IN(a_cap_of_nothing_is_what_the_owner_wanted,
        "[budget]\nhourly = 0\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("reserve 1", "the bot's budget for this hour is 0, so only what costs nothing is "
                              "asked; the admin can raise the cap in [budget]");
    CHECK_TRACE("of the bot's cap of this hour");
    CHECK(t->reports.len == 0);
    return TROUPE_OK;
}

BODY(the_owner_hears_what_agents_tell)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char text[1600] = "tell ";

    (void)f;
    if (is_isolated()) { /* where no agent has it */
        CHECK_ANSWER("tell the shop is closed", "[told -9]");
        return TROUPE_OK;
    }
    CHECK_ANSWER("tell the shop is closed", "[told 0]");
    CHECK(!strcmp(buf_text(&t->reports), "`a`: the shop is closed\n"));
    buf_clear(&t->reports);
    memset(text + 5, 'x', 1500);
    CHECK_ANSWER(text, "[told 0]");
    CHECK(t->reports.len == strlen("`a`: \n") + TROUPE_OWNER_MAX);
    CHECK_ANSWER("tell ", "[told -4]");
    CHECK_ANSWER("tell \xff", "[told -21]");
    return TROUPE_OK;
}

BODY_IN(nobody_tells_the_owner_without_the_capability,
        "[pipeline message]\nstages = a\n[agent a]\nplugin = " LIBS "/bare.so\n")
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_ANSWER("tell hello", is_isolated() ? "[told -9]" : "[told -6]");
    CHECK(t->reports.len == 0);
    return TROUPE_OK;
}

BODY_IN(
    caps_of_an_hour_and_a_month_are_told_too,
    "[budget]\nhourly = 0.01\nper_member_monthly = 0.005\n[pipeline message]\nstages = a\n" ACTOR(
        "a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("reserve 5001", "your budget for this month is used up");
    CHECK_NOTICE("reserve 10001", "the bot's budget for this hour is used up");
    CHECK_TRACE("budget.cap");
    CHECK_ANSWER("reserve 5000;release", "[released]");
    if (!is_isolated())
        CHECK_ANSWER("reserve 2500;level;release", "[0 50 %][released]");
    return TROUPE_OK;
}

/* ---- the shell ------------------------------------------------------------------------------ */

BODY(the_shell_calls_functions)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char *text = NULL, *json = NULL;

    CHECK_STATUS(turn_engine_call(t->engine, "echo", "{\"text\":\"hi\"}", 0, &text, &json, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(text, "hi") && !json);
    mem_free(text);
    text = NULL;
    CHECK_STATUS(
        turn_engine_call(t->engine, "a.sum", "{\"a\":4,\"b\":5}", 0, &text, &json, &f->err),
        TROUPE_OK);
    CHECK(!text && !strcmp(json, "{\"sum\":9}"));
    mem_free(json);
    CHECK_STATUS(turn_engine_call(t->engine, "shutdown", "", 0, &text, &json, &f->err), TROUPE_OK);
    mem_free(text);
    CHECK_STATUS(turn_engine_call(t->engine, "broken", "", 0, &text, &json, &f->err),
                 TROUPE_FAILED);
    CHECK(!strcmp(f->err.text, "the thing is broken"));
    CHECK_STATUS(turn_engine_call(t->engine, "brokn", "", 0, &text, &json, &f->err),
                 TROUPE_NOT_FOUND);
    CHECK(strstr(f->err.text, "broken"));
    CHECK_STATUS(turn_engine_call(t->engine, "sum", "{\"a\":1", 0, &text, &json, &f->err),
                 TROUPE_DATA);
    CHECK_STATUS(
        turn_engine_call(t->engine, "nap", "{\"ms\":600000}", co_after(20), &text, &json, &f->err),
        TROUPE_DEADLINE);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE source = 'shell' AND state = 'done'") == 3);
    WAIT_FOR(list_empty(&t->engine->turns));
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(functions_call_functions_down_to_a_limit),
        TEST(an_agent_means_its_own_functions),
        TEST(a_service_falls_back_on_the_next_provider),
        TEST(a_service_that_fails_otherwise_is_not_asked_again),
        TEST(what_was_not_declared_is_denied),
        TEST(streams_hand_out_their_pieces),
        TEST(mistakes_of_authors_are_told_to_them),
        TEST(values_stay_in_their_scope),
        TEST(tables_belong_to_the_agent_and_the_turn),
        TEST(requests_go_where_they_may_with_their_secrets),
        TEST(a_request_reserves_by_itself),
        TEST(a_cap_is_told_to_the_member),
        TEST(a_cap_that_is_used_up_is_told_to_the_owner_once),
        TEST(a_cap_of_nothing_is_what_the_owner_wanted),
        TEST(the_owner_hears_what_agents_tell),
        TEST(nobody_tells_the_owner_without_the_capability),
        TEST(caps_of_an_hour_and_a_month_are_told_too),
        TEST(the_shell_calls_functions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
