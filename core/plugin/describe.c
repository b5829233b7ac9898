/* SPDX-License-Identifier: Apache-2.0
 *
 * What a declared function looks like from outside: sentences and help for people, a schema for
 * programs that choose and call tools. All of it comes from the one declaration.
 */
#include "base/mem.h"
#include "base/text.h"
#include "plugin/function.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define MAX_GOT 40

void plugin_quote(const char *text, size_t len, struct buf *out)
{
    size_t cut = text_is_utf8(text, len) ? text_utf8_cut(text, len, MAX_GOT)
                                         : (len < MAX_GOT ? len : MAX_GOT);
    bool valid = text_is_utf8(text, cut);

    buf_putc(out, '"');
    for (size_t i = 0; i < cut; i++) {
        unsigned char c = (unsigned char)text[i];

        if (iscntrl(c))
            buf_putc(out, ' ');
        else
            buf_putc(out, valid || c < 0x80 ? (char)c : '?');
    }
    buf_puts(out, cut < len ? "…\"" : "\"");
}

static void describe_number(const struct plugin_param *param, const char *noun, struct buf *out)
{
    bool whole = param->type == TROUPE_TYPE_INT;
    double min = whole ? (double)param->min : param->min_f;
    double max = whole ? (double)param->max : param->max_f;
    bool has_min = whole ? param->min > -(1LL << 53) : isfinite(min);
    bool has_max = whole ? param->max < (1LL << 53) : isfinite(max);

    buf_puts(out, noun);
    if (has_min && has_max)
        buf_printf(out, " from %.15g to %.15g", min, max);
    else if (has_min)
        buf_printf(out, " of at least %.15g", min);
    else if (has_max)
        buf_printf(out, " of at most %.15g", max);
}

static void describe_text(const struct plugin_param *param, struct buf *out)
{
    for (size_t i = 0; i < param->choice_count; i++)
        buf_printf(out, "%s%.*s",
                   i == 0                         ? ""
                   : i + 1 == param->choice_count ? " or "
                                                  : ", ",
                   (int)param->choices[i].len, param->choices[i].ptr);
    if (param->choice_count)
        return;
    buf_puts(out, param->type == TROUPE_TYPE_JSON ? "a JSON value" : "text");
    if (!param->bounded)
        return;
    if (param->min > 0)
        buf_printf(out, " of %lld to %lld bytes", (long long)param->min, (long long)param->max);
    else
        buf_printf(out, " of at most %lld bytes", (long long)param->max);
}

/* Where there is no way to give one it is told by its place among those of the message. */
static void describe_file(const struct plugin_param *param, struct buf *out)
{
    bool one = param->choice_count == 1;
    bool text = one && plugin_is_choice(&param->choices[0], "text");

    buf_puts(out, !one ? "a text or picture" : text ? "a text file" : "a picture");
    if (param->bounded)
        buf_printf(out, " of at most %lld bytes", (long long)param->max);
    buf_puts(out, ", by its number among the attached files, from 1");
}

void plugin_param_describe(const struct plugin_param *param, struct buf *out)
{
    switch (param->type) {
    case TROUPE_TYPE_INT: describe_number(param, "a whole number", out); break;
    case TROUPE_TYPE_FLOAT: describe_number(param, "a number", out); break;
    case TROUPE_TYPE_BOOL: buf_puts(out, "yes or no"); break;
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_JSON: describe_text(param, out); break;
    case TROUPE_TYPE_MEMBER: buf_puts(out, "a member (a mention or an id)"); break;
    case TROUPE_TYPE_CHANNEL: buf_puts(out, "a channel (a mention or an id)"); break;
    case TROUPE_TYPE_ROLE: buf_puts(out, "a role (a mention or an id)"); break;
    default: describe_file(param, out); break;
    }
}

troupe_status plugin_param_reject(const struct plugin_param *param, const char *got, size_t len,
                                  struct error *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    if (!err)
        return TROUPE_ARGUMENT;
    buf_printf(&text, "\"%s\" must be ", param->name);
    plugin_param_describe(param, &text);
    /* Of a text that is too long or too short the length says more than its beginning. */
    if ((param->type == TROUPE_TYPE_STRING || param->type == TROUPE_TYPE_JSON) &&
        !param->choice_count) {
        if (!param->bounded)
            buf_printf(&text, " of at most %lld bytes", (long long)param->max);
        buf_printf(&text, ", got %zu", len);
    } else {
        buf_puts(&text, ", got ");
        plugin_quote(got, len, &text);
    }
    return error_set(err, TROUPE_ARGUMENT, "%s", buf_text(&text));
}

troupe_status plugin_param_missing(const struct plugin_param *param, struct error *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    if (!err)
        return TROUPE_ARGUMENT;
    buf_printf(&text, "\"%s\" is missing: it must be ", param->name);
    plugin_param_describe(param, &text);
    return error_set(err, TROUPE_ARGUMENT, "%s", buf_text(&text));
}

/* ---- help ---------------------------------------------------------------------------------- */

static void put_default(const struct plugin_param *param, struct buf *out)
{
    const troupe_value *def = &param->def;

    if (!param->has_default) {
        if (param->optional)
            buf_puts(out, "; may be left out");
        return;
    }
    buf_puts(out, "; default ");
    if (param->type == TROUPE_TYPE_INT)
        buf_printf(out, "%lld", (long long)def->u.i);
    else if (param->type == TROUPE_TYPE_FLOAT)
        buf_printf(out, "%.15g", def->u.f);
    else if (param->type == TROUPE_TYPE_BOOL)
        buf_puts(out, def->u.i ? "yes" : "no");
    else
        buf_printf(out, "\"%.*s\"", (int)def->u.s.len, def->u.s.ptr);
}

void plugin_function_help(const struct plugin_function *function, struct buf *out)
{
    bool typed = function->flags & TROUPE_SLASH || !function->menu;

    buf_printf(out, "%s\n%s\n", typed ? function->usage : function->menu, function->doc);
    if (function->flags & TROUPE_MENU_MEMBER)
        buf_printf(out, "In the menu of a member: %s\n", function->menu);
    if (function->flags & TROUPE_MENU_MESSAGE)
        buf_printf(out, "In the menu of a message: %s\n", function->menu);
    if (function->flags & TROUPE_CONFIRM)
        buf_puts(out, "You are asked to confirm it first.\n");
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];

        buf_printf(out, "  %s: %s (", param->name, param->doc);
        plugin_param_describe(param, out);
        put_default(param, out);
        buf_puts(out, ")\n");
    }
}

/* ---- schema -------------------------------------------------------------------------------- */

void plugin_function_tool_name(const char *name, char out[PLUGIN_TOOL_NAME + 1])
{
    size_t i;

    for (i = 0; i < PLUGIN_TOOL_NAME && name[i]; i++) {
        char c = name[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';

        out[i] = fine ? c : '_';
    }
    out[i] = '\0';
}

static const char *schema_type(uint32_t type)
{
    switch (type) {
    case TROUPE_TYPE_INT: return "integer";
    case TROUPE_TYPE_FLOAT: return "number";
    case TROUPE_TYPE_BOOL: return "boolean";
    case TROUPE_TYPE_ATTACHMENT: return "integer";
    case TROUPE_TYPE_JSON: return NULL; /* any */
    default: return "string";           /* ids too: they do not fit a double */
    }
}

static json_t *number_of(const struct plugin_param *param, double value)
{
    return param->type == TROUPE_TYPE_INT ? json_integer((json_int_t)value) : json_real(value);
}

static void put_bounds(const struct plugin_param *param, json_t *schema)
{
    if (param->type == TROUPE_TYPE_INT) {
        if (param->min > -(1LL << 53))
            json_object_set_new(schema, "minimum", json_integer(param->min));
        if (param->max < (1LL << 53))
            json_object_set_new(schema, "maximum", json_integer(param->max));
    } else if (param->type == TROUPE_TYPE_FLOAT) {
        if (isfinite(param->min_f))
            json_object_set_new(schema, "minimum", number_of(param, param->min_f));
        if (isfinite(param->max_f))
            json_object_set_new(schema, "maximum", number_of(param, param->max_f));
    } else if (param->type == TROUPE_TYPE_STRING && param->bounded) {
        /* Characters there, bytes here: never more characters than bytes. */
        if (param->min > 0)
            json_object_set_new(schema, "minLength", json_integer(1));
        json_object_set_new(schema, "maxLength", json_integer(param->max));
    }
}

static json_t *default_of(const struct plugin_param *param)
{
    switch (param->type) {
    case TROUPE_TYPE_INT: return json_integer(param->def.u.i);
    case TROUPE_TYPE_FLOAT: return json_real(param->def.u.f);
    case TROUPE_TYPE_BOOL: return json_boolean(param->def.u.i);
    case TROUPE_TYPE_STRING: return json_stringn(param->def.u.s.ptr, param->def.u.s.len);
    default: return NULL;
    }
}

/* A model refers to what the member attached; it has no files of its own. */
static void put_file(const struct plugin_param *param, json_t *schema)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    buf_printf(&text, "%s (", param->doc);
    describe_file(param, &text);
    buf_putc(&text, ')');
    json_object_set_new(schema, "description", json_string(buf_text(&text)));
    json_object_set_new(schema, "minimum", json_integer(1));
}

static json_t *param_schema(const struct plugin_param *param)
{
    json_t *schema = json_object();
    const char *type = schema_type(param->type);

    if (type)
        json_object_set_new(schema, "type", json_string(type));
    if (param->type == TROUPE_TYPE_ATTACHMENT)
        put_file(param, schema);
    else
        json_object_set_new(schema, "description", json_string(param->doc));
    put_bounds(param, schema);
    if (param->choice_count && param->type != TROUPE_TYPE_ATTACHMENT) {
        json_t *choices = json_array();

        for (size_t i = 0; i < param->choice_count; i++)
            json_array_append_new(choices,
                                  json_stringn(param->choices[i].ptr, param->choices[i].len));
        json_object_set_new(schema, "enum", choices);
    }
    if (param->has_default)
        json_object_set_new(schema, "default", default_of(param));
    return schema;
}

json_t *plugin_function_schema(const struct plugin_function *function, const char *name)
{
    char tool_name[PLUGIN_TOOL_NAME + 1];
    json_t *properties = json_object(), *required = json_array();

    plugin_function_tool_name(name ? name : function->name, tool_name);
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];

        json_object_set_new(properties, param->name, param_schema(param));
        if (!param->optional && !param->has_default)
            json_array_append_new(required, json_string(param->name));
    }
    return json_pack("{s:s, s:s, s:{s:s, s:o, s:o, s:b}}", "name", tool_name, "description",
                     function->doc, "parameters", "type", "object", "properties", properties,
                     "required", required, "additionalProperties", 0);
}
