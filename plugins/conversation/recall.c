/* SPDX-License-Identifier: Apache-2.0 */
#include "recall.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION_MAX 2000 /* bytes of a message that are looked for */
#define FOUND_MAX    8

/* Notes are data: they stand between marks that no note can close. */
TROUPE_EMBED(conversation_notes_prompt, "prompts/notes.txt");

static const char gap[] = "\n\n", after[] = "</notes>";

struct text {
    char *ptr;
    size_t len, size;
};

static void put(struct text *text, const char *string, size_t len)
{
    if (len >= text->size - text->len)
        len = text->size - text->len - 1;
    memcpy(text->ptr + text->len, string, len);
    text->len += len;
}

static void put_note(struct text *text, const char *note, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = note[i];

        put(text, c == '<' || c == '>' || (unsigned char)c < ' ' ? " " : &c, 1);
    }
}

/* "- my cat is called Tom", "- The voice channels … (rules)" */
static void put_notes(struct text *text, const json_t *notes)
{
    const json_t *note;
    size_t index;

    json_array_foreach ((json_t *)notes, index, note) {
        const json_t *words = json_object_get(note, "text");
        const json_t *source = json_object_get(note, "source");

        put(text, "- ", 2);
        put_note(text, json_string_value(words), json_string_length(words));
        if (json_string_length(source) > 0) {
            put(text, " (from the document ", 20);
            put_note(text, json_string_value(source), json_string_length(source));
            put(text, ")", 1);
        }
        put(text, "\n", 1);
    }
}

static char *arguments_of(troupe_str question, int64_t tokens)
{
    uint64_t len = question.len < QUESTION_MAX ? question.len : QUESTION_MAX;
    json_t *tree;
    char *text;

    /* Not in the middle of a character. */
    while (len > 0 && len < question.len && ((unsigned char)question.ptr[len] & 0xc0) == 0x80)
        len--;
    tree = json_pack("{s:s%,s:i,s:I}", "query", question.ptr, (size_t)len, "limit", FOUND_MAX,
                     "tokens", (json_int_t)tokens);
    text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
    json_decref(tree);
    return text;
}

const char *recall_put(troupe_turn *turn, troupe_str question, const char *system, int64_t tokens,
                       uint8_t *ret_found)
{
    char *arguments = tokens >= 16 && question.len ? arguments_of(question, tokens) : NULL;
    troupe_str found = {NULL, 0};
    struct text text = {NULL, 0, 0};
    const json_t *notes;
    troupe_status status;
    json_t *tree;

    *ret_found = 0;
    if (!arguments) /* what is no UTF-8 is told elsewhere */
        return system;
    status = troupe_call(turn, TROUPE_SERVICE_MEMORY_SEARCH,
                         ((troupe_str){arguments, strlen(arguments)}), &found);
    free(arguments);
    if (status < 0) {
        if (status != TROUPE_NOT_FOUND)
            troupe_reason(turn, "conversation.no_recall", "memory.search: status %d", status);
        return system;
    }
    tree = json_loadb(found.ptr, found.len, 0, NULL);
    notes = json_object_get(tree, "memories");
    if (json_array_size(notes) > 0) {
        text.size = strlen(system) + sizeof(gap) + strlen(conversation_notes_prompt) +
                    sizeof(after) + found.len + FOUND_MAX * 32;
        text.ptr = (char *)troupe_turn_alloc(turn, text.size);
    }
    if (text.ptr) {
        put(&text, system, strlen(system));
        put(&text, gap, sizeof(gap) - 1);
        put(&text, conversation_notes_prompt, strlen(conversation_notes_prompt));
        put_notes(&text, notes);
        put(&text, after, sizeof(after) - 1);
        text.ptr[text.len] = '\0';
        *ret_found = 1;
        troupe_reason(turn, "conversation.recalled", "%u notes", (unsigned)json_array_size(notes));
    }
    json_decref(tree);
    return text.ptr ? text.ptr : system;
}
