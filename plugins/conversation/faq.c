/* SPDX-License-Identifier: Apache-2.0 */
#include "faq.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static troupe_status bad(troupe_host *host, size_t number,
                                                               const char *format, ...)
{
    char text[300], place[48] = "";
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (number > 0)
        snprintf(place, sizeof(place), "question %zu: ", number);
    troupe_log(host, TROUPE_LOG_ERROR, "key \"faq\": %s%s", place, text);
    return TROUPE_CONFIG;
}

static troupe_status read_file(troupe_host *host, const char *path, json_t **ret)
{
    char *text = malloc(FAQ_FILE_MAX + 1);
    FILE *file = fopen(path, "re");
    troupe_status status = TROUPE_OK;
    json_error_t error;
    size_t len = 0;

    if (!text || !file)
        status = bad(host, 0, "\"%s\" cannot be read: %s", path, strerror(errno));
    if (status >= 0)
        len = fread(text, 1, FAQ_FILE_MAX + 1, file);
    if (status >= 0 && len > FAQ_FILE_MAX)
        status = bad(host, 0, "\"%s\" is larger than 256 kB", path);
    if (status >= 0) {
        *ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        if (!*ret)
            status = bad(host, 0, "\"%s\" is no JSON: line %d: %s", path, error.line, error.text);
    }
    if (file)
        fclose(file);
    free(text);
    return status;
}

static troupe_status read_guild(troupe_host *host, size_t number, const json_t *value,
                                uint64_t *ret)
{
    const char *text = json_string_value(value);
    char *end = NULL;

    *ret = 0;
    if (!value)
        return TROUPE_OK;
    if (text && *text >= '1' && *text <= '9')
        *ret = strtoull(text, &end, 10);
    if (!end || *end || *ret == UINT64_MAX)
        return bad(host, number, "\"guild\" must be a server's id as text, like \"123456789\"");
    return TROUPE_OK;
}

static troupe_status add(troupe_host *host, size_t number, const json_t *question,
                         const struct faq_entry *like, struct faq *faq)
{
    struct faq_entry *entry = &faq->entries[faq->count];
    const char *text = json_string_value(question);

    if (faq->count == FAQ_MAX)
        return bad(host, number, "at most %d questions", FAQ_MAX);
    *entry = *like;
    if (!entry->question)
        entry->question = text;
    if (!text || intent_words((troupe_str){text, json_string_length(question)}, entry->words) == 0)
        return bad(host, number,
                   "\"question\" must be a text of at most %d bytes with words in it, or a list of "
                   "such texts",
                   INTENT_WORDS_MAX - 2);
    for (uint32_t i = 0; i < faq->count; i++)
        if (faq->entries[i].guild == entry->guild &&
            strcmp(faq->entries[i].words, entry->words) == 0)
            return bad(host, number, "\"%s\" is declared twice", text);
    faq->count++;
    return TROUPE_OK;
}

static troupe_status read_entry(troupe_host *host, size_t number, const json_t *item,
                                struct faq *faq)
{
    const json_t *question = json_object_get(item, "question"), *one;
    const json_t *answer = json_object_get(item, "answer");
    struct faq_entry like = {.answer = json_string_value(answer)};
    troupe_status status;
    const char *key;
    size_t i;

    for (void *at = json_object_iter((json_t *)item); at;
         at = json_object_iter_next((json_t *)item, at)) {
        key = json_object_iter_key(at);
        if (strcmp(key, "question") != 0 && strcmp(key, "answer") != 0 && strcmp(key, "guild") != 0)
            return bad(host, number, "\"%s\" is not known; there are question, answer and guild",
                       key);
    }
    if (answer && (json_string_length(answer) == 0 || json_string_length(answer) > FAQ_ANSWER_MAX))
        return bad(host, number, "\"answer\" must be a text of 1 to %d bytes", FAQ_ANSWER_MAX);
    /* Other spellings are the first one's: one answer is enough. */
    like.question = json_string_value(json_array_get(question, 0));
    status = read_guild(host, number, json_object_get(item, "guild"), &like.guild);
    if (status >= 0 && !json_is_array(question))
        return add(host, number, question, &like, faq);
    if (status >= 0 && json_array_size(question) == 0)
        status = bad(host, number, "\"question\" is empty");
    json_array_foreach ((json_t *)question, i, one)
        if (status >= 0)
            status = add(host, number, one, &like, faq);
    return status;
}

troupe_status faq_load(troupe_host *host, troupe_str path, struct faq *ret)
{
    char name[4096];
    const json_t *list, *item;
    json_t *tree = NULL;
    troupe_status status;
    size_t i;

    memset(ret, 0, sizeof(*ret));
    if (path.len == 0)
        return TROUPE_OK;
    snprintf(name, sizeof(name), "%.*s", (int)path.len, path.ptr);
    status = read_file(host, name, &tree);
    if (status < 0)
        return status;
    ret->tree = tree;
    ret->entries = troupe_alloc(host, FAQ_MAX * sizeof(*ret->entries));
    list = json_object_get(tree, "questions");
    if (!ret->entries)
        status = TROUPE_NOMEM;
    else if (!json_is_array(list))
        status = bad(host, 0, "\"%s\" must be an object with a list \"questions\"", name);
    json_array_foreach ((json_t *)list, i, item)
        if (status >= 0)
            status = json_is_object(item) ? read_entry(host, i + 1, item, ret)
                                          : bad(host, i + 1, "it must be an object");
    if (status < 0)
        faq_clear(host, ret);
    return status;
}

void faq_clear(troupe_host *host, struct faq *faq)
{
    troupe_free(host, faq->entries);
    json_decref(faq->tree);
    memset(faq, 0, sizeof(*faq));
}

const struct faq_entry *faq_find(const struct faq *faq, uint64_t guild, troupe_str message)
{
    const struct faq_entry *found = NULL;
    char words[INTENT_WORDS_MAX];

    if (faq->count == 0 || intent_words(message, words) == 0)
        return NULL;
    for (uint32_t i = 0; i < faq->count; i++) {
        const struct faq_entry *entry = &faq->entries[i];

        if (strcmp(entry->words, words) != 0)
            continue;
        if (entry->guild == guild && guild != 0)
            return entry;
        if (entry->guild == 0)
            found = entry;
    }
    return found;
}
