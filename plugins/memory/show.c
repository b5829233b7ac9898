/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_ROOM = FACT_MAX + 120, EXPORT_MAX = 60000 };

static const char *origin(const struct memory_row *row)
{
    static const char *const names[][2] = {{"asked", "you asked me to"},
                                           {"rules", "from our talk"},
                                           {"model", "from our talk, by a model"},
                                           {"quote", "somebody else's words"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (row->extractor.len == strlen(names[i][0]) &&
            memcmp(row->extractor.ptr, names[i][0], row->extractor.len) == 0)
            return names[i][1];
    return "from our talk";
}

static int is(troupe_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* `%.*s` of a key as members name it. */
#define SHORT(key) (int)((key).len < SHORT_KEY ? (key).len : SHORT_KEY), (key).ptr

troupe_status show_rows(troupe_turn *turn, const struct memory_row *rows, uint64_t count)
{
    size_t size = SHOWN_MAX * LINE_ROOM + 400, n = 0;
    char *text = (char *)troupe_turn_alloc(turn, size), date[16];
    uint64_t shown = 0, active = 0, aside = 0, old = 0;

    if (!text)
        return TROUPE_NOMEM;
    for (uint64_t i = 0; i < count; i++) {
        if (is(rows[i].state, "quarantine"))
            aside++;
        else if (is(rows[i].state, "history"))
            old++;
        else
            active++;
    }
    if (active == 0)
        n = (size_t)snprintf(text, size,
                             "I remember nothing of you here. Tell me \"remember that …\".");
    for (uint64_t i = 0; i < count && shown < SHOWN_MAX; i++) {
        if (!is(rows[i].state, "active"))
            continue;
        shown++;
        fact_date(rows[i].said_at, date);
        n += (size_t)snprintf(text + n, size - n, "%s`%.*s` %.*s (%s, %s%s)", n ? "\n" : "",
                              SHORT(rows[i].key), (int)rows[i].content.len, rows[i].content.ptr,
                              date, origin(&rows[i]), rows[i].expires_at ? ", fades" : "");
    }
    if (active > shown)
        n += (size_t)snprintf(text + n, size - n, "\nand %llu more",
                              (unsigned long long)(active - shown));
    if (aside + old > 0)
        n += (size_t)snprintf(text + n, size - n,
                              "\n-# %llu older, %llu put aside because others wrote them: /memory "
                              "export shows them",
                              (unsigned long long)old, (unsigned long long)aside);
    return troupe_reply_text(turn, text, n);
}

char *show_found(troupe_turn *turn, const struct memory_found *found, uint32_t count)
{
    size_t size = 1, n = 0;
    char *text, date[16];

    for (uint32_t i = 0; i < count; i++)
        size += found[i].text.len + found[i].source.len + found[i].heading.len + 64;
    text = (char *)troupe_turn_alloc(turn, size);
    if (!text)
        return NULL;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        fact_date(found[i].said_at, date);
        n += (size_t)snprintf(text + n, size - n, "%s%.*s", n ? "\n" : "", (int)found[i].text.len,
                              found[i].text.ptr);
        if (found[i].source.len)
            n += (size_t)snprintf(text + n, size - n, " (%.*s%s%.*s)", (int)found[i].source.len,
                                  found[i].source.ptr, found[i].heading.len ? ": " : "",
                                  (int)found[i].heading.len, found[i].heading.ptr);
        else
            n += (size_t)snprintf(text + n, size - n, " (you, %s)", date);
    }
    return text;
}

char *show_found_json(const struct memory_found *found, uint32_t count)
{
    json_t *list = json_array(), *tree;
    char *text;

    for (uint32_t i = 0; i < count; i++) {
        json_t *entry =
            json_pack("{s:s%,s:s%,s:s%,s:I,s:f}", "id", found[i].key.ptr, (size_t)found[i].key.len,
                      "text", found[i].text.ptr, (size_t)found[i].text.len, "tier",
                      found[i].tier.ptr, (size_t)found[i].tier.len, "said_ms",
                      (json_int_t)found[i].said_at, "share", found[i].share);

        if (entry && found[i].source.len) {
            json_object_set_new(entry, "source",
                                json_stringn(found[i].source.ptr, found[i].source.len));
            json_object_set_new(entry, "heading",
                                json_stringn(found[i].heading.ptr, found[i].heading.len));
        }
        if (entry)
            json_array_append_new(list, entry);
    }
    tree = json_pack("{s:o}", "memories", list);
    text = tree ? json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(3)) : NULL;
    json_decref(tree);
    return text;
}

static json_t *str_json(troupe_str text)
{
    return json_stringn(text.ptr, text.len);
}

troupe_status show_export(troupe_turn *turn)
{
    struct memory_row *rows;
    uint64_t count = 0;
    troupe_status status = fact_list(turn, NULL, &rows, &count);
    json_t *list = json_array();
    char *text;

    for (uint64_t i = 0; status >= 0 && i < count; i++) {
        json_t *entry = json_object();

        json_object_set_new(entry, "id", str_json(rows[i].key));
        json_object_set_new(entry, "text", str_json(rows[i].content));
        json_object_set_new(entry, "tier", str_json(rows[i].tier));
        json_object_set_new(entry, "state", str_json(rows[i].state));
        json_object_set_new(entry, "from", str_json(rows[i].extractor));
        json_object_set_new(entry, "confidence", json_real(rows[i].confidence));
        json_object_set_new(entry, "importance", json_real(rows[i].importance));
        json_object_set_new(entry, "message", json_integer(rows[i].message));
        json_object_set_new(entry, "said_ms", json_integer(rows[i].said_at));
        json_object_set_new(entry, "seen", json_integer(rows[i].seen));
        json_object_set_new(entry, "expires_ms", json_integer(rows[i].expires_at));
        json_array_append_new(list, entry);
    }
    text = status >= 0 ? json_dumps(list, JSON_INDENT(1) | JSON_REAL_PRECISION(3)) : NULL;
    json_decref(list);
    if (status < 0)
        return status;
    if (!text)
        return TROUPE_NOMEM;
    if (strlen(text) > EXPORT_MAX)
        status = troupe_reply(turn,
                              "That is too much for a message: %llu memories. /privacy export "
                              "has them, and everything else.",
                              (unsigned long long)count);
    else
        status = troupe_reply(turn, "```json\n%s\n```", text);
    free(text);
    return status;
}

static int has_part(troupe_str text, troupe_str part)
{
    for (uint64_t i = 0; part.len && i + part.len <= text.len; i++) {
        uint64_t n = 0;

        while (n < part.len && (text.ptr[i + n] | 0x20) == (part.ptr[n] | 0x20))
            n++;
        if (n == part.len)
            return 1;
    }
    return 0;
}

troupe_status show_forget(troupe_turn *turn, troupe_str what)
{
    struct memory_row *rows;
    uint64_t count = 0, found = 0, at = 0;
    troupe_status status = fact_list(turn, NULL, &rows, &count);
    int by_key = 0;

    if (status < 0)
        return status;
    while (what.len && (*what.ptr == '`' || *what.ptr == ' ')) {
        what.ptr++;
        what.len--;
    }
    while (what.len && (what.ptr[what.len - 1] == '`' || what.ptr[what.len - 1] == ' '))
        what.len--;
    for (uint64_t i = 0; i < count && what.len >= SHORT_KEY && !by_key; i++) {
        if (rows[i].key.len >= what.len && memcmp(rows[i].key.ptr, what.ptr, what.len) == 0) {
            by_key = 1;
            found = 1;
            at = i;
        }
    }
    for (uint64_t i = 0; i < count && !by_key; i++) {
        if (!has_part(rows[i].content, what))
            continue;
        found++;
        at = i;
    }
    if (found == 0)
        return troupe_reply(turn,
                            "I remember nothing like that here. /memory action=show lists it.");
    if (found > 1)
        return troupe_reply(
            turn,
            "%llu memories have these words. Name one by its letters, which /memory "
            "action=show has, or write all.",
            (unsigned long long)found);
    status = fact_forget(turn, rows[at].key);
    if (status < 0)
        return status;
    return troupe_reply(turn, "Forgotten: %.*s", (int)rows[at].content.len, rows[at].content.ptr);
}
