/* SPDX-License-Identifier: Apache-2.0 */
#include "delta.h"

#include "json_scan.h"

#include <string.h>

#define DEPTH_MAX  16 /* of what is skipped */
#define DIGITS_MAX 18

struct walk {
    struct llm_scan scan;
    struct llm_quoted text, model, finish; /* `text` NULL: not there */
};

/* ---- what does not matter ---------------------------------------------------------------------*/

static int skip_value(struct llm_scan *scan);

static size_t skip_digits(struct llm_scan *scan)
{
    const char *start = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

/* Whole, or with a fraction that any reader can hold. */
static int skip_number(struct llm_scan *scan)
{
    const char *start = scan->at += *scan->at == '-';
    size_t whole = skip_digits(scan), part = 0;

    if (whole == 0 || (*start == '0' && whole > 1))
        return 0;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        part = skip_digits(scan);
        if (part == 0)
            return 0;
    }
    return whole + part <= DIGITS_MAX &&
           (scan->at == scan->end || (*scan->at != 'e' && *scan->at != 'E' && *scan->at != '.'));
}

static int skip_word(struct llm_scan *scan, const char *word)
{
    const size_t len = strlen(word);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return 0;
    scan->at += len;
    return 1;
}

/* Only jansson knows whether \u and bytes beyond ASCII are text. */
static int take_plain(struct llm_scan *scan, struct llm_quoted *ret)
{
    return llm_scan_string(scan, ret) && !ret->wide && !ret->escaped;
}

static int skip_inner(struct llm_scan *scan)
{
    const int is_object = *scan->at == '{';
    const char end = is_object ? '}' : ']';
    struct llm_quoted name;
    int more;

    scan->at++;
    more = !llm_scan_take(scan, end);
    while (more > 0) {
        if (is_object && (!take_plain(scan, &name) || !llm_scan_take(scan, ':')))
            return 0;
        if (!skip_value(scan))
            return 0;
        more = llm_scan_more(scan, end);
    }
    return more == 0;
}

static int skip_value(struct llm_scan *scan)
{
    struct llm_quoted text;
    int good;

    switch (llm_scan_look(scan)) {
    case '"': return take_plain(scan, &text);
    case 't': return skip_word(scan, "true");
    case 'f': return skip_word(scan, "false");
    case 'n': return skip_word(scan, "null");
    case '{':
    case '[':
        if (scan->depth == DEPTH_MAX)
            return 0;
        scan->depth++;
        good = skip_inner(scan);
        scan->depth--;
        return good;
    default: return scan->at < scan->end && skip_number(scan);
    }
}

/* ---- what does --------------------------------------------------------------------------------*/

static int walk_object(struct walk *walk, const struct llm_shape_of *shape);

static int is_null(struct llm_scan *scan)
{
    return llm_scan_look(scan) == 'n' && skip_word(scan, "null");
}

static int walk_member(struct walk *walk, const struct llm_member *member)
{
    struct llm_scan *scan = &walk->scan;
    struct llm_quoted word;

    switch (member->kind) {
    case LLM_MEMBER_SKIP: return skip_value(scan);
    case LLM_MEMBER_NOTHING: return is_null(scan);
    case LLM_MEMBER_FALSE: return llm_scan_look(scan) == 'f' && skip_word(scan, "false");
    case LLM_MEMBER_IS:
        return member->word && take_plain(scan, &word) && word.len == strlen(member->word) &&
               memcmp(word.text, member->word, word.len) == 0;
    case LLM_MEMBER_TEXT:
        return is_null(scan) || (llm_scan_look(scan) == '"' && llm_scan_string(scan, &walk->text));
    case LLM_MEMBER_FINISH: return is_null(scan) || take_plain(scan, &walk->finish);
    case LLM_MEMBER_MODEL: return take_plain(scan, &walk->model);
    case LLM_MEMBER_OBJECT: return walk_object(walk, member->inner);
    case LLM_MEMBER_FIRST:
        return llm_scan_take(scan, '[') && walk_object(walk, member->inner) &&
               llm_scan_take(scan, ']');
    }
    return 0;
}

static size_t find(const struct llm_shape_of *shape, const struct llm_quoted *name)
{
    size_t i = 0;

    while (i < LLM_SHAPE_MEMBERS && shape->members[i].name &&
           (shape->members[i].len != name->len ||
            memcmp(shape->members[i].name, name->text, name->len) != 0))
        i++;
    return i < LLM_SHAPE_MEMBERS && shape->members[i].name ? i : LLM_SHAPE_MEMBERS;
}

static int has_needed(const struct llm_shape_of *shape, unsigned seen)
{
    for (size_t i = 0; i < LLM_SHAPE_MEMBERS; i++)
        if (shape->members[i].needed && !(seen & 1u << i))
            return 0;
    return 1;
}

/* Of two members of a name the last counts: those are left to the reader, too. */
static int walk_object(struct walk *walk, const struct llm_shape_of *shape)
{
    const struct llm_member other = {.kind = shape ? shape->others : LLM_MEMBER_NOTHING};
    struct llm_scan *scan = &walk->scan;
    struct llm_quoted name;
    unsigned seen = 0;
    int more;

    if (!shape || !llm_scan_take(scan, '{'))
        return 0;
    more = !llm_scan_take(scan, '}');
    while (more > 0) {
        size_t i;

        if (!take_plain(scan, &name) || !llm_scan_take(scan, ':'))
            return 0;
        i = find(shape, &name);
        if (i < LLM_SHAPE_MEMBERS && seen & 1u << i)
            return 0;
        if (i < LLM_SHAPE_MEMBERS)
            seen |= 1u << i;
        if (!walk_member(walk, i < LLM_SHAPE_MEMBERS ? &shape->members[i] : &other))
            return 0;
        more = llm_scan_more(scan, '}');
    }
    return more == 0 && has_needed(shape, seen);
}

/* What is not ASCII as it stands goes the way of all texts. */
static int append(struct llm_stream *stream, const struct llm_quoted *text)
{
    LLM_CLEANUP_JSON json_t *value = NULL;

    if (!text->text || text->len == 0)
        return 1;
    if (!text->wide && !text->escaped) {
        llm_stream_append_text(stream, text->text, text->len);
        return 1;
    }
    value = llm_json_load_plain(text->text - 1, text->len + 2);
    if (!value)
        return 0;
    llm_stream_append(stream, value);
    return 1;
}

/* ---- the form of the last one -----------------------------------------------------------------*/

/* The chunks of a stream differ in their text only, as a rule. What stands around it was understood once,
 * and means the same again: 1 where the chunk was taken by that. */
static int take_by_form(const struct llm_shape_of *shape, struct llm_stream *stream,
                        const char *data, size_t len)
{
    const struct llm_form *form = &stream->form;
    struct llm_scan scan = {.end = data + len};
    struct llm_quoted text;

    if (form->head == 0 || form->shape != shape || len < (size_t)form->head + form->tail ||
        memcmp(data, form->bytes, form->head) != 0 ||
        memcmp(data + len - form->tail, form->bytes + form->head, form->tail) != 0)
        return 0;
    scan.at = data + form->head - 1; /* its quote */
    return llm_scan_string(&scan, &text) && scan.at == data + len - form->tail + 1 &&
           append(stream, &text);
}

/* Why an answer ends comes once. */
static void keep_form(const struct llm_shape_of *shape, struct llm_stream *stream,
                      const struct walk *walk, const char *data, size_t len)
{
    struct llm_form *form = &stream->form;
    const size_t head = walk->text.text ? (size_t)(walk->text.text - data) : 0;
    const size_t tail = len - head - walk->text.len;

    if (head == 0 || walk->finish.text || head + tail > LLM_FORM_MAX)
        return;
    form->shape = shape;
    form->head = (uint16_t)head;
    form->tail = (uint16_t)tail;
    memcpy(form->bytes, data, head);
    memcpy(form->bytes + head, data + len - tail, tail);
}

int llm_delta_take(const struct llm_shape_of *shape, struct llm_stream *stream, const char *data,
                   size_t len)
{
    struct walk walk = {.scan = {.at = data, .end = data + len}};

    if (take_by_form(shape, stream, data, len))
        return 1;
    stream->form.head = 0;
    if (!walk_object(&walk, shape) || (llm_scan_look(&walk.scan), walk.scan.at != walk.scan.end) ||
        !append(stream, &walk.text))
        return 0;
    if (walk.finish.text)
        llm_clean(stream->finish, sizeof(stream->finish), walk.finish.text, walk.finish.len);
    if (walk.model.text)
        llm_clean(stream->model, sizeof(stream->model), walk.model.text, walk.model.len);
    keep_form(shape, stream, &walk, data, len);
    return 1;
}
