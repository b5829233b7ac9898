/* SPDX-License-Identifier: Apache-2.0 */
#include "price.h"

#include "day.h"
#include "digest.h"
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 200
#define HOSTS_MAX      16

struct row {
    const char *provider, *model; /* the tree's */
    int64_t from;
    struct llm_price price;
    uint32_t lacks;  /* LLM_LACKS_… */
    int64_t context; /* tokens; 0: not known */
    uint64_t image;
    uint8_t has_image;
    struct llm_sight sight;
    struct llm_vector vector;
};

struct llm_price_table {
    json_t *tree;
    struct row *rows;
    size_t count;
    char digest[LLM_DIGEST_TEXT];
};

static int read_price(const json_t *row, const char *key, uint64_t *ret)
{
    const json_t *value = json_object_get(row, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return 0;
    *ret = (uint64_t)json_integer_value(value);
    return 1;
}

/* 0 for another name. */
static uint32_t lack_of(const char *name)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } known[] = {{"tools", LLM_LACKS_TOOLS},
                 {"schema", LLM_LACKS_SCHEMA},
                 {"json", LLM_LACKS_JSON},
                 {"temperature", LLM_LACKS_TEMPERATURE},
                 {"max_tokens", LLM_LACKS_MAX_TOKENS}};

    for (size_t i = 0; name && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].bit;
    return 0;
}

static const char *read_lacks(const json_t *json, uint32_t *ret)
{
    const json_t *list = json_object_get(json, "lacks"), *item;
    size_t i;

    json_array_foreach ((json_t *)list, i, item) {
        const uint32_t bit = lack_of(json_string_value(item));

        if (!bit)
            return "\"lacks\" lists \"tools\", \"schema\", \"json\", \"temperature\" and "
                   "\"max_tokens\"";
        *ret |= bit;
    }
    return list && !json_is_array(list) ? "\"lacks\" is a list" : NULL;
}

static const char *read_context(const json_t *json, int64_t *ret)
{
    const json_t *value = json_object_get(json, "context");

    if (!value)
        return NULL;
    *ret = json_integer_value(value);
    return *ret < LLM_CONTEXT_LEAST || *ret > LLM_CONTEXT_MOST
               ? "\"context\" must be a number of tokens, at least 256"
               : NULL;
}

static const char *read_sight(const json_t *json, struct llm_sight *ret)
{
    const json_t *sees = json_object_get(json, "sees");

    return sees ? llm_sight_read(sees, ret) : NULL;
}

static const char *read_vector(const json_t *json, struct llm_vector *ret)
{
    const json_t *vector = json_object_get(json, "vector");

    return vector ? llm_vector_read(vector, ret) : NULL;
}

static const char *read_row(const json_t *json, const json_t *providers, struct row *ret)
{
    const char *problem;

    ret->provider = json_string_value(json_object_get(json, "provider"));
    ret->model = json_string_value(json_object_get(json, "model"));
    ret->from = llm_day(json_string_value(json_object_get(json, "effective_from")));
    if (!ret->provider || !json_object_get(providers, ret->provider))
        return "\"provider\" must be one of those in \"providers\"";
    if (!ret->model || !ret->model[0] || strlen(ret->model) > NAME_MAX_BYTES)
        return "\"model\" must be a name or pattern";
    if (ret->from < 0)
        return "\"effective_from\" must be a date YYYY-MM-DD";
    if (!read_price(json, "input", &ret->price.input) ||
        !read_price(json, "output", &ret->price.output))
        return "\"input\" and \"output\" must be whole micro-USD for a million tokens";
    ret->price.cached = ret->price.input;
    if (json_object_get(json, "cached") && !read_price(json, "cached", &ret->price.cached))
        return "\"cached\" must be whole micro-USD for a million tokens";
    ret->has_image = json_object_get(json, "image") != NULL;
    if (ret->has_image && !read_price(json, "image", &ret->image))
        return "\"image\" must be whole micro-USD for a picture";
    problem = read_lacks(json, &ret->lacks);
    if (!problem)
        problem = read_context(json, &ret->context);
    if (!problem)
        problem = read_vector(json, &ret->vector);
    return problem ? problem : read_sight(json, &ret->sight);
}

troupe_status llm_price_table_parse(const char *json, size_t len, struct llm_price_table **ret,
                                    char *error, size_t error_size)
{
    struct llm_price_table *table = calloc(1, sizeof(*table));
    const json_t *providers, *rows, *row;
    const char *problem = NULL;
    uint8_t digest[LLM_DIGEST_SIZE];
    size_t i;

    if (!table)
        return TROUPE_NOMEM;
    llm_digest(json, len, digest);
    llm_digest_text(digest, table->digest);
    table->tree = llm_json_load(json, len);
    providers = json_object_get(table->tree, "providers");
    rows = json_object_get(table->tree, "prices");
    if (!table->tree || json_integer_value(json_object_get(table->tree, "format")) != 1 ||
        !json_is_object(providers) || !json_is_array(rows) ||
        json_array_size(rows) > LLM_PRICE_ROWS_MAX) {
        snprintf(error, error_size,
                 "not a price table of format 1; compare it with the one that was installed");
        llm_price_table_free(table);
        return TROUPE_DATA;
    }
    table->rows = calloc(json_array_size(rows) + 1, sizeof(*table->rows));
    if (!table->rows) {
        llm_price_table_free(table);
        return TROUPE_NOMEM;
    }
    json_array_foreach ((json_t *)rows, i, row) {
        problem = read_row(row, providers, &table->rows[i]);
        if (problem) {
            snprintf(error, error_size, "row %zu of \"prices\": %s", i + 1, problem);
            llm_price_table_free(table);
            return TROUPE_DATA;
        }
    }
    table->count = json_array_size(rows);
    *ret = table;
    return TROUPE_OK;
}

troupe_status llm_price_table_load(troupe_str path, struct llm_price_table **ret, char *error,
                                   size_t error_size)
{
    char name[4096], *text = NULL;
    FILE *file = NULL;
    size_t len;
    troupe_status status = TROUPE_IO;

    snprintf(name, sizeof(name), "%.*s", (int)path.len, path.ptr);
    file = fopen(name, "re");
    if (!file) {
        status = errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO;
        snprintf(error, error_size,
                 "cannot read \"%s\": %s; name a price table that exists, or "
                 "set price_input and price_output",
                 name, strerror(errno));
        return status;
    }
    text = malloc(LLM_PRICE_FILE_MAX);
    if (!text) {
        status = TROUPE_NOMEM;
        goto out;
    }
    len = fread(text, 1, LLM_PRICE_FILE_MAX, file);
    if (ferror(file)) {
        snprintf(error, error_size, "cannot read \"%s\"", name);
        goto out;
    }
    if (len == LLM_PRICE_FILE_MAX) {
        snprintf(error, error_size, "\"%s\" is larger than 1 MB", name);
        status = TROUPE_LIMIT;
        goto out;
    }
    status = llm_price_table_parse(text, len, ret, error, error_size);
out:
    free(text);
    fclose(file);
    return status;
}

const char *llm_price_table_digest(const struct llm_price_table *table)
{
    return table ? table->digest : "";
}

void llm_price_table_free(struct llm_price_table *table)
{
    if (!table)
        return;
    json_decref(table->tree);
    free(table->rows);
    free(table);
}

/* "-2025-08-07" or "-20250929" */
static int is_snapshot(const char *tail)
{
    static const char *const shapes[] = {"-dddd-dd-dd", "-dddddddd"};

    for (size_t s = 0; s < 2; s++) {
        size_t i = 0;

        while (shapes[s][i] && tail[i] &&
               (shapes[s][i] == 'd' ? tail[i] >= '0' && tail[i] <= '9' : tail[i] == '-'))
            i++;
        if (!shapes[s][i] && !tail[i])
            return 1;
    }
    return 0;
}

/* How well a pattern fits: its literal characters, twice, and one more for a whole name; 0 not.
 * Linear in practice and bounded in the worst case: only the last `*` is ever tried again. */
static size_t fit(const char *pattern, const char *model)
{
    const char *p = pattern, *m = model, *star = NULL, *star_model = NULL;
    size_t literals = 0;

    while (*m) {
        if (*p == '*') {
            star = ++p;
            star_model = m;
        } else if (*p && *p == *m) {
            p++;
            m++;
        } else if (!*p && is_snapshot(m)) {
            break;
        } else if (star) {
            p = star;
            m = ++star_model;
        } else {
            return 0;
        }
    }
    while (*p == '*')
        p++;
    if (*p)
        return 0;
    for (p = pattern; *p; p++)
        literals += *p != '*';
    return 2 * literals + (*m == 0);
}

int llm_price_fits(const char *pattern, const char *model)
{
    return fit(pattern, model) > 0;
}

static int provider_has_host(const struct llm_price_table *table, const char *provider,
                             const char *host)
{
    const json_t *hosts = json_object_get(json_object_get(table->tree, "providers"), provider);
    const json_t *name;
    size_t i;

    json_array_foreach ((json_t *)hosts, i, name) {
        if (json_is_string(name) && strcmp(json_string_value(name), host) == 0)
            return 1;
    }
    return 0;
}

/* Among rows that fit equally well: in effect before not, then the latest; of future ones the
 * first. */
static int is_better_date(int64_t from, int64_t best, int64_t today)
{
    if ((from <= today) != (best <= today))
        return from <= today;
    return from <= today ? from > best : from < best;
}

static const struct row *find_row(const struct llm_price_table *table, const char *host,
                                  const char *model, int64_t today)
{
    const struct row *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; table && i < table->count; i++) {
        const struct row *row = &table->rows[i];
        size_t row_fit = fit(row->model, model);

        if (row_fit == 0 || row_fit < best_fit || !provider_has_host(table, row->provider, host))
            continue;
        if (!best || row_fit > best_fit || is_better_date(row->from, best->from, today)) {
            best = row;
            best_fit = row_fit;
        }
    }
    return best;
}

troupe_status llm_price_find(const struct llm_price_table *table, const char *host,
                             const char *model, int64_t today, struct llm_price *ret)
{
    const struct row *row = find_row(table, host, model, today);

    if (!row)
        return TROUPE_NOT_FOUND;
    *ret = row->price;
    return TROUPE_OK;
}

troupe_status llm_price_image(const struct llm_price_table *table, const char *host,
                              const char *model, int64_t today, uint64_t *ret)
{
    const struct row *row = find_row(table, host, model, today);

    if (!row || !row->has_image)
        return TROUPE_NOT_FOUND;
    *ret = row->image;
    return TROUPE_OK;
}

uint32_t llm_price_lacks(const struct llm_price_table *table, const char *host, const char *model)
{
    const struct row *row = find_row(table, host, model, INT64_MAX);

    return row ? row->lacks : 0;
}

int64_t llm_price_context(const struct llm_price_table *table, const char *host, const char *model)
{
    const struct row *row = find_row(table, host, model, INT64_MAX);

    return row ? row->context : 0;
}

troupe_status llm_price_sight(const struct llm_price_table *table, const char *host,
                              const char *model, struct llm_sight *ret)
{
    const struct row *row = find_row(table, host, model, INT64_MAX);

    if (!row || row->sight.rule == LLM_SIGHT_UNKNOWN)
        return TROUPE_NOT_FOUND;
    *ret = row->sight;
    return TROUPE_OK;
}

struct llm_vector llm_price_vector(const struct llm_price_table *table, const char *host,
                                   const char *model)
{
    const struct row *row = find_row(table, host, model, INT64_MAX);

    return row ? row->vector : (struct llm_vector){0};
}

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t llm_price_cost(const struct llm_price *price, uint64_t input, uint64_t cached,
                        uint64_t output)
{
    uint64_t sum;

    if (cached > input)
        cached = input;
    sum = multiply(input - cached, price->input);
    sum = add(sum, multiply(cached, price->cached));
    sum = add(sum, multiply(output, price->output));
    if (sum == UINT64_MAX)
        return UINT64_MAX - 1; /* UINT64_MAX itself means "unknown" */
    return sum / 1000000 + (sum % 1000000 != 0);
}
