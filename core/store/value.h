/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed values and statements, the words in which everybody speaks to the store. A statement is
 * SQL text with parameters: positional `?` and `?N`, or named `:name`. Values and texts are borrowed
 * until the call that takes them returns; what must live longer is copied there.
 *
 * Core code writes    STORE_SQL("SELECT body FROM outbox WHERE turn_id = ?1", store_int(turn))
 * or, with a guard,   STORE_EXPECT(1, "UPDATE turn SET state = ?2 WHERE id = ?1", …)
 */
#ifndef STORE_VALUE_H
#define STORE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum store_type {
    STORE_NULL,
    STORE_INT,
    STORE_DOUBLE,
    STORE_TEXT,
    STORE_BLOB,
    STORE_ROWID /* parameters only: the row id that an earlier statement of the batch generated */
};

struct store_value {
    enum store_type type;
    const char *name; /* the parameter's name without ':'; NULL: positional, in order             */
    int64_t integer;  /* STORE_INT; for STORE_ROWID the statement's index in the batch            */
    double real;      /* STORE_DOUBLE                                                             */
    const char
        *data; /* STORE_TEXT (NUL-terminated in results) and STORE_BLOB                     */
    size_t len;
    bool given; /* a batch was given the bytes (store_batch_give), so it does not copy them       */
};

/* Who a plugin's statement runs for. The host fills it; a NULL member is bound as SQL NULL (write
 * `guild IS :guild`). Bound to :account :guild :channel :member wherever a statement of a plugin
 * uses them; a value of the plugin's own with one of these names is refused with TROUPE_DENIED. */
struct store_scope {
    const char *account, *guild, *channel, *member;
};

#define STORE_ANY (-1) /* `expect`: any number of rows */

struct store_statement {
    const char *sql;
    bool sql_stays; /* the text is part of the program, so a command need not copy it */
    /* The namespace of the plugin it runs for; NULL: the core's own. In a namespace `{table}` is the
     * plugin's own table, and every other table, ATTACH, PRAGMA, transaction control and a second
     * statement in the text are refused. */
    const char *ns;
    const struct store_scope *scope; /* NULL: all four are SQL NULL                              */
    int64_t expect; /* rows it must change (a SELECT: return) exactly, else TROUPE_CONFLICT       */
    const struct store_value *params;
    size_t param_count;
};

#define STORE_PARAMS(...)                                                                          \
    .params = (const struct store_value[]){__VA_ARGS__},                                           \
    .param_count = sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)
/* Whether a text is a literal, as far as the compiler can tell: of a pointer to a text it says no. */
#define STORE_STAYS(text) (__builtin_constant_p(text) != 0)
#define STORE_EXPECT(rows, text, ...)                                                              \
    (&(const struct store_statement){.sql = (text),                                                \
                                     .sql_stays = STORE_STAYS(text),                               \
                                     .expect = (rows),                                             \
                                     STORE_PARAMS(__VA_ARGS__)})
#define STORE_SQL(text, ...) STORE_EXPECT(STORE_ANY, text, __VA_ARGS__)

static inline struct store_value store_null(void)
{
    return (struct store_value){.type = STORE_NULL};
}
static inline struct store_value store_int(int64_t value)
{
    return (struct store_value){.type = STORE_INT, .integer = value};
}
static inline struct store_value store_double(double value)
{
    return (struct store_value){.type = STORE_DOUBLE, .real = value};
}
static inline struct store_value store_textn(const char *text, size_t len)
{
    return (struct store_value){.type = STORE_TEXT, .data = text, .len = len};
}
/* NULL becomes SQL NULL. */
static inline struct store_value store_text(const char *text)
{
    return text ? store_textn(text, strlen(text)) : store_null();
}
static inline struct store_value store_blob(const void *data, size_t len)
{
    return (struct store_value){.type = STORE_BLOB, .data = data, .len = len};
}
/* The row id that statement `index` (as store_batch_add returned it) of the same batch generated. */
static inline struct store_value store_rowid_of(size_t index)
{
    return (struct store_value){.type = STORE_ROWID, .integer = (int64_t)index};
}
/* The same value for the parameter `:name`. */
static inline struct store_value store_named(const char *name, struct store_value value)
{
    value.name = name;
    return value;
}

#endif
