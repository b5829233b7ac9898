/* SPDX-License-Identifier: Apache-2.0
 *
 * Members press what stands below questions; see turn_fixture.h.
 */
#ifndef TESTS_PRESS_FIXTURE_H
#define TESTS_PRESS_FIXTURE_H

#include "turn_fixture.h"

/* Returns the press's number. `content`: what a form or a select was answered. */
static inline size_t press_as(struct stage_test *t, const char *member, uint32_t flags,
                              const char *id, const char *content)
{
    char source_id[24];
    struct event event = {.gateway = &t->gateway,
                          .source = "fake",
                          .source_id = source_id,
                          .kind = "press",
                          .account = "1",
                          .channel = "100",
                          .member = member,
                          .content = content,
                          .content_len = strlen(content),
                          .press_id = id,
                          .press_label = t->label,
                          .flags = EVENT_ADDRESSED | flags};

    snprintf(source_id, sizeof(source_id), "%zu", 1000000 + ++t->next_id);
    turn_engine_submit(t->engine, event_new(&event));
    return t->next_id;
}

/* Only of a press that is told something: the others have no end of their own. */
static inline struct record *record_of_press(struct stage_test *t, size_t id)
{
    char source_id[24];

    snprintf(source_id, sizeof(source_id), "%zu", 1000000 + id);
    return record_of(t, source_id);
}

#define PARKED(count)                                                                              \
    WAIT_FOR(list_empty(&t->engine->turns) &&                                                      \
             ask_int(f, "SELECT count(*) FROM event WHERE state = 'parked'") == (count))

/* Another process takes up what this one left. */
static inline troupe_status restart(struct stage_test *t)
{
    struct fixture *f = &t->base;

    engine_end(t, 0);
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    return turn_engine_recover(t->engine, &t->gateway, &f->err);
}

#endif
