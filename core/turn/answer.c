/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer of a turn, and the sentence in place of it or beside it. The event's end, the turn's
 * trace and the rows that make both owed are one commit; from there on they are the gateway's.
 */
#include "turn/turn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/attached.h"
#include "store/store.h"
#include "turn/engine_private.h"
#include "turn/sql/turn.h"
#include "turn/sql/wait.h"

#include <stdio.h>
#include <string.h>

/* That an end is tried to be stored for; a server that is away is waited for by the store itself. */
#define AGAIN_MS       2000
#define AGAIN_FIRST_MS 20
#define CANNOT_KEEP                                                                                \
    "I have an answer and cannot keep it: the storage does not work. Please ask again later"
#define CANNOT_SHOW "I have an answer and cannot show it here; the admin can look it up with why"

bool turn_answer_exists(const struct turn *turn)
{
    return turn->answer.text.len > 0 ||
           (turn->attached.count && turn->state && !strcmp(turn->state, "done"));
}

/* Nobody sees anything of an event that may have come before; it is known within a tick or two. */
static troupe_status wait_stored(const struct turn *turn)
{
    troupe_status status = TROUPE_OK;

    while (turn->storing && status == TROUPE_OK)
        status = co_sleep(1);
    return status;
}

static troupe_status begin(struct turn *turn, struct error *err)
{
    struct gateway *gateway = turn->event->gateway;

    if (turn->answer.handle || !gateway)
        return TROUPE_OK;
    return gateway->ops->answer_begin(gateway, turn->event, turn->id, 0,
                                      turn->answer.private ? GATEWAY_PRIVATE : GATEWAY_REPLY,
                                      &turn->answer.handle, err);
}

troupe_status turn_answer_write(struct turn *turn, const char *text, size_t len)
{
    struct turn_answer *answer = &turn->answer;
    struct gateway *gateway = turn->event->gateway;
    troupe_status status;
    struct error err;

    if (answer->closed)
        return TROUPE_CANCELED;
    if (answer->replied)
        return TROUPE_ARGUMENT;
    if (answer->refused < 0)
        return answer->refused;
    if (answer->text.len + len > TURN_ANSWER_MAX)
        return TROUPE_LIMIT;
    if (!len)
        return TROUPE_OK;
    status = wait_stored(turn);
    if (status == TROUPE_OK)
        status = begin(turn, &err);
    if (status < 0)
        return answer->refused = status;
    buf_append(&answer->text, text, len);
    if (!answer->handle)
        return TROUPE_OK;
    if (!turn->shown_ms)
        turn->shown_ms = loop_now(turn->engine->loop);
    answer->shown = true;
    turn_record_flush(turn); /* what led to it stands before it */
    return gateway->ops->answer_write(gateway, answer->handle, text, len);
}

size_t turn_answer_rest(struct turn *turn, const char **ret)
{
    struct turn_answer *answer = &turn->answer;
    struct gateway *gateway = turn->event->gateway;
    const char *shown;
    struct error err;
    size_t len;

    if (!turn->resumed || begin(turn, &err) < 0 || !answer->handle)
        return 0;
    len = gateway->ops->answer_shown(gateway, answer->handle, &shown);
    if (!len && !answer->shown) { /* there is none */
        gateway->ops->answer_drop(gateway, answer->handle);
        answer->handle = NULL;
    }
    if (len <= answer->text.len)
        return 0;
    *ret = shown + answer->text.len;
    return len - answer->text.len;
}

troupe_status turn_answer_reply(struct turn *turn, const char *text, size_t len)
{
    if (turn->answer.closed)
        return TROUPE_CANCELED;
    if (len > TURN_ANSWER_MAX)
        return TROUPE_LIMIT;
    buf_reset(&turn->answer.text);
    buf_append(&turn->answer.text, text, len);
    turn->answer.replied = true;
    return TROUPE_OK;
}

void turn_answer_discard(struct turn *turn)
{
    if (turn->answer.shown)
        return;
    buf_reset(&turn->answer.text);
    turn->answer.replied = false;
    turn->answer.refused = TROUPE_OK;
}

void turn_answer_adopt(struct turn *turn)
{
    struct turn_answer *answer = &turn->answer;
    const char *rest;
    size_t len;

    if (answer->closed && answer->replied) { /* a draft that nobody saw, over what they saw */
        answer->replied = false;
        if (!answer->shown)
            buf_reset(&answer->text);
    }
    answer->closed = false;
    len = answer->replied ? 0 : turn_answer_rest(turn, &rest);
    if (len) {
        _cleanup_mem_ char *copy = mem_strndup(rest, len);

        (void)turn_answer_write(turn, copy, len);
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

/* What the end of a turn hands to the gateway. */
struct ending {
    struct turn *turn;
    struct gateway *gateway; /* NULL: nobody is told */
    struct store_batch *batch;
    void *notice; /* the sentence's handle; NULL: none is given, or it could not be begun */
    bool lost;    /* the gateway did not take the answer */
    struct attached *files; /* that go with the answer; NULL: none, or they could not be read */
};

/* A member who gets no whole answer gets a sentence: instead of it, or beside what was cut. */
static bool owes_sentence(const struct ending *ending)
{
    const struct turn *turn = ending->turn;

    /* Nobody asked: a job that has nothing to say says nothing. */
    if (turn->event->flags & EVENT_UNASKED && !strcmp(turn->state, "done") && !ending->lost &&
        !turn->answer.interrupted)
        return false;
    return ending->gateway && (turn->event->flags & EVENT_ADDRESSED) && !turn->duplicate &&
           !turn->quiet && !turn->withdrawn &&
           (!turn_answer_exists(turn) || turn->answer.interrupted || ending->lost);
}

static void begin_notice(struct ending *ending)
{
    const struct turn *turn = ending->turn;
    struct error err;

    if (ending->notice || !owes_sentence(ending))
        return;
    if (ending->gateway->ops->answer_begin(ending->gateway, turn->event, turn->id,
                                           GATEWAY_ORDINAL_NOTICE, GATEWAY_NOTICE, &ending->notice,
                                           &err) < 0)
        log_warn("turn", "turn %lld: its sentence cannot be kept: %s", (long long)turn->id,
                 err.text);
}

static void lose(struct ending *ending, const struct error *err)
{
    log_error("turn", "turn %lld: the gateway did not take its answer: %s",
              (long long)ending->turn->id, err->text);
    turn_trace_add(&ending->turn->trace, "answer", "not_taken", "%s", err->text);
    ending->lost = true;
    begin_notice(ending);
}

/* Everything is begun before the gateway hears that the work is over, so that it can tell whether
 * something is to come. */
static void begin_all(struct ending *ending)
{
    struct turn *turn = ending->turn;
    struct gateway *gateway = ending->gateway;
    struct error err;

    if (!gateway || turn->duplicate)
        return;
    if (turn_answer_exists(turn) && begin(turn, &err) < 0)
        lose(ending, &err);
    begin_notice(ending);
    if (gateway->ops->working)
        gateway->ops->working(gateway, turn->event, false);
}

/* What a member may do about an answer that a restart cut. */
struct choices {
    struct gateway_button buttons[2];
    char retry[40], go_on[40];
};

static void offer(const struct turn *turn, struct choices *choices, struct gateway_final *final)
{
    size_t count = 0;

    if (!turn->cut && strcmp(turn->state, "diverged"))
        return;
    snprintf(choices->go_on, sizeof(choices->go_on), "t:continue:%lld", (long long)turn->id);
    snprintf(choices->retry, sizeof(choices->retry), "t:retry:%lld", (long long)turn->id);
    if (turn->cut)
        choices->buttons[count++] = (struct gateway_button){choices->go_on, "Continue"};
    choices->buttons[count++] = (struct gateway_button){choices->retry, "Retry"};
    final->buttons = choices->buttons;
    final->button_count = count;
}

/* False: there is nothing to show without them. */
static bool take_files(struct ending *ending, struct error *err)
{
    struct turn *turn = ending->turn;

    if (!turn->attached.count ||
        attached_read(turn->engine->store, turn->id, turn_engine_soon(turn->engine), &ending->files,
                      err) >= 0)
        return true;
    log_error("turn", "turn %lld: its files cannot be read: %s", (long long)turn->id, err->text);
    turn_trace_add(&turn->trace, "answer", "files_lost", "%s", err->text);
    return turn->answer.text.len > 0;
}

static void prepare_answer(struct ending *ending)
{
    struct turn_answer *answer = &ending->turn->answer;
    struct gateway_final final = {
        .outcome = answer->interrupted ? GATEWAY_INTERRUPTED : GATEWAY_COMPLETE,
    };
    struct choices choices;
    struct error err;

    if (!answer->handle)
        return;
    if (answer->interrupted)
        offer(ending->turn, &choices, &final);
    if (answer->replied || !answer->shown) {
        final.text = buf_text(&answer->text);
        final.len = answer->text.len;
    }
    if (!take_files(ending, &err)) {
        lose(ending, &err);
        ending->gateway->ops->answer_drop(ending->gateway, answer->handle);
        answer->handle = NULL;
        return;
    }
    final.files = ending->files;
    if (ending->gateway->ops->answer_prepare(ending->gateway, answer->handle, &final, ending->batch,
                                             &err) >= 0)
        return;
    lose(ending, &err);
    ending->gateway->ops->answer_drop(ending->gateway, answer->handle);
    answer->handle = NULL;
    attached_unref(ending->files);
    ending->files = NULL;
}

static void prepare_notice(struct ending *ending)
{
    const struct turn *turn = ending->turn;
    struct gateway_final final = {.outcome = GATEWAY_COMPLETE};
    struct choices choices;
    struct error err;

    if (!ending->notice)
        return;
    if (!turn->answer.interrupted)
        offer(turn, &choices, &final);
    final.text = ending->lost ? CANNOT_SHOW : turn_sentence(turn);
    final.len = strlen(final.text);
    if (ending->gateway->ops->answer_prepare(ending->gateway, ending->notice, &final, ending->batch,
                                             &err) >= 0)
        return;
    log_warn("turn", "turn %lld: its sentence cannot be kept: %s", (long long)turn->id, err.text);
    ending->gateway->ops->answer_drop(ending->gateway, ending->notice);
    ending->notice = NULL;
}

/* The trace has all that was decided by now. */
static void store_outcome(struct turn *turn, struct store_batch *batch)
{
    _cleanup_mem_ char *trace = turn_trace_print(&turn->trace);

    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_FINISH, store_int(turn->id), store_text(turn->state),
                                 store_text(turn->reason), store_text(turn->sentence),
                                 store_text(trace), store_int(turn->cost_micros),
                                 store_int((int64_t)turn->generation), store_int(clock_wall_ms())));
    if (!list_empty(&turn->waits))
        store_batch_add(batch, STORE_SQL(SQL_WAIT_CANCEL, store_int(turn->id)));
}

/* It is owed now, and the gateway's. */
static void hand_over(struct ending *ending)
{
    struct turn *turn = ending->turn;
    const struct gateway_ops *ops = ending->gateway->ops;

    if (!turn->shown_ms)
        turn->shown_ms = loop_now(turn->engine->loop);
    if (turn->answer.handle)
        ops->answer_commit(ending->gateway, turn->answer.handle);
    if (ending->notice)
        ops->answer_commit(ending->gateway, ending->notice);
    else if (owes_sentence(ending))
        ops->notice(ending->gateway, turn->event, ending->lost ? CANNOT_SHOW : turn_sentence(turn),
                    true);
}

/* What was written is not what was seen: a gateway gathers, and shows nothing that it cannot keep. */
static bool is_seen(const struct ending *ending)
{
    const struct turn_answer *answer = &ending->turn->answer;
    const char *shown;

    return answer->shown && !answer->replied && answer->handle &&
           ending->gateway->ops->answer_shown(ending->gateway, answer->handle, &shown) >=
               answer->text.len;
}

/* The store does not work: whoever has not seen all of it is told so at once. */
static void take_back(struct ending *ending, troupe_status why)
{
    struct turn *turn = ending->turn;
    const struct gateway_ops *ops = ending->gateway->ops;
    const struct turn_answer *answer = &turn->answer;
    const char *told = NULL;
    bool whole = is_seen(ending), over = whole || !turn_answer_exists(turn);

    if (answer->handle && ops->answer_failed)
        ops->answer_failed(ending->gateway, answer->handle);
    if (ending->notice && ops->answer_failed)
        ops->answer_failed(ending->gateway, ending->notice);
    if (owes_sentence(ending) ||
        (!whole && turn_answer_exists(turn) && (turn->event->flags & EVENT_ADDRESSED)))
        told = turn_answer_exists(turn) && !whole ? CANNOT_KEEP : turn_sentence(turn);
    if (told)
        over = ops->notice(ending->gateway, turn->event, told, true) == TROUPE_OK;
    if (answer->handle)
        ops->answer_drop(ending->gateway, answer->handle);
    if (ending->notice)
        ops->answer_drop(ending->gateway, ending->notice);
    if (over && store_status_passes(why)) /* else the next start goes on with it */
        turn_end_late(turn, told);
}

/* A disk that fails once, or is full for a moment, costs nobody an answer. */
static troupe_status commit(const struct ending *ending, struct error *err)
{
    struct engine *engine = ending->turn->engine;
    const uint64_t until = co_after(AGAIN_MS);
    troupe_status status;

    for (uint64_t pause = AGAIN_FIRST_MS;; pause *= 2) {
        status = store_commit(engine->store, ending->batch, turn_engine_soon(engine), err);
        if (status != TROUPE_IO && status != TROUPE_UNAVAILABLE)
            return status;
        if (loop_now(engine->loop) + pause > until || engine->closing || co_sleep(pause) < 0 ||
            !store_batch_again(ending->batch))
            return status;
    }
}

static troupe_status finish(struct ending *ending, struct error *err)
{
    struct turn *turn = ending->turn;
    struct store_batch *batch = ending->batch;
    troupe_status status = TROUPE_OK;

    if (turn->answer.interrupted)
        turn_trace_add(&turn->trace, "answer", "interrupted", NULL);
    turn_builtin_name(turn);
    begin_all(ending);
    prepare_answer(ending);
    prepare_notice(ending);
    /* The core's own commands owe nothing to the store: theirs is shown, kept or not. */
    if (turn->held) {
        turn_builtin_keep(turn, batch);
    } else if (turn->unstored || turn->spooled) {
        status = error_set(err, TROUPE_UNAVAILABLE, "its event could not be stored");
    } else if (turn->id) {
        store_outcome(turn, batch);
        if (turn->attached.next && !ending->files) /* nobody sees them */
            attached_delete(batch, turn->id);
        status = commit(ending, err);
        if (status < 0 && turn->storing) { /* what becomes of its event decides who hears of this */
            co_shield(ENGINE_STORE_MS);
            (void)wait_stored(turn);
            co_unshield();
            turn->duplicate |= turn->storing;
        }
    }
    if (!ending->gateway || turn->duplicate) {
        if (ending->gateway && turn->answer.handle)
            ending->gateway->ops->answer_drop(ending->gateway, turn->answer.handle);
        if (ending->gateway && ending->notice)
            ending->gateway->ops->answer_drop(ending->gateway, ending->notice);
        turn->answer.handle = NULL;
        return status;
    }
    if (status < 0)
        take_back(ending, status);
    else
        hand_over(ending);
    turn->answer.handle = NULL;
    return status;
}

troupe_status turn_answer_finish(struct turn *turn, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct ending ending = {.turn = turn, .gateway = turn->event->gateway, .batch = batch};
    troupe_status status = finish(&ending, err);

    attached_unref(ending.files);
    return status;
}

void turn_answer_clear(struct turn *turn)
{
    buf_clear(&turn->answer.text);
    buf_clear(&turn->answer.data);
}
