/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL that SQLite takes, as PostgreSQL has it: types by the names there, texts compared byte by
 * byte, a number made for each row of a table whose key is one. And the wall around a plugin's SQL. Its
 * search path shows it its own schema alone, so what is left to refuse are names that lead out of
 * it: schemas, the catalogue, and functions that do more than compute from their arguments.
 */
#include "base/buf.h"
#include "store/postgres/postgres.h"

#include <stdio.h>
#include <strings.h>

/* Functions that compute from their arguments only, and words that stand before parentheses. Sorted. */
/* clang-format off */
static const char *const callable[] = {
    "abs", "all", "and", "any", "as", "avg", "between", "by", "case", "cast", "ceil", "ceiling",
    "char", "check", "coalesce", "concat", "concat_ws", "conflict", "count", "cume_dist", "decimal", "default",
    "delete", "dense_rank", "distinct", "else", "end", "escape", "except", "exists", "exp", "filter",
    "first_value", "floor", "from", "group", "having", "hex", "ifnull", "iif", "in", "instr",
    "intersect", "is", "join", "key", "lag", "last_value", "lead", "length", "like", "limit", "ln",
    "log", "lower", "ltrim", "materialized", "max", "min", "mod", "not", "nth_value", "ntile",
    "nullif", "numeric", "octet_length", "offset", "on", "or", "order", "over", "partition", "percent_rank",
    "pow", "power", "random", "range", "rank", "replace", "returning", "round", "row", "row_number",
    "rows", "rtrim", "select", "set", "sign", "sqrt", "string_agg", "substr", "substring", "sum",
    "then", "trim", "trunc", "union", "unique", "unixepoch", "update", "upper", "using", "values",
    "varchar",
    "when", "where", "with", "within",
};
/* Schemas of the host's and of the database. */
static const char *const closed[] = {"information_schema", "public", "troupe", "troupe_sql"};
/* clang-format on */

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

static bool listed(const char *text, size_t len, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is(text, len, list[i]))
            return true;
    return false;
}

static const char *skip_space(const char *at)
{
    while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
        at++;
    return at;
}

/* Whether the next word is this one; what stands behind it. */
static const char *next_is(const char *at, const char *word)
{
    size_t len = strlen(word);

    at = skip_space(at);
    if (strncasecmp(at, word, len) != 0)
        return NULL;
    at += len;
    return (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_' ? NULL : at;
}

static bool forbidden_name(const struct store_word *word)
{
    return (word->len >= 3 && strncasecmp(word->text, "pg_", 3) == 0) ||
           (word->len >= 7 && strncasecmp(word->text, "troupe:", 7) == 0) ||
           listed(word->text, word->len, closed, sizeof(closed) / sizeof(closed[0]));
}

/* Only tables and their indexes are made, altered and dropped, and a table stays where it is. "{table}"
 * is no word, so that the third word of an ALTER TABLE is what is done to it. */
static bool may_migrate(const struct store_word *word)
{
    static const char *const made[] = {"table", "index", "unique"};
    static const char *const altered[] = {"add", "drop", "rename"};

    if (word->index == 1 && (is(word->before, word->before_len, "create") ||
                             is(word->before, word->before_len, "drop")))
        return listed(word->text, word->len, made, 3);
    if (is(word->first, word->first_len, "alter") && word->index == 1)
        return is(word->text, word->len, "table");
    if (is(word->first, word->first_len, "alter") && word->index == 2)
        return listed(word->text, word->len, altered, 3);
    return true;
}

static troupe_status guard(const struct store_word *word, struct error *err)
{
    int shown = word->len < 48 ? (int)word->len : 48;

    if (forbidden_name(word))
        return error_set(err, TROUPE_DENIED,
                         "\"%.*s\" is the database's own and not open to plugins", shown,
                         word->text);
    if (word->migration && !may_migrate(word))
        return error_set(err, TROUPE_DENIED,
                         "\"%.*s\" is not open to plugins: use CREATE and DROP for tables and "
                         "indexes, ALTER TABLE with ADD, DROP and RENAME",
                         shown, word->text);
    if (*skip_space(word->rest) != '(' || is(word->before, word->before_len, "with") ||
        is(word->before, word->before_len, "recursive") ||
        listed(word->text, word->len, callable, sizeof(callable) / sizeof(callable[0])))
        return TROUPE_OK;
    return error_set(err, TROUPE_DENIED, "a plugin's SQL may not use the function \"%.*s\"", shown,
                     word->text);
}

/* The type of a column or of a CAST. */
static troupe_status type(const struct store_word *word, bool column, struct buf *out)
{
    const char *rest;

    if (is(word->text, word->len, "integer") || is(word->text, word->len, "int")) {
        rest = column ? next_is(word->rest, "primary") : NULL;
        return buf_puts(out, rest && next_is(rest, "key")
                                 ? "BIGINT GENERATED BY DEFAULT AS IDENTITY"
                                 : "BIGINT");
    }
    if (is(word->text, word->len, "blob"))
        return buf_puts(out, "BYTEA");
    if (is(word->text, word->len, "real"))
        return buf_puts(out, "DOUBLE PRECISION");
    if (column && is(word->text, word->len, "text"))
        return buf_puts(out, "TEXT COLLATE \"C\"");
    if (column && is(word->text, word->len, "autoincrement"))
        return buf_puts(out, " ");
    return TROUPE_OK;
}

/* "a IS ?1", which is true for two NULLs. */
static troupe_status comparison(const struct store_word *word, struct buf *out)
{
    const char *rest = skip_space(word->rest);
    bool value = *rest == '?' || (*rest == ':' && rest[1] != ':');

    if (is(word->text, word->len, "is") && value)
        return buf_puts(out, "IS NOT DISTINCT FROM");
    rest = is(word->text, word->len, "is") ? next_is(word->rest, "not") : NULL;
    rest = rest ? skip_space(rest) : "";
    if (*rest == '?' || *rest == ':')
        return buf_puts(out, " "); /* with the word that follows */
    if (is(word->text, word->len, "not") && is(word->before, word->before_len, "is") && value)
        return buf_puts(out, "IS DISTINCT FROM");
    return TROUPE_OK;
}

static troupe_status translate(const struct store_word *word, struct buf *out, struct error *err)
{
    bool cast = is(word->before, word->before_len, "as");
    troupe_status status = TROUPE_OK;

    if (word->ns)
        status = guard(word, err);
    if (status < 0 || word->quoted)
        return status;
    status = comparison(word, out);
    if (status >= 0 && (cast || word->migration))
        status = type(word, word->migration && !cast, out);
    return status < 0 ? error_set(err, status, "the text is too long") : TROUPE_OK;
}

const struct store_dialect postgres_dialect = {
    .placeholder = '$',
    .name_max = 63,
    .strict = true,
    .word = translate,
};
const struct store_dialect postgres_sealing = {
    .placeholder = '$',
    .name_max = 63,
    .seals = true,
    .strict = true,
    .word = translate,
};

void postgres_schema(const char *ns, char ret[POSTGRES_NAME_SIZE])
{
    if (snprintf(ret, POSTGRES_NAME_SIZE, "troupe:%s", ns) >= POSTGRES_NAME_SIZE) {
        char checksum[STORE_CHECKSUM_SIZE];

        store_checksum(ns, checksum);
        snprintf(ret, POSTGRES_NAME_SIZE, "troupe:%.38s:%s", ns, checksum);
    }
}
