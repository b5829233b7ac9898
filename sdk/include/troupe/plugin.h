/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/plugin.h - what a plugin declares, and the macros that write the declaration.
 *
 *     TROUPE_FUNCTION(roll, "Roll dice", TROUPE_SLASH | TROUPE_TOOL,
 *         TROUPE_INT(sides, "Sides of a die", .min = 2, .max = 1000, .def = 6))
 *     static troupe_status roll(troupe_turn *turn, int64_t sides)
 *     {
 *         return troupe_reply(turn, "you rolled %lld", 1 + (long long)troupe_random(turn, sides));
 *     }
 *
 *     TROUPE_PLUGIN("org.example.dice", "1.0.0", "Dice", .functions = TROUPE_LIST(roll));
 *
 * All of it is constant data. The host reads it after the note and before any agent is created; a
 * declaration that does not hold (unknown type, default outside its range, bad name) is refused
 * with a sentence that names it.
 */
#ifndef TROUPE_PLUGIN_H
#define TROUPE_PLUGIN_H

#include <troupe/abi.h>

/* ---- functions ---------------------------------------------------------------------------------
 * Declared once; from it the host derives argument checks, marshalling, the tool schema for models,
 * the slash command, the shell call and the docs. */

#define TROUPE_SLASH (1u << 0) /* members may call it by typing or as a slash command            */
#define TROUPE_TOOL  (1u << 1) /* a model may call it, with the rights of the member it answers  */
#define TROUPE_IDEMPOTENT                                                                          \
    (1u << 2) /* calling it twice with the same arguments does no harm           */
/* The member whose turn it is confirms each call by a button, which shows the arguments, before the
 * function is entered: a command, a tool and another plugin's call alike. It is not entered where they
 * refuse (TROUPE_DENIED to the caller), do not answer within TROUPE_ASK_MS (TROUPE_DEADLINE) or nobody is
 * there (TROUPE_UNSUPPORTED: a job, an observer). `troupe call` at the shell needs no button. */
#define TROUPE_CONFIRM (1u << 3)
#define TROUPE_PAID    (1u << 4) /* may spend money                                                */
#define TROUPE_STREAMS                                                                             \
    (1u << 5) /* hands out its result in chunks                                 */
#define TROUPE_MODERATOR                                                                           \
    (1u << 6)                  /* needs Moderate Members                                         */
#define TROUPE_ADMIN (1u << 7) /* needs Manage Guild                                             */
#define TROUPE_OWNER (1u << 8) /* only the bot's owner                                           */
#define TROUPE_PRIVATE                                                                             \
    (1u << 9) /* the answer is shown to the caller only                         */

/* Minor 4. What a call counts against for its member, server and everybody, beside the message that
 * led to it; see [limits]. */
#define TROUPE_LIMIT_IMAGES   (1u << 10)
#define TROUPE_LIMIT_FEATURES (1u << 11)

/* Minor 5. Offered where a platform has menus on members and on messages, under `menu` (TROUPE_MENU), beside
 * or without TROUPE_SLASH. On a member its first member parameter is whom; on a message its first
 * string parameter is the text, one with the name "message" is the message's id, and its first member
 * parameter is who wrote it. All other parameters may be left out. */
#define TROUPE_MENU_MEMBER  (1u << 12)
#define TROUPE_MENU_MESSAGE (1u << 13)

/* Minor 6. Called without arguments, as by the operator from the shell, once the agent serves: after the start
 * and after each reload, whether that changed it or not, for what is well done before somebody asks. It has no
 * member and no channel, at most ten minutes, and nobody waits for it or hears that it failed but the log. A
 * config key of its name (with _ for -), a number or a yes and no, switches that off where it is 0 or no. */
#define TROUPE_AT_START (1u << 14)

typedef struct troupe_param {
    const char *name; /* [a-z][a-z0-9_]{0,31}                                                     */
    const char *doc;  /* one line                                                                 */
    const char
        *choices; /* "red|green|blue", at most 250; NULL: any                                 */
    const char
        *def_text;   /* default of string and JSON parameters; NULL: none                        */
    double min, max; /* of numbers; of strings the length in bytes, of files the most bytes      */
    double def;      /* default of numbers and booleans; NaN: none                               */
    uint32_t type; /* TROUPE_TYPE_INT … TROUPE_TYPE_JSON                                       */
    uint32_t
        optional; /* 1: may be left out even without a default; it is then 0 or empty         */
} troupe_param;

typedef void (*troupe_fn)(void); /* really troupe_status (*)(troupe_turn *, one argument each) */

/* A function as TROUPE_FUNCTION declares it. The flags are those above. */
typedef struct troupe_function {
    uint32_t size;
    uint32_t flags;
    const char
        *name; /* [a-z][a-z0-9_-]{0,31}, or "service.name" for a service                     */
    const char *doc;
    troupe_array params; /* troupe_param, at most 16 */
    troupe_fn fn;
    uint32_t timeout_ms; /* 0: what is left of the turn */
    uint32_t reserved;
    const char *menu; /* minor 5: its entry, 1 to 32 characters; NULL: the name with blanks */
    /* Minor 6: so many calls of a member and in a server within so many seconds, at most 7 days; 0: any
     * number. TROUPE_LIMITED writes them. */
    uint32_t limit_member, limit_guild, limit_seconds, reserved2;
} troupe_function;

/* Parameters. The first two arguments are the C name and the doc; then designated members. */
#define TROUPE_INT(...)     (TROUPE_TYPE_INT, int64_t, __VA_ARGS__, .optional = 0)
#define TROUPE_FLOAT(...)   (TROUPE_TYPE_FLOAT, double, __VA_ARGS__, .optional = 0)
#define TROUPE_BOOL(...)    (TROUPE_TYPE_BOOL, int32_t, __VA_ARGS__, .optional = 0)
#define TROUPE_STRING(...)  (TROUPE_TYPE_STRING, troupe_str, __VA_ARGS__, .optional = 0)
#define TROUPE_JSON(...)    (TROUPE_TYPE_JSON, troupe_str, __VA_ARGS__, .optional = 0)
#define TROUPE_MEMBER(...)  (TROUPE_TYPE_MEMBER, uint64_t, __VA_ARGS__, .optional = 0)
#define TROUPE_CHANNEL(...) (TROUPE_TYPE_CHANNEL, uint64_t, __VA_ARGS__, .optional = 0)
#define TROUPE_ROLE(...)    (TROUPE_TYPE_ROLE, uint64_t, __VA_ARGS__, .optional = 0)
/* Minor 6. A file: one that is given with the command, or by its number one of the message's. It is there
 * before the function is entered, and is read by troupe_attachment_read (troupe/files.h, capability
 * "files"). .max is the most bytes, .choices the kinds, "text|picture" or one of them; what is neither, too
 * large or could not be fetched is refused with a sentence. */
#define TROUPE_ATTACHMENT(...) (TROUPE_TYPE_ATTACHMENT, uint64_t, __VA_ARGS__, .optional = 0)
/* The same, and the argument may be left out. */
#define TROUPE_OPT_INT(...)        (TROUPE_TYPE_INT, int64_t, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_FLOAT(...)      (TROUPE_TYPE_FLOAT, double, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_BOOL(...)       (TROUPE_TYPE_BOOL, int32_t, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_STRING(...)     (TROUPE_TYPE_STRING, troupe_str, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_JSON(...)       (TROUPE_TYPE_JSON, troupe_str, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_MEMBER(...)     (TROUPE_TYPE_MEMBER, uint64_t, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_CHANNEL(...)    (TROUPE_TYPE_CHANNEL, uint64_t, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_ROLE(...)       (TROUPE_TYPE_ROLE, uint64_t, __VA_ARGS__, .optional = 1)
#define TROUPE_OPT_ATTACHMENT(...) (TROUPE_TYPE_ATTACHMENT, uint64_t, __VA_ARGS__, .optional = 1)

/* A function that is known by its C name, and a service that is known by a dotted name. Both give
 * the prototype, so a definition that does not match its declaration does not compile. */
#define TROUPE_FUNCTION(cname, doc_, ...)                                                          \
    TROUPE_DECLARE_(cname, #cname, doc_, 0, NULL, 0, 0, 0, __VA_ARGS__, )
#define TROUPE_SERVICE(cname, name_, doc_, ...)                                                    \
    TROUPE_DECLARE_(cname, name_, doc_, 0, NULL, 0, 0, 0, __VA_ARGS__, )
/* A function that is also an entry of menus: TROUPE_MENU(quote, "Quote this", "Keeps a message",
 * TROUPE_MENU_MESSAGE, TROUPE_STRING(text, "What it says")). */
#define TROUPE_MENU(cname, menu_, doc_, ...)                                                       \
    TROUPE_DECLARE_(cname, #cname, doc_, 0, menu_, 0, 0, 0, __VA_ARGS__, )
/* A function that is used so many times at most by a member, and in a server (0: any number), within so many
 * seconds; whoever has is refused with a sentence and the seconds to wait, TROUPE_LIMIT to a caller. The
 * bot's owner is not held up. TROUPE_LIMITED(draw, "Draws", 3, 20, 3600, TROUPE_SLASH, …): three times an hour
 * for a member, twenty for a server. A reload keeps the count, a restart begins anew. */
#define TROUPE_LIMITED(cname, doc_, member_, guild_, seconds_, ...)                                \
    TROUPE_DECLARE_(cname, #cname, doc_, 0, NULL, member_, guild_, seconds_, __VA_ARGS__, )
/* A function or service with a time of its own, in milliseconds: a call that takes longer is ended, and
 * [admission] first_text, where that is shorter, stands still while it runs. TROUPE_TIMED(render, "render-film",
 * "Renders a film", 240000, TROUPE_SLASH, ...): four minutes, as far as the turn's own time goes. */
#define TROUPE_TIMED(cname, name_, doc_, ms_, ...)                                                 \
    TROUPE_DECLARE_(cname, name_, doc_, ms_, NULL, 0, 0, 0, __VA_ARGS__, )

#ifndef __cplusplus
#define TROUPE_DECLARE_(cname, name_, doc_, timeout_, menu_, member_, guild_, seconds_, flags_,    \
                        ...)                                                                       \
    static troupe_status cname(troupe_turn *turn TROUPE_EACH_(TROUPE_P_ARG_, __VA_ARGS__));        \
    TROUPE_QUIET_                                                                                  \
    static const troupe_param cname##_params_[] = {                                                \
        TROUPE_EACH_(TROUPE_P_INIT_, __VA_ARGS__){.name = NULL}};                                  \
    TROUPE_LOUD_                                                                                   \
    static const troupe_function cname##_function_ = {                                             \
        .size = sizeof(troupe_function),                                                           \
        .flags = (flags_),                                                                         \
        .name = (name_),                                                                           \
        .doc = (doc_),                                                                             \
        .params = {cname##_params_, sizeof(cname##_params_) / sizeof(troupe_param) - 1,            \
                   sizeof(troupe_param)},                                                          \
        .fn = (troupe_fn)(cname),                                                                  \
        .timeout_ms = (timeout_),                                                                  \
        .menu = (menu_),                                                                           \
        .limit_member = (member_),                                                                 \
        .limit_guild = (guild_),                                                                   \
        .limit_seconds = (seconds_)};
#endif

/* ---- config keys ------------------------------------------------------------------------------*/

/* What holds for a key beside its type; an agent whose section lacks a required one is refused. */
#define TROUPE_KEY_REQUIRED (1u << 0)
#define TROUPE_KEY_SECRET   (1u << 1) /* the plugin never sees it: see troupe/http.h               */
#define TROUPE_KEY_ENDPOINT                                                                        \
    (1u << 2) /* a URL that this plugin may reach with troupe/http.h       */
/* Minor 4. Members with the right to do so may set it for the bot, a server, a channel or a role while
 * the host runs (/config); the file is the floor. Read it inside the turn, not in create: there
 * troupe_config answers with what holds for the turn's member. Not for secrets, URLs and paths. */
#define TROUPE_KEY_SETTABLE (1u << 3)

/* A key of the agent's section as TROUPE_KEY declares it: its type is a TROUPE_TYPE_…, its flags are
 * TROUPE_KEY_…. */
typedef struct troupe_key {
    const char *name; /* [a-z][a-z0-9_]{0,31} */
    const char *doc;
    const char *def;     /* as it would be written; NULL: none */
    const char *choices; /* "a|b|c"; NULL: any. Of durations: words beside times, TROUPE_WORD */
    double min, max; /* of numbers, durations (ms), sizes (bytes) and money (micro-units)        */
    uint32_t type;
    uint32_t flags;
} troupe_key;

/* The value of a duration that was written as its i-th choice, from 0: `.choices = "off|auto"` takes "30s", too, and
 * is TROUPE_WORD(1) for "auto". No time is below 0. A host from before it refuses the declaration. */
#define TROUPE_WORD(i) (-1 - (int64_t)(i))

/* TROUPE_KEYS(TROUPE_KEY("model", "Model to ask", .type = TROUPE_TYPE_STRING, .def = "small"), …); in
 * C an element may also be written as a plain initialiser, {"model", "Model to ask", .type = …}. */
#ifndef __cplusplus
#define TROUPE_KEY(...)                                                                            \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define TROUPE_KEYS(...) TROUPE_ARRAY(((const troupe_key[]){__VA_ARGS__}))
/* Functions of this plugin by their C names, at most 16. */
#define TROUPE_LIST(...)                                                                           \
    TROUPE_ARRAY(((const troupe_function *const[]){TROUPE_EACH_(TROUPE_F_REF_, __VA_ARGS__)}))
#endif

/* ---- storage ----------------------------------------------------------------------------------*/

/* One forward step of the plugin's own tables, written as `{name}`; see troupe/sql.h. Versions count
 * from 1 without a gap; a released step is never changed. TROUPE_EMBED brings in a file. `back` takes
 * back what `sql` made, for who returns to an older version of the plugin (`troupe schema back`); it
 * may be changed at any time. Each line "-- lost: TEXT" of it names, to the operator, what goes for
 * ever; without such a line nothing does. */
typedef struct troupe_migration {
    uint32_t version;
    uint32_t reserved;
    const char *name;
    const char *sql;
    const char *back; /* NULL: there is no way back. Elements of older lists end before it */
} troupe_migration;

/* TROUPE_MIGRATIONS({1, 0, "poll", poll_sql, poll_back}, {2, 0, "closed", closed_sql, NULL}) */
#ifndef __cplusplus
#define TROUPE_MIGRATIONS(...) TROUPE_ARRAY(((const troupe_migration[]){__VA_ARGS__}))
#endif

/* Puts the bytes of a file and a NUL into the image under `name`, a const char []; the compiler
 * searches it as the assembler's -I says. Hidden, so it is no exported symbol. */
#define TROUPE_EMBED(name, file)                                                                   \
    __asm__(".pushsection .rodata\n.globl " #name "\n.hidden " #name "\n.type " #name              \
            ", %object\n"                                                                          \
            ".balign 16\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.size " #name ", . - " #name   \
            "\n.popsection\n");                                                                    \
    TROUPE_EXTERN_ __attribute__((visibility("hidden"))) const char name[]

/* ---- figures: see troupe/metrics.h --------------------------------------------------------------*/

#define TROUPE_METRIC_IS_COUNTER   0u /* a sum that only grows; its name gets _total */
#define TROUPE_METRIC_IS_GAUGE     1u /* the last value                              */
#define TROUPE_METRIC_IS_HISTOGRAM 2u /* how many values are up to each bound        */

typedef struct troupe_metric_decl {
    const char *name;    /* [a-z][a-z0-9_]{0,47}                                            */
    const char *doc;     /* one line                                                        */
    const char *labels;  /* "kind|result", at most two, [a-z][a-z0-9_]{0,31}; NULL: none    */
    const char *buckets; /* of a histogram: bounds "0.1|1|10", ascending, 1 to 16 of them   */
    uint32_t kind;       /* TROUPE_METRIC_IS_… */
    uint32_t reserved;
} troupe_metric_decl;

#ifndef __cplusplus
/* The list for `metrics` of the plugin's table. */
#define TROUPE_METRICS(...) TROUPE_ARRAY(((const troupe_metric_decl[]){__VA_ARGS__}))
/* One that only grows: its name, one line, and what else is set: .labels = "kind". */
#define TROUPE_COUNTER(name_, ...)                                                                 \
    {                                                                                              \
        .kind = TROUPE_METRIC_IS_COUNTER, .name = (name_), .doc = __VA_ARGS__                      \
    }
/* One whose last value counts; given like a counter. */
#define TROUPE_GAUGE(name_, ...)                                                                   \
    {                                                                                              \
        .kind = TROUPE_METRIC_IS_GAUGE, .name = (name_), .doc = __VA_ARGS__                        \
    }
/* One that counts values up to each bound; the bounds stand third: "0.1|1|10". */
#define TROUPE_HISTOGRAM(name_, doc_, ...)                                                         \
    {                                                                                              \
        .kind = TROUPE_METRIC_IS_HISTOGRAM, .name = (name_), .doc = (doc_), .buckets = __VA_ARGS__ \
    }
#endif

/* ---- the plugin itself ------------------------------------------------------------------------*/

typedef struct troupe_plugin {
    uint32_t size; /* sizeof(troupe_plugin) of the headers that it was compiled with */
    uint32_t abi_minor;
    const char *id;      /* "org.example.dice": reverse domain, stable for ever */
    const char *version; /* "1.4.0" */
    const char *doc;     /* one line */
    /* Extensions of the host without which it cannot work: "troupe.kv/1 troupe.http/1"; may be NULL.
     * A host that lacks one refuses the plugin and names it. */
    const char *needs;
    /* What it may do beyond answering, for people to read and the host to enforce, separated by
     * blanks: "kv", "sql", "schedule", "budget", "call:llm.chat" (calls that service),
     * "try:memory.search" (the same where somebody provides it; without, nobody is missed), "http:HOST"
     * (reaches that host); endpoints named in its config are allowed by TROUPE_KEY_ENDPOINT. */
    const char *capabilities;
    troupe_array functions;  /* pointers to troupe_function: TROUPE_LIST    */
    troupe_array config;     /* troupe_key: TROUPE_KEYS                     */
    troupe_array migrations; /* troupe_migration: TROUPE_MIGRATIONS         */
    /* Schema of the state that is handed over on reload: what save writes, the oldest load takes. */
    uint32_t state_version, state_oldest;

    /* Makes an agent: reads config, keeps what it needs. No waiting, no side effects; 3 s at most. It
     * runs first in a sandbox, where the only files are those that keys of type path name. On failure
     * say why by troupe_log and return a negative status. May be NULL. [loop] */
    troupe_status (*create)(troupe_host *host, void **ret_state);
    /* After the last turn of the agent's generation. May be NULL. [loop] */
    void (*destroy)(troupe_host *host, void *state);
    /* One place in a pipeline: returns TROUPE_NEXT, TROUPE_DONE, TROUPE_DROP or a failure. [turn] */
    troupe_status (*stage)(troupe_turn *turn);
    /* Sees the event beside the pipeline and cannot delay or answer it. [turn] */
    troupe_status (*observe)(troupe_turn *turn);
    /* The plugin's own extensions by id: "troupe.state/1". May be NULL. [any] */
    const void *(*get_extension)(const char *id);
    /* Minor 2. What `observe` gets besides messages that address the bot, separated by blanks; NULL:
     * nothing.
     *   "seen:message"  every message of a member that the bot can read, from memory: cheap, and lost
     *                   where the host crashes or 256 of them are being observed already. It has the
     *                   platform's plain fields: no author_name, no reply_to. Nothing is recorded,
     *                   nothing may be spent, and troupe_turn_id is 0.
     *   "owed:message"  the same, kept: each one, also one that addresses the bot, is stored before
     *                   the platform may forget it, a commit and a row each, and observed in a turn
     *                   of its own that a restart takes up again. What `observe` does there is
     *                   recorded like a stage's, under the name "observer AGENT". Several at a time,
     *                   in no order; a backlog waits in the store. It is lost where intake or store
     *                   refuse it (too many at once, no storage, the host is closing): counted as
     *                   owed_lost in `troupe status`, and logged. */
    const char *events;
    /* Minor 3. What the plugin planned with troupe/schedule.h is due: `payload` is what it gave then,
     * the turn has the scope of who planned it and no message. What it replies goes to the channel
     * where it was planned; no reply is silence. [turn] */
    troupe_status (*job)(troupe_turn *turn, troupe_str payload);
    /* Minor 6. Where it keeps what about members: TROUPE_USER_DATA of troupe/user_data.h. */
    troupe_array user_data;
    /* Minor 6. Figures of its own: TROUPE_METRICS of troupe/metrics.h. */
    troupe_array metrics;
    /* Minor 6. How the state is handed over: TROUPE_STATE_EXCLUSIVE, or 0. */
    uint32_t state_flags;
    uint32_t reserved;
} troupe_plugin;

/* Of `state_flags`. Without it a reload hands over what the state is at one moment, and turns that began before
 * go on with the old one, whose later changes nobody sees: right for a cache. With it never two generations
 * work: calls wait (at most 512 of an agent, each within its own time) until those inside have ended, the
 * state has gone over and the new build is published, and then enter that, also those of turns that began
 * before. Where a call is inside for more than 5 s the reload is refused: no place for long waits. A call that
 * was on its way to a function which the new build lacks, or declares otherwise, is TROUPE_UNAVAILABLE. */
#define TROUPE_STATE_EXCLUSIVE 0x1u

/* State handed from an old generation to a new one ("troupe.state/1"). `io` moves `len` bytes and
 * returns TROUPE_OK or a failure, which both callbacks pass on. [loop], no waiting, 1 s at most. */
typedef struct troupe_state_v1 {
    uint32_t size;
    uint32_t reserved;
    troupe_status (*save)(void *state, void *stream,
                          troupe_status (*io)(void *stream, const void *data, uint64_t len));
    troupe_status (*load)(void *state, uint32_t written_version, void *stream,
                          troupe_status (*io)(void *stream, void *data, uint64_t len));
} troupe_state_v1;

/* On the entry alone: everything else of a plugin stays hidden. */
#define TROUPE_EXPORT __attribute__((visibility("default")))

/* Marks a variable that all agents of this plugin in a process share on purpose: a cache, a counter.
 * `troupe plugin check` takes every other writable variable for a mistake. Agents on the worker pool see
 * it at the same time, so every access is atomic; nothing of a turn belongs there, and nothing that
 * must outlive a reload:  static TROUPE_SHARED _Atomic uint64_t asked; */
#define TROUPE_SHARED_SECTION "troupe_shared"
#define TROUPE_SHARED         __attribute__((section(TROUPE_SHARED_SECTION)))

/* The one exported symbol, the note and the table. Once in a plugin, at file scope. */
#ifndef __cplusplus
#define TROUPE_EXTERN_ extern
#define TROUPE_PLUGIN(id_, version_, doc_, ...)                                                    \
    __attribute__((section(".note.troupe"), used,                                                  \
                   aligned(4))) static const troupe_note troupe_note_ = {                          \
        .name_size = sizeof(TROUPE_NOTE_NAME),                                                     \
        .desc_size = sizeof(troupe_note) - offsetof(troupe_note, abi_major),                       \
        .type = TROUPE_NOTE_TYPE,                                                                  \
        .name = TROUPE_NOTE_NAME,                                                                  \
        .abi_major = TROUPE_ABI_MAJOR,                                                             \
        .abi_minor = TROUPE_ABI_MINOR,                                                             \
        .id = id_,                                                                                 \
        .version = version_};                                                                      \
    static const troupe_plugin troupe_plugin_ = {.size = sizeof(troupe_plugin),                    \
                                                 .abi_minor = TROUPE_ABI_MINOR,                    \
                                                 .id = id_,                                        \
                                                 .version = version_,                              \
                                                 .doc = doc_,                                      \
                                                 __VA_ARGS__};                                     \
    TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void);                                     \
    TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)                                      \
    {                                                                                              \
        return &troupe_plugin_;                                                                    \
    }                                                                                              \
    TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)
#endif

/* ---- below: how the macros do it --------------------------------------------------------------*/

/* A parameter's defaults come first and the author's members override them, which -Wextra reports. */
#define TROUPE_QUIET_                                                                              \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wpragmas\"")                 \
        _Pragma("GCC diagnostic ignored \"-Wunknown-warning-option\"")                             \
            _Pragma("GCC diagnostic ignored \"-Woverride-init\"")                                  \
                _Pragma("GCC diagnostic ignored \"-Winitializer-overrides\"")
#define TROUPE_LOUD_ _Pragma("GCC diagnostic pop")

/* A parameter is a tuple in brackets; what is left of a list without any is nothing, and gives nothing. */
#define TROUPE_P_ARG_(tuple) TROUPE_CAT_(TROUPE_P_ARG_, TROUPE_IS_TUPLE_(tuple))(tuple)
#define TROUPE_P_ARG_0(nothing)
#define TROUPE_P_ARG_1(tuple)                          TROUPE_P_ARG__ tuple
#define TROUPE_P_ARG__(type_, ctype, name_, doc_, ...) , ctype name_
#define TROUPE_P_INIT_(tuple)                          TROUPE_CAT_(TROUPE_P_INIT_, TROUPE_IS_TUPLE_(tuple))(tuple)
#define TROUPE_P_INIT_0(nothing)
#define TROUPE_P_INIT_1(tuple)     TROUPE_P_INIT__ tuple
#define TROUPE_IS_TUPLE_(x)        TROUPE_SECOND_(TROUPE_PROBE_ x, 0, 0)
#define TROUPE_PROBE_(...)         0, 1
#define TROUPE_SECOND_(...)        TROUPE_SECOND__(__VA_ARGS__)
#define TROUPE_SECOND__(a, b, ...) b
#ifndef __cplusplus
#define TROUPE_P_INIT__(type_, ctype, name_, doc_, ...)                                            \
    {.name = #name_,                                                                               \
     .doc = (doc_),                                                                                \
     .type = (type_),                                                                              \
     .min = -__builtin_inf(),                                                                      \
     .max = __builtin_inf(),                                                                       \
     .def = __builtin_nan(""),                                                                     \
     __VA_ARGS__},
#endif
#define TROUPE_F_REF_(cname) &cname##_function_,

/* Applies a macro to each of up to 16 arguments and one that is empty. */
#define TROUPE_EACH_(m, ...) TROUPE_CAT_(TROUPE_EACH_, TROUPE_COUNT_(__VA_ARGS__))(m, __VA_ARGS__)
#define TROUPE_CAT_(a, b)    TROUPE_CAT__(a, b)
#define TROUPE_CAT__(a, b)   a##b
#define TROUPE_COUNT_(...)                                                                         \
    TROUPE_COUNT__(__VA_ARGS__, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define TROUPE_COUNT__(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, count, ...) count
#define TROUPE_EACH_1(m, a)                                                           m(a)
#define TROUPE_EACH_2(m, a, ...)                                                      m(a) TROUPE_EACH_1(m, __VA_ARGS__)
#define TROUPE_EACH_3(m, a, ...)                                                      m(a) TROUPE_EACH_2(m, __VA_ARGS__)
#define TROUPE_EACH_4(m, a, ...)                                                      m(a) TROUPE_EACH_3(m, __VA_ARGS__)
#define TROUPE_EACH_5(m, a, ...)                                                      m(a) TROUPE_EACH_4(m, __VA_ARGS__)
#define TROUPE_EACH_6(m, a, ...)                                                      m(a) TROUPE_EACH_5(m, __VA_ARGS__)
#define TROUPE_EACH_7(m, a, ...)                                                      m(a) TROUPE_EACH_6(m, __VA_ARGS__)
#define TROUPE_EACH_8(m, a, ...)                                                      m(a) TROUPE_EACH_7(m, __VA_ARGS__)
#define TROUPE_EACH_9(m, a, ...)                                                      m(a) TROUPE_EACH_8(m, __VA_ARGS__)
#define TROUPE_EACH_10(m, a, ...)                                                     m(a) TROUPE_EACH_9(m, __VA_ARGS__)
#define TROUPE_EACH_11(m, a, ...)                                                     m(a) TROUPE_EACH_10(m, __VA_ARGS__)
#define TROUPE_EACH_12(m, a, ...)                                                     m(a) TROUPE_EACH_11(m, __VA_ARGS__)
#define TROUPE_EACH_13(m, a, ...)                                                     m(a) TROUPE_EACH_12(m, __VA_ARGS__)
#define TROUPE_EACH_14(m, a, ...)                                                     m(a) TROUPE_EACH_13(m, __VA_ARGS__)
#define TROUPE_EACH_15(m, a, ...)                                                     m(a) TROUPE_EACH_14(m, __VA_ARGS__)
#define TROUPE_EACH_16(m, a, ...)                                                     m(a) TROUPE_EACH_15(m, __VA_ARGS__)
#define TROUPE_EACH_17(m, a, ...)                                                     m(a) TROUPE_EACH_16(m, __VA_ARGS__)

#ifdef __cplusplus
#include <troupe/cxx.h>
#endif

#endif
