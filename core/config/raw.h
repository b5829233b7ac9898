/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/config only: what the first step builds. Sections and entries in the order in which
 * they were first seen; a later layer replaces value and origin of an entry in its place.
 */
#ifndef CONFIG_RAW_H
#define CONFIG_RAW_H

#include "base/arena.h"
#include "base/map.h"
#include "config/config.h"

#include <sys/stat.h>

/* Where entries come from: one file as it was read once, or the command line. */
struct raw_source {
    const char *name; /* shown in messages and as origin                             */
    const char *dir;  /* what relative paths start at; NULL: the working directory   */
    bool command_line;
    bool exposed;  /* a file that every user of the machine can read  */
    bool writable; /* a file that others than its owner can write     */
};

struct raw_entry {
    const char *key;
    char *value; /* as written, before expansion */
    const struct raw_source *source;
    unsigned line;
};

struct raw_section {
    const char *title, *kind, *name; /* "agent llm", "agent", "llm"; name "" where there is none */
    const struct raw_source *source; /* of the first header */
    unsigned line;
    struct raw_entry **entries;
    size_t count;
    struct map by_key;
};

struct config_raw {
    struct arena arena;
    const char *path; /* the main file, NULL when there is none */
    struct raw_section **sections;
    size_t count;
    struct map by_title;
    size_t lines;        /* entries over all layers, replaced ones too            */
    struct map commands; /* text of a command -> struct raw_command of command.h */
};

struct config_raw *raw_new(void);
struct raw_source *raw_source_add(struct config_raw *raw, const char *name, const char *dir);

/*
 * Splits "agent  llm" (what stands between the brackets) and finds or adds the section. On a
 * malformed title NULL, and `err` says what is expected.
 */
struct raw_section *raw_section_add(struct config_raw *raw, const char *title,
                                    const struct raw_source *source, unsigned line,
                                    struct error *err);
/* Adds or replaces; TROUPE_CONFIG for a bad key, a duplicate inside one file, too many entries. */
troupe_status raw_entry_add(struct config_raw *raw, struct raw_section *section, const char *key,
                            const char *value, const struct raw_source *source, unsigned line,
                            struct error *err);

/* What the reader of one text does with an `include` line; `at_line` is that line. */
struct ini_include {
    void (*include)(void *user, const struct raw_source *source, unsigned at_line,
                    const char *pattern);
    void *user;
};
/* Reads one text into `raw`; problems are added, reading goes on behind them. */
void ini_read(struct config_raw *raw, const struct raw_source *source, const char *text, size_t len,
              const struct ini_include *include, struct config_problems *problems);

/* Adds an error or a warning at a place; `source` may be NULL. */
void problem_add(struct config_problems *problems, bool warning, const char *file, unsigned line,
                 const char *format, va_list args) __attribute__((format(printf, 5, 0)));
troupe_status problem_at(struct config_problems *problems, const struct raw_source *source,
                         unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void warning_at(struct config_problems *problems, const struct raw_source *source, unsigned line,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "~/x" and relative paths made absolute against `dir`; the caller's, freed with mem_free. */
char *config_resolve_path(const char *dir, const char *path);
/*
 * Reads a regular file of at most `max` bytes. `ret_exposed` may be NULL. TROUPE_IO, TROUPE_LIMIT
 * with a text that starts with the path in quotes.
 */
troupe_status config_read_file(const char *path, size_t max, struct buf *out, struct stat *ret_stat,
                               struct error *err);

/*
 * Replaces ${env:}, ${file:}, ${cmd:} and $${ in `text`. `secret`: what was put in is masked in the
 * log, and a file that every user can read is refused. `ret_expanded`: whether anything was put in.
 */
troupe_status config_expand(const struct config_raw *raw, const struct raw_source *source,
                            const char *text, bool secret, struct buf *out, bool *ret_expanded,
                            struct error *err);

/*
 * Reads `text` as `key` says into `value`, whose strings go to `arena`. TROUPE_ARGUMENT when it does
 * not fit; `ret_bad` is then the part that does not, which lives in `arena` too.
 */
troupe_status config_value_read(struct arena *arena, const struct config_key *key, const char *dir,
                                const char *text, struct config_value *value, const char **ret_bad);
/* The words that the key takes; NULL: it takes none. */
const char *const *config_key_words(const struct config_key *key);
/* "an integer from 1 to 100", as in `expected …`. */
void config_value_expected(const struct config_key *key, struct buf *out);

/* A finished section and config, built by check.c. */
struct config_section {
    const char *title, *kind, *name;
    const char *file;
    unsigned line;
    struct config_value *values;
    size_t count;
    struct map by_key;
};

struct config {
    _Atomic unsigned refs;
    struct arena arena;
    const char *path;
    struct config_section **sections;
    size_t count;
    struct map by_title;
};

struct config *config_new(const char *path); /* one reference, no sections; NULL: no file */

#endif
