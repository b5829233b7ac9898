/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments from what people type and programs send, to checked values in the order of the
 * parameters. Everything here is a stranger's: sizes are bounded by the declaration before a copy is
 * made.
 */
#include "base/json.h"
#include "base/json_printed.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/function.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

void plugin_args_clear(struct plugin_args *args)
{
    for (size_t i = 0; i < PLUGIN_MAX_PARAMS; i++)
        mem_free(args->owned[i]);
    memset(args, 0, sizeof(*args));
}

static bool find_param(const struct plugin_function *function, const char *name, size_t len,
                       size_t *ret)
{
    for (size_t i = 0; i < function->param_count; i++)
        if (strlen(function->params[i].name) == len &&
            !memcmp(function->params[i].name, name, len)) {
            *ret = i;
            return true;
        }
    return false;
}

static troupe_status unknown_name(const struct plugin_function *function, const char *name,
                                  size_t len, struct error *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    _cleanup_mem_ char *word = mem_strndup(name, len < 64 ? len : 64);
    const char *names[PLUGIN_MAX_PARAMS], *nearest;

    for (size_t i = 0; i < function->param_count; i++)
        names[i] = function->params[i].name;
    buf_printf(&text, "\"%s\" has no parameter ", function->name);
    plugin_quote(name, len, &text);
    if ((nearest = text_nearest(word, names, function->param_count)))
        buf_printf(&text, "; did you mean \"%s\"", nearest);
    else if (function->param_count == 0)
        buf_puts(&text, "; it takes none");
    else
        for (size_t i = 0; i < function->param_count; i++)
            buf_printf(&text, "%s%s", i ? ", " : "; it takes ", names[i]);
    return error_set(err, TROUPE_ARGUMENT, "%s", buf_text(&text));
}

/* Takes a text that fits its parameter; the copy belongs to `args`. */
static troupe_status set_text(const struct plugin_param *param, const char *text, size_t len,
                              size_t at, struct plugin_args *args, struct error *err)
{
    troupe_value value = {.type = param->type, .u = {.s = {text, len}}};
    char *copy;

    if (!plugin_param_fits(param, &value))
        return plugin_param_reject(param, text, len, err);
    if (!(copy = mem_try(len + 1)))
        return error_set(err, TROUPE_NOMEM,
                         "\"%s\" is too large for the memory left; try a shorter "
                         "one",
                         param->name);
    memcpy(copy, text, len);
    copy[len] = '\0';
    args->owned[at] = copy;
    value.u.s.ptr = copy;
    args->values[at] = value;
    return TROUPE_OK;
}

static troupe_status set_value(const struct plugin_param *param, troupe_value value,
                               const char *shown, size_t len, size_t at, struct plugin_args *args,
                               struct error *err)
{
    if (!plugin_param_fits(param, &value))
        return plugin_param_reject(param, shown, len, err);
    args->values[at] = value;
    return TROUPE_OK;
}

/* Digits, or the mention of the right kind: <@1> <@!1> <#2> <@&3>. */
static bool parse_id(uint32_t type, const char *text, size_t len, uint64_t *ret)
{
    uint64_t id = 0;

    if (len > 2 && text[0] == '<' && text[len - 1] == '>') {
        const char *mark = type == TROUPE_TYPE_CHANNEL ? "#"
                           : type == TROUPE_TYPE_ROLE  ? "@&"
                                                       : "@";
        size_t skip = strlen(mark);

        if (type == TROUPE_TYPE_ATTACHMENT || len < skip + 3 || memcmp(text + 1, mark, skip) != 0)
            return false;
        text += 1 + skip;
        len -= 2 + skip;
        if (type == TROUPE_TYPE_MEMBER && *text == '!') {
            text++;
            len--;
        }
    }
    if (len == 0 || len > 20)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)text[i]) || __builtin_mul_overflow(id, 10u, &id) ||
            __builtin_add_overflow(id, (uint64_t)(text[i] - '0'), &id))
            return false;
    *ret = id;
    return id != 0;
}

/* A number, or yes or no, that is written as a text. */
static troupe_status take_scalar(const struct plugin_param *param, const char *text, size_t len,
                                 size_t at, struct plugin_args *args, struct error *err)
{
    troupe_value value = {.type = param->type};
    troupe_status status;
    bool flag = false;

    if (param->type == TROUPE_TYPE_INT) {
        status = text_to_int(text, &value.u.i);
    } else if (param->type == TROUPE_TYPE_FLOAT) {
        status = text_to_double(text, &value.u.f);
    } else {
        status = text_to_bool(text, &flag);
        value.u.i = flag;
    }
    if (status < 0)
        return plugin_param_reject(param, text, len, err);
    return set_value(param, value, text, len, at, args, err);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static troupe_status reject_json(const struct plugin_param *param, const json_t *json,
                                 struct error *err)
{
    _cleanup_mem_ char *shown = json_print(json);

    /* Of text that has the wrong type its beginning is told, not its length. */
    if (param->type == TROUPE_TYPE_STRING && !param->choice_count) {
        _cleanup_buf_ struct buf text = BUF_INIT;

        buf_printf(&text, "\"%s\" must be ", param->name);
        plugin_param_describe(param, &text);
        buf_puts(&text, ", got ");
        plugin_quote(shown ? shown : "", shown ? strlen(shown) : 0, &text);
        return error_set(err, TROUPE_ARGUMENT, "%s", buf_text(&text));
    }
    return plugin_param_reject(param, shown ? shown : "", shown ? strlen(shown) : 0, err);
}

static troupe_status take_json(const struct plugin_param *param, const json_t *json, size_t at,
                               struct plugin_args *args, struct error *err)
{
    troupe_value value = {.type = param->type};

    /* Shells know only texts, and models write 20 as "20". */
    if (json_is_string(json) && param->type >= TROUPE_TYPE_INT && param->type <= TROUPE_TYPE_BOOL)
        return take_scalar(param, json_string_value(json), json_string_length(json), at, args, err);
    switch (param->type) {
    case TROUPE_TYPE_INT:
        if (json_is_integer(json))
            value.u.i = json_integer_value(json);
        else if (json_is_real(json) && plugin_is_whole(json_real_value(json)))
            value.u.i = (int64_t)json_real_value(json);
        else
            return reject_json(param, json, err);
        break;
    case TROUPE_TYPE_FLOAT:
        if (!json_is_number(json))
            return reject_json(param, json, err);
        value.u.f = json_number_value(json);
        break;
    case TROUPE_TYPE_BOOL:
        if (!json_is_boolean(json))
            return reject_json(param, json, err);
        value.u.i = json_is_true(json);
        break;
    case TROUPE_TYPE_STRING:
        if (!json_is_string(json))
            return reject_json(param, json, err);
        return set_text(param, json_string_value(json), json_string_length(json), at, args, err);
    case TROUPE_TYPE_JSON: {
        _cleanup_mem_ char *text = json_print(json);

        if (!text)
            return reject_json(param, json, err);
        return set_text(param, text, strlen(text), at, args, err);
    }
    default:
        if (json_is_integer(json) && json_integer_value(json) > 0)
            value.u.id = (uint64_t)json_integer_value(json);
        else if (!json_is_string(json) || !parse_id(param->type, json_string_value(json),
                                                    json_string_length(json), &value.u.id))
            return reject_json(param, json, err);
        break;
    }
    if (!plugin_param_fits(param, &value))
        return reject_json(param, json, err);
    args->values[at] = value;
    return TROUPE_OK;
}

static troupe_status check_missing(const struct plugin_function *function,
                                   const struct plugin_args *args, struct error *err)
{
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];

        if (args->values[i].type == TROUPE_TYPE_NULL && !param->has_default && !param->optional)
            return plugin_param_missing(param, err);
    }
    return TROUPE_OK;
}

troupe_status plugin_args_from_json(const struct plugin_function *function, const json_t *object,
                                    struct plugin_args *ret, struct error *err)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    troupe_status status;
    const char *name;
    json_t *member;

    if (object && !json_is_object(object))
        return error_set(err, TROUPE_ARGUMENT,
                         "the arguments of \"%s\" must be a JSON object of names and values",
                         function->name);
    json_object_foreach ((json_t *)(uintptr_t)object, name, member) {
        size_t at;

        if (!find_param(function, name, strlen(name), &at))
            return unknown_name(function, name, strlen(name), err);
        if (json_is_null(member))
            continue;
        if ((status = take_json(&function->params[at], member, at, &args, err)) < 0)
            return status;
    }
    if ((status = check_missing(function, &args, err)) < 0)
        return status;
    *ret = args;
    args = (struct plugin_args){0};
    return TROUPE_OK;
}

/* A value as json_print writes it; false for what has to be looked at as a tree, or does not fit. */
static bool take_printed(const struct plugin_param *param, const struct json_member *member,
                         size_t at, struct plugin_args *args)
{
    troupe_value value = {.type = param->type};
    const char *text = member->value;
    size_t len = member->len;
    int64_t number = 0;
    char *copy;

    switch (param->type) {
    case TROUPE_TYPE_BOOL:
        if (*member->value != 't' && *member->value != 'f')
            return false;
        value.u.i = *member->value == 't';
        break;
    case TROUPE_TYPE_STRING:
        if (*member->value != '"')
            return false;
        text = member->value + 1;
        len -= 2;
        /* fall through */
    case TROUPE_TYPE_JSON:
        value.u.s = (troupe_str){text, len};
        if (!plugin_param_fits(param, &value) || !(copy = mem_try(len + 1)))
            return false;
        args->owned[at] = copy;
        if (param->type == TROUPE_TYPE_STRING)
            len = json_unescape(text, len, copy);
        else
            memcpy(copy, text, len);
        copy[len] = '\0';
        value.u.s = (troupe_str){copy, len};
        break;
    default:
        if (!json_printed_int(member, &number))
            return false;
        if (param->type == TROUPE_TYPE_INT)
            value.u.i = number;
        else if (param->type == TROUPE_TYPE_FLOAT)
            value.u.f = (double)number;
        else if (number > 0)
            value.u.id = (uint64_t)number;
        else
            return false;
        break;
    }
    args->values[at] = value;
    return plugin_param_fits(param, &value);
}

/* Arguments that a program wrote, without a tree of them; false where that has to be asked, and where anything is
 * wrong, which is put into words there. */
static bool from_printed(const struct plugin_function *function, const char *text, size_t len,
                         struct plugin_args *ret)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    struct json_member members[PLUGIN_MAX_PARAMS];
    struct error err;
    size_t count, at;

    if (!json_printed_members(text, len, members, PLUGIN_MAX_PARAMS, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!find_param(function, members[i].name, members[i].name_len, &at) ||
            (*members[i].value != 'n' &&
             !take_printed(&function->params[at], &members[i], at, &args)))
            return false;
    if (check_missing(function, &args, &err) < 0)
        return false;
    *ret = args;
    args = (struct plugin_args){0};
    return true;
}

troupe_status plugin_args_from_json_text(const struct plugin_function *function, const char *text,
                                         size_t len, struct plugin_args *ret, struct error *err)
{
    _cleanup_json_ json_t *object = NULL;
    struct error why = {0};

    if (len > PLUGIN_MAX_JSON_TEXT)
        return error_set(err, TROUPE_ARGUMENT, "the arguments of \"%s\" are larger than 1 MB",
                         function->name);
    if (from_printed(function, text, len, ret))
        return TROUPE_OK;
    if (len && json_parse(text, len, &object, &why) < 0)
        return error_set(err, TROUPE_DATA, "the arguments of \"%s\" are no JSON: %s",
                         function->name, why.text);
    return plugin_args_from_json(function, object, ret, err);
}

json_t *plugin_args_to_json(const struct plugin_function *function, const troupe_value *values)
{
    json_t *object = json_object();

    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];
        const troupe_value *value = &values[i];
        json_t *json = NULL;

        if (value->type == TROUPE_TYPE_NULL && param->has_default)
            value = &param->def;
        switch (value->type) {
        case TROUPE_TYPE_NULL: continue;
        case TROUPE_TYPE_INT: json = json_integer(value->u.i); break;
        case TROUPE_TYPE_FLOAT: json = json_real(value->u.f); break;
        case TROUPE_TYPE_BOOL: json = json_boolean(value->u.i); break;
        case TROUPE_TYPE_STRING: json = json_stringn(value->u.s.ptr, value->u.s.len); break;
        case TROUPE_TYPE_JSON:
            if (json_parse(value->u.s.ptr, value->u.s.len, &json, NULL) < 0)
                json = json_stringn(value->u.s.ptr, value->u.s.len);
            break;
        default: {
            _cleanup_mem_ char *digits = mem_printf("%llu", (unsigned long long)value->u.id);

            json = json_string(digits);
            break;
        }
        }
        json_object_set_new(object, param->name, json);
    }
    return object;
}

/* ---- typed text ---------------------------------------------------------------------------- */

struct typed {
    const struct plugin_function *function;
    const char *at, *end;
    struct plugin_args args;
    struct error *err;
};

static void skip_blanks(struct typed *typed)
{
    while (typed->at < typed->end && isspace((unsigned char)*typed->at))
        typed->at++;
}

/*
 * The parameter whose name and "=" stand at `at`. `ret_len` is the length of the word before the "="
 * also where no parameter has that name, else 0. Members know `name:value` from Discord; but colons
 * are common in what people write, so there the name must be a parameter's and the value follow at
 * once: "note: buy milk" and "https://…" stay text.
 */
static bool named_here(const struct typed *typed, const char *at, size_t *ret_param,
                       size_t *ret_len)
{
    const char *p = at;
    bool found;

    *ret_len = 0;
    while (p < typed->end && (isalnum((unsigned char)*p) || *p == '_'))
        p++;
    if (p == at || p == typed->end || (*p != '=' && *p != ':'))
        return false;
    found = find_param(typed->function, at, (size_t)(p - at), ret_param);
    if (*p == ':' && (!found || p + 1 == typed->end || isspace((unsigned char)p[1])))
        return false;
    *ret_len = (size_t)(p - at);
    return found;
}

/* A quoted value; false where what follows the closing quote belongs to it or it is not closed. */
static bool take_quoted(struct typed *typed, struct buf *out)
{
    const char *p = typed->at + 1;

    buf_puts(out, "");
    for (; p < typed->end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < typed->end && (p[1] == '"' || p[1] == '\\'))
            p++;
        buf_putc(out, *p);
    }
    if (p == typed->end || (p + 1 < typed->end && !isspace((unsigned char)p[1])))
        return false;
    typed->at = p + 1;
    return true;
}

/* Everything up to the end of the line, or up to the next `NAME=` or `NAME:` where the value was named. */
static void take_rest(struct typed *typed, bool named, struct buf *out)
{
    const char *end = typed->end;
    size_t param, len;

    if (named)
        for (const char *p = typed->at; p + 1 < typed->end; p++)
            if (isspace((unsigned char)*p) && named_here(typed, p + 1, &param, &len)) {
                end = p;
                break;
            }
    buf_append(out, typed->at, (size_t)(end - typed->at));
    while (out->len && isspace((unsigned char)out->data[out->len - 1]))
        out->data[--out->len] = '\0';
    typed->at = end;
}

/* The text of one value for parameter `index`. */
static troupe_status take_word(struct typed *typed, size_t index, bool named, struct buf *out)
{
    const struct plugin_param *param = &typed->function->params[index];
    bool rest = index + 1 == typed->function->param_count &&
                (param->type == TROUPE_TYPE_STRING || param->type == TROUPE_TYPE_JSON) &&
                !param->choice_count;
    const char *start = typed->at;

    if (typed->at < typed->end && *typed->at == '"' && param->type != TROUPE_TYPE_JSON) {
        if (take_quoted(typed, out)) {
            const char *after = typed->at;

            /* `"so" he said`: more than the quotes is text as it stands. */
            skip_blanks(typed);
            if (!rest || typed->at == typed->end || named)
                return TROUPE_OK;
            typed->at = after;
        } else if (!rest) {
            return error_set(typed->err, TROUPE_ARGUMENT,
                             "the quote of \"%s\" is not closed before a blank", param->name);
        }
        typed->at = start;
        buf_reset(out);
    }
    if (rest) {
        take_rest(typed, named, out);
        return TROUPE_OK;
    }
    while (typed->at < typed->end && !isspace((unsigned char)*typed->at))
        typed->at++;
    buf_append(out, start, (size_t)(typed->at - start));
    return TROUPE_OK;
}

static troupe_status take_typed(const struct plugin_param *param, const char *text, size_t len,
                                size_t at, struct plugin_args *args, struct error *err)
{
    troupe_value value = {.type = param->type};

    switch (param->type) {
    case TROUPE_TYPE_INT:
    case TROUPE_TYPE_FLOAT:
    case TROUPE_TYPE_BOOL: return take_scalar(param, text, len, at, args, err);
    case TROUPE_TYPE_JSON: {
        _cleanup_json_ json_t *json = NULL;
        struct error why = {0};

        if (json_parse(text, len, &json, &why) < 0)
            return error_set(err, TROUPE_ARGUMENT, "\"%s\" must be a JSON value: %s", param->name,
                             why.text);
        if (json_is_null(json))
            return TROUPE_OK; /* "left out", as in an object of arguments */
        return set_text(param, text, len, at, args, err);
    }
    case TROUPE_TYPE_STRING: return set_text(param, text, len, at, args, err);
    default:
        if (!parse_id(param->type, text, len, &value.u.id))
            return plugin_param_reject(param, text, len, err);
        break;
    }
    return set_value(param, value, text, len, at, args, err);
}

/* Reads one value, with or without a name before it. */
static troupe_status take_one(struct typed *typed, size_t *next)
{
    const struct plugin_function *function = typed->function;
    _cleanup_buf_ struct buf word = BUF_INIT;
    size_t index = 0, name_len;
    bool named = named_here(typed, typed->at, &index, &name_len);
    troupe_status status;

    if (named) {
        typed->at += name_len + 1;
        if (typed->args.values[index].type != TROUPE_TYPE_NULL)
            return error_set(typed->err, TROUPE_ARGUMENT, "\"%s\" is given twice",
                             function->params[index].name);
    } else {
        while (*next < function->param_count && typed->args.values[*next].type != TROUPE_TYPE_NULL)
            (*next)++;
        index = *next;
        if (name_len &&
            (index >= function->param_count || function->params[index].type != TROUPE_TYPE_STRING))
            return unknown_name(function, typed->at, name_len, typed->err);
        if (index >= function->param_count) {
            const char *p = typed->at;

            while (p < typed->end && !isspace((unsigned char)*p))
                p++;
            buf_puts(&word, "there is no place for ");
            plugin_quote(typed->at, (size_t)(p - typed->at), &word);
            return error_set(typed->err, TROUPE_ARGUMENT, "%s", buf_text(&word));
        }
    }
    if ((status = take_word(typed, index, named, &word)) < 0)
        return status;
    return take_typed(&function->params[index], buf_text(&word), word.len, index, &typed->args,
                      typed->err);
}

static troupe_status take_line(struct typed *typed)
{
    size_t next = 0, len = (size_t)(typed->end - typed->at);
    troupe_status status;

    if (len > PLUGIN_MAX_JSON_TEXT)
        return error_set(typed->err, TROUPE_ARGUMENT, "the line is longer than 1 MB");
    if (!text_is_utf8(typed->at, len) || memchr(typed->at, '\0', len))
        return error_set(typed->err, TROUPE_ARGUMENT, "the line is not UTF-8 text");
    for (skip_blanks(typed); typed->at < typed->end; skip_blanks(typed))
        if ((status = take_one(typed, &next)) < 0)
            return status;
    return check_missing(typed->function, &typed->args, typed->err);
}

troupe_status plugin_args_from_text(const struct plugin_function *function, const char *text,
                                    size_t len, struct plugin_args *ret, struct error *err)
{
    struct error why = {0};
    struct typed typed = {
        .function = function, .at = len ? text : "", .end = len ? text + len : NULL, .err = &why};
    troupe_status status;

    if (!len)
        typed.end = typed.at;
    if ((status = take_line(&typed)) < 0) {
        plugin_args_clear(&typed.args);
        return error_set(err, status, "%s; usage: %s", why.text, function->usage);
    }
    *ret = typed.args;
    return TROUPE_OK;
}
