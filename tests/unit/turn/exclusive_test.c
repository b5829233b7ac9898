/* SPDX-License-Identifier: Apache-2.0
 *
 * Exclusive hand-over of state, in the middle of turns: whatever is counted in memory is counted once, in
 * whichever generation.
 */
#include "turn_fixture.h"

#include "plugin/exclusive.h"

#define TALLY(file) "[agent tally]\nplugin = " LIBS "/" file ".so\n"
#define STAGE       "[pipeline message]\nstages = tally\n"
#define BEHIND_ACTOR                                                                               \
    "[pipeline message]\nstages = actor tally\n[agent actor]\nplugin = " LIBS "/actor.so\n"

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, STAGE TALLY("tally"))

/* As a reload does it. [waits] */
static troupe_status replace(struct stage_test *t, const char *ini)
{
    struct plugin_set *old = plugin_set_pin(t->engine->set), *set = build_set(t, ini);
    struct error *err = &t->base.err;
    troupe_status status = set ? plugin_set_hold(set, old, err) : TROUPE_CONFIG;

    if (status == TROUPE_OK)
        status = plugin_set_hand_over(set, old, err);
    if (status == TROUPE_OK)
        status = plugin_set_take_over(set, old, err);
    if (set)
        plugin_set_release(set, old, status == TROUPE_OK);
    if (status == TROUPE_OK)
        turn_engine_publish(t->engine, set);
    else
        plugin_set_unpin(set);
    plugin_set_unpin(old);
    return status;
}

/* The same beside the test. */
struct replacing {
    struct stage_test *t;
    const char *ini;
    troupe_status status;
    bool ended;
};

static troupe_status replacing_main(void *arg)
{
    struct replacing *replacing = arg;

    replacing->status = replace(replacing->t, replacing->ini);
    replacing->ended = true;
    return TROUPE_OK;
}

static void replace_beside(struct stage_test *t, struct scope *scope, struct replacing *replacing,
                           const char *ini)
{
    static const struct co_owner owner = {"test", 0};

    *replacing = (struct replacing){.t = t, .ini = ini};
    scope_open(scope, 0);
    if (co_spawn(scope, &owner, replacing_main, replacing) < 0)
        abort();
}

static struct plugin_agent *tally_of(struct stage_test *t)
{
    return plugin_set_agent(t->engine->set, "tally");
}

#define CHECK_SHOWN(record, want)                                                                  \
    do {                                                                                           \
        WAIT_FOR(is_answered(record));                                                             \
        if (strcmp(buf_text(&(record)->shown), (want)))                                            \
            fprintf(stderr, "# shown \"%s\", notice \"%s\"\n", buf_text(&(record)->shown),         \
                    buf_text(&(record)->notice));                                                  \
        CHECK(!strcmp(buf_text(&(record)->shown), (want)));                                        \
    } while (0)

#define CHECK_COUNTED(record)                                                                      \
    do {                                                                                           \
        WAIT_FOR(is_answered(record));                                                             \
        if (!(record)->ends)                                                                       \
            fprintf(stderr, "# notice \"%s\"\n", buf_text(&(record)->notice));                     \
        CHECK((record)->ends == 1);                                                                \
    } while (0)

/* Whoever is inside until the key is there may go. */
static troupe_status let_go(struct stage_test *t, const char *key)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_statement statement = {.expect = 1};
    char sql[160];

    snprintf(sql, sizeof(sql),
             "INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES "
             "('tally', 'agent', '%s', '1', 0)",
             key);
    statement.sql = sql;
    store_batch_add(batch, &statement);
    return store_commit(t->base.store, batch, 0, &t->base.err);
}

/* ---- promises -------------------------------------------------------------------------------- */

#define LOAD  240
#define SWAPS 6

BODY(nothing_that_is_counted_under_load_is_lost)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *records[LOAD];
    struct replacing replacing;
    struct scope scope;
    char want[40];

    for (int i = 0; i < LOAD; i++) {
        bool swap = i % (LOAD / SWAPS) == LOAD / SWAPS / 2;
        char member[16], channel[16], key[16], slow[24];

        snprintf(member, sizeof(member), "%d", 100 + i % 40);
        snprintf(channel, sizeof(channel), "%d", 1000 + i % 40);
        WAIT_FOR(t->engine->admission.queued < 30); /* it refuses what is too much */
        snprintf(key, sizeof(key), "go%d", i);
        snprintf(slow, sizeof(slow), "slow %s", key);
        records[i] =
            ask_as(t, (struct asking){.member = member, .channel = channel}, swap ? slow : "add");
        if (swap) {
            WAIT_FOR(tally_of(t)->running > 0);
            replace_beside(t, &scope, &replacing,
                           (i / (LOAD / SWAPS)) % 2 ? STAGE TALLY("tally") : STAGE TALLY("tally2"));
            WAIT_FOR(replacing.ended || tally_of(t)->held);
            CHECK_STATUS(let_go(t, key), TROUPE_OK);
            scope_close(&scope);
            CHECK_STATUS(replacing.status, TROUPE_OK);
        }
        if (i % 5 == 0)
            co_sleep(1);
    }
    for (int i = 0; i < LOAD; i++)
        CHECK_COUNTED(records[i]);
    snprintf(want, sizeof(want), "1.0.0 %d", LOAD);
    CHECK_ANSWER("read", want);
    return TROUPE_OK;
}

BODY(who_is_inside_is_waited_for_and_who_comes_is_held)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *inside = ask(t, "slow go"), *held;
    struct plugin_agent *old = tally_of(t);
    struct replacing replacing;
    struct scope scope;

    WAIT_FOR(old->inside == 1);
    replace_beside(t, &scope, &replacing, STAGE TALLY("tally2"));
    WAIT_FOR(old->held);
    held = ask_as(t, (struct asking){.member = "8"}, "add");
    WAIT_FOR(old->held_count == 1);
    CHECK(!is_answered(inside) && !is_answered(held) && !replacing.ended);
    CHECK_STATUS(let_go(t, "go"), TROUPE_OK);
    CHECK_SHOWN(inside, "1.0.0 1");
    CHECK_SHOWN(held, "2.0.0 2");
    scope_close(&scope);
    CHECK_STATUS(replacing.status, TROUPE_OK);
    CHECK(tally_of(t)->held_before && tally_of(t)->pause_ms > 0);
    CHECK_ANSWER("read", "2.0.0 2");
    return TROUPE_OK;
}

BODY_IN(turns_that_began_before_enter_the_new_generation, BEHIND_ACTOR TALLY("tally"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *before = ask(t, "until 0 go;verdict next");

    WAIT_FOR(t->engine->admission.running == 1);
    CHECK_STATUS(replace(t, BEHIND_ACTOR TALLY("tally2")), TROUPE_OK);
    CHECK_STATUS(replace(t, BEHIND_ACTOR TALLY("tally")), TROUPE_OK);
    ask_as(t, (struct asking){.member = "8"}, "put 0 go yes;verdict next");
    WAIT_FOR(is_answered(before));
    CHECK_SHOWN(before,
                before->shown.len && buf_text(&before->shown)[6] == '1' ? "1.0.0 1" : "1.0.0 2");
    CHECK_ANSWER("verdict next", "1.0.0 3");
    return TROUPE_OK;
}

BODY(what_is_called_from_inside_is_not_held)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *nested = ask(t, "nest go");
    struct plugin_agent *old = tally_of(t);
    struct replacing replacing;
    struct scope scope;

    WAIT_FOR(old->inside == 1);
    replace_beside(t, &scope, &replacing, STAGE TALLY("tally2"));
    WAIT_FOR(old->held);
    CHECK_STATUS(let_go(t, "go"), TROUPE_OK);
    CHECK_SHOWN(nested, "1.0.0 2");
    scope_close(&scope);
    CHECK_STATUS(replacing.status, TROUPE_OK);
    CHECK_ANSWER("read", "2.0.0 2");
    return TROUPE_OK;
}

BODY(who_stays_too_long_refuses_the_reload_and_all_go_on)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *inside = ask(t, "slow go"), *held;
    struct plugin_agent *old = tally_of(t);
    struct replacing replacing;
    struct scope scope;

    t->manager->exclusive_ms = 50;
    WAIT_FOR(old->inside == 1);
    replace_beside(t, &scope, &replacing, STAGE TALLY("tally2"));
    WAIT_FOR(old->held);
    held = ask_as(t, (struct asking){.member = "8"}, "add");
    scope_close(&scope);
    CHECK_STATUS(replacing.status, TROUPE_BUSY);
    CHECK(strstr(f->err.text, "agent \"tally\": 1 calls did not end within 50 ms"));
    CHECK(tally_of(t) == old && !old->held && !old->successor);
    CHECK_SHOWN(held, "1.0.0 1");
    CHECK_STATUS(let_go(t, "go"), TROUPE_OK);
    CHECK_SHOWN(inside, "1.0.0 2");
    CHECK_STATUS(replace(t, STAGE TALLY("tally2")), TROUPE_OK);
    CHECK_ANSWER("read", "2.0.0 2");
    return TROUPE_OK;
}

BODY(a_build_that_cannot_load_leaves_the_old_one_at_work)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("add", "1.0.0 1");
    CHECK_STATUS(replace(t, STAGE TALLY("tally_broken")), TROUPE_DATA);
    CHECK(!tally_of(t)->held && !tally_of(t)->successor);
    CHECK_ANSWER("add", "1.0.0 2");
    return TROUPE_OK;
}

BODY(more_than_so_many_are_not_held)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *inside = ask(t, "slow go"), *held;
    struct plugin_agent *old = tally_of(t);
    struct replacing replacing;
    struct scope scope;

    t->manager->exclusive_held = 1;
    WAIT_FOR(old->inside == 1);
    replace_beside(t, &scope, &replacing, STAGE TALLY("tally2"));
    WAIT_FOR(old->held);
    held = ask_as(t, (struct asking){.member = "8"}, "add");
    WAIT_FOR(old->held_count == 1);
    CHECK_NOTICE_AS(((struct asking){.member = "9"}), "add", "too much waits for it");
    CHECK_STATUS(let_go(t, "go"), TROUPE_OK);
    CHECK_SHOWN(inside, "1.0.0 1");
    CHECK_SHOWN(held, "2.0.0 2");
    scope_close(&scope);
    return TROUPE_OK;
}

#define HASTY                                                                                      \
    "[pipeline message]\nstages = s\n[stage s]\nagent = tally\ntimeout = 1s\n" TALLY("tally")

/* The whole second is for what was inside: it began later. */
BODY_IN(who_is_held_has_his_own_deadline, HASTY)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct plugin_agent *old = tally_of(t);
    struct plugin_set *pin = plugin_set_pin(t->engine->set), *set;
    struct record *held;

    set = build_set(t, STAGE TALLY("tally2"));
    CHECK(set);
    CHECK_STATUS(plugin_set_hold(set, pin, &f->err), TROUPE_OK);
    held = ask(t, "add");
    WAIT_FOR(old->held_count == 1);
    WAIT_FOR(is_answered(held));
    CHECK(strstr(buf_text(&held->notice), "that took too long"));
    CHECK(old->held_count == 0 && old->held && !old->inside);
    plugin_set_release(set, pin, false);
    plugin_set_unpin(set);
    plugin_set_unpin(pin);
    CHECK_ANSWER("add", "1.0.0 1");
    return TROUPE_OK;
}

struct shell {
    struct stage_test *t;
    troupe_status status;
    bool ended;
    struct error err;
};

static troupe_status shell_main(void *arg)
{
    struct shell *shell = arg;
    char *text = NULL, *json = NULL;

    shell->status = turn_engine_call(shell->t->engine, "add", "{}", co_after(PATIENCE_MS), &text,
                                     &json, &shell->err);
    shell->ended = true;
    mem_free(text);
    mem_free(json);
    return TROUPE_OK;
}

/* It was on its way when the build changed. */
BODY(a_function_that_the_new_build_lacks_is_told)
{
    static const struct co_owner owner = {"test", 0};
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *inside = ask(t, "slow go");
    struct plugin_agent *old = tally_of(t);
    struct shell shell = {.t = t};
    struct replacing replacing;
    struct scope scope, calling;

    WAIT_FOR(old->inside == 1);
    replace_beside(t, &scope, &replacing, STAGE TALLY("tally_other"));
    WAIT_FOR(old->held);
    scope_open(&calling, 0);
    CHECK_STATUS(co_spawn(&calling, &owner, shell_main, &shell), TROUPE_OK);
    WAIT_FOR(old->held_count == 1);
    CHECK_STATUS(let_go(t, "go"), TROUPE_OK);
    CHECK_SHOWN(inside, "1.0.0 1");
    scope_close(&scope);
    scope_close(&calling);
    CHECK_STATUS(replacing.status, TROUPE_OK);
    CHECK_STATUS(shell.status, TROUPE_UNAVAILABLE);
    CHECK(strstr(shell.err.text, "\"tally\" was replaced by a build without this \"add\""));
    CHECK_ANSWER("add", "3.0.0 2"); /* the stage, which it has */
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_is_counted_under_load_is_lost),
        cmocka_unit_test(who_is_inside_is_waited_for_and_who_comes_is_held),
        cmocka_unit_test(turns_that_began_before_enter_the_new_generation),
        cmocka_unit_test(what_is_called_from_inside_is_not_held),
        cmocka_unit_test(who_stays_too_long_refuses_the_reload_and_all_go_on),
        cmocka_unit_test(a_build_that_cannot_load_leaves_the_old_one_at_work),
        cmocka_unit_test(more_than_so_many_are_not_held),
        cmocka_unit_test(who_is_held_has_his_own_deadline),
        cmocka_unit_test(a_function_that_the_new_build_lacks_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
