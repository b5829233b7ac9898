/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rewrite.h"

#include "base/buf.h"
#include "base/mem.h"
#include "store/migrate.h"
#include "store/seal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const reserved_names[] = {"account", "guild", "channel", "member"};
static const char *const run_keywords[] = {"select", "insert", "update", "delete",
                                           "with",   "values", "replace"};
static const char *const migrate_keywords[] = {"create", "alter", "drop"};

struct rewriter {
    const struct store_dialect *dialect;
    const char *start, *at;
    const char *ns;
    enum store_sql_kind kind;
    bool begun;         /* inside a statement                */
    bool terminated;    /* a semicolon ended the statement   */
    const char *before; /* its last word so far */
    const char *first;  /* and its first one */
    size_t before_len, first_len, words;
    struct buf out;
    struct store_sql sql;
    size_t slot_cap;
    struct error *err;
};

/* ASCII only: the locale has no say in SQL, and bytes of UTF-8 are letters of identifiers. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) ||
           is_digit(c);
}

static size_t word_len(const char *at)
{
    size_t len = 0;

    while (is_word(at[len]))
        len++;
    return len;
}

static size_t line_of(const struct rewriter *rw)
{
    size_t line = 1;

    for (const char *p = rw->start; p < rw->at; p++)
        line += *p == '\n';
    return line;
}

bool store_ns_valid(const char *ns)
{
    size_t len = ns ? strlen(ns) : 0;

    if (len == 0 || len > STORE_NAME_MAX || ns[0] < 'a' || ns[0] > 'z' || ns[len - 1] == '_' ||
        strstr(ns, "__") || strcmp(ns, "core") == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = ns[i];

        if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '_' && c != '.' && c != '-')
            return false;
    }
    return true;
}

bool store_name_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof(reserved_names) / sizeof(reserved_names[0]); i++)
        if (strcmp(name, reserved_names[i]) == 0)
            return true;
    return false;
}

/* The length of the comment at `at`, 0 where there is none. One that is not closed ends with the
 * text, as SQLite has it. */
static size_t comment_len(const char *at)
{
    if (at[0] == '-' && at[1] == '-')
        return strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");

        return end ? (size_t)(end + 2 - at) : strlen(at);
    }
    return 0;
}

const char *store_sql_skip(const char *sql)
{
    for (;;) {
        size_t comment = comment_len(sql);

        if (comment)
            sql += comment;
        else if (is_space(*sql) || *sql == ';')
            sql++;
        else
            return sql;
    }
}

/* Copies `len` bytes of the input as they are. */
static troupe_status take(struct rewriter *rw, size_t len)
{
    troupe_status status = buf_append(&rw->out, rw->at, len);

    rw->at += len;
    return status;
}

static bool known_keyword(const char *word, size_t len, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == len && strncasecmp(list[i], word, len) == 0)
            return true;
    return false;
}

/* The first word of each statement decides what it can be; everything else is the authorizer's. */
static troupe_status check_begin(struct rewriter *rw)
{
    size_t len = word_len(rw->at);

    if (rw->terminated && rw->kind == STORE_SQL_ONE)
        return error_set(rw->err, rw->ns ? TROUPE_DENIED : TROUPE_ARGUMENT,
                         "line %zu: a second statement in one text: give each its own call",
                         line_of(rw));
    rw->begun = true;
    rw->terminated = false;
    rw->before = "";
    rw->before_len = rw->words = 0;
    if (!rw->ns || known_keyword(rw->at, len, run_keywords, 7) ||
        (rw->kind == STORE_SQL_SCRIPT && known_keyword(rw->at, len, migrate_keywords, 3)))
        return TROUPE_OK;
    return error_set(
        rw->err, TROUPE_DENIED, "line %zu: \"%.*s\" may not begin %s: use %s", line_of(rw),
        len ? (int)(len < 32 ? len : 32) : 1, rw->at,
        rw->kind == STORE_SQL_SCRIPT ? "a statement of a migration" : "a plugin's statement",
        rw->kind == STORE_SQL_SCRIPT ? "CREATE, ALTER, DROP, INSERT, UPDATE, DELETE or SELECT"
                                     : "SELECT, INSERT, UPDATE or DELETE");
}

/* The database's own tables describe everybody's data. */
static troupe_status check_identifier(struct rewriter *rw, const char *name, size_t len)
{
    if (rw->ns && len >= 7 && strncasecmp(name, "sqlite_", 7) == 0)
        return error_set(rw->err, TROUPE_DENIED,
                         "line %zu: \"%.*s\" is the database's own and not open to plugins",
                         line_of(rw), (int)(len < 48 ? len : 48), name);
    return TROUPE_OK;
}

/* A word as the dialect has it; `whole` are its bytes with its quotes. */
static troupe_status word(struct rewriter *rw, const char *text, size_t len, size_t whole)
{
    struct store_word word = {.text = text,
                              .len = len,
                              .quoted = whole > len,
                              .before = rw->before,
                              .before_len = rw->before_len,
                              .first = rw->first,
                              .first_len = rw->first_len,
                              .index = rw->words++,
                              .rest = rw->at + whole,
                              .ns = rw->ns,
                              .migration = rw->kind == STORE_SQL_SCRIPT};
    size_t written = rw->out.len;
    struct error cause;
    troupe_status status = TROUPE_OK;

    if (word.index == 0) {
        rw->first = word.first = text;
        rw->first_len = word.first_len = len;
    }
    rw->before = text;
    rw->before_len = len;
    if (rw->dialect->word)
        status = rw->dialect->word(&word, &rw->out, &cause);
    if (status < 0)
        return error_set(rw->err, status, "line %zu: %s", line_of(rw), cause.text);
    if (rw->out.len == written)
        return take(rw, whole);
    rw->at += whole;
    return TROUPE_OK;
}

static troupe_status comment(struct rewriter *rw, size_t len)
{
    troupe_status status = TROUPE_OK;

    if (!rw->dialect->strict)
        return take(rw, len);
    for (; len > 0 && status >= 0; len--, rw->at++)
        status = buf_putc(&rw->out, *rw->at == '\n' ? '\n' : ' ');
    return status;
}

static troupe_status quoted(struct rewriter *rw)
{
    char open = *rw->at, close = open == '[' ? ']' : open;
    const char *end = rw->at + 1;

    if (rw->dialect->strict && (open == '`' || open == '[' ||
                                (rw->at > rw->start && (is_word(rw->at[-1]) || rw->at[-1] == '&'))))
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: %c here is SQLite's own: quote names in \" and give bytes as a "
                         "parameter",
                         line_of(rw), open);

    for (; *end; end++) {
        if (*end != close)
            continue;
        if (close == ']' || end[1] != close)
            break;
        end++; /* doubled: a quote inside */
    }
    if (!*end)
        return error_set(rw->err, TROUPE_ARGUMENT, "line %zu: %c is not closed", line_of(rw), open);
    /* SQLite takes a string for a name where only a name can stand, and the authorizer lets a
     * migration at the catalogue. */
    if (open != '\'' || rw->kind == STORE_SQL_SCRIPT) {
        troupe_status status = check_identifier(rw, rw->at + 1, (size_t)(end - rw->at - 1));

        if (status < 0)
            return status;
    }
    if (open == '"')
        return word(rw, rw->at + 1, (size_t)(end - rw->at - 1), (size_t)(end + 1 - rw->at));
    return take(rw, (size_t)(end + 1 - rw->at));
}

static troupe_status table(struct rewriter *rw)
{
    const char *name = rw->at + 1;
    size_t len = word_len(name);

    if (!rw->ns)
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: {…} names a plugin's table and means nothing in the core",
                         line_of(rw));
    if (len == 0 || len > STORE_NAME_MAX || name[len] != '}' || is_digit(name[0]))
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: \"{\" wants a table's name of letters, digits and _, at most "
                         "%d bytes, and \"}\"",
                         line_of(rw), STORE_NAME_MAX);
    if (rw->dialect->name_max && len > rw->dialect->name_max)
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: the database takes names of %zu bytes: shorten \"%.*s\"",
                         line_of(rw), rw->dialect->name_max, (int)len, name);
    rw->at += len + 2;
    if (!rw->dialect->joint)
        return buf_printf(&rw->out, "\"%.*s\"", (int)len, name);
    return buf_printf(&rw->out, "\"%s%s%.*s\"", rw->ns, rw->dialect->joint, (int)len, name);
}

static troupe_status slot_add(struct rewriter *rw, struct store_slot slot)
{
    struct store_sql *sql = &rw->sql;

    if (sql->slot_count == STORE_PARAMETERS_MAX)
        return error_set(rw->err, TROUPE_LIMIT, "more than %d parameters: use several statements",
                         STORE_PARAMETERS_MAX);
    if (sql->slot_count == rw->slot_cap) {
        rw->slot_cap = rw->slot_cap ? rw->slot_cap * 2 : 8;
        sql->slots = mem_resize(sql->slots, rw->slot_cap, sizeof(*sql->slots));
    }
    sql->slots[sql->slot_count++] = slot;
    return TROUPE_OK;
}

/* The placeholder for a position or a name: the same one each time it is used. */
static troupe_status slot(struct rewriter *rw, size_t position, const char *name, size_t len)
{
    struct store_sql *sql = &rw->sql;
    size_t i = 0;

    if (rw->kind == STORE_SQL_SCRIPT)
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: a migration has no parameters: write the value", line_of(rw));
    for (; i < sql->slot_count; i++) {
        const struct store_slot *old = &sql->slots[i];

        if (old->sealing)
            continue;
        if (position ? old->position == position
                     : old->name && strlen(old->name) == len && memcmp(old->name, name, len) == 0)
            break;
    }
    if (i == sql->slot_count) {
        char *own = position ? NULL : mem_strndup(name, len);
        troupe_status status = slot_add(rw, (struct store_slot){position, own, NULL});

        if (status < 0) {
            mem_free(own);
            return status;
        }
    }
    if (position > sql->positions)
        sql->positions = position;
    return buf_printf(&rw->out, "%c%zu", rw->dialect->placeholder, i + 1);
}

static troupe_status positional(struct rewriter *rw)
{
    size_t position = 0, digits = 0;

    rw->at++;
    for (; digits < 4 && is_digit(rw->at[digits]); digits++)
        position = position * 10 + (size_t)(rw->at[digits] - '0');
    rw->at += digits;
    if (digits == 0)
        position = rw->sql.positions + 1;
    if (position == 0 || position > STORE_PARAMETERS_MAX || is_digit(*rw->at))
        return error_set(rw->err, TROUPE_ARGUMENT, "line %zu: parameters are ?1 to ?%d",
                         line_of(rw), STORE_PARAMETERS_MAX);
    return slot(rw, position, NULL, 0);
}

static troupe_status named(struct rewriter *rw)
{
    const char *name = rw->at + 1;
    size_t len = word_len(name);

    if (name[0] == ':' &&
        !(rw->ns && rw->dialect->strict)) /* a cast, where the database knows it */
        return take(rw, 2);
    if (len == 0 || len > STORE_NAME_MAX)
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: \":\" wants a parameter's name of at most %d bytes",
                         line_of(rw), STORE_NAME_MAX);
    rw->at = name + len;
    return slot(rw, 0, name, len);
}

/* ---- seal() and unseal() ---------------------------------------------------------------------- */

static troupe_status token(struct rewriter *rw);

static void source_clear(struct store_source *source)
{
    mem_free(source->name);
    mem_free(source->literal);
}

static void sealing_free(struct store_sealing *sealing)
{
    if (!sealing)
        return;
    for (size_t i = 0; i < sealing->identity_count; i++)
        source_clear(&sealing->identity[i]);
    mem_free(sealing->identity);
    mem_free(sealing->place);
    mem_free(sealing);
}

static void skip_space(struct rewriter *rw)
{
    while (is_space(*rw->at))
        rw->at++;
}

static troupe_status malformed(struct rewriter *rw, const char *what)
{
    return error_set(rw->err, TROUPE_ARGUMENT, "line %zu: %s", line_of(rw), what);
}

static bool next_is(struct rewriter *rw, char c)
{
    skip_space(rw);
    if (*rw->at != c)
        return false;
    rw->at++;
    if (c == ',')
        skip_space(rw);
    return true;
}

/* 'text', without doubled quotes. */
static char *literal(struct rewriter *rw)
{
    const char *begin = rw->at + 1, *end = *rw->at == '\'' ? strchr(begin, '\'') : NULL;

    if (!end || end[1] == '\'')
        return NULL;
    rw->at = end + 1;
    return mem_strndup(begin, (size_t)(end - begin));
}

/* The name of a parameter, the value of a literal. */
static troupe_status source(struct rewriter *rw, struct store_source *ret)
{
    size_t digits = 0;

    if (*rw->at == '?') {
        for (rw->at++; digits < 4 && is_digit(*rw->at); digits++, rw->at++)
            ret->position = ret->position * 10 + (size_t)(*rw->at - '0');
        if (ret->position == 0 || ret->position > STORE_PARAMETERS_MAX)
            return malformed(rw, "seal() takes parameters with their number, as ?1");
        if (ret->position > rw->sql.positions)
            rw->sql.positions = ret->position;
        return TROUPE_OK;
    }
    if (*rw->at == ':') {
        size_t len = word_len(rw->at + 1);

        if (len == 0 || len > STORE_NAME_MAX)
            return malformed(rw, "\":\" wants a parameter's name");
        ret->name = mem_strndup(rw->at + 1, len);
        rw->at += len + 1;
        return TROUPE_OK;
    }
    if (is_digit(*rw->at)) {
        size_t len = word_len(rw->at);

        ret->literal = mem_strndup(rw->at, len);
        rw->at += len;
        return TROUPE_OK;
    }
    ret->literal = literal(rw);
    return ret->literal ? TROUPE_OK : malformed(rw, "seal() takes parameters and literals");
}

static troupe_status place(struct rewriter *rw, char **ret)
{
    char *text = next_is(rw, ',') ? literal(rw) : NULL;

    if (text && *text && strlen(text) <= SEAL_PLACE_MAX && !strpbrk(text, "\"\\")) {
        *ret = text;
        return TROUPE_OK;
    }
    mem_free(text);
    return malformed(rw, "seal() and unseal() want the place second, as 'table.column'");
}

static troupe_status sealing(struct rewriter *rw, struct store_sealing *ret)
{
    troupe_status status = place(rw, &ret->place);

    ret->identity = mem_zero(SEAL_IDENTITY_MAX, sizeof(*ret->identity));
    while (status >= 0 && next_is(rw, ',')) {
        if (ret->identity_count == SEAL_IDENTITY_MAX)
            return malformed(rw, "seal() takes no more columns of an identity");
        status = source(rw, &ret->identity[ret->identity_count++]);
    }
    if (status >= 0 && (!ret->identity_count || !next_is(rw, ')')))
        return malformed(rw, "seal() wants the row's identity third, and \")\"");
    return status;
}

static troupe_status seal_in(struct rewriter *rw)
{
    struct store_sealing *how = mem_zero(1, sizeof(*how));
    struct store_source value = {0};
    troupe_status status;

    rw->at = strchr(rw->at, '(') + 1;
    skip_space(rw);
    status = source(rw, &value);
    if (status >= 0 && value.literal)
        status = malformed(rw, "seal() takes a parameter");
    if (status >= 0)
        status = sealing(rw, how);
    if (status < 0) {
        source_clear(&value);
        sealing_free(how);
        return status;
    }
    if (!rw->dialect->seals) {
        status = slot(rw, value.position, value.name, value.name ? strlen(value.name) : 0);
        source_clear(&value);
        sealing_free(how);
        return status;
    }
    /* One of its own: the same value may stand elsewhere as it is. */
    status = slot_add(rw, (struct store_slot){value.position, value.name, how});
    if (status < 0) {
        source_clear(&value);
        sealing_free(how);
        return status;
    }
    return buf_printf(&rw->out, "%c%zu", rw->dialect->placeholder, rw->sql.slot_count);
}

/* Up to a comma or the end of the call, which are left. */
static troupe_status expression(struct rewriter *rw)
{
    troupe_status status = TROUPE_OK;
    size_t depth = 0;

    while (status >= 0 && (depth || (*rw->at != ',' && *rw->at != ')'))) {
        size_t skip = comment_len(rw->at);

        if (!*rw->at || *rw->at == ';')
            return malformed(rw, "unseal() is not closed");
        if (*rw->at == '(')
            depth++;
        if (*rw->at == ')')
            depth--;
        status = skip ? comment(rw, skip) : is_space(*rw->at) ? take(rw, 1) : token(rw);
    }
    return status;
}

/* The value with its place as the column's name, and behind it the columns that identify its row. */
static troupe_status seal_out(struct rewriter *rw)
{
    struct buf *out = &rw->out;
    char *where = NULL;
    size_t columns = 0, end;
    troupe_status status;

    rw->at = strchr(rw->at, '(') + 1;
    skip_space(rw);
    status = expression(rw);
    end = out->len;
    if (status >= 0)
        status = place(rw, &where);
    if (status >= 0)
        status = buf_printf(out, " AS \"" SEAL_COLUMN "%s\"", where);
    mem_free(where);
    for (; status >= 0 && next_is(rw, ','); columns++) {
        status = buf_puts(out, ", ");
        if (status >= 0)
            status = expression(rw);
        if (status >= 0)
            status = buf_puts(out, " AS \"" SEAL_IDENTITY "\"");
    }
    if (status < 0)
        return status;
    if (!columns || columns > SEAL_IDENTITY_MAX || !next_is(rw, ')'))
        return malformed(rw, "unseal() wants the row's identity third, and \")\"");
    rw->sql.unseals = rw->dialect->seals;
    if (!rw->dialect->seals) {
        out->len = end;
        out->data[end] = '\0';
    }
    return TROUPE_OK;
}

static bool calls(const struct rewriter *rw, const char *name, size_t len)
{
    const char *at = rw->at + len;

    if (rw->kind != STORE_SQL_ONE || strlen(name) != len || strncasecmp(rw->at, name, len) != 0)
        return false;
    while (is_space(*at))
        at++;
    return *at == '(';
}

static troupe_status token(struct rewriter *rw)
{
    char c = *rw->at;
    size_t len;
    troupe_status status;

    switch (c) {
    case '\'':
    case '"':
    case '`':
    case '[': return quoted(rw);
    case '{': return table(rw);
    case '?': return positional(rw);
    case ':': return named(rw);
    case '$':
    case '@':
    case '#':
    case '}':
    case '\\':
        return error_set(rw->err, TROUPE_ARGUMENT,
                         "line %zu: \"%c\" is not understood: parameters "
                         "are ?1 or :name, tables are {name}",
                         line_of(rw), c);
    default: break;
    }
    len = word_len(rw->at);
    if (len == 0)
        return take(rw, 1);
    if (calls(rw, "seal", len))
        return seal_in(rw);
    if (calls(rw, "unseal", len))
        return seal_out(rw);
    status = check_identifier(rw, rw->at, len);
    return status < 0 ? status : word(rw, rw->at, len, len);
}

static troupe_status scan(struct rewriter *rw)
{
    troupe_status status = TROUPE_OK;

    while (*rw->at && status >= 0) {
        size_t skip = comment_len(rw->at);

        if (skip) {
            status = comment(rw, skip);
        } else if (is_space(*rw->at)) {
            status = take(rw, 1);
        } else if (*rw->at == ';') {
            rw->terminated = rw->terminated || rw->begun;
            rw->begun = false;
            status = take(rw, 1);
        } else {
            if (!rw->begun)
                status = check_begin(rw);
            if (status >= 0)
                status = token(rw);
        }
    }
    return status;
}

troupe_status store_rewrite(const struct store_dialect *dialect, const char *sql, const char *ns,
                            enum store_sql_kind kind, struct store_sql *ret, struct error *err)
{
    struct error found = {0};
    struct rewriter rw = {
        .dialect = dialect,
        .start = sql,
        .at = sql,
        .ns = ns,
        .kind = kind,
        .out = {.max = STORE_SQL_MAX},
        .err = &found,
    };
    troupe_status status;

    if (ns && !store_ns_valid(ns))
        return error_set(err, TROUPE_ARGUMENT, "namespace \"%.80s\" is not a name for one", ns);
    status = strlen(sql) < STORE_SQL_MAX ? scan(&rw) : TROUPE_LIMIT;
    if (status >= 0 && kind == STORE_SQL_ONE && !rw.begun && !rw.terminated)
        status = error_set(&found, TROUPE_ARGUMENT, "the text holds no statement");
    if (status < 0) {
        if (found.text[0])
            error_set(err, status, "%s", found.text);
        else /* the output's bound */
            error_set(err, status, "SQL text of more than %u bytes", STORE_SQL_MAX);
        store_sql_clear(&rw.sql);
        buf_clear(&rw.out);
        return status;
    }
    rw.sql.text = buf_take(&rw.out);
    *ret = rw.sql;
    return TROUPE_OK;
}

void store_sql_clear(struct store_sql *sql)
{
    for (size_t i = 0; i < sql->slot_count; i++) {
        mem_free(sql->slots[i].name);
        sealing_free(sql->slots[i].sealing);
    }
    mem_free(sql->slots);
    mem_free(sql->text);
    *sql = (struct store_sql){0};
}
