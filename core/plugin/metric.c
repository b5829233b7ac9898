/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/metric.h"

#include "base/mem.h"
#include "base/text.h"
#include "plugin/manifest.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define DECL_1_6  (offsetof(troupe_metric_decl, kind) + sizeof(uint32_t))
#define MAX_NAME  48
#define MAX_LABEL 32
#define MAX_DOC   200
#define MAX_LIST  1000

static troupe_status defect(const struct plugin_manifest *manifest, uint32_t at, struct error *err,
                            const char *what)
{
    return error_set(err, TROUPE_DATA,
                     "plugin \"%s\": metric %u %s; correct the declaration and build it again",
                     manifest->id, at + 1, what);
}

static bool is_name(const char *text, size_t len, size_t max)
{
    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)text[i]) &&
            (i == 0 || (text[i] != '_' && !isdigit((unsigned char)text[i]))))
            return false;
    return len > 0 && len <= max;
}

static bool is_line(const char *text)
{
    size_t len = text ? strnlen(text, MAX_DOC + 1) : 0;

    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)text[i]))
            return false;
    return len > 0 && len <= MAX_DOC && text_is_utf8(text, len);
}

/* The next word of a list that "|" separates; NULL behind the last. */
static const char *next_word(const char **at, size_t *ret_len)
{
    const char *word = *at;

    if (!word)
        return NULL;
    *ret_len = (size_t)(strchrnul(word, '|') - word);
    *at = word[*ret_len] ? word + *ret_len + 1 : NULL;
    return word;
}

static bool read_labels(const char *list, struct plugin_metric *ret)
{
    const char *word;
    size_t len;

    while ((word = next_word(&list, &len))) {
        if (ret->label_count == PLUGIN_MAX_LABELS || !is_name(word, len, MAX_LABEL) ||
            (len == 2 && !memcmp(word, "le", 2)))
            return false;
        ret->labels[ret->label_count++] = mem_strndup(word, len);
    }
    return ret->label_count < 2 || strcmp(ret->labels[0], ret->labels[1]) != 0;
}

static bool read_buckets(const char *list, struct plugin_metric *ret)
{
    const char *word;
    size_t len;

    while ((word = next_word(&list, &len))) {
        _cleanup_mem_ char *text = mem_strndup(word, len);
        double bound;

        if (ret->bucket_count == PLUGIN_MAX_BUCKETS || text_to_double(text, &bound) < 0 ||
            !isfinite(bound) || (ret->bucket_count && bound <= ret->buckets[ret->bucket_count - 1]))
            return false;
        ret->buckets[ret->bucket_count++] = bound;
    }
    return ret->bucket_count > 0;
}

static troupe_status take(const troupe_metric_decl *from, uint32_t at,
                          struct plugin_manifest *manifest, struct error *err)
{
    struct plugin_metric *to = &manifest->metrics[at];
    size_t len = from->name ? strnlen(from->name, MAX_NAME + 1) : 0;

    if (!from->name || !is_name(from->name, len, MAX_NAME))
        return defect(manifest, at, err, "has a name that is not [a-z][a-z0-9_]*, at most 48");
    to->name = from->name;
    if (!is_line(from->doc))
        return defect(manifest, at, err, "needs a doc of one line and at most 200 bytes");
    to->doc = from->doc;
    to->kind = from->kind;
    if (to->kind > TROUPE_METRIC_IS_HISTOGRAM)
        return defect(manifest, at, err, "is of a kind that this host does not know");
    if (from->labels &&
        (strnlen(from->labels, MAX_LIST) == MAX_LIST || !read_labels(from->labels, to)))
        return defect(manifest, at, err, "has labels that are not one or two names with | between");
    if ((to->kind == TROUPE_METRIC_IS_HISTOGRAM) != (from->buckets != NULL) ||
        (from->buckets &&
         (strnlen(from->buckets, MAX_LIST) == MAX_LIST || !read_buckets(from->buckets, to))))
        return defect(
            manifest, at, err,
            "needs 1 to 16 ascending bounds with | between if it is a histogram, and else "
            "none");
    for (uint32_t i = 0; i < at; i++)
        if (!strcmp(manifest->metrics[i].name, to->name))
            return defect(manifest, at, err, "has the name of another one");
    return TROUPE_OK;
}

troupe_status plugin_metrics_read(const troupe_plugin *table, struct plugin_manifest *manifest,
                                  struct error *err)
{
    const troupe_array *list = TROUPE_HAS(table, metrics) ? &table->metrics : NULL;
    troupe_status status = TROUPE_OK;

    if (!list || !list->count)
        return TROUPE_OK;
    if (list->count > PLUGIN_MAX_METRICS)
        return error_set(err, TROUPE_LIMIT, "plugin \"%s\" has %u metrics, at most %d are possible",
                         manifest->id, list->count, PLUGIN_MAX_METRICS);
    if (!list->ptr || list->stride < DECL_1_6)
        return defect(manifest, 0, err, "is broken");
    manifest->metrics = mem_zero(list->count, sizeof(*manifest->metrics));
    manifest->metric_count = list->count;
    for (uint32_t i = 0; status == TROUPE_OK && i < list->count; i++)
        status = take(TROUPE_AT(*list, troupe_metric_decl, i), i, manifest, err);
    return status;
}

void plugin_metrics_clear(struct plugin_manifest *manifest)
{
    for (size_t i = 0; i < manifest->metric_count; i++)
        for (size_t k = 0; k < manifest->metrics[i].label_count; k++)
            mem_free(manifest->metrics[i].labels[k]);
    mem_free(manifest->metrics);
}

bool plugin_metric_equals(const struct plugin_metric *a, const struct plugin_metric *b)
{
    if (strcmp(a->name, b->name) != 0 || a->kind != b->kind || a->label_count != b->label_count ||
        a->bucket_count != b->bucket_count)
        return false;
    for (size_t i = 0; i < a->label_count; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0)
            return false;
    for (size_t i = 0; i < a->bucket_count; i++)
        if (a->buckets[i] < b->buckets[i] || a->buckets[i] > b->buckets[i])
            return false;
    return true;
}
