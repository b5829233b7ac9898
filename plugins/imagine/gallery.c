/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS    (INT64_C(24) * 3600 * 1000)
#define KEY_ROOM  20
#define LIST_MOST 10
#define LINE_ROOM 200
#define SHOWN     100 /* bytes of a prompt in the list */

#define OF_MEMBER                                                                                  \
    "account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') AND member = :member"

/* ---- keeping --------------------------------------------------------------------------------- */

static troupe_status put_row(troupe_turn *turn, const struct picture *picture, troupe_str key)
{
    const troupe_value values[] = {troupe_sql_str(key),
                                   troupe_sql_str(picture->prompt),
                                   troupe_sql_str(picture->shape),
                                   troupe_sql_str(picture->model),
                                   troupe_sql_str(picture->type),
                                   troupe_sql_int((int64_t)picture->data.len),
                                   troupe_sql_int(picture->cost_micros),
                                   troupe_sql_int(troupe_now(turn))};
    const troupe_statement insert = {
        "INSERT INTO {generated_images} (account, guild, channel, member, key, prompt, shape, "
        "model, type, bytes, cost_micros, created_at) VALUES (COALESCE(:account, ''), "
        "COALESCE(:guild, ''), COALESCE(:channel, ''), :member, ?1, "
        "seal(?2, 'generated_images.prompt', :account, :member, ?1), ?3, ?4, ?5, ?6, ?7, ?8)",
        TROUPE_ARRAY(values), 1};

    return troupe_sql(turn)->commit(turn, &insert, 1);
}

static void key_text(troupe_str key, char out[KEY_ROOM])
{
    snprintf(out, KEY_ROOM, "%.*s", (int)key.len, key.ptr);
}

/* The row goes first: without it nobody asks for the bytes, which go by themselves when their time is over. */
static troupe_status drop(troupe_turn *turn, troupe_str key)
{
    const troupe_value value = troupe_sql_str(key);
    const troupe_statement statement = {"DELETE FROM {generated_images} WHERE " OF_MEMBER
                                        " AND key = ?1",
                                        {&value, 1, sizeof(value)},
                                        TROUPE_ROWS_ANY};
    char text[KEY_ROOM];
    troupe_status status = troupe_sql(turn)->commit(turn, &statement, 1);

    key_text(key, text);
    return status < 0 ? status : troupe_blobs_remove(turn, TROUPE_SCOPE_HERE, text);
}

static troupe_status drop_oldest(troupe_turn *turn, int64_t most)
{
    const troupe_value offset = troupe_sql_int(most);
    troupe_rows *rows;
    troupe_status status =
        troupe_sql(turn)->query(turn,
                                "SELECT key FROM {generated_images} WHERE " OF_MEMBER
                                " ORDER BY created_at DESC LIMIT 10 OFFSET ?1",
                                &offset, 1, &rows);

    for (uint64_t i = 0; status == TROUPE_OK && i < troupe_sql(turn)->row_count(rows); i++)
        status = drop(turn, troupe_sql(turn)->cell(rows, i, 0)->u.s);
    return status;
}

void gallery_keep(troupe_turn *turn, const struct picture *picture, int64_t most)
{
    char key[KEY_ROOM], type[101];
    troupe_str code, sentence;
    troupe_status status;

    if (most <= 0 || !picture->data.len)
        return;
    snprintf(key, sizeof(key), "%016llx", (unsigned long long)troupe_random(turn, INT64_MAX));
    snprintf(type, sizeof(type), "%.*s", (int)picture->type.len, picture->type.ptr);
    status = troupe_blobs_put(turn, TROUPE_SCOPE_HERE, key, type, picture->data,
                              (uint64_t)(GALLERY_DAYS * DAY_MS));
    if (status == TROUPE_OK)
        status = put_row(turn, picture, (troupe_str){key, strlen(key)});
    if (status == TROUPE_OK)
        status = drop_oldest(turn, most);
    if (status >= 0 || troupe_turn_status(turn) < 0)
        return;
    troupe_error(turn, &code, &sentence);
    troupe_log(troupe_turn_host(turn), TROUPE_LOG_WARN, "a picture is not kept: %.*s",
               (int)sentence.len, sentence.ptr);
}

/* ---- showing --------------------------------------------------------------------------------- */

/* The newest first, from the one after `skip` on; bytes that are gone by now are not looked for. */
static troupe_status newest(troupe_turn *turn, int64_t skip, int64_t most, troupe_rows **ret)
{
    const troupe_value values[] = {troupe_sql_int(troupe_now(turn) - GALLERY_DAYS * DAY_MS),
                                   troupe_sql_int(most), troupe_sql_int(skip)};

    return troupe_sql(turn)->query(
        turn,
        "SELECT key, unseal(prompt, 'generated_images.prompt', account, member, key), "
        "shape, model, type, created_at FROM {generated_images} WHERE " OF_MEMBER
        " AND created_at > ?1 ORDER BY created_at DESC LIMIT ?2 OFFSET ?3",
        values, 3, ret);
}

troupe_status gallery_get(troupe_turn *turn, int64_t number, struct picture *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    char key[KEY_ROOM];
    troupe_rows *rows;
    troupe_str data;
    troupe_status status = newest(turn, number - 1, 1, &rows);

    if (status < 0)
        return status;
    if (!sql->row_count(rows))
        return TROUPE_NOT_FOUND;
    key_text(sql->cell(rows, 0, 0)->u.s, key);
    status = troupe_blobs_get(turn, TROUPE_SCOPE_HERE, key, &data);
    if (status < 0)
        return status;
    *ret = (struct picture){.prompt = sql->cell(rows, 0, 1)->u.s,
                            .shape = sql->cell(rows, 0, 2)->u.s,
                            .model = sql->cell(rows, 0, 3)->u.s,
                            .type = sql->cell(rows, 0, 4)->u.s,
                            .data = data};
    return TROUPE_OK;
}

static void put_date(int64_t ms, char *out, size_t size)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm when;

    if (!gmtime_r(&seconds, &when) || !strftime(out, size, "%Y-%m-%d", &when))
        out[0] = '\0';
}

/* Not in the middle of a character. */
static int shown_of(troupe_str prompt)
{
    uint64_t len = prompt.len < SHOWN ? prompt.len : SHOWN;

    while (len > 0 && len < prompt.len && ((unsigned char)prompt.ptr[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

troupe_status gallery_list(troupe_turn *turn)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const size_t size = LIST_MOST * LINE_ROOM + 100;
    char *text = (char *)troupe_turn_alloc(turn, size), date[16];
    troupe_rows *rows;
    size_t n = 0;
    troupe_status status = newest(turn, 0, LIST_MOST, &rows);

    if (status < 0)
        return status;
    if (!text)
        return TROUPE_NOMEM;
    if (!sql->row_count(rows))
        return troupe_reply(turn, "I have no pictures of yours here. /imagine paints one.");
    for (uint64_t i = 0; i < sql->row_count(rows); i++) {
        const troupe_str prompt = sql->cell(rows, i, 1)->u.s;

        put_date(sql->cell(rows, i, 5)->u.i, date, sizeof(date));
        n += (size_t)snprintf(text + n, size - n, "%llu. %.*s%s (%s)\n", (unsigned long long)i + 1,
                              shown_of(prompt), prompt.ptr, prompt.len > SHOWN ? "…" : "", date);
    }
    n += (size_t)snprintf(text + n, size - n, "-# /get-image with a number shows it again");
    return troupe_reply_text(turn, text, n);
}
