/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 12, LEVELS = 6 };

/* ---- cutting ---------------------------------------------------------------------------------- */

/* The headings that stand above a line, the highest first. */
struct headings {
    troupe_str at[LEVELS];
};

static troupe_str line_of(troupe_str text)
{
    const char *end = text.len ? (const char *)memchr(text.ptr, '\n', text.len) : NULL;

    return (troupe_str){text.ptr, end ? (uint64_t)(end - text.ptr) : text.len};
}

/* 1 to 6 for "# …" to "###### …", else 0; `ret` is what it says. */
static int heading_level(troupe_str line, troupe_str *ret)
{
    int level = 0;

    while ((uint64_t)level < line.len && line.ptr[level] == '#')
        level++;
    if (level == 0 || level > LEVELS || (uint64_t)level == line.len || line.ptr[level] != ' ')
        return 0;
    ret->ptr = line.ptr + level + 1;
    ret->len = line.len - (uint64_t)level - 1;
    while (ret->len && strchr(" #\r", ret->ptr[ret->len - 1]))
        ret->len--;
    return level;
}

static void print_headings(const struct headings *headings, char *ret)
{
    size_t n = 0;

    ret[0] = '\0';
    for (int i = 0; i < LEVELS; i++) {
        troupe_str heading = headings->at[i];

        if (!heading.len || n + heading.len + 4 > HEADING_MAX)
            continue;
        n += (size_t)snprintf(ret + n, HEADING_MAX - n, "%s%.*s", n ? " > " : "", (int)heading.len,
                              heading.ptr);
    }
}

/* Where to cut a text that is too long: behind a paragraph, a line, a sentence, a word, a character. */
static uint64_t cut_at(troupe_str text)
{
    static const char *const ends[] = {"\n\n", "\n", ". ", " "};
    uint64_t at = PIECE_MOST;

    for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
        size_t len = strlen(ends[e]);

        for (uint64_t i = PIECE_MOST - len; i > PIECE_WANTED / 2; i--)
            if (memcmp(text.ptr + i, ends[e], len) == 0)
                return i + len;
    }
    while (at > 1 && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static int is_blank(troupe_str text)
{
    for (uint64_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n#-=*", text.ptr[i]) || !text.ptr[i])
            return 0;
    return 1;
}

/* Up to the next heading that is not at the very beginning. */
static uint64_t section_len(troupe_str text, struct headings *headings)
{
    troupe_str rest = text, heading;
    int in_code = 0, begun = 0;

    while (rest.len) {
        troupe_str line = line_of(rest);
        int level = in_code ? 0 : heading_level(line, &heading);

        if (line.len >= 3 && memcmp(line.ptr, "```", 3) == 0)
            in_code = !in_code;
        if (level && begun)
            break;
        if (level) {
            headings->at[level - 1] = heading;
            for (int i = level; i < LEVELS; i++)
                headings->at[i].len = 0;
        }
        begun = begun || !is_blank(level ? (troupe_str){"", 0} : line);
        rest.ptr += line.len + (line.len < rest.len);
        rest.len -= line.len + (line.len < rest.len);
    }
    return text.len - rest.len;
}

static uint32_t cut_section(troupe_str section, const struct headings *headings,
                            struct ingest_piece *ret, uint32_t most, troupe_str *ret_rest)
{
    uint32_t count = 0;

    while (section.len && count < most) {
        uint64_t len = section.len <= PIECE_MOST ? section.len : cut_at(section);

        if (!is_blank((troupe_str){section.ptr, len})) {
            ret[count].text = (troupe_str){section.ptr, len};
            print_headings(headings, ret[count++].heading);
        }
        section.ptr += len;
        section.len -= len;
    }
    *ret_rest = section;
    return count;
}

uint32_t ingest_cut(troupe_str document, struct ingest_piece *ret, uint32_t most,
                    troupe_str *ret_rest)
{
    struct headings headings = {{{"", 0}}};
    uint32_t count = 0;

    while (document.len && count < most) {
        troupe_str section = {document.ptr, section_len(document, &headings)};
        troupe_str left;

        count += cut_section(section, &headings, ret + count, most - count, &left);
        document.ptr += section.len - left.len;
        document.len -= section.len - left.len;
    }
    while (document.len && is_blank((troupe_str){document.ptr, 1})) {
        document.ptr++;
        document.len--;
    }
    *ret_rest = document;
    return count;
}

/* ---- keeping ---------------------------------------------------------------------------------- */

#define PLACE " account = COALESCE(:account, '') AND guild = "
#define THERE "CASE WHEN ?2 = 1 THEN '' ELSE COALESCE(:guild, '') END "

static troupe_status forget(troupe_turn *turn, uint32_t scope, troupe_str source, uint64_t *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value params[] = {troupe_sql_str(source),
                                   troupe_sql_int(scope == TROUPE_SCOPE_AGENT)};
    const troupe_statement statement = {"DELETE FROM {knowledge} WHERE" PLACE THERE
                                        "AND source = ?1",
                                        TROUPE_ARRAY(params), TROUPE_ROWS_ANY};
    troupe_rows *rows;
    troupe_status status = sql->query(
        turn, "SELECT key FROM {knowledge} WHERE" PLACE THERE "AND source = ?1 ORDER BY part",
        params, 2, &rows);

    *ret = status >= 0 ? sql->row_count(rows) : 0;
    if (status < 0 || *ret == 0)
        return status;
    status = sql->commit(turn, &statement, 1);
    for (uint64_t i = 0; status >= 0 && i < *ret;) {
        status = troupe_batch_begin(turn);
        for (uint32_t n = 0; status >= 0 && n < BATCH && i < *ret; n++, i++) {
            char key[MEMORY_KEY_SIZE];
            troupe_str name = cell_str(sql->cell(rows, i, 0));

            snprintf(key, sizeof(key), "%.*s", (int)(name.len < sizeof(key) ? name.len : 0),
                     name.ptr);
            status = troupe_texts_remove(turn, scope, key);
            if (status >= 0)
                status = troupe_vectors_remove(turn, scope, key);
        }
        if (status >= 0)
            status = troupe_batch_commit(turn);
    }
    return status;
}

/* The guild as a value, and as part of the row's identity. */
#define INSERT(guild, identity)                                                                    \
    "INSERT INTO {knowledge} (account, guild, source, part, key, heading, content, added_by, "     \
    "added_at, embedder) VALUES (COALESCE(:account, ''), " guild                                   \
    ", ?1, ?2, ?3, seal(?4, 'knowledge.heading', :account, " identity                              \
    ", ?1, ?2), seal(?5, 'knowledge.content', :account, " identity                                 \
    ", ?1, ?2), COALESCE(:member, ''), ?6, ?7)"

static troupe_status put_piece(troupe_turn *turn, uint32_t scope, troupe_str source, uint32_t part,
                               const struct ingest_piece *piece, troupe_str whole,
                               const struct memory_vector *vector, const char *key, int64_t now)
{
    const troupe_value params[] = {
        troupe_sql_str(source),
        troupe_sql_int(part),
        troupe_sql_str((troupe_str){key, strlen(key)}),
        troupe_sql_str((troupe_str){piece->heading, strlen(piece->heading)}),
        troupe_sql_str(piece->text),
        troupe_sql_int(now),
        troupe_sql_str((troupe_str){vector->by, strlen(vector->by)}),
    };
    const troupe_statement statement = {
        scope == TROUPE_SCOPE_AGENT ? INSERT("''", "''") : INSERT("COALESCE(:guild, '')", ":guild"),
        TROUPE_ARRAY(params), TROUPE_ROWS_ANY};
    troupe_status status = troupe_sql(turn)->commit(turn, &statement, 1);

    if (status >= 0)
        status = troupe_texts_put(turn, scope, key, whole);
    if (status >= 0)
        status = troupe_vectors_put(turn, scope, key, vector->values, vector->count);
    return status;
}

/* What pieces are found by, and their vectors, before the batch that has them. */
struct portion {
    const struct ingest_piece *pieces[BATCH];
    troupe_str wholes[BATCH];
    struct memory_vector vectors[BATCH];
    uint32_t parts[BATCH], count;
};

static troupe_status prepare(troupe_turn *turn, const struct ingest_piece *pieces, uint32_t *at,
                             uint32_t count, struct portion *ret)
{
    ret->count = 0;
    for (; ret->count < BATCH && *at < count; (*at)++) {
        const struct ingest_piece *piece = &pieces[*at];
        char *text = (char *)troupe_turn_alloc(turn, HEADING_MAX + PIECE_MOST + 8);
        struct memory_vector local;
        troupe_str whole = {text, 0};
        troupe_status status;

        if (!text)
            return TROUPE_NOMEM;
        whole.len = (uint64_t)snprintf(text, HEADING_MAX + PIECE_MOST + 8, "%s\n%.*s",
                                       piece->heading, (int)piece->text.len, piece->text.ptr);
        status = embedder_local(turn, whole, &local);
        if (status == TROUPE_NOT_FOUND) /* nothing to find it by */
            continue;
        if (status < 0)
            return status;
        ret->pieces[ret->count] = piece;
        ret->wholes[ret->count] = whole;
        ret->vectors[ret->count] = local;
        ret->parts[ret->count++] = *at;
    }
    return embedder_of(turn)->model[0] && ret->count
               ? embedder_texts(turn, ret->wholes, ret->count, ret->vectors)
               : TROUPE_OK;
}

static troupe_status put_portion(troupe_turn *turn, uint32_t scope, troupe_str source,
                                 const struct portion *portion, char *key, int64_t now)
{
    troupe_status status = troupe_batch_begin(turn);

    for (uint32_t n = 0; status >= 0 && n < portion->count; n++) {
        snprintf(key + MEMORY_KEY_SIZE - 9, 9, "%08x", portion->parts[n]);
        status = put_piece(turn, scope, source, portion->parts[n], portion->pieces[n],
                           portion->wholes[n], &portion->vectors[n], key, now);
    }
    return status < 0 ? status : troupe_batch_commit(turn);
}

troupe_status ingest_put(troupe_turn *turn, uint32_t scope, troupe_str source, troupe_str document,
                         uint32_t *ret_pieces, uint64_t *ret_before)
{
    struct ingest_piece *pieces =
        (struct ingest_piece *)troupe_turn_alloc(turn, PIECES_MAX * sizeof(*pieces));
    int64_t now = troupe_now(turn);
    troupe_str rest = {"", 0};
    char key[MEMORY_KEY_SIZE];
    troupe_status status;
    uint32_t count;
    int away = 0;

    if (!pieces)
        return TROUPE_NOMEM;
    count = ingest_cut(document, pieces, PIECES_MAX, &rest);
    if (rest.len)
        return TROUPE_LIMIT;
    status = forget(turn, scope, source, ret_before);
    fact_new_key(turn, 'k', key);
    for (uint32_t i = 0; status >= 0 && i < count;) {
        struct portion portion;

        status = prepare(turn, pieces, &i, count, &portion);
        if (status >= 0 && portion.count)
            status = put_portion(turn, scope, source, &portion, key, now);
        away |= portion.count && embedder_of(turn)->model[0] && !portion.vectors[0].by[0];
    }
    if (status >= 0 && away)
        status = embedder_plan(turn, MEMORY_AGAIN_MS);
    *ret_pieces = count;
    return status;
}
