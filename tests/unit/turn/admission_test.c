/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: order in a lane, fairness among lanes, bounds, and a model that random steps are held
 * against.
 */
#include "tap.h"

#include "turn/admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int setup(void **state)
{
    static struct turn_admission admission;

    turn_admission_init(&admission);
    *state = &admission;
    return 0;
}

static int teardown(void **state)
{
    struct turn_admission *admission = *state;

    assert_int_equal(admission->running, 0);
    assert_int_equal(admission->queued, 0);
    assert_int_equal(admission->lanes.count, 0); /* no lane outlives its work */
    turn_admission_clear(admission);
    return 0;
}

static void events_of_a_member_in_a_channel_run_in_order(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket tickets[5];

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(turn_admission_add(admission, &tickets[i], "c", "m"), TURN_ADMITTED);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(turn_admission_next(admission), &tickets[i]);
        assert_null(turn_admission_next(admission)); /* places are free, but its lane is busy */
        turn_admission_remove(admission, &tickets[i]);
    }
    assert_int_equal(admission->running_peak, 1);
}

static void the_same_member_elsewhere_is_another_lane(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket here, there, other;

    turn_admission_add(admission, &here, "c1", "m");
    turn_admission_add(admission, &there, "c2", "m");
    turn_admission_add(admission, &other, NULL, NULL); /* an event without either has a lane, too */
    assert_ptr_equal(turn_admission_next(admission), &here);
    assert_ptr_equal(turn_admission_next(admission), &there);
    assert_ptr_equal(turn_admission_next(admission), &other);
    turn_admission_remove(admission, &here);
    turn_admission_remove(admission, &there);
    turn_admission_remove(admission, &other);
}

static void a_new_event_waits_for_what_a_restart_cut(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket old[2], fresh, other, late;

    turn_admission_hold(admission);
    assert_int_equal(turn_admission_add(admission, &fresh, "c", "m"), TURN_ADMITTED);
    assert_int_equal(turn_admission_add(admission, &other, "c", "n"), TURN_ADMITTED);
    assert_null(turn_admission_next(admission)); /* nobody knows yet what they have to wait for */
    turn_admission_restore(admission, &old[0], "c", "m");
    turn_admission_restore(admission, &old[1], "c", "m");
    assert_ptr_equal(turn_admission_next(admission), &old[0]);
    turn_admission_remove(admission, &old[0]);
    assert_ptr_equal(turn_admission_next(admission), &old[1]);
    assert_null(turn_admission_next(admission));
    turn_admission_release(admission);
    assert_ptr_equal(turn_admission_next(admission), &other);
    assert_null(turn_admission_next(admission));
    turn_admission_remove(admission, &old[1]);
    assert_ptr_equal(turn_admission_next(admission), &fresh);
    assert_int_equal(turn_admission_add(admission, &late, "c", "o"), TURN_ADMITTED);
    turn_admission_hold(admission); /* another gateway's */
    assert_null(turn_admission_next(admission));
    turn_admission_release(admission);
    assert_ptr_equal(turn_admission_next(admission), &late);
    turn_admission_remove(admission, &fresh);
    turn_admission_remove(admission, &other);
    turn_admission_remove(admission, &late);
}

static void fifty_of_one_member_hold_nobody_else_up(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket flood[50], other;

    admission->concurrent = 1;
    admission->lane_max = 50;
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(turn_admission_add(admission, &flood[i], "c", "loud"), TURN_ADMITTED);
    assert_ptr_equal(turn_admission_next(admission), &flood[0]);
    assert_int_equal(turn_admission_add(admission, &other, "c", "quiet"), TURN_ADMITTED);
    turn_admission_remove(admission, &flood[0]);
    assert_ptr_equal(turn_admission_next(admission), &other);
    turn_admission_remove(admission, &other);
    for (size_t i = 1; i < 50; i++) {
        assert_ptr_equal(turn_admission_next(admission), &flood[i]);
        turn_admission_remove(admission, &flood[i]);
    }
}

static void no_more_than_the_cap_run_and_the_cap_may_change(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket tickets[6];
    char member[2] = "0";

    admission->concurrent = 2;
    for (size_t i = 0; i < 6; i++) {
        member[0] = (char)('0' + i);
        turn_admission_add(admission, &tickets[i], "c", member);
    }
    assert_non_null(turn_admission_next(admission));
    assert_non_null(turn_admission_next(admission));
    assert_null(turn_admission_next(admission));
    admission->concurrent = 3;
    assert_ptr_equal(turn_admission_next(admission), &tickets[2]);
    assert_null(turn_admission_next(admission));
    admission->concurrent = 1;
    turn_admission_remove(admission, &tickets[0]);
    turn_admission_remove(admission, &tickets[1]);
    assert_null(turn_admission_next(admission)); /* one still runs */
    turn_admission_remove(admission, &tickets[2]);
    assert_ptr_equal(turn_admission_next(admission), &tickets[3]);
    for (size_t i = 3; i < 6; i++)
        turn_admission_remove(admission, &tickets[i]);
}

static void both_queues_are_bounded(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket tickets[4], refused;

    admission->lane_max = 2;
    admission->queue_max = 3;
    turn_admission_add(admission, &tickets[0], "c", "a");
    turn_admission_add(admission, &tickets[1], "c", "a");
    assert_int_equal(turn_admission_add(admission, &refused, "c", "a"), TURN_REFUSED_LANE);
    turn_admission_remove(admission, &refused); /* of one that was refused: nothing */
    turn_admission_add(admission, &tickets[2], "c", "b");
    assert_int_equal(turn_admission_add(admission, &refused, "c", "new"), TURN_REFUSED_QUEUE);
    assert_int_equal(admission->queued, 3);
    /* What runs does not count as waiting. */
    assert_ptr_equal(turn_admission_next(admission), &tickets[0]);
    assert_int_equal(turn_admission_add(admission, &tickets[3], "c", "a"), TURN_ADMITTED);
    for (size_t i = 0; i < 4; i++)
        turn_admission_remove(admission, &tickets[i]);
}

static void a_lane_refusal_leaves_no_lane_behind(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket ticket;

    admission->lane_max = 0;
    assert_int_equal(turn_admission_add(admission, &ticket, "c", "a"), TURN_REFUSED_LANE);
}

static void what_waits_and_what_runs_can_be_removed(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket tickets[3];

    for (size_t i = 0; i < 3; i++)
        turn_admission_add(admission, &tickets[i], "c", "m");
    turn_admission_remove(admission, &tickets[1]); /* waits, in the middle */
    assert_ptr_equal(turn_admission_next(admission), &tickets[0]);
    turn_admission_remove(admission, &tickets[0]); /* runs */
    turn_admission_remove(admission, &tickets[0]); /* twice is once */
    assert_ptr_equal(turn_admission_next(admission), &tickets[2]);
    turn_admission_remove(admission, &tickets[2]);
    turn_admission_add(admission, &tickets[0], "c", "m");
    turn_admission_remove(admission, &tickets[0]); /* the last one of a lane that was ready */
    assert_null(turn_admission_next(admission));
}

static void draining_admits_nothing_new_and_lets_the_rest_run(void **state)
{
    struct turn_admission *admission = *state;
    struct turn_ticket waiting, late;

    turn_admission_add(admission, &waiting, "c", "m");
    admission->draining = true;
    assert_int_equal(turn_admission_add(admission, &late, "c", "n"), TURN_REFUSED_DRAIN);
    assert_ptr_equal(turn_admission_next(admission), &waiting);
    turn_admission_remove(admission, &waiting);
}

/* ---- against a model ------------------------------------------------------------------------ */

#define MEMBERS 6
#define PLACES  64

struct model {
    int member; /* -1: the place is free */
    bool running;
    unsigned order;
};

static size_t count(const struct model *model, int member, bool running)
{
    size_t found = 0;

    for (size_t i = 0; i < PLACES; i++)
        found += model[i].member >= 0 && (member < 0 || model[i].member == member) &&
                 model[i].running == running;
    return found;
}

static void check_add(struct turn_admission *admission, struct model *model,
                      struct turn_ticket *tickets, size_t at, int member, unsigned order)
{
    char name[2] = {(char)('a' + member), '\0'};
    enum turn_refusal want = count(model, -1, false) >= admission->queue_max ? TURN_REFUSED_QUEUE
                             : count(model, member, false) >= admission->lane_max
                                 ? TURN_REFUSED_LANE
                                 : TURN_ADMITTED;

    assert_int_equal(turn_admission_add(admission, &tickets[at], "c", name), want);
    if (want == TURN_ADMITTED)
        model[at] = (struct model){member, false, order};
}

static void check_next(struct turn_admission *admission, struct model *model,
                       struct turn_ticket *tickets)
{
    struct turn_ticket *ticket = turn_admission_next(admission);
    bool can = false;

    for (int member = 0; member < MEMBERS; member++)
        can |= count(model, member, false) && !count(model, member, true);
    can &= count(model, -1, true) < admission->concurrent;
    assert_int_equal(ticket != NULL, can);
    if (!ticket)
        return;
    for (size_t i = 0; i < PLACES; i++)
        if (&tickets[i] == ticket) {
            assert_false(model[i].running);
            assert_int_equal(count(model, model[i].member, true), 0);
            for (size_t k = 0; k < PLACES; k++) /* the oldest of its lane */
                if (model[k].member == model[i].member)
                    assert_true(model[k].order >= model[i].order);
            model[i].running = true;
            return;
        }
    fail_msg("a ticket that nobody added");
}

static void random_steps_agree_with_the_model(void **state)
{
    struct turn_admission *admission = *state;
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    struct turn_ticket tickets[PLACES];
    struct model model[PLACES];

    print_message("# SEED=%u\n", seed);
    srandom(seed);
    for (size_t i = 0; i < PLACES; i++)
        model[i].member = -1;
    admission->queue_max = 40;
    admission->lane_max = 9;
    for (unsigned step = 0; step < 20000; step++) {
        size_t at = (size_t)random() % PLACES;

        admission->concurrent = 1 + (size_t)(step / 1000) % 7;
        if (model[at].member < 0) {
            check_add(admission, model, tickets, at, (int)(random() % MEMBERS), step);
        } else if (model[at].running || random() % 8 == 0) {
            turn_admission_remove(admission, &tickets[at]);
            model[at].member = -1;
        }
        if (random() % 2)
            check_next(admission, model, tickets);
        assert_int_equal(admission->queued, count(model, -1, false));
        assert_int_equal(admission->running, count(model, -1, true));
    }
    for (size_t i = 0; i < PLACES; i++)
        if (model[i].member >= 0)
            turn_admission_remove(admission, &tickets[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_of_a_member_in_a_channel_run_in_order),
        TEST(the_same_member_elsewhere_is_another_lane),
        TEST(a_new_event_waits_for_what_a_restart_cut),
        TEST(fifty_of_one_member_hold_nobody_else_up),
        TEST(no_more_than_the_cap_run_and_the_cap_may_change),
        TEST(both_queues_are_bounded),
        TEST(a_lane_refusal_leaves_no_lane_behind),
        TEST(what_waits_and_what_runs_can_be_removed),
        TEST(draining_admits_nothing_new_and_lets_the_rest_run),
        TEST(random_steps_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
