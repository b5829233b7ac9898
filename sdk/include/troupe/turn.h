/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/turn.h - what a stage, an observer or a function can do while it runs.
 *
 * Calls marked [waits] suspend the coroutine, never the host, and return TROUPE_CANCELED or
 * TROUPE_DEADLINE when the turn was ended, TROUPE_PARKED when the stage is put aside until somebody
 * answers; every later wait then returns the same at once. Clean up and return.
 *
 * A stage that a restart cut runs again from its first line. Calls marked Noted, Stored or Outside
 * then return what they returned before, without doing anything, up to the point where it was cut:
 * docs/abi.md, "What is recorded", has the rules that this asks of a plugin.
 *
 *     TROUPE_FUNCTION(wait, "Waits for you", TROUPE_SLASH)
 *     static troupe_status wait(troupe_turn *turn)
 *     {
 *         int32_t choice;
 *         troupe_status status = troupe_ask(turn, "Shall we?", TROUPE_BUTTONS("Yes", "No"), &choice);
 *
 *         if (status < 0)
 *             return status;
 *         return troupe_reply(turn, choice == 0 ? "Let's go." : "Another time.");
 *     }
 */
#ifndef TROUPE_TURN_H
#define TROUPE_TURN_H

#include <stdarg.h>
#include <stdio.h>

#include <troupe/abi.h>
#include <troupe/host.h>
#ifdef __cplusplus
#include <troupe/cxx.h>
#else
/* An array that lives as long as the block that it stands in; and one of its elements, label first. */
#define TROUPE_ITEMS_(type, ...)                                                                   \
    ((troupe_array){(type const[]){__VA_ARGS__},                                                   \
                    (uint32_t)(sizeof((type const[]){__VA_ARGS__}) / sizeof(type)),                \
                    (uint32_t)sizeof(type)})
#define TROUPE_ITEM_(type, ...)                                                                    \
    {                                                                                              \
        .label = __VA_ARGS__                                                                       \
    }
#endif

/* What somebody said, by name. */
typedef struct troupe_quote {
    troupe_str author, text;
} troupe_quote;

/* Where a message came from and who wrote it. Ids are the platform's; 0 is none. */
typedef struct troupe_message {
    uint32_t size;
    uint32_t flags; /* TROUPE_MESSAGE_… */
    uint64_t id;    /* of the message */
    uint64_t account, guild, channel;
    uint64_t author;
    troupe_str author_name;
    troupe_str content; /* without the mention or prefix that addressed the bot */
    uint64_t reply_to;  /* id of the message that it answers */
    int64_t time_ms;    /* wall clock, milliseconds since 1970 */
    /* What the message reply_to says and who wrote it, where the gateway knows it: somebody's words,
     * cut at 4,000 bytes. Empty where there is none. Since minor 1: ask TROUPE_HAS(message,
     * quote_author). */
    troupe_str quote, quote_author;
    /* What the quoted message answers, what that answers and so on: at most four, the nearest first,
     * each cut like the quote, of those that could be read. Since minor 5: ask TROUPE_HAS(message,
     * quotes). */
    troupe_array quotes; /* of troupe_quote */
} troupe_message;

#define TROUPE_MESSAGE_ADDRESSED (1u << 0) /* mention, reply, direct message: an answer is owed */
#define TROUPE_MESSAGE_DIRECT    (1u << 1) /* nobody else reads it */
#define TROUPE_MESSAGE_BOT       (1u << 2) /* written by a program */
#define TROUPE_MESSAGE_CONTINUE  (1u << 3) /* the member wants the cut answer to it to go on */

/* Chunks of a function that streams. */
typedef struct troupe_stream troupe_stream;

/* A child that runs beside the stage or function that started it. */
typedef struct troupe_task troupe_task;
typedef troupe_status (*troupe_task_fn)(troupe_turn *turn, void *arg);

#define TROUPE_ASK_MS 600000 /* how long a member may take to answer a question */

/* Minor 5. A field of a form that a member fills in; see troupe_ask_text. */
typedef struct troupe_field {
    const char *label; /* 1 to 45 characters                                                   */
    const char *hint;  /* what the empty field shows, at most 100 characters; NULL: nothing    */
    const char *value; /* what stands in it from the start; NULL: nothing                      */
    uint32_t min, max; /* characters; max 0: 4000, which is the most                           */
    uint32_t flags;    /* TROUPE_FIELD_…                                                       */
    uint32_t reserved;
} troupe_field;

#define TROUPE_FIELD_PARAGRAPH (1u << 0) /* several lines                                       */
#define TROUPE_FIELD_OPTIONAL  (1u << 1) /* it may stay empty                                   */

/* Minor 5. One of several things to choose from; see troupe_ask_select. */
typedef struct troupe_option {
    const char *label; /* 1 to 100 characters                                                  */
    const char *doc;   /* more about it, at most 100 characters; NULL: nothing                 */
    uint32_t flags;    /* TROUPE_OPTION_…                                                      */
    uint32_t reserved;
} troupe_option;

#define TROUPE_OPTION_CHOSEN (1u << 0) /* until the member says otherwise                       */

/* How many of them one question may have. */
#define TROUPE_FIELDS_MAX  5
#define TROUPE_OPTIONS_MAX 25

/* What stands behind the handle; use the functions below. */
typedef struct troupe_turn_table {
    uint32_t size;
    uint32_t abi_minor;
    const void *(*get_extension)(troupe_turn *turn, const char *id);
    troupe_host *(*host)(troupe_turn *turn);
    void *(*state)(troupe_turn *turn);
    uint64_t (*id)(troupe_turn *turn);
    const troupe_message *(*message)(troupe_turn *turn);
    int64_t (*time_left)(troupe_turn *turn);
    troupe_status (*status)(troupe_turn *turn);
    int64_t (*now)(troupe_turn *turn);
    uint64_t (*random)(troupe_turn *turn);
    troupe_status (*sleep)(troupe_turn *turn, uint64_t ms);
    void *(*alloc)(troupe_turn *turn, uint64_t size);
    troupe_status (*reply)(troupe_turn *turn, const char *text, uint64_t len);
    troupe_status (*write)(troupe_turn *turn, const char *text, uint64_t len);
    troupe_status (*result)(troupe_turn *turn, const char *json, uint64_t len);
    troupe_status (*fail)(troupe_turn *turn, troupe_status status, const char *code,
                          const char *sentence, uint64_t len);
    void (*reason)(troupe_turn *turn, const char *code, const char *detail, uint64_t len);
    troupe_status (*annotate)(troupe_turn *turn, const char *key, const char *value, uint64_t len);
    troupe_status (*annotation)(troupe_turn *turn, const char *key, troupe_str *ret);
    troupe_status (*call)(troupe_turn *turn, const char *name, troupe_str json_args,
                          troupe_str *ret);
    troupe_status (*open)(troupe_turn *turn, const char *name, troupe_str json_args,
                          troupe_stream **ret);
    troupe_status (*read)(troupe_turn *turn, troupe_stream *stream, troupe_str *ret_chunk);
    troupe_status (*close)(troupe_turn *turn, troupe_stream *stream, troupe_str *ret_result);
    void (*error)(troupe_turn *turn, troupe_str *ret_code, troupe_str *ret_sentence);
    /* Minor 1. */
    troupe_status (*ask)(troupe_turn *turn, const char *text, uint64_t len, troupe_array labels,
                         uint64_t within_ms, int32_t *ret_choice);
    troupe_status (*spawn)(troupe_turn *turn, troupe_task_fn fn, void *arg, troupe_task **ret);
    troupe_status (*join)(troupe_turn *turn, troupe_task *task);
    troupe_status (*join_any)(troupe_turn *turn, troupe_task *const *tasks, uint32_t count,
                              uint32_t *ret_which);
    troupe_status (*batch_begin)(troupe_turn *turn);
    troupe_status (*batch_commit)(troupe_turn *turn);
    /* Minor 5. */
    troupe_status (*ask_text)(troupe_turn *turn, const char *text, uint64_t len, const char *title,
                              troupe_array fields, uint64_t within_ms, troupe_str *ret_values);
    troupe_status (*ask_select)(troupe_turn *turn, const char *text, uint64_t len,
                                troupe_array options, uint32_t min, uint32_t max,
                                uint64_t within_ms, int32_t *ret_places, uint32_t *ret_count);
    /* Minor 6; `stop` is NULL in an isolated agent. */
    troupe_status (*stop)(troupe_turn *turn, troupe_task *task);
    int32_t (*replayed)(troupe_turn *turn);
} troupe_turn_table;

/* The handle of a stage, an observer, a job, a function or a child. */
struct troupe_turn {
    const troupe_turn_table *api;
};

/* An interface of the host by "name/revision"; NULL where this host has none. Not
 * recorded. [turn] */
static inline const void *troupe_get_extension(troupe_turn *turn, const char *id)
{
    return turn->api->get_extension(turn, id);
}

/* The agent's handle for config, log and memory, and by troupe_state the state that create made. Not
 * recorded. [turn] */
static inline troupe_host *troupe_turn_host(troupe_turn *turn)
{
    return turn->api->host(turn);
}

static inline void *troupe_state(troupe_turn *turn)
{
    return turn->api->state(turn);
}

/* The message that this turn answers; NULL in a job or a call from the shell. Not recorded: it is the
 * same in every run. [turn] */
static inline const troupe_message *troupe_turn_message(troupe_turn *turn)
{
    return turn->api->message(turn);
}

/* The turn's number, as `troupe why` takes it. Not recorded. [turn] */
static inline uint64_t troupe_turn_id(troupe_turn *turn)
{
    return turn->api->id(turn);
}

/* Milliseconds until the deadline, 0 when it passed. Not recorded: bound a wait by it, never choose by
 * it what to do. [turn] */
static inline int64_t troupe_time_left(troupe_turn *turn)
{
    return turn->api->time_left(turn);
}

/* TROUPE_OK, or why the turn was ended (TROUPE_CANCELED, TROUPE_DEADLINE, TROUPE_PARKED): for loops that
 * compute long. Not recorded. [turn] */
static inline troupe_status troupe_turn_status(troupe_turn *turn)
{
    return turn->api->status(turn);
}

/* Wall clock in milliseconds since 1970. Noted: a replay sees the same time. [turn] */
static inline int64_t troupe_now(troupe_turn *turn)
{
    return turn->api->now(turn);
}

/* A random number from 0 to below `bound` (bound > 0), without bias. Noted. [turn] */
static inline int64_t troupe_random(troupe_turn *turn, int64_t bound)
{
    uint64_t range = (uint64_t)bound, limit, value;

    if (bound <= 1)
        return 0;
    limit = UINT64_MAX - UINT64_MAX % range;
    do
        value = turn->api->random(turn);
    while (value >= limit);
    return (int64_t)(value % range);
}

/* Waits at least `ms`. A long one (above half a minute) is a stored effect whose due time survives a
 * restart, and parks the stage like a question (TROUPE_PARKED); a shorter one is noted. From 10 s on the host tells
 * the member that it takes longer, once, where a function that another one called waits, nothing else of the turn goes
 * on, and nothing of its answer was written. Stored, or Noted.
 * [turn, waits] */
static inline troupe_status troupe_sleep(troupe_turn *turn, uint64_t ms)
{
    return turn->api->sleep(turn, ms);
}

/* Zeroed memory that lives until the turn ends; NULL above the turn's limit of 16 MB. Not recorded.
 * [turn] */
static inline void *troupe_turn_alloc(troupe_turn *turn, uint64_t size)
{
    return turn->api->alloc(turn, size);
}

/* The whole answer: of a stage to the member, of a function to whoever called it; by troupe_reply as
 * printf writes it (TROUPE_ARGUMENT, TROUPE_NOMEM where that fails). After troupe_write it replaces what was shown. At most 64 kB, TROUPE_LIMIT above. Kept with the end of the
 * stage or function. [turn, waits] */
static inline troupe_status troupe_reply_text(troupe_turn *turn, const char *text, uint64_t len)
{
    return turn->api->reply(turn, text, len);
}

__attribute__((format(printf, 2, 3))) static inline troupe_status
troupe_reply(troupe_turn *turn, const char *format, ...)
{
    char small[1024], *text = small;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < 0)
        return TROUPE_ARGUMENT;
    if ((size_t)n >= sizeof(small)) {
        text = (char *)turn->api->alloc(turn, (uint64_t)n + 1);
        if (!text)
            return TROUPE_NOMEM;
        va_start(args, format);
        vsnprintf(text, (size_t)n + 1, format, args);
        va_end(args);
    }
    return turn->api->reply(turn, text, (uint64_t)n);
}

/* The next piece of a streamed answer. Shown to the member as the gateway allows; given to a caller
 * that opened a stream. Chunks are joined in order; all of them together at most 64 kB,
 * TROUPE_LIMIT above. Where a piece could not be taken, what follows it is refused with the same
 * status, as an answer has no holes; troupe_reply still replaces the whole of it. Not recorded: on a
 * replay what was shown is not shown again. [turn, waits] */
static inline troupe_status troupe_write(troupe_turn *turn, const char *text, uint64_t len)
{
    return turn->api->write(turn, text, len);
}

/* A function's result as one JSON value, beside or instead of its text. TROUPE_DATA where it is no
 * JSON. At most 1 MB, TROUPE_LIMIT above. Kept with the end of the function. [turn] */
static inline troupe_status troupe_result(troupe_turn *turn, const char *json, uint64_t len)
{
    return turn->api->result(turn, json, len);
}

/* Says why a stage or function fails and returns `status`, to be returned in turn: `code` is a short
 * word with dots for programs ("llm.rate_limited"), `format` one sentence for people, without
 * secrets and without a provider's raw text. Kept with the end of the stage or function. [turn] */
__attribute__((format(printf, 4, 5))) static inline troupe_status
troupe_fail(troupe_turn *turn, troupe_status status, const char *code, const char *format, ...)
{
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    /* In brackets: test frameworks have a macro called fail. */
    return (turn->api->fail)(turn, status, code, text,
                             (uint64_t)n < sizeof(text) ? (uint64_t)n : sizeof(text) - 1);
}

/* Leaves a reason in the turn's trace, which `troupe why` shows. Not recorded. [turn] */
__attribute__((format(printf, 3, 4))) static inline void
troupe_reason(troupe_turn *turn, const char *code, const char *format, ...)
{
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    turn->api->reason(turn, code, text,
                      (uint64_t)n < sizeof(text) ? (uint64_t)n : sizeof(text) - 1);
}

/* Notes for later stages of the same turn: short keys, values up to 16 kB, 64 of them; TROUPE_LIMIT
 * above. troupe_annotation reads one; TROUPE_NOT_FOUND where there is none. Kept with the end of the stage.
 * [turn] */
static inline troupe_status troupe_annotate(troupe_turn *turn, const char *key, const char *value,
                                            uint64_t len)
{
    return turn->api->annotate(turn, key, value, len);
}

static inline troupe_status troupe_annotation(troupe_turn *turn, const char *key, troupe_str *ret)
{
    return turn->api->annotation(turn, key, ret);
}

/* Calls a declared function or service by name with a JSON object of arguments ("" for none) and
 * waits for its end. `ret` (may be NULL): its JSON result where it gave one, else its text.
 * TROUPE_NOT_FOUND without a provider, TROUPE_DENIED without the capability "call:NAME" or "try:NAME", else the
 * function's own status; troupe_error says more. The member's right is checked here. The
 * end of the call is Noted, what it did inside stands below it. [turn, waits] */
static inline troupe_status troupe_call(troupe_turn *turn, const char *name, troupe_str json_args,
                                        troupe_str *ret)
{
    return turn->api->call(turn, name, json_args, ret);
}

/* The same with the text in chunks, Noted as one. troupe_read: TROUPE_OK with a chunk that lives until the next
 * read, TROUPE_END after the last. troupe_close: the function's status and result, cancels it where
 * it still runs; once for each stream. At most 16 open. [turn, waits] */
static inline troupe_status troupe_open(troupe_turn *turn, const char *name, troupe_str json_args,
                                        troupe_stream **ret)
{
    return turn->api->open(turn, name, json_args, ret);
}

/* Where the name is a literal it is also put into a section of the file, so that `troupe plugin check` can
 * ask for its capability. C only; calls through a variable are not seen. */
#ifndef __cplusplus
#define TROUPE_IS_LITERAL_(name)                                                                   \
    (__builtin_constant_p(name) &&                                                                 \
     __builtin_types_compatible_p(__typeof__(name), char[sizeof(name)]))
#define TROUPE_MARK_CALL_(name)                                                                    \
    {                                                                                              \
        static const char troupe_called_[] __attribute__((section(".troupe.calls"), used)) =       \
            __builtin_choose_expr(TROUPE_IS_LITERAL_(name), name, "");                             \
    }
#define troupe_call(turn, name, ...)                                                               \
    __extension__({                                                                                \
        TROUPE_MARK_CALL_(name);                                                                   \
        (troupe_call)(turn, name, __VA_ARGS__);                                                    \
    })
#define troupe_open(turn, name, ...)                                                               \
    __extension__({                                                                                \
        TROUPE_MARK_CALL_(name);                                                                   \
        (troupe_open)(turn, name, __VA_ARGS__);                                                    \
    })
#endif

static inline troupe_status troupe_read(troupe_turn *turn, troupe_stream *stream,
                                        troupe_str *ret_chunk)
{
    return turn->api->read(turn, stream, ret_chunk);
}

static inline troupe_status troupe_close(troupe_turn *turn, troupe_stream *stream,
                                         troupe_str *ret_result)
{
    return turn->api->close(turn, stream, ret_result);
}

/* Asks the member and waits for a button, by troupe_ask for ten minutes: `ret_choice` is its place in the list, from 0. At most five
 * labels of 80 bytes. Nobody else can answer. TROUPE_DEADLINE after `within_ms` (0: ten minutes)
 * without an answer, TROUPE_CANCELED where somebody stopped it, TROUPE_UNSUPPORTED where nobody can be asked. The turn's clock stops and others go
 * ahead; the stage is put aside meanwhile and runs again from its first line, with all it did before
 * returned as it was: TROUPE_PARKED, here and from every later wait, asks to return at once, whatever
 * the value. Outside. [turn, waits] */
static inline troupe_status troupe_ask_within(troupe_turn *turn, uint64_t within_ms,
                                              const char *text, troupe_array labels,
                                              int32_t *ret_choice)
{
    return TROUPE_HAS(turn->api, ask) ? turn->api->ask(turn, text, (uint64_t)__builtin_strlen(text),
                                                       labels, within_ms, ret_choice)
                                      : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_ask(troupe_turn *turn, const char *text, troupe_array labels,
                                       int32_t *ret_choice)
{
    return troupe_ask_within(turn, 0, text, labels, ret_choice);
}

/* Labels for troupe_ask: TROUPE_BUTTONS("Again", "Enough"). */
#define TROUPE_BUTTONS(...) TROUPE_ITEMS_(const char *, __VA_ARGS__)

/* Asks the member to fill in a form of one to five fields and waits for it, by troupe_ask_text for ten
 * minutes: below `text` stands a
 * button with the form's title (1 to 45 characters) that opens it, again where it was closed.
 * `ret_values` has room for as many texts as there are fields; one that was left empty is "". They are a
 * member's words: of the lengths that were asked for, together at most 60 kB, and nothing else is
 * known about them. The rest, failures too, is as with troupe_ask. Outside. [turn, waits] */
static inline troupe_status troupe_ask_text_within(troupe_turn *turn, uint64_t within_ms,
                                                   const char *text, const char *title,
                                                   troupe_array fields, troupe_str *ret_values)
{
    return TROUPE_HAS(turn->api, ask_text)
               ? turn->api->ask_text(turn, text, (uint64_t)__builtin_strlen(text), title, fields,
                                     within_ms, ret_values)
               : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_ask_text(troupe_turn *turn, const char *text, const char *title,
                                            troupe_array fields, troupe_str *ret_values)
{
    return troupe_ask_text_within(turn, 0, text, title, fields, ret_values);
}

/* Fields for troupe_ask_text: TROUPE_FIELDS(TROUPE_FIELD("Name"), TROUPE_FIELD("Why?", .max = 500)); in
 * C an element may also be written as a plain initialiser, {.label = "Name"}. */
#define TROUPE_FIELDS(...) TROUPE_ITEMS_(troupe_field, __VA_ARGS__)
#define TROUPE_FIELD(...)  TROUPE_ITEM_(troupe_field, __VA_ARGS__)

/* Asks the member to choose `min` to `max` of 1 to 25 options (max 0: one) and waits for it, by
 * troupe_ask_select for ten minutes.
 * `ret_places` has room for `max` of them and gets the places in the list, from 0 and rising,
 * `ret_count` how many. The rest, failures too, is as with troupe_ask. Outside. [turn, waits] */
static inline troupe_status troupe_ask_select_within(troupe_turn *turn, uint64_t within_ms,
                                                     const char *text, troupe_array options,
                                                     uint32_t min, uint32_t max,
                                                     int32_t *ret_places, uint32_t *ret_count)
{
    return TROUPE_HAS(turn->api, ask_select)
               ? turn->api->ask_select(turn, text, (uint64_t)__builtin_strlen(text), options, min,
                                       max, within_ms, ret_places, ret_count)
               : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_ask_select(troupe_turn *turn, const char *text,
                                              troupe_array options, uint32_t min, uint32_t max,
                                              int32_t *ret_places, uint32_t *ret_count)
{
    return troupe_ask_select_within(turn, 0, text, options, min, max, ret_places, ret_count);
}

/* Options for troupe_ask_select: TROUPE_OPTIONS(TROUPE_OPTION("Red"), TROUPE_OPTION("Green")), written
 * like fields. */
#define TROUPE_OPTIONS(...) TROUPE_ITEMS_(troupe_option, __VA_ARGS__)
#define TROUPE_OPTION(...)  TROUPE_ITEM_(troupe_option, __VA_ARGS__)

/* Runs `fn` as a child beside the caller, on the same turn with calls of its own; it ends, cancelled,
 * with the stage or function that started it. What it leaves behind `arg` is the caller's memory. At
 * most 64 a stage or function. troupe_join waits for one and returns its status; troupe_join_any for
 * the first of several (`ret_which`; Noted). [turn, waits] */
static inline troupe_status troupe_spawn(troupe_turn *turn, troupe_task_fn fn, void *arg,
                                         troupe_task **ret)
{
    return TROUPE_HAS(turn->api, spawn) ? turn->api->spawn(turn, fn, arg, ret) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_join(troupe_turn *turn, troupe_task *task)
{
    return TROUPE_HAS(turn->api, join) ? turn->api->join(turn, task) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_join_any(troupe_turn *turn, troupe_task *const *tasks,
                                            uint32_t count, uint32_t *ret_which)
{
    return TROUPE_HAS(turn->api, join_any) ? turn->api->join_any(turn, tasks, count, ret_which)
                                           : TROUPE_UNSUPPORTED;
}

/* Ends a child of the caller's, or of whoever started the caller, and waits until it has: what it waits for
 * returns TROUPE_CANCELED, as does each call that it makes from then on, this one for a sibling included: where
 * two stop each other the first one counts. Several may stop the same. One that has ended stays as it
 * was; troupe_join still gives its status. A race among children: the first one stops the others, which a
 * replay finds stopped. TROUPE_ARGUMENT for another child, or by it for itself; TROUPE_UNSUPPORTED in an
 * isolated agent. Not recorded: what it cut is. [turn, waits] */
static inline troupe_status troupe_stop(troupe_turn *turn, troupe_task *task)
{
    return TROUPE_HAS(turn->api, stop) && turn->api->stop ? turn->api->stop(turn, task)
                                                          : TROUPE_UNSUPPORTED;
}

/* Between this and troupe_batch_commit, writes of kv and sql by this stage or function are gathered and
 * return TROUPE_OK; the second writes all of them or none, as one effect, and fails as they would. Begun and
 * never committed, nothing is written. Stored. [turn, waits] */
static inline troupe_status troupe_batch_begin(troupe_turn *turn)
{
    return TROUPE_HAS(turn->api, batch_begin) ? turn->api->batch_begin(turn) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_batch_commit(troupe_turn *turn)
{
    return TROUPE_HAS(turn->api, batch_commit) ? turn->api->batch_commit(turn) : TROUPE_UNSUPPORTED;
}

/* Whether the last call of this stage, function or child that is recorded was not made now, but returned what it
 * had returned to an earlier run: 1, else 0; always 0 where nothing is recorded. It is for what the record does not
 * keep and would count twice: figures, and what an agent remembers in memory of how things went. Never choose
 * by it what to call or to say, as two runs differ in it. Of a request it is known from its opening. Not
 * recorded. [turn] */
static inline int32_t troupe_replayed(troupe_turn *turn)
{
    return TROUPE_HAS(turn->api, replayed) ? turn->api->replayed(turn) : 0;
}

/* Code and sentence of the last call that failed in this stage or function; empty when none did.
 * Either may be NULL. Not recorded. [turn] */
static inline void troupe_error(troupe_turn *turn, troupe_str *ret_code, troupe_str *ret_sentence)
{
    turn->api->error(turn, ret_code, ret_sentence);
}

#endif
