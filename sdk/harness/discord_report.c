/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger's verdict: what was lost, doubled, disordered, interrupted; latencies.
 */
#include "discord.h"

#include <stdlib.h>

#define SHOWN_MAX 20 /* tokens listed by number */

static struct discord_slice part_text(const struct discord_part *part)
{
    if (part->message && part->message->deleted)
        return (struct discord_slice){0};
    return part->message
               ? (struct discord_slice){part->message->content, part->message->content_len}
               : discord_slice(part->text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Without the mark of an interruption and space at the end. */
static struct discord_slice core_of(struct discord_slice text, const char *mark)
{
    size_t n = strlen(mark);

    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    if (n > 0 && text.len >= n && memcmp(text.ptr + text.len - n, mark, n) == 0)
        text.len -= n;
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool same_part(struct discord_slice a, struct discord_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;

    return memcmp(a.ptr, b.ptr, n) == 0 && (n > 0 || a.len == b.len);
}

struct verdict {
    unsigned standing, doubled;
    bool interrupted;
    struct discord_slice text; /* of the newest that stands */
};

static struct verdict judge(const struct discord_ledger *ledger, const struct discord_entry *entry)
{
    struct verdict verdict = {0};

    for (uint32_t i = 0; i < entry->part_count; i++) {
        struct discord_slice text = part_text(&entry->parts[i]), core;

        if (!text.ptr)
            continue;
        verdict.standing++;
        verdict.text = text;
        core = core_of(text, ledger->interrupted_mark);
        verdict.interrupted |=
            ledger->interrupted_mark[0] && memmem(text.ptr, text.len, ledger->interrupted_mark,
                                                  strlen(ledger->interrupted_mark)) != NULL;
        for (uint32_t j = 0; j < i; j++) {
            struct discord_slice other = part_text(&entry->parts[j]);

            if (other.ptr && same_part(core, core_of(other, ledger->interrupted_mark))) {
                verdict.doubled++;
                break;
            }
        }
    }
    return verdict;
}

static json_t *files_of(const struct discord_message *message)
{
    json_t *files =
        message && message->attachments ? json_loads(message->attachments, 0, NULL) : NULL;

    return files ? files : json_array();
}

json_t *discord_ledger_entry(struct discord *discord, const struct discord_entry *entry)
{
    struct verdict verdict = judge(&discord->ledger, entry);
    const struct discord_message *question =
        discord_map_get(&discord->world.messages, entry->message);
    json_t *parts = json_array();
    int reacted = 0;
    char ids[4][24];
    uint64_t values[4] = {entry->message, entry->channel, entry->author, entry->interaction};

    for (const struct discord_reaction *r = question ? question->reactions : NULL; r; r = r->next)
        reacted++;
    for (int i = 0; i < 4; i++)
        snprintf(ids[i], sizeof(ids[i]), "%llu", (unsigned long long)values[i]);
    for (uint32_t i = 0; i < entry->part_count; i++) {
        struct discord_slice text = part_text(&entry->parts[i]);
        char id[24];

        snprintf(id, sizeof(id), "%llu", (unsigned long long)entry->parts[i].id);
        json_array_append_new(parts, json_pack("{s:s,s:s%,s:b,s:o}", "id", id, "content",
                                               text.ptr ? text.ptr : "", (int)text.len, "deleted",
                                               text.ptr == NULL, "attachments",
                                               files_of(entry->parts[i].message)));
    }
    return json_pack(
        "{s:I,s:s,s:b,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:b,s:I,s:I,"
        "s:I,s:s%,s:o}",
        "n", (json_int_t)entry->n, "kind", entry->kind, "owed", entry->owed, "message", ids[0],
        "channel", ids[1], "author", ids[2], "interaction", ids[3], "created", entry->created,
        "standing", verdict.standing, "doubled", verdict.doubled, "edits", entry->edits, "deleted",
        entry->deleted, "deduplicated", entry->deduplicated, "pings", entry->pings, "pings_replied",
        entry->replied, "reactions", entry->reactions, "reacted", reacted, "interrupted",
        verdict.interrupted, "sent_us", (json_int_t)entry->sent_us, "first_us",
        (json_int_t)entry->first_us, "last_us", (json_int_t)entry->last_us, "text",
        verdict.text.ptr ? verdict.text.ptr : "", (int)verdict.text.len, "parts", parts);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* p50, p99 and the largest of the times from question to first answer. */
static json_t *latencies(const struct discord_ledger *ledger)
{
    int64_t *times = fake_alloc((ledger->count + 1) * sizeof(*times));
    size_t n = 0, middle, near_end;
    json_t *report;

    for (size_t i = 0; i < ledger->count; i++) {
        if (ledger->entries[i]->first_us)
            times[n++] = ledger->entries[i]->first_us - ledger->entries[i]->sent_us;
    }
    qsort(times, n, sizeof(*times), by_value);
    middle = n / 2;
    near_end = n * 99 / 100;
    report = json_pack("{s:I,s:f,s:f,s:f}", "count", (json_int_t)n, "p50",
                       n ? (double)times[middle] / 1000 : 0.0, "p99",
                       n ? (double)times[near_end] / 1000 : 0.0, "max",
                       n ? (double)times[n - 1] / 1000 : 0.0);
    free(times);
    return report;
}

/* Owed questions of one member in one channel whose first answer came before that of an earlier one. */
static uint64_t count_disordered(const struct discord_ledger *ledger)
{
    struct discord_map last = {0};
    uint64_t disordered = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const struct discord_entry *entry = ledger->entries[i];
        uint64_t key = entry->channel * UINT64_C(0x9e3779b97f4a7c15) ^ entry->author;
        const struct discord_entry *before = discord_map_get(&last, key);

        if (!entry->owed || !entry->first_us)
            continue;
        if (before && before->first_us > entry->first_us)
            disordered++;
        else
            discord_map_set(&last, key, ledger->entries[i]);
    }
    discord_map_clear(&last);
    return disordered;
}

static void list_token(json_t *list, uint64_t n)
{
    if (json_array_size(list) < SHOWN_MAX)
        json_array_append_new(list, json_integer((json_int_t)n));
}

json_t *discord_ledger_report(struct discord *discord)
{
    struct discord_ledger *ledger = &discord->ledger;
    json_t *lost_list = json_array(), *doubled_list = json_array();
    uint64_t owed = 0, answered = 0, doubled = 0, interrupted = 0, edits = 0, many = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const struct discord_entry *entry = ledger->entries[i];
        struct verdict verdict = judge(ledger, entry);

        owed += entry->owed;
        answered += entry->owed && verdict.standing > 0;
        if (entry->owed && verdict.standing == 0)
            list_token(lost_list, entry->n);
        doubled += verdict.doubled;
        if (verdict.doubled)
            list_token(doubled_list, entry->n);
        interrupted += verdict.interrupted;
        edits += entry->edits;
        many += verdict.standing > 1;
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "asked",
                     (json_int_t)ledger->count, "sent", (json_int_t)owed, "answered",
                     (json_int_t)answered, "lost", (json_int_t)(owed - answered), "doubled",
                     (json_int_t)doubled, "interrupted", (json_int_t)interrupted, "answer_edits",
                     (json_int_t)edits, "in_parts", (json_int_t)many, "disordered",
                     (json_int_t)count_disordered(ledger), "lost_tokens", lost_list,
                     "doubled_tokens", doubled_list, "latency_ms", latencies(ledger));
}
