/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration, in two steps, because what plugins declare is known only after their files
 * were found by the first:
 *
 *   config_parse   layers of text -> struct config_raw: sections and entries, each with its origin
 *   config_check   raw + tables   -> struct config: typed, complete, immutable
 *
 * Layers, later wins key by key: the main file; `conf.d/` files ending in .ini beside it, in byte
 * order; `--set SECTION.KEY=VALUE`. `include = PATTERN` lines at the top of a file, before its
 * first section, are read in their place, so the file itself wins over what it includes. A value
 * may contain ${env:NAME}, ${file:PATH} and ${cmd:COMMAND}; $${ is a literal ${.
 *
 * Both steps collect every problem they find, so that one run shows them all. A finished struct
 * config may be read by any thread.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "config/schema.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds; beyond them the configuration is refused. */
#define CONFIG_MAX_ENTRIES  4096       /* keys over all layers                          */
#define CONFIG_MAX_FILE     (1 << 20)  /* bytes of one file                             */
#define CONFIG_MAX_INCLUDES 64         /* files beside the main file                    */
#define CONFIG_MAX_DEPTH    8          /* files that include each other                 */
#define CONFIG_MAX_VALUE    (64 << 10) /* bytes of a value after expansion              */
#define CONFIG_MAX_NAME     48         /* bytes of a section's or a key's name          */
#define CONFIG_MAX_PROBLEMS 100        /* the rest is counted only                      */
#define CONFIG_COMMANDS_MS  30000      /* for all commands of one config_parse          */

/* ---- problems ------------------------------------------------------------------------------ */

/* A zeroed struct is an empty list. Texts are whole lines: `file:line: key "x" in [section]: …`. */
struct config_problems {
    struct config_problem {
        char *text;
        bool warning; /* worth a line in the log, refuses nothing */
    } * items;
    size_t count;
    size_t errors;  /* those that are no warning, dropped ones too */
    size_t dropped; /* beyond CONFIG_MAX_PROBLEMS                  */
};
void config_problems_clear(struct config_problems *problems);
/* Puts those of `from` behind those of `to`; `from` is empty then. */
void config_problems_move(struct config_problems *to, struct config_problems *from);
/*
 * Adds an error of the caller's own, for rules that span sections (a stage that names no agent).
 * `file` NULL: no place is known. Returns TROUPE_CONFIG.
 */
troupe_status config_problem(struct config_problems *problems, const char *file, unsigned line,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same as a warning, which refuses nothing. */
void config_warning(struct config_problems *problems, const char *file, unsigned line,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- step one: layers to raw sections ------------------------------------------------------ */

struct config_raw;

/*
 * The file to read when no -c was given: /etc/troupe/troupe.ini (or the prefix's), else
 * ~/.config/troupe/troupe.ini. `ret_path` is the caller's, to be freed with mem_free.
 * TROUPE_NOT_FOUND names both places.
 */
troupe_status config_default_path(char **ret_path, struct error *err);
/* Where a new one belongs so that it is found there: the same as above where that is; else in the
 * prefix's directory, where it exists and may be written, else the home's. mem_free. */
char *config_new_path(void);

/*
 * Reads the layers. `path` NULL: no file at all, the defaults and `sets` only. `sets` are the
 * arguments of --set. On TROUPE_CONFIG `problems` tells why and `ret` is untouched; a file that
 * cannot be read is such a problem too. The raw result is the caller's.
 *
 * Runs the commands of ${cmd:} in the values that hold, each once however often the result is
 * checked, after everything else was read without an error; one that fails is a problem. So it
 * blocks, for CONFIG_COMMANDS_MS at most beside the reading of files, and is not for the loop's
 * thread while that serves. Any thread: it needs no loop and shares nothing; what it is given must
 * stay until it returns.
 */
troupe_status config_parse(const char *path, const char *const *sets, size_t set_count,
                           struct config_raw **ret, struct config_problems *problems);
/* The same for a text in memory; `name` stands for the file in messages. Includes and, by
 * config_check, commands are refused, so it does not block. */
troupe_status config_parse_text(const char *name, const char *text, size_t len,
                                struct config_raw **ret, struct config_problems *problems);
/* One section with one key, or none where `key` is NULL, for who checks declarations and has no text;
 * both names are some that a file could have. */
struct config_raw *config_raw_single(const char *source, const char *title, const char *key,
                                     const char *value);
void config_raw_free(struct config_raw *raw);

struct config; /* one generation of the configuration */

/*
 * The core's own sections as far as they can be read, for a client that must find a running host
 * although the files are broken now. Runs no commands. Never NULL; a value that does not hold is
 * unset.
 */
struct config *config_look(const char *path, const char *const *sets, size_t set_count);

/* ---- step two: raw sections to values ------------------------------------------------------ */

/*
 * Sections of CONFIG_OPEN tables ([agent …]) let keys through that no table declares; they are left
 * out of the result. For the first look, which tells where the plugins are.
 */
#define CONFIG_CHECK_OPEN 0x1u
/* Gives a result in spite of problems; keys that do not hold are unset in it. */
#define CONFIG_CHECK_LENIENT 0x2u

struct config_section; /* one section of it, lives as long as the config                          */

/*
 * Checks `raw` against the core's tables and `count` more. The tables are copied where needed and
 * may go afterwards. Secrets are registered with log_mask. On TROUPE_CONFIG `problems` tells why
 * and `ret` is untouched; on success it may hold warnings. The result has one reference. Opens the
 * files of ${file:} and else does not block. Any thread, one at a time for one `raw`.
 */
troupe_status config_check(const struct config_raw *raw, const struct config_schema *schemas,
                           size_t count, unsigned flags, struct config **ret,
                           struct config_problems *problems);
struct config *config_ref(struct config *config); /* any thread */
void config_unref(struct config *config);         /* any thread; NULL is fine */

/* ---- reading ------------------------------------------------------------------------------- */

/* The main file's path, or "" when there was none. */
const char *config_path(const struct config *config);
/* `name` NULL for sections without a name. NULL when there is no such section. */
const struct config_section *config_section(const struct config *config, const char *kind,
                                            const char *name);
/* The next section of the kind after `prev` (NULL: the first), in the order of the files. */
const struct config_section *config_next(const struct config *config, const char *kind,
                                         const struct config_section *prev);
const char *config_section_kind(const struct config_section *section);
const char *config_section_name(const struct config_section *section); /* "" without a name */
/* "agent llm", as between the brackets. */
const char *config_section_title(const struct config_section *section);
/* Where the section's header stands, for messages; *ret_line 0 where nobody wrote it. */
const char *config_section_origin(const struct config_section *section, unsigned *ret_line);

struct config_list {
    size_t count;
    const char *const *items;
};

/*
 * One value. `text` is the text after expansion (a secret's too: never print it), `number` holds
 * INT, DURATION (ms), SIZE (bytes), MONEY (micro-dollars), BOOL (0, 1) and the index of a CHOICE.
 */
struct config_value {
    const char *key;
    enum config_type type;
    unsigned flags;
    bool set;         /* false: neither set nor a default; text "", numbers 0, list empty */
    const char *file; /* origin: a file's path, "default" or "--set"                      */
    unsigned line;    /* 0 unless it came from a file                                     */
    const char *text;
    int64_t number;
    double real; /* FLOAT */
    struct config_list list;
};

/* Any declared key, or NULL; for callers that do not know the tables. */
const struct config_value *config_value(const struct config_section *section, const char *key);
size_t config_value_count(const struct config_section *section);
const struct config_value *config_value_at(const struct config_section *section, size_t index);

/*
 * By name, for callers that declared the key themselves: asking for a key that no table declares,
 * or as another type, is an error in the program and aborts it. Unset keys give NULL, 0, an empty
 * list. Strings live as long as the config.
 */
bool config_is_set(const struct config_section *section, const char *key);
const char *config_str(const struct config_section *section, const char *key); /* PATH, URL too */
int64_t config_int(const struct config_section *section, const char *key);     /* INT           */
int64_t config_ms(const struct config_section *section, const char *key);      /* DURATION      */
int64_t config_bytes(const struct config_section *section, const char *key);   /* SIZE          */
int64_t config_micros(const struct config_section *section, const char *key);  /* MONEY         */
double config_double(const struct config_section *section, const char *key);   /* FLOAT         */
bool config_bool(const struct config_section *section, const char *key);       /* BOOL          */
int config_choice(const struct config_section *section, const char *key); /* index, unset: -1   */
const struct config_list *config_list(const struct config_section *section, const char *key);

/* ---- settings --------------------------------------------------------------------------------
 * Keys with CONFIG_SETTABLE may be set by people while the host runs, for a part of it: the files are
 * the floor. Here is what they are called and what they take; who may set them and where that is kept
 * is not core/config's. */

struct config_setting {
    const char *section; /* "limits", or an agent's name */
    const struct config_key *key;
};
/* By "SECTION.KEY", for an agent "NAME.KEY", among the core's tables and `schemas`, which name one
 * agent each. TROUPE_NOT_FOUND with the nearest name; TROUPE_DENIED for a key of the files only. */
troupe_status config_setting_find(const struct config_schema *schemas, size_t count,
                                  const char *name, struct config_setting *ret, struct error *err);
/* Reads what somebody wrote, by the key's own type and bounds, without expansion. Texts of `ret` go
 * to `arena`. TROUPE_ARGUMENT says what was expected. */
troupe_status config_setting_read(const struct config_setting *setting, const char *text,
                                  struct arena *arena, struct config_value *ret, struct error *err);
/* Each that there is, in the order of the tables. */
void config_settings_each(const struct config_schema *schemas, size_t count,
                          void (*report)(void *arg, const struct config_setting *setting),
                          void *arg);

/* ---- comparing, printing ------------------------------------------------------------------- */

/* Whether both hold the same keys with the same values; origins do not count. NULL equals NULL. */
bool config_section_equal(const struct config_section *a, const struct config_section *b);

/* One difference between two configs. A section that came or went has `key` NULL. */
struct config_change {
    const char *section; /* title                                     */
    const char *key;
    bool live;    /* the key carries CONFIG_LIVE                */
    bool added;   /* the section is new; only where `key` is NULL */
    bool removed; /* the section is gone                          */
};
/* Calls `report` for each difference, in the order of the new config; removed sections last. */
void config_diff(const struct config *old, const struct config *new_config,
                 void (*report)(const struct config_change *change, void *user), void *user);

/*
 * `key = value ; origin` for every section and key, secrets as ***, control characters escaped; a
 * key without a value is a comment. For people; programs read config_json.
 */
void config_print(const struct config *config, struct buf *out);
/* {"SECTION": {"KEY": {"value": …, "file": …, "line": …}}}, secrets as "***"; the caller's. */
json_t *config_json(const struct config *config);

/* "2h", "64k", "1.50": a number the way an operator writes it. `out` takes 32 bytes. */
void config_format_duration(int64_t ms, char out[32]);
void config_format_size(int64_t bytes, char out[32]);
void config_format_money(int64_t micros, char out[32]);
/* "1.50" to 1500000, exactly; TROUPE_ARGUMENT on more than 6 decimals or no number. */
troupe_status config_parse_money(const char *text, int64_t *ret_micros);

#endif
