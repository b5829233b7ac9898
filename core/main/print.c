/* SPDX-License-Identifier: Apache-2.0 */
#include "main/print.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/console/filter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 12
#define CELL_MAX    48 /* bytes that are shown of a cell that is not the last */
#define DEPTH_MAX   8

/* ---- one value ------------------------------------------------------------------------------- */

/* A simple value as one line; false for objects and lists. */
static bool put_simple(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING: {
        struct console_filter filter = {{0}, 0};
        _cleanup_buf_ struct buf text = BUF_INIT;

        console_filter_write(&filter, json_string_value(value), json_string_length(value), &text);
        console_filter_end(&filter, &text);
        for (size_t i = 0; i < text.len; i++)
            buf_putc(out, text.data[i] == '\n' || text.data[i] == '\t' ? ' ' : text.data[i]);
        return true;
    }
    case JSON_INTEGER: buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: buf_printf(out, "%g", json_real_value(value)); break;
    case JSON_TRUE: buf_puts(out, "yes"); break;
    case JSON_FALSE: buf_puts(out, "no"); break;
    case JSON_NULL: buf_puts(out, "-"); break;
    default: return false;
    }
    return true;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static bool is_table(const json_t *value)
{
    const json_t *row;
    size_t i;

    json_array_foreach (value, i, row) {
        if (!json_is_object(row))
            return false;
    }
    return json_array_size(value) > 0;
}

static void put_cell(struct buf *out, const json_t *row, const char *column, bool last)
{
    const json_t *value = json_object_get(row, column);

    if (value)
        (void)put_simple(out, value);
    if (!last && out->len > CELL_MAX) {
        out->len = text_utf8_cut(out->data, out->len, CELL_MAX - 3);
        buf_puts(out, "…");
    }
}

static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void print_row(FILE *out, const json_t *row, const char *const *columns, size_t count,
                      const size_t *widths)
{
    for (size_t c = 0; c < count; c++) {
        _cleanup_buf_ struct buf cell = BUF_INIT;

        if (row)
            put_cell(&cell, row, columns[c], c + 1 == count);
        else
            buf_puts(&cell, columns[c]);
        (void)fprintf(out, "%s%s", c ? "  " : "", buf_text(&cell));
        for (size_t n = width_of(buf_text(&cell)); c + 1 < count && n < widths[c]; n++)
            (void)fputc(' ', out);
    }
    (void)fputc('\n', out);
}

static void print_table(FILE *out, const json_t *table, const char *const *columns)
{
    const char *names[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX], count = 0, i;
    const json_t *row, *first = json_array_get(table, 0), *member;
    const char *key;

    for (; columns && columns[count] && count < COLUMNS_MAX; count++)
        names[count] = columns[count];
    if (!columns) {
        json_object_foreach ((json_t *)first, key, member) {
            if (!json_is_object(member) && !json_is_array(member) && count < COLUMNS_MAX)
                names[count++] = key;
        }
    }
    for (size_t c = 0; c < count; c++)
        widths[c] = width_of(names[c]);
    json_array_foreach (table, i, row) {
        for (size_t c = 0; c < count; c++) {
            _cleanup_buf_ struct buf cell = BUF_INIT;
            size_t width;

            put_cell(&cell, row, names[c], c + 1 == count);
            width = width_of(buf_text(&cell));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    print_row(out, NULL, names, count, widths);
    json_array_foreach (table, i, row)
        print_row(out, row, names, count, widths);
}

/* ---- trees ----------------------------------------------------------------------------------- */

static void print_tree(FILE *out, const json_t *value, const char *const *columns, int depth)
{
    _cleanup_buf_ struct buf line = BUF_INIT;
    const json_t *member;
    const char *key;
    size_t i;

    if (put_simple(&line, value)) {
        (void)fprintf(out, "%*s%s\n", depth * 2, "", buf_text(&line));
    } else if (is_table(value)) {
        print_table(out, value, columns);
    } else if (json_is_array(value)) {
        json_array_foreach (value, i, member)
            print_tree(out, member, NULL, depth);
    } else {
        json_object_foreach ((json_t *)value, key, member) {
            buf_reset(&line);
            if (put_simple(&line, member)) {
                (void)fprintf(out, "%*s%s: %s\n", depth * 2, "", key, buf_text(&line));
            } else if (depth < DEPTH_MAX) {
                (void)fprintf(out, "%*s%s:\n", depth * 2, "", key);
                print_tree(out, member, NULL, depth + 1);
            }
        }
    }
}

void print_value(FILE *out, const json_t *value, const char *const *columns)
{
    if (value)
        print_tree(out, value, columns, 0);
}

void print_json(FILE *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

    if (text)
        (void)fprintf(out, "%s\n", text);
    free(text);
}

void print_text(FILE *out, const char *text)
{
    struct console_filter filter = {{0}, 0};
    _cleanup_buf_ struct buf safe = BUF_INIT;

    console_filter_write(&filter, text, strlen(text), &safe);
    console_filter_end(&filter, &safe);
    (void)fwrite(buf_text(&safe), 1, safe.len, out);
    if (safe.len && safe.data[safe.len - 1] != '\n')
        (void)fputc('\n', out);
}

void print_failure(const char *text)
{
    _cleanup_mem_ char *line = mem_printf("troupe: %s", text);

    log_mask_apply(line);
    print_text(stderr, line);
}

void print_problems(const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        _cleanup_mem_ char *line = mem_printf("%s%s", problems->items[i].warning ? "warning: " : "",
                                              problems->items[i].text);

        log_mask_apply(line);
        print_text(stderr, line);
    }
    if (problems->dropped)
        (void)fprintf(stderr, "(%zu more)\n", problems->dropped);
}
