/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that does what it is told: its stage and observer run a script of commands separated by
 * ";", from the key `script` of its section or else from the message. What calls gave is gathered
 * and replied at the end. Functions and a service are there to be called.
 */
#include <troupe/troupe.h>

#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif

#ifndef EVENTS
#define EVENTS NULL
#endif

#define OUT_MAX       4000

#define ARRAY_OF(one) ((troupe_array){&(one), 1, sizeof(one)})

struct play {
    troupe_turn *turn;
    char *out; /* gathered, OUT_MAX bytes */
    size_t len;
    uint64_t reservation;
    troupe_status verdict;
    int ended; /* the verdict stands, later commands do not run */
};

static void put(struct play *play, const char *text, size_t len)
{
    if (play->len + len < OUT_MAX) {
        memcpy(play->out + play->len, text, len);
        play->len += len;
    }
}

/* What a call gave, or how it failed: "<code: sentence>". */
static void put_result(struct play *play, troupe_status status, troupe_str text)
{
    char number[24];
    troupe_str code, sentence;

    if (status >= 0) {
        put(play, "[", 1);
        put(play, text.ptr, text.len);
        put(play, "]", 1);
        return;
    }
    troupe_error(play->turn, &code, &sentence);
    snprintf(number, sizeof(number), "<%d ", (int)status);
    put(play, number, strlen(number));
    put(play, code.ptr, code.len);
    put(play, ": ", 2);
    put(play, sentence.ptr, sentence.len);
    put(play, ">", 1);
}

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

/* Cuts the first word off `*rest`; "" at the end. */
static char *word(char **rest)
{
    char *start = *rest, *end;

    while (*start == ' ')
        start++;
    end = strchr(start, ' ');
    *rest = end ? end + 1 : start + strlen(start);
    if (end)
        *end = '\0';
    return start;
}

/* ---- commands ------------------------------------------------------------------------------- */

static void do_reply(struct play *play, char *args)
{
    troupe_status status = troupe_reply_text(play->turn, args, strlen(args));

    if (status < 0)
        put_result(play, status, str_of(""));
    play->verdict = TROUPE_DONE;
}

static void do_write(struct play *play, char *args)
{
    troupe_status status = troupe_write(play->turn, args, strlen(args));

    if (status < 0)
        put_result(play, status, str_of(""));
    play->verdict = TROUPE_DONE;
}

/* fill LENGTH: one piece of so many bytes. */
static void do_fill(struct play *play, char *args)
{
    uint64_t len = strtoull(args, NULL, 10);
    char *text = (char *)troupe_turn_alloc(play->turn, len + 1);

    if (!text)
        return;
    memset(text, 'x', len);
    put_result(play, troupe_write(play->turn, text, len), str_of("written"));
}

/* Goes on for ever, whatever the host says. */
static void do_deaf(struct play *play, char *args)
{
    (void)args;
    for (;;)
        (void)troupe_sleep(play->turn, 1000);
}

/* Asks, and tries again for as long as it is told to return: by the question, by a value, by looking. */
static void do_stubborn(struct play *play, char *args)
{
    static const char *const labels[] = {"No", "Yes"};
    troupe_status status;
    troupe_str value;
    int32_t choice = 0;

    do {
        status = troupe_ask(play->turn, "Sure?", TROUPE_BUTTONS("No", "Yes"), &choice);
        while (status == TROUPE_PARKED && !strcmp(args, "value"))
            status = troupe_kv_get(play->turn, TROUPE_SCOPE_AGENT, "none", &value) == TROUPE_PARKED
                         ? TROUPE_PARKED
                         : TROUPE_FAILED;
        while (status == TROUPE_PARKED && !strcmp(args, "look"))
            status = troupe_turn_status(play->turn);
    } while (status == TROUPE_PARKED);
    put_result(play, status, str_of(labels[choice & 1]));
}

static void do_sleep(struct play *play, char *args)
{
    troupe_status status = troupe_sleep(play->turn, strtoull(args, NULL, 10));

    if (status < 0) {
        play->verdict = status;
        play->ended = 1;
    }
}

/* Goes on after it was cancelled, as a careless author does. */
static void do_doze(struct play *play, char *args)
{
    (void)troupe_sleep(play->turn, strtoull(args, NULL, 10));
}

/* ask MS TEXT: the label that was pressed. */
static void do_ask(struct play *play, char *args)
{
    static const char *const labels[] = {"No", "Yes"};
    uint64_t ms = strtoull(word(&args), NULL, 10);
    int32_t choice = 0;
    troupe_status status =
        troupe_ask_within(play->turn, ms, args, TROUPE_BUTTONS("No", "Yes"), &choice);

    put_result(play, status, str_of(labels[choice & 1]));
}

/* form MS TEXT: a name of at most 20 characters, and perhaps a reason. */
static void do_form(struct play *play, char *args)
{
    uint64_t ms = strtoull(word(&args), NULL, 10);
    troupe_str values[2] = {str_of(""), str_of("")};
    char text[256];
    troupe_status status = troupe_ask_text_within(
        play->turn, ms, args, "Tell me",
        TROUPE_FIELDS({.label = "Name", .hint = "yours", .max = 20},
                      {.label = "Reason",
                       .flags = TROUPE_FIELD_PARAGRAPH | TROUPE_FIELD_OPTIONAL,
                       .max = 200}),
        values);

    snprintf(text, sizeof(text), "%.*s: %.*s", (int)values[0].len, values[0].ptr,
             (int)values[1].len, values[1].ptr);
    put_result(play, status, str_of(text));
}

/* pick MIN MAX MS TEXT: the places of what was chosen among three. */
static void do_pick(struct play *play, char *args)
{
    unsigned min = (unsigned)strtoul(word(&args), NULL, 10);
    unsigned max = (unsigned)strtoul(word(&args), NULL, 10);
    uint64_t ms = strtoull(word(&args), NULL, 10);
    int32_t places[TROUPE_OPTIONS_MAX] = {0};
    uint32_t count = 0;
    char text[64] = "";
    troupe_status status = troupe_ask_select_within(
        play->turn, ms, args,
        TROUPE_OPTIONS({.label = "Red", .doc = "like blood"},
                       {.label = "Green", .flags = TROUPE_OPTION_CHOSEN}, {.label = "Blue"}),
        min, max, places, &count);

    for (uint32_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", i ? "," : "",
                 (int)places[i]);
    put_result(play, status, str_of(text));
}

/* busy COUNT: so many writes; tells how many were taken. */
static void do_busy(struct play *play, char *args)
{
    long count = atol(args), taken = 0;
    char text[32];

    for (long i = 0; i < count; i++)
        taken += troupe_kv_put(play->turn, TROUPE_SCOPE_AGENT, "busy", str_of("x"), 0) == TROUPE_OK;
    snprintf(text, sizeof(text), "%ld taken", taken);
    put_result(play, TROUPE_OK, str_of(text));
}

static troupe_status child_main(troupe_turn *turn, void *arg)
{
    const char *name = (const char *)arg;
    troupe_status status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, name, str_of("child"), 0);

    if (status < 0)
        return status;
    if (!strcmp(name, "broken"))
        return troupe_call(turn, "broken", str_of("{}"), NULL);
    return strcmp(name, "endless") ? troupe_write(turn, "w", 1) : troupe_sleep(turn, 20000);
}

/* spawn COUNT NAME: so many children; joins the first, and tells how many were taken. */
static void do_spawn(struct play *play, char *args)
{
    long count = atol(word(&args)), taken = 0;
    troupe_task *task, *first = NULL;
    char text[32];

    for (long i = 0; i < count; i++)
        if (troupe_spawn(play->turn, child_main, args, &task) == TROUPE_OK) {
            first = first ? first : task;
            taken++;
        }
    snprintf(text, sizeof(text), "%ld taken", taken);
    put_result(play, TROUPE_OK, str_of(text));
    if (strcmp(args, "endless"))
        put_result(play, troupe_join(play->turn, first), str_of("joined"));
}

static troupe_status sleeping_main(troupe_turn *turn, void *arg)
{
    (void)arg;
    return troupe_sleep(turn, 20000);
}

static troupe_status stopping_main(troupe_turn *turn, void *arg)
{
    troupe_task *const *other = arg;
    const troupe_status status = troupe_stop(turn, *other);

    return status < 0 ? status : troupe_stop(turn, *other);
}

/* stop: a child that is stopped by the other, joined; then the same by who started it. Where nobody can be
 * stopped, that is all. */
static void do_stop(struct play *play, char *args)
{
    troupe_task *task = NULL, *other = NULL;
    troupe_turn *turn = play->turn;
    troupe_status status;

    (void)args;
    put_result(play, troupe_spawn(turn, sleeping_main, NULL, &task), str_of("1"));
    put_result(play, troupe_spawn(turn, stopping_main, &task, &other), str_of("2"));
    status = troupe_join(turn, other);
    put_result(play, status, str_of("stopped"));
    if (status == TROUPE_UNSUPPORTED)
        return; /* which ends the sleeping one */
    put_result(play, troupe_join(turn, task), str_of("not stopped"));
    put_result(play, troupe_spawn(turn, sleeping_main, NULL, &task), str_of("3"));
    put_result(play, troupe_stop(turn, task), str_of("stopped"));
    put_result(play, troupe_join(turn, task), str_of("not stopped"));
    put_result(play, troupe_turn_status(turn), str_of("goes on"));
}

#define MEETING_MAX 3

/* Children that stop one of each other; `of` says whom each of them stops. */
struct meeting {
    troupe_task *tasks[MEETING_MAX];
    int of[MEETING_MAX];
    int next;
};

static troupe_status meeting_main(troupe_turn *turn, void *arg)
{
    struct meeting *meeting = (struct meeting *)arg;
    const int other = meeting->of[meeting->next++];

    return other < 0 ? troupe_sleep(turn, 20000) : troupe_stop(turn, meeting->tasks[other]);
}

/* Starts them and joins the last one first; the stage's end joins those that are not told about. */
static void meet(struct play *play, const int of[MEETING_MAX], int count, int joined)
{
    troupe_turn *turn = play->turn;
    struct meeting *meeting = (struct meeting *)troupe_turn_alloc(turn, sizeof(*meeting));

    if (!meeting || troupe_stop(turn, NULL) == TROUPE_UNSUPPORTED) {
        put_result(play, TROUPE_OK, str_of("nobody is stopped here"));
        return;
    }
    meeting->next = 0;
    memcpy(meeting->of, of, sizeof(meeting->of));
    for (int i = 0; i < count; i++)
        if (troupe_spawn(turn, meeting_main, meeting, &meeting->tasks[i]) < 0)
            return;
    for (int i = count - 1; i >= count - joined; i--) {
        char text[32];

        snprintf(text, sizeof(text), "%d: %d", i, (int)troupe_join(turn, meeting->tasks[i]));
        put_result(play, TROUPE_OK, str_of(text));
    }
}

/* crowd: two stop a third one, which is joined; then the stage ends, and the third is given back first. */
static void do_crowd(struct play *play, char *args)
{
    static const int of[] = {2, 2, -1};

    (void)args;
    meet(play, of, 3, 1);
}

/* ring COUNT: they stop each other, in a ring. */
static void do_ring(struct play *play, char *args)
{
    static const int of_two[] = {1, 0, 0}, of_three[] = {1, 2, 0};
    const int count = atoi(word(&args));

    meet(play, count == 2 ? of_two : of_three, count, count);
}

/* batch ROWS: a put and an insert in one, whose guard expects so many rows. */
static void do_batch(struct play *play, char *args)
{
    troupe_statement statement = {
        "INSERT INTO {note} (body) VALUES ('b')", {NULL, 0, sizeof(troupe_value)}, atol(args)};
    troupe_turn *turn = play->turn;

    put_result(play, troupe_batch_commit(turn), str_of("nothing was begun"));
    put_result(play, troupe_batch_begin(turn), str_of("begun"));
    put_result(play, troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "batch", str_of("b"), 0),
               str_of("put"));
    put_result(play, troupe_sql(turn)->commit(turn, &statement, 1), str_of("inserted"));
    put_result(play, troupe_batch_commit(turn), str_of("committed"));
}

static void do_flags(struct play *play, char *args)
{
    const troupe_message *message = troupe_turn_message(play->turn);

    (void)args;
    put_result(play, TROUPE_OK,
               str_of(message->flags & TROUPE_MESSAGE_CONTINUE ? "continue" : "anew"));
}

static void do_verdict(struct play *play, char *args)
{
    play->verdict = !strcmp(args, "next")   ? TROUPE_NEXT
                    : !strcmp(args, "drop") ? TROUPE_DROP
                    : !strcmp(args, "done") ? TROUPE_DONE
                                            : (troupe_status)atoi(args);
    play->ended = 1;
}

static void do_reason(struct play *play, char *args)
{
    char *code = word(&args);

    troupe_reason(play->turn, code, "%s", args);
}

static void do_fail(struct play *play, char *args)
{
    troupe_status status = (troupe_status)atoi(word(&args));
    char *code = word(&args);

    play->verdict = troupe_fail(play->turn, status, code, "%s", args);
    play->ended = 1;
}

/* call NAME ARGS: a function of this plugin, or one that its capabilities name. */
static void do_call(struct play *play, char *args)
{
    char *name = word(&args);
    troupe_str ret = {"", 0};

    put_result(play, troupe_call(play->turn, name, str_of(args), &ret), ret);
}

/* tool FLAGS NAME ARGS: the same as a model's call; tool ? NAME: whether one is offered that. */
static void do_tool(struct play *play, char *args)
{
    char *flags = word(&args), *name = word(&args);
    troupe_str ret = {"", 0};

    if (*flags != '?')
        put_result(play, troupe_tool_call(play->turn, name, str_of(args), *flags - '0', &ret), ret);
    else if (troupe_tools(play->turn)->list(play->turn, &ret) == TROUPE_OK)
        put(play, memmem(ret.ptr, ret.len, name, strlen(name)) ? "[+]" : "[-]", 3);
}

/* Like call, and passes a failure on. */
static void do_pass(struct play *play, char *args)
{
    char *name = word(&args);
    troupe_status status = troupe_call(play->turn, name, str_of(args), NULL);

    if (status < 0) {
        play->verdict = status;
        play->ended = 1;
    }
}

/* stream COUNT NAME ARGS: reads at most COUNT chunks (0: all), then closes. */
static void do_stream(struct play *play, char *args)
{
    long most = atol(word(&args)), seen = 0;
    char *name = word(&args);
    troupe_str chunk, ret = {"", 0};
    troupe_stream *stream;
    troupe_status status = troupe_open(play->turn, name, str_of(args), &stream);

    if (status < 0) {
        put_result(play, status, ret);
        return;
    }
    while ((!most || seen < most) && troupe_read(play->turn, stream, &chunk) == TROUPE_OK) {
        put_result(play, TROUPE_OK, chunk);
        seen++;
    }
    status = troupe_close(play->turn, stream, &ret);
    put_result(play, status, ret);
}

/* Opens so many streams at once and leaves them to the host. */
static void do_streams(struct play *play, char *args)
{
    long count = atol(word(&args)), open = 0;
    troupe_stream *stream;
    char text[32];

    for (long i = 0; i < count; i++)
        open += troupe_open(play->turn, "stutter", str_of("{\"count\":100}"), &stream) == TROUPE_OK;
    snprintf(text, sizeof(text), "%ld open", open);
    put_result(play, TROUPE_OK, str_of(text));
}

static void do_note(struct play *play, char *args)
{
    char *key = word(&args);

    put_result(play, troupe_annotate(play->turn, key, args, strlen(args)), str_of("noted"));
}

/* notes COUNT LENGTH: so many notes of so many bytes; tells how many were taken. */
static void do_notes(struct play *play, char *args)
{
    long count = atol(word(&args)), taken = 0;
    uint64_t len = strtoull(word(&args), NULL, 10);
    char *text = (char *)troupe_turn_alloc(play->turn, len + 1), key[40];

    for (long i = 0; text && i < count; i++) {
        snprintf(key, sizeof(key), "note%ld", i);
        taken += troupe_annotate(play->turn, key, text, len) == TROUPE_OK;
    }
    snprintf(key, sizeof(key), "%ld taken", taken);
    put_result(play, TROUPE_OK, str_of(key));
}

static void do_noted(struct play *play, char *args)
{
    troupe_str ret = {"", 0};

    put_result(play, troupe_annotation(play->turn, args, &ret), ret);
}

static void do_put(struct play *play, char *args)
{
    uint32_t scope = (uint32_t)atoi(word(&args));
    char *key = word(&args);

    put_result(play, troupe_kv_put(play->turn, scope, key, str_of(args), 0), str_of("put"));
}

static void do_get(struct play *play, char *args)
{
    uint32_t scope = (uint32_t)atoi(word(&args));
    troupe_str ret = {"", 0};
    troupe_status status = troupe_kv_get(play->turn, scope, word(&args), &ret);

    if (status == TROUPE_NOT_FOUND)
        put_result(play, TROUPE_OK, str_of("none"));
    else
        put_result(play, status, ret);
}

/* Waits until somebody has put a value under the key. */
static void do_until(struct play *play, char *args)
{
    uint32_t scope = (uint32_t)atoi(word(&args));
    char *key = word(&args);
    troupe_str ret;

    while (troupe_kv_get(play->turn, scope, key, &ret) == TROUPE_NOT_FOUND)
        if (troupe_sleep(play->turn, 2) < 0)
            return;
}

static void do_take(struct play *play, char *args)
{
    uint32_t scope = (uint32_t)atoi(word(&args));

    put_result(play, troupe_kv_remove(play->turn, scope, word(&args)), str_of("removed"));
}

/* sql TEXT: one writing statement. */
static void do_sql(struct play *play, char *args)
{
    troupe_statement statement = {args, {NULL, 0, sizeof(troupe_value)}, TROUPE_ROWS_ANY};

    put_result(play, troupe_sql(play->turn)->commit(play->turn, &statement, 1),
               str_of("committed"));
}

/* rows TEXT: every cell of a query. */
static void do_rows(struct play *play, char *args)
{
    const troupe_sql_v1 *sql = troupe_sql(play->turn);
    troupe_rows *rows;
    troupe_status status = sql->query(play->turn, args, NULL, 0, &rows);

    if (status < 0) {
        put_result(play, status, str_of(""));
        return;
    }
    for (uint64_t i = 0; i < sql->row_count(rows); i++)
        for (uint32_t k = 0; k < sql->column_count(rows); k++) {
            const troupe_value *cell = sql->cell(rows, i, k);
            char number[32];

            snprintf(number, sizeof(number), "%lld", (long long)cell->u.i);
            put_result(play, TROUPE_OK,
                       cell->type == TROUPE_TYPE_STRING ? cell->u.s
                       : cell->type == TROUPE_TYPE_NULL ? str_of("null")
                                                        : str_of(number));
        }
}

/* http METHOD URL HEADER-VALUE: status and body. */
static void do_http(struct play *play, char *args)
{
    const troupe_http_v1 *http = troupe_http_api(play->turn);
    troupe_http_request request = {.size = sizeof(request), .method = word(&args)};
    troupe_header header = {{"x-key", 5}, {NULL, 0}};
    troupe_http *answer;
    troupe_str part;
    troupe_status status;

    request.url = str_of(word(&args));
    header.value = str_of(args);
    request.headers = (troupe_array){&header, 1, sizeof(header)};
    request.reservation = play->reservation;
    status = http->open(play->turn, &request, &answer);
    if (status < 0) {
        put_result(play, status, str_of(""));
        return;
    }
    status = troupe_http_gather(play->turn, answer, 5);
    if (status < 0)
        put_result(play, status, str_of("gather"));
    while (http->read(play->turn, answer, &part) == TROUPE_OK)
        put(play, part.ptr, part.len);
    http->close(play->turn, answer);
}

static void do_reserve(struct play *play, char *args)
{
    uint64_t worst = strcmp(args, "unknown") ? strtoull(args, NULL, 10) : TROUPE_PRICE_UNKNOWN;
    troupe_status status =
        troupe_budget(play->turn)->reserve(play->turn, worst, "a test", &play->reservation);

    if (status < 0) {
        play->verdict = status;
        play->ended = 1;
    }
}

/* As much as that, by the next http; for what may follow. */
static void do_promise(struct play *play, char *args)
{
    const char *most = word(&args);
    const uint64_t worst =
        strcmp(most, "unknown") ? strtoull(most, NULL, 10) : TROUPE_PRICE_UNKNOWN;
    troupe_status status =
        troupe_budget(play->turn)
            ->reserve_at_open(play->turn, worst, *args ? args : "a test", &play->reservation);

    if (status < 0) {
        play->verdict = status;
        play->ended = 1;
    }
}

static void do_settle(struct play *play, char *args)
{
    put_result(
        play,
        troupe_budget(play->turn)->settle(play->turn, play->reservation, strtoull(args, NULL, 10)),
        str_of("settled"));
}

static void do_release(struct play *play, char *args)
{
    (void)args;
    put_result(play, troupe_budget(play->turn)->release(play->turn, play->reservation),
               str_of("released"));
}

static troupe_status no_work(troupe_host *host, const void *in, uint64_t in_len, void *out,
                             uint64_t out_len)
{
    (void)host, (void)in, (void)in_len, (void)out, (void)out_len;
    return TROUPE_OK;
}

static troupe_status open_bad(struct play *play, troupe_http_request request)
{
    troupe_http *answer;

    request.size = sizeof(request);
    return troupe_http_api(play->turn)->open(play->turn, &request, &answer);
}

/* Each of these calls is a mistake: it has to fail, and nothing else may come of it. Tells which
 * did not. */
static void do_careless(struct play *play, char *args)
{
    const troupe_str missing = {NULL, 5}, endless = {"x", UINT64_MAX}, good = {"http://a/", 9};
    const troupe_value no_text = {TROUPE_TYPE_STRING, 0, {.s = {NULL, 5}}};
    const troupe_value long_text = {TROUPE_TYPE_STRING, 0, {.s = {"x", UINT64_MAX}}};
    const troupe_header no_header = {{NULL, 5}, {"x", 1}},
                        long_header = {{"x", 1}, {"x", 1u << 30}};
    const troupe_array no_array = {NULL, 3, sizeof(troupe_header)};
    const troupe_sql_v1 *sql = troupe_sql(play->turn);
    troupe_turn *turn = play->turn;
    troupe_stream *stream = NULL;
    troupe_rows *rows;
    troupe_str ret;
    uint64_t reservation;
    troupe_status closed = troupe_open(turn, "echo", str_of("{\"text\":\"x\"}"), &stream);

    if (closed == TROUPE_OK) {
        (void)troupe_close(turn, stream, NULL);
        closed = troupe_read(turn, stream, &ret);
    }
    {
        const troupe_status got[] = {
            closed,
            troupe_close(turn, stream, NULL),
            troupe_read(turn, NULL, &ret),
            troupe_reply_text(turn, NULL, 5),
            troupe_reply_text(turn, "x", UINT64_MAX),
            troupe_write(turn, NULL, 5),
            troupe_write(turn, "\xff", 1),
            troupe_result(turn, NULL, 5),
            troupe_result(turn, "{}", UINT64_MAX),
            troupe_annotate(turn, NULL, "x", 1),
            troupe_annotate(turn, "key", NULL, 5),
            troupe_annotation(turn, NULL, &ret),
            troupe_call(turn, NULL, str_of("{}"), &ret),
            troupe_call(turn, "echo", missing, &ret),
            troupe_call(turn, "echo", endless, &ret),
            troupe_open(turn, "echo", missing, &stream),
            troupe_open(turn, "echo", endless, &stream),
            troupe_kv_get(turn, TROUPE_SCOPE_AGENT, NULL, &ret),
            troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "key", missing, 0),
            troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "key", endless, 0),
            sql->query(turn, NULL, NULL, 0, &rows),
            sql->query(turn, "SELECT ?1", NULL, 1, &rows),
            sql->query(turn, "SELECT ?1", &no_text, 1, &rows),
            sql->query(turn, "SELECT ?1", &long_text, 1, &rows),
            sql->commit(turn, NULL, 2),
            troupe_work(turn, NULL, NULL, 0, NULL, 0),
            troupe_work(turn, no_work, NULL, 5, NULL, 0),
            troupe_work(turn, no_work, NULL, 0, NULL, 5),
            troupe_http_api(turn)->open(turn, NULL, NULL),
            troupe_http_api(turn)->read(turn, NULL, &ret),
            troupe_http_gather(turn, NULL, 5),
            open_bad(play, (troupe_http_request){.url = missing}),
            open_bad(play, (troupe_http_request){.url = endless}),
            open_bad(play, (troupe_http_request){.url = good, .body = missing}),
            open_bad(play, (troupe_http_request){.url = good, .body = endless}),
            open_bad(play, (troupe_http_request){.url = str_of("http://127.0.0.1:9/"),
                                                 .headers = no_array}),
            open_bad(play, (troupe_http_request){.url = str_of("http://127.0.0.1:9/"),
                                                 .headers = ARRAY_OF(no_header)}),
            open_bad(play, (troupe_http_request){.url = str_of("http://127.0.0.1:9/"),
                                                 .headers = ARRAY_OF(long_header)}),
            troupe_budget(turn)->reserve(turn, UINT64_MAX, NULL, &reservation),
            troupe_budget(turn)->settle(turn, 1, UINT64_MAX),
            troupe_budget(turn)->release(turn, UINT64_MAX),
        };
        char text[40];

        for (size_t i = 0; i < sizeof(got) / sizeof(got[0]); i++)
            if (got[i] >= 0) {
                snprintf(text, sizeof(text), "%zu was taken", i);
                put_result(play, TROUPE_OK, str_of(text));
            }
    }
    turn->api->reason(turn, NULL, NULL, 5);
    troupe_http_api(turn)->close(turn, NULL);
    put_result(play, TROUPE_OK,
               str_of(troupe_get_extension(turn, NULL) || troupe_turn_alloc(turn, UINT64_MAX)
                          ? "what was that"
                          : "survived"));
    (void)args;
}

/* Keeps results until the host gives no more. */
static void do_hoard(struct play *play, char *args)
{
    char *text = (char *)troupe_turn_alloc(play->turn, 16384);
    troupe_status status = troupe_annotate(play->turn, "much", text, 16384);
    troupe_str ret = {"", 0};
    int most = 1000000;

    while (status >= 0 && most-- > 0)
        status = troupe_annotation(play->turn, "much", &ret);
    put_result(play, status, str_of("endless"));
    (void)args;
}

static void do_who(struct play *play, char *args)
{
    const char *name = troupe_agent(troupe_turn_host(play->turn));

    (void)args;
    put(play, name, strlen(name));
    put(play, " " VERSION, strlen(" " VERSION));
}

/* level: how full the fullest cap is. */
static void do_level(struct play *play, char *args)
{
    uint32_t percent = 0;
    const troupe_status status = troupe_budget_level(play->turn, &percent);
    char text[32];

    (void)args;
    snprintf(text, sizeof(text), status < 0 ? "<%d>" : "[%d %u %%]", status, percent);
    put(play, text, strlen(text));
}

/* tell TEXT: the bot's owner. */
static void do_tell(struct play *play, char *args)
{
    const troupe_status status = troupe_tell_owner(play->turn, "%s", args);
    char text[32];

    snprintf(text, sizeof(text), "[told %d]", status);
    put(play, text, strlen(text));
}

static const struct command {
    const char *name;
    void (*run)(struct play *play, char *args);
} commands[] = {
    {"reply", do_reply},       {"write", do_write},     {"fill", do_fill},
    {"sleep", do_sleep},       {"doze", do_doze},       {"verdict", do_verdict},
    {"reason", do_reason},     {"fail", do_fail},       {"call", do_call},
    {"pass", do_pass},         {"stream", do_stream},   {"streams", do_streams},
    {"note", do_note},         {"notes", do_notes},     {"noted", do_noted},
    {"put", do_put},           {"get", do_get},         {"take", do_take},
    {"sql", do_sql},           {"rows", do_rows},       {"http", do_http},
    {"reserve", do_reserve},   {"settle", do_settle},   {"who", do_who},
    {"release", do_release},   {"until", do_until},     {"careless", do_careless},
    {"hoard", do_hoard},       {"deaf", do_deaf},       {"ask", do_ask},
    {"stubborn", do_stubborn}, {"busy", do_busy},       {"flags", do_flags},
    {"spawn", do_spawn},       {"batch", do_batch},     {"form", do_form},
    {"pick", do_pick},         {"promise", do_promise}, {"tool", do_tool},
    {"tell", do_tell},         {"level", do_level},     {"stop", do_stop},
    {"crowd", do_crowd},       {"ring", do_ring},
};

static void run(struct play *play, char *line)
{
    char *args = line, *name = word(&args);

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(name, commands[i].name)) {
            commands[i].run(play, args);
            return;
        }
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_str script = troupe_config_str(troupe_turn_host(turn), "script");
    struct play play = {.turn = turn, .verdict = TROUPE_NEXT};
    char *text, *line, *rest;

    if (!script.len)
        script = message->content;
    text = (char *)troupe_turn_alloc(turn, script.len + 1);
    play.out = (char *)troupe_turn_alloc(turn, OUT_MAX);
    if (!text || !play.out)
        return TROUPE_NOMEM;
    memcpy(text, script.ptr, script.len);
    for (line = strtok_r(text, ";", &rest); line && !play.ended; line = strtok_r(NULL, ";", &rest))
        run(&play, line);
    if (play.len && play.verdict >= 0 && !play.ended) {
        troupe_status status = troupe_reply_text(turn, play.out, play.len);

        return status < 0 ? status : TROUPE_DONE;
    }
    return play.verdict;
}

/* ---- functions ------------------------------------------------------------------------------ */

TROUPE_FUNCTION(echo, "Says it again", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_STRING(text, "What to say", .max = 100),
                TROUPE_INT(times, "How often", .min = 1, .max = 3, .def = 1))
static troupe_status echo(troupe_turn *turn, troupe_str text, int64_t times)
{
    return troupe_reply(turn, "%.*s%s", (int)text.len, text.ptr, times > 1 ? " (often)" : "");
}

TROUPE_FUNCTION(shutdown, "For the owner", TROUPE_SLASH | TROUPE_OWNER)
static troupe_status shutdown(troupe_turn *turn)
{
    return troupe_reply(turn, "as you wish");
}

TROUPE_FUNCTION(whisper, "For the caller's eyes", TROUPE_SLASH | TROUPE_PRIVATE)
static troupe_status whisper(troupe_turn *turn)
{
    return troupe_reply(turn, "between us");
}

TROUPE_FUNCTION(silent, "Says nothing", TROUPE_SLASH)
static troupe_status silent(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_OK;
}

TROUPE_FUNCTION(sum, "A JSON result", TROUPE_SLASH, TROUPE_INT(a, "One"), TROUPE_INT(b, "Two"))
static troupe_status sum(troupe_turn *turn, int64_t a, int64_t b)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "{\"sum\":%lld}", (long long)(a + b));

    return troupe_result(turn, text, (uint64_t)n);
}

TROUPE_FUNCTION(broken, "Fails with its own words", TROUPE_SLASH)
static troupe_status broken(troupe_turn *turn)
{
    return troupe_fail(turn, TROUPE_FAILED, "actor.broken", "the thing is broken");
}

/* Calls itself until `n` is 0. */
TROUPE_FUNCTION(deep, "Goes down", TROUPE_SLASH, TROUPE_INT(n, "How deep", .min = 0))
static troupe_status deep(troupe_turn *turn, int64_t n)
{
    char args[48];
    troupe_str ret;
    troupe_status status;

    if (!n)
        return troupe_reply(turn, "bottom");
    snprintf(args, sizeof(args), "{\"n\":%lld}", (long long)(n - 1));
    status = troupe_call(turn, "deep", str_of(args), &ret);
    return status < 0 ? status : troupe_reply_text(turn, ret.ptr, ret.len);
}

TROUPE_TIMED(nap, "nap", "Sleeps", 3600000, TROUPE_SLASH, TROUPE_INT(ms, "How long", .min = 0))
static troupe_status nap(troupe_turn *turn, int64_t ms)
{
    troupe_status status = troupe_sleep(turn, (uint64_t)ms);

    return status < 0 ? status : troupe_reply(turn, "awake");
}

TROUPE_FUNCTION(stutter, "Speaks in pieces", TROUPE_STREAMS, TROUPE_INT(count, "How many"),
                TROUPE_INT(fail_at, "Where to fail", .def = 0))
static troupe_status stutter(troupe_turn *turn, int64_t count, int64_t fail_at)
{
    for (int64_t i = 1; i <= count; i++) {
        char text[24];
        troupe_status status;

        if (i == fail_at)
            return troupe_fail(turn, TROUPE_FAILED, "actor.stutter", "I choked");
        snprintf(text, sizeof(text), "%lld", (long long)i);
        status = troupe_write(turn, text, strlen(text));
        if (status < 0) {
            troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "stutter", str_of("never stored"), 0);
            return status;
        }
    }
    return TROUPE_OK;
}

TROUPE_SERVICE(ask, "test.ask", "A service", TROUPE_TOOL, TROUPE_OPT_STRING(text, "A text"))
static troupe_status ask(troupe_turn *turn, troupe_str text)
{
    troupe_host *host = troupe_turn_host(turn);
    int64_t away = troupe_config_int(host, "away", 0);

    if (away)
        return troupe_fail(turn, (troupe_status)-away, "actor.away", "%s is away",
                           troupe_agent(host));
    return troupe_reply(turn, "%s answers %.*s", troupe_agent(host), (int)text.len, text.ptr);
}

TROUPE_FUNCTION(draw, "Draws", TROUPE_SLASH | TROUPE_TOOL | TROUPE_LIMIT_IMAGES)
static troupe_status draw(troupe_turn *turn)
{
    return troupe_reply(turn, "a picture");
}

TROUPE_LIMITED(twice, "Works twice a minute", 2, 3, 60, TROUPE_SLASH | TROUPE_TOOL)
static troupe_status twice(troupe_turn *turn)
{
    return troupe_reply(turn, "worked");
}

TROUPE_FUNCTION(lookup, "Looks far and wide", TROUPE_SLASH | TROUPE_TOOL | TROUPE_LIMIT_FEATURES)
static troupe_status lookup(troupe_turn *turn)
{
    return troupe_reply(turn, "found");
}

TROUPE_FUNCTION(word_of, "What holds here", TROUPE_SLASH)
static troupe_status word_of(troupe_turn *turn)
{
    troupe_host *host = troupe_turn_host(turn);
    troupe_str word = troupe_config_str(host, "word");

    return troupe_reply(turn, "%.*s %lld", (int)word.len, word.ptr,
                        (long long)troupe_config_int(host, "count", 0));
}

TROUPE_FUNCTION(warn, "For moderators", TROUPE_SLASH | TROUPE_TOOL | TROUPE_MODERATOR)
static troupe_status warn(troupe_turn *turn)
{
    return troupe_reply(turn, "warned");
}

TROUPE_FUNCTION(wipe, "Deletes what was said", TROUPE_SLASH | TROUPE_TOOL | TROUPE_CONFIRM,
                TROUPE_STRING(what, "What to delete"),
                TROUPE_INT(days, "How far back", .min = 1, .max = 30, .def = 7))
static troupe_status wipe(troupe_turn *turn, troupe_str what, int64_t days)
{
    troupe_status status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "wiped", what, 0);

    return status < 0 ? status
                      : troupe_reply(turn, "wiped \"%.*s\" of %lld days", (int)what.len, what.ptr,
                                     (long long)days);
}

TROUPE_PLUGIN("org.example.actor", VERSION, "Does what it is told",
              .functions = TROUPE_LIST(twice, echo, shutdown, whisper, silent, sum, broken, deep,
                                       nap, stutter, ask, draw, lookup, word_of, warn, wipe),
              .capabilities = CAPABILITIES,
              .config = TROUPE_KEYS(
                  {"script", "What to do", .type = TROUPE_TYPE_STRING},
                  {"away", "A status, negated, that the service fails with",
                   .type = TROUPE_TYPE_INT, .def = "0", .min = 0, .max = 30},
                  {"word", "A word that people set", .type = TROUPE_TYPE_STRING,
                   .flags = TROUPE_KEY_SETTABLE, .def = "floor"},
                  {"count", "A number that people set", .type = TROUPE_TYPE_INT,
                   .flags = TROUPE_KEY_SETTABLE, .def = "1", .min = 1, .max = 9},
                  {"url", "Where to go", .type = TROUPE_TYPE_URL, .flags = TROUPE_KEY_ENDPOINT},
                  {"key", "A secret", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET},
                  {"key2", "Another one", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET}),
              .migrations = TROUPE_MIGRATIONS(
                  {1, 0, "first",
                   "CREATE TABLE {note} (member TEXT, channel TEXT, body TEXT NOT NULL)", NULL}),
              .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("note", "Your notes")),
              .stage = stage, .observe = stage, .events = EVENTS);
