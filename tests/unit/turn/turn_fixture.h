/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole engine for a test: store in a directory of its own, real plugins, and a gateway that keeps
 * what it is told, with rows in the real outbox. A test's body is a coroutine; at its end every
 * addressed event has had exactly one answer or, instead of it or beside a cut one, one notice.
 */
#ifndef TESTS_TURN_FIXTURE_H
#define TESTS_TURN_FIXTURE_H

#include "../store/store_fixture.h"

#include "base/buf.h"
#include "base/clock.h"
#include "config/config.h"
#include "gateway/attached.h"
#include "gateway/outbox.h"
#include "host/host_table.h"
#include "loop/op.h"
#include "loop/pool.h"
#include "net/http.h"
#include "plugin/set.h"
#include "turn/budget.h"
#include "turn/engine_private.h"
#include "turn/pipeline.h"

#include <string.h>

#ifndef RECORDS_MAX
#define RECORDS_MAX 400
#endif
#define PATIENCE_MS 30000 /* a test that waits longer has failed */

/* What the gateway was told about one event. */
struct record {
    char source_id[24];
    struct buf shown; /* pieces in order, or the whole final text */
    struct buf notice;
    unsigned begins;                      /* answers of which something was shown */
    unsigned writes, ends, notices, over; /* over: working(false) */
    unsigned asked;                       /* questions            */
    unsigned patience;                    /* told to wait: once, as */
    char wait[100];
    enum gateway_outcome outcome;
    bool private;
    bool hushed;      /* it is to have its end in the trace alone */
    struct buf files; /* that went with the answer: a line each, `!` where bytes are missing */
};

struct stage_test {
    struct fixture base; /* first: CHECK_STATUS and ask_int want its members */
    struct gateway gateway;
    struct pool *pool;
    struct http_client *http;
    struct cache *cache; /* of the engine's options */
    struct outbox *outbox;
    struct plugin_manager *manager;
    struct engine *engine;
    struct record records[RECORDS_MAX];
    size_t record_count, next_id;
    unsigned retired;  /* messages whose buttons are spent */
    const char *label; /* of what is pressed; NULL: not known */
    char line[200];    /* that was put below the last one; "": none */
    unsigned forms;    /* that were opened; the last one:  */
    size_t form_fields;
    unsigned form_max; /* of its first field */
    char form_id[64], form_title[64];
    struct list_link answers; /* struct fake_answer */
    uint64_t park_ms;         /* of the engine's options */
    struct buf reports;       /* what the owner was told, a line each */
    unsigned report_counts[TURN_REPORT_CAP + 1];
    bool away;          /* nobody is there: what is owed waits in the outbox */
    bool refuses;       /* takes no answer to its end                        */
    bool refuses_begin; /* nor a new one                                     */
    bool gathers;       /* what is written is not shown before the end       */
    int64_t taken, stored;
    unsigned drops, refusals;
    co_fn body;
    const char *ini;
};

#define LIBS "%/tests/plugins_turn/.libs"

/* Whether the plugins run in processes of their own: for the few things that are another there. */
static inline bool is_isolated(void)
{
    return getenv("TROUPE_TEST_ISOLATED") != NULL;
}

/* ---- the gateway ---------------------------------------------------------------------------- */

static inline struct stage_test *test_of(struct gateway *gateway)
{
    return container_of(gateway, struct stage_test, gateway);
}

static inline struct record *record_of(struct stage_test *t, const char *source_id)
{
    for (size_t i = 0; i < t->record_count; i++)
        if (!strcmp(t->records[i].source_id, source_id))
            return &t->records[i];
    if (t->record_count == RECORDS_MAX)
        abort();
    snprintf(t->records[t->record_count].source_id, sizeof(t->records[0].source_id), "%s",
             source_id);
    return &t->records[t->record_count++];
}

/* An answer on its way; the gateway's handle. */
struct fake_answer {
    struct list_link link; /* in t->answers until it was committed or dropped */
    struct stage_test *t;
    struct record *record;
    enum gateway_kind kind;
    int64_t turn;
    unsigned ordinal;
    struct buf written;
    size_t repeated; /* of it, by a run that began anew */
    struct outbox_row *row;
    enum gateway_outcome outcome;
    bool whole; /* the row's body replaces what was written */
};

static inline troupe_status fake_begin(struct gateway *gateway, const struct event *event,
                                       int64_t turn, unsigned ordinal, enum gateway_kind kind,
                                       void **ret, struct error *err)
{
    struct stage_test *t = test_of(gateway);
    struct fake_answer *answer;

    if (!co_self()) /* the interface promises a coroutine */
        abort();
    if (t->refuses_begin) {
        t->refusals++;
        return error_set(err, TROUPE_UNAVAILABLE, "the line is cut");
    }
    list_for_each (link, &t->answers) {
        answer = container_of(link, struct fake_answer, link);
        if (answer->turn != turn || answer->ordinal != ordinal || !turn)
            continue;
        answer->repeated = 0;
        *ret = answer;
        return TROUPE_OK;
    }
    answer = mem_zero(1, sizeof(*answer));
    list_append(&t->answers, &answer->link);
    answer->t = t;
    answer->record = record_of(t, event->source_id);
    answer->kind = kind;
    answer->turn = turn;
    answer->ordinal = ordinal;
    *ret = answer;
    return TROUPE_OK;
}

static inline size_t fake_shown(struct gateway *gateway, void *handle, const char **ret_text)
{
    struct fake_answer *answer = handle;

    *ret_text = buf_text(&answer->written);
    return test_of(gateway)->gathers ? 0 : answer->written.len;
}

static inline troupe_status fake_write(struct gateway *gateway, void *handle, const char *text,
                                       size_t len)
{
    struct fake_answer *answer = handle;

    size_t known = answer->written.len - answer->repeated;

    (void)gateway;
    known = known < len ? known : len;
    if (known && memcmp(answer->written.data + answer->repeated, text, known)) {
        fprintf(stderr,
                "# turn %lld told another tale: shown \"%.*s\", %zu repeated, then \"%.*s\"\n",
                (long long)answer->turn, (int)answer->written.len, answer->written.data,
                answer->repeated, (int)len, text);
        abort();
    }
    answer->record->begins += !answer->written.len;
    answer->record->writes++;
    buf_append(&answer->written, text + known, len - known);
    buf_append(&answer->record->shown, text + known, len - known);
    answer->repeated += len;
    return co_pass();
}

static inline void fake_free(struct fake_answer *answer)
{
    list_remove(&answer->link);
    buf_clear(&answer->written);
    outbox_row_free(answer->row);
    mem_free(answer);
}

static inline void fake_show_files(struct record *record, const struct outbox_row *row)
{
    for (size_t i = 0; row->files && i < row->files->count; i++) {
        attached_put(&row->files->files[i], &record->files);
        buf_puts(&record->files, row->files->files[i].data ? "" : "!");
    }
}

/* A row as members see it. */
static inline void fake_show(struct record *record, const struct outbox_row *row,
                             enum gateway_outcome outcome, bool whole)
{
    if (!strcmp(row->kind, "notice") || !strcmp(row->kind, "private")) {
        record->notices++;
        record->private = true;
        buf_reset(&record->notice);
        buf_puts(&record->notice, row->body);
        return;
    }
    if (!strcmp(row->kind, "ask")) {
        record->asked++;
        return;
    }
    record->ends++;
    record->outcome = outcome;
    fake_show_files(record, row);
    if (whole) {
        buf_reset(&record->shown);
        buf_puts(&record->shown, row->body);
    }
}

static inline troupe_status fake_prepare(struct gateway *gateway, void *handle,
                                         const struct gateway_final *final,
                                         struct store_batch *batch, struct error *err)
{
    struct fake_answer *answer = handle;
    struct stage_test *t = test_of(gateway);
    struct outbox_row *row;

    if (t->refuses)
        return error_set(err, TROUPE_UNAVAILABLE, "the line is cut");
    if (answer->row)
        abort();
    row = outbox_row_new();
    row->id = outbox_next_id(t->outbox);
    row->turn = answer->turn;
    row->ordinal = answer->ordinal;
    snprintf(row->kind, sizeof(row->kind), "%s", outbox_kind((int)answer->kind));
    row->gateway = mem_strdup(gateway->name);
    row->reply_to = mem_strdup(answer->record->source_id);
    row->body = final->text ? mem_strndup(final->text, final->len)
                            : mem_strndup(buf_text(&answer->written), answer->written.len);
    row->buttons = gateway_components_print(final->select, final->buttons, final->button_count);
    row->files = attached_ref(final->files);
    row->state = OUTBOX_READY;
    row->created_ms = clock_wall_ms();
    outbox_insert(batch, row);
    answer->row = row;
    answer->outcome = final->outcome;
    answer->whole = final->text != NULL;
    return TROUPE_OK;
}

static inline void fake_commit(struct gateway *gateway, void *handle)
{
    struct fake_answer *answer = handle;
    struct stage_test *t = test_of(gateway);

    if (!t->away) {
        fake_show(answer->record, answer->row, answer->outcome, answer->whole);
        outbox_mark(t->outbox, answer->row->id, OUTBOX_SENT, NULL, NULL);
        if (answer->row->files)
            outbox_mark_files(t->outbox, answer->row->turn);
    }
    fake_free(answer);
}

static inline void fake_drop(struct gateway *gateway, void *handle)
{
    struct fake_answer *answer = handle;

    test_of(gateway)->drops++;
    if (answer->written.len && !answer->t->gathers) { /* what was shown is closed */
        answer->record->ends++;
        answer->record->outcome = answer->outcome;
    }
    fake_free(answer);
}

/* Somebody is there again: shows what waits, as a gateway does by itself. [waits] */
static inline troupe_status fake_deliver(struct stage_test *t)
{
    struct list_link rows, *link;
    troupe_status status;

    list_init(&rows);
    t->away = false;
    status = outbox_load(t->outbox, t->gateway.name, &rows, &t->base.err);
    while ((link = list_pop(&rows))) {
        struct outbox_row *row = container_of(link, struct outbox_row, link);

        if (row->state == OUTBOX_READY) {
            fake_show(record_of(t, row->reply_to), row, GATEWAY_COMPLETE, true);
            outbox_mark(t->outbox, row->id, OUTBOX_SENT, NULL, NULL);
        }
        outbox_row_free(row);
    }
    return status;
}

static inline void fake_taken(struct gateway *gateway, int64_t seq, struct store_batch *batch)
{
    test_of(gateway)->taken = seq;
    store_batch_add(batch, STORE_SQL("INSERT INTO kv (ns, scope, key, value, updated_ms)"
                                     " VALUES ('test', '', 'seq', ?1, 0) ON CONFLICT (ns, "
                                     "scope, key) DO UPDATE SET value = ?1",
                                     store_int(seq)));
}

static inline void fake_stored(struct gateway *gateway, int64_t seq)
{
    test_of(gateway)->stored = seq;
}

static inline troupe_status fake_notice(struct gateway *gateway, const struct event *event,
                                        const char *text, bool private)
{
    struct record *record = record_of(test_of(gateway), event->source_id);

    if (!co_self())
        abort();
    record->notices++;
    record->private = private;
    buf_reset(&record->notice);
    buf_puts(&record->notice, text);
    return TROUPE_OK;
}

static inline troupe_status fake_patience(struct gateway *gateway, const struct event *event,
                                          const char *text)
{
    struct record *record = record_of(test_of(gateway), event->source_id);

    record->patience++;
    snprintf(record->wait, sizeof(record->wait), "%s", text);
    return TROUPE_OK;
}

static inline void fake_working(struct gateway *gateway, const struct event *event, bool on)
{
    record_of(test_of(gateway), event->source_id)->over += !on;
}

static inline void fake_retire(struct gateway *gateway, const struct event *event, const char *line)
{
    struct stage_test *t = test_of(gateway);

    (void)event;
    snprintf(t->line, sizeof(t->line), "%s", line ? line : "");
    t->retired++;
}

/* With the turn and the ordinal before it. */
static inline void fake_expire(struct gateway *gateway, const struct event *event, int64_t turn,
                               unsigned ordinal, const char *line)
{
    struct stage_test *t = test_of(gateway);

    (void)event;
    snprintf(t->line, sizeof(t->line), "%lld %u %s", (long long)turn, ordinal, line);
}

static inline troupe_status fake_form(struct gateway *gateway, const struct event *event,
                                      const struct gateway_form *form)
{
    struct stage_test *t = test_of(gateway);

    (void)event;
    if (!co_self())
        abort();
    t->forms++;
    t->form_fields = form->count;
    t->form_max = form->fields[0].max;
    snprintf(t->form_id, sizeof(t->form_id), "%s", form->id);
    snprintf(t->form_title, sizeof(t->form_title), "%s", form->title);
    return TROUPE_OK;
}

static const struct gateway_ops fake_ops = {
    .answer_begin = fake_begin,
    .answer_shown = fake_shown,
    .answer_write = fake_write,
    .answer_prepare = fake_prepare,
    .answer_commit = fake_commit,
    .answer_drop = fake_drop,
    .notice = fake_notice,
    .patience = fake_patience,
    .working = fake_working,
    .form = fake_form,
    .retire = fake_retire,
    .expire = fake_expire,
    .taken = fake_taken,
    .stored = fake_stored,
};

/* ---- asking --------------------------------------------------------------------------------- */

struct asking {
    const char *member, *channel, *guild, *source_id, *kind;
    uint32_t flags; /* besides EVENT_ADDRESSED */
    const char *const *roles;
    size_t role_count;
    int64_t seq;
};

static inline struct record *ask_as(struct stage_test *t, struct asking who, const char *text)
{
    char id[24];
    struct event event = {.gateway = &t->gateway,
                          .source = "fake",
                          .source_id = id,
                          .kind = who.kind ? who.kind : "message",
                          .account = "1",
                          .guild = who.guild,
                          .channel = who.channel ? who.channel : "100",
                          .member = who.member ? who.member : "7",
                          .member_name = "Ann",
                          .roles = who.roles,
                          .role_count = who.role_count,
                          .content = text,
                          .content_len = strlen(text),
                          .flags = EVENT_ADDRESSED | who.flags,
                          .time_ms = 1,
                          .seq = who.seq};
    struct record *record;

    snprintf(id, sizeof(id), "%zu", 1000000 + ++t->next_id);
    if (who.source_id)
        snprintf(id, sizeof(id), "%s", who.source_id);
    record = record_of(t, id);
    turn_engine_submit(t->engine, event_new(&event));
    return record;
}

static inline struct record *ask(struct stage_test *t, const char *text)
{
    return ask_as(t, (struct asking){0}, text);
}

/* Whether the event has had its end. */
static inline bool is_answered(const struct record *record)
{
    return record->notices || record->ends;
}

/* Waits for a condition that other coroutines bring about. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        uint64_t until_ = co_after(PATIENCE_MS);                                                   \
        while (!(condition) && loop_now(loop_current()) < until_)                                  \
            co_sleep(1);                                                                           \
        CHECK(condition);                                                                          \
    } while (0)

/* Asks and checks the whole answer. */
#define CHECK_ANSWER(text, want)                                                                   \
    do {                                                                                           \
        struct record *record_ = ask(t, text);                                                     \
        WAIT_FOR(is_answered(record_));                                                            \
        if (strcmp(buf_text(&record_->shown), (want)))                                             \
            fprintf(stderr, "# shown \"%s\", notice \"%s\"\n", buf_text(&record_->shown),          \
                    buf_text(&record_->notice));                                                   \
        CHECK(!strcmp(buf_text(&record_->shown), (want)));                                         \
    } while (0)

#define CHECK_NOTICE_AS(who, text, want)                                                           \
    do {                                                                                           \
        struct record *record_ = ask_as(t, who, text);                                             \
        WAIT_FOR(is_answered(record_));                                                            \
        if (!strstr(buf_text(&record_->notice), (want)))                                           \
            fprintf(stderr, "# shown \"%s\", notice \"%s\"\n", buf_text(&record_->shown),          \
                    buf_text(&record_->notice));                                                   \
        CHECK(record_->notices == 1 && record_->private);                                          \
        CHECK(strstr(buf_text(&record_->notice), (want)));                                         \
    } while (0)
#define CHECK_NOTICE(text, want) CHECK_NOTICE_AS(((struct asking){0}), text, want)

/* The last turn's trace as text, with `code` somewhere in it. */
#define CHECK_TRACE(part)                                                                          \
    do {                                                                                           \
        _cleanup_mem_ char *why_ = NULL;                                                           \
        WAIT_FOR(list_empty(&t->engine->turns));                                                   \
        CHECK_STATUS(turn_engine_why_text(t->engine, "last", &why_, &f->err), TROUPE_OK);          \
        if (!strstr(why_, (part)))                                                                 \
            fprintf(stderr, "# %s\n", why_);                                                       \
        CHECK(strstr(why_, (part)));                                                               \
    } while (0)

/* ---- life ----------------------------------------------------------------------------------- */

static inline char *expand(const char *ini)
{
    const char *dir = getenv("TROUPE_BUILDDIR");
    struct buf out = BUF_INIT;

    for (const char *p = ini; *p; p++)
        if (*p == '%')
            buf_puts(&out, dir ? dir : ".");
        else
            buf_putc(&out, *p);
    return buf_take(&out);
}

/* A compiled set with its tables made; NULL with its problems on standard error. [waits] */
static inline struct plugin_set *build_set(struct stage_test *t, const char *ini)
{
    _cleanup_mem_ char *text = expand(ini);
    struct config_problems problems = {0};
    struct config_raw *raw = NULL;
    struct plugin_set *set = NULL;
    troupe_status status = config_parse_text("test.ini", text, strlen(text), &raw, &problems);

    if (status == TROUPE_OK)
        status = plugin_set_build(t->manager, raw, t->engine ? t->engine->set : NULL, 0, &set,
                                  &problems);
    if (status == TROUPE_OK)
        status = turn_pipelines_compile(set, &problems);
    for (size_t i = 0; status == TROUPE_OK && i < set->agent_count; i++) {
        const struct plugin_agent *agent = set->agents[i];
        const troupe_migration *step = &agent->manifest->migrations[0];
        struct store_migration one;

        if (!agent->manifest->migration_count)
            continue;
        one = (struct store_migration){step->version, step->name, step->sql, step->back};
        status = store_migrate(t->base.store, agent->name, &one, 1, 0, &t->base.err);
        if (status == TROUPE_OK)
            status = turn_erase_declare(t->base.store, agent, 0, &t->base.err);
    }
    for (size_t i = 0; i < problems.count; i++)
        fprintf(stderr, "# %s\n", problems.items[i].text);
    if (status < 0 && set) {
        plugin_set_unpin(set);
        set = NULL;
    }
    config_problems_clear(&problems);
    config_raw_free(raw);
    return set;
}

static inline void take_report(void *arg, enum turn_report kind, const char *text)
{
    ((struct stage_test *)arg)->report_counts[kind]++;
    buf_printf(&((struct stage_test *)arg)->reports, "%s\n", text);
}

/* [waits] */
static inline troupe_status engine_start(struct stage_test *t, const char *ini)
{
    const struct engine_options options = {.park_ms = t->park_ms,
                                           .loop = t->base.loop,
                                           .store = t->base.store,
                                           .cache = t->cache,
                                           .http = t->http,
                                           .report = take_report,
                                           .report_arg = t,
                                           .pool = t->pool,
                                           .turn_table = host_turn_table()};
    struct plugin_set *set = build_set(t, ini);

    if (!set)
        return TROUPE_CONFIG;
    if (turn_engine_new(&options, &t->engine, &t->base.err) < 0) {
        plugin_set_unpin(set);
        return TROUPE_FAILED;
    }
    turn_engine_publish(t->engine, set);
    return TROUPE_OK;
}

static inline void idle_op(void *op)
{
    op_complete(op, TROUPE_OK, NULL);
}

/* [waits] */
static inline void engine_end(struct stage_test *t, uint64_t grace_ms)
{
    struct op *idle = op_new(t->base.loop, NULL);

    turn_engine_drain(t->engine, grace_ms, idle_op, idle);
    op_wait(idle, 0, NULL);
    op_drop(idle);
    turn_engine_close(t->engine);
    turn_engine_free(t->engine);
    t->engine = NULL;
}

static inline bool each_had_one_end(const struct stage_test *t)
{
    for (size_t i = 0; i < t->record_count; i++) {
        const struct record *r = &t->records[i];
        bool whole = r->ends == 1 && r->outcome == GATEWAY_COMPLETE && !r->notices;
        bool cut = r->ends == 1 && r->outcome == GATEWAY_INTERRUPTED && r->notices == 1;
        bool hushed = r->hushed && !r->ends && !r->begins && !r->notices;
        bool told = !r->ends && (!r->begins || t->gathers) && r->notices == 1;

        if (whole || cut || told || hushed)
            continue;
        fprintf(stderr, "# event %s: %u ends, %u notices: \"%s\" \"%s\"\n", r->source_id, r->ends,
                r->notices, buf_text(&r->shown), buf_text(&r->notice));
        return false;
    }
    return true;
}

static inline troupe_status play_main(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = &t->base;
    troupe_status status;

    CHECK_STATUS(outbox_open(f->loop, f->store, &t->outbox, &f->err), TROUPE_OK);
    CHECK_STATUS(engine_start(t, t->ini), TROUPE_OK);
    status = t->body(t);
    if (t->engine)
        engine_end(t, 0);
    WAIT_FOR(!t->manager->set_count);
    CHECK(each_had_one_end(t));
    return status;
}

static inline void play_with(const char *ini, const struct store_options *options,
                             const struct loop_options *loop_options, co_fn body)
{
    _cleanup_mem_ char *runner = expand("%/troupe-runner");
    /* The same tests with the plugins in processes of their own: tests/unit/turn/isolated.sh. */
    const struct plugin_manager_options manager = {
        .runner = runner, .any_location = true, .isolated = is_isolated()};
    struct stage_test *t = mem_zero(1, sizeof(*t));
    struct fixture *f = &t->base;
    troupe_status status;

    list_init(&t->answers);
    t->gateway = (struct gateway){.ops = &fake_ops, .name = "fake"};
    t->body = body;
    t->ini = ini;
    place_make(&f->place);
    f->loop = fixture_new(loop_options);
    fixture_open(f, options);
    assert_status(http_client_new(f->loop, NULL, &t->http, &f->err), TROUPE_OK);
    assert_status(pool_new(f->loop, 2, 100, &t->pool, &f->err), TROUPE_OK);
    t->manager = plugin_manager_new(f->loop, &manager);
    host_register(&t->manager->registry);
    status = fixture_run(f->loop, play_main, t);
    plugin_manager_free(t->manager);
    http_client_free(t->http);
    pool_free(t->pool);
    outbox_close(t->outbox);
    store_settle(f);
    fixture_free(f->loop);
    place_remove(&f->place);
    list_for_each_safe (link, &t->answers) /* of turns that were left to another start */
        fake_free(container_of(link, struct fake_answer, link));
    for (size_t i = 0; i < t->record_count; i++) {
        buf_clear(&t->records[i].shown);
        buf_clear(&t->records[i].notice);
        buf_clear(&t->records[i].files);
    }
    buf_clear(&t->reports);
    mem_free(t);
    assert_status(status, TROUPE_OK);
}

static inline void play_in(const char *ini, const struct store_options *options, co_fn body)
{
    play_with(ini, options, NULL, body);
}

/* The usual configuration: one stage that does what the message says. */
static const char plain_ini[] = "[pipeline message]\nstages = a\n"
                                "[agent a]\nplugin = " LIBS "/actor.so\n";

static inline void play(co_fn body)
{
    play_in(plain_ini, NULL, body);
}

#endif
