/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a declared function and calling it. Whatever can be decided when the plugin is loaded is
 * decided here once, so that a call is a walk over its values and one ffi_call.
 */
#include "plugin/function.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define EXACT_MAX         9007199254740992.0 /* 2^53: a double holds every whole number up to it */
#define KNOWN_FLAGS       ((TROUPE_AT_START << 1) - 1)
#define MENUS             (TROUPE_MENU_MEMBER | TROUPE_MENU_MESSAGE)
#define MENU_CHARS        32
#define MAX_LIMIT         1000000
#define MAX_LIMIT_SECONDS (7 * 86400)
#define MAX_FILE          (INT64_C(64) << 20) /* above what any configuration takes */
#define MAX_DOC           1000

/* Sizes of the tables in ABI 1.0: what every plugin has at least. */
#define PARAM_1_0    (offsetof(troupe_param, optional) + sizeof(uint32_t))
#define FUNCTION_1_0 (offsetof(troupe_function, reserved) + sizeof(uint32_t))

/* troupe_str by value. libffi takes no const types; with the size given it never writes to one. */
static ffi_type *str_members[] = {&ffi_type_pointer, &ffi_type_uint64, NULL};
static ffi_type str_type = {.size = sizeof(troupe_str),
                            .alignment = _Alignof(troupe_str),
                            .type = FFI_TYPE_STRUCT,
                            .elements = str_members};

/* Registers that carry whole numbers, pointers and small structures of them (System V x86-64, AAPCS64);
 * 0 on machines whose rules were not looked up. */
#if defined(__x86_64__)
#define WORD_REGISTERS 6
#elif defined(__aarch64__)
#define WORD_REGISTERS 8
#else
#define WORD_REGISTERS 0
#endif

struct reading {
    const char *plugin, *function, *param;
    struct error *err;
};

/* `plugin "x": function "y": parameter "z": …; correct the declaration and build it again` */
__attribute__((format(printf, 2, 3))) static troupe_status defect(const struct reading *at,
                                                                  const char *format, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list args;

    buf_printf(&text, "plugin \"%s\": function \"%s\": ", at->plugin, at->function);
    if (at->param)
        buf_printf(&text, "parameter \"%s\": ", at->param);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    return error_set(at->err, TROUPE_DATA, "%s; correct the declaration and build it again",
                     buf_text(&text));
}

/* A line for people: there, UTF-8, without control characters. */
static const char *doc_defect(const char *doc)
{
    size_t len;

    if (!doc || !*doc)
        return "has no doc";
    len = strnlen(doc, MAX_DOC + 1);
    if (len > MAX_DOC)
        return "has a doc longer than 1,000 bytes";
    if (!text_is_utf8(doc, len))
        return "has a doc that is not UTF-8";
    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)doc[i]))
            return "has a doc of more than one line";
    return NULL;
}

/* [a-z][a-z0-9_-]{0,31}, or such words joined by dots, 64 bytes in all. */
static bool is_function_name(const char *name, bool *ret_service)
{
    size_t len = name ? strnlen(name, PLUGIN_TOOL_NAME + 1) : 0, word = 0;

    *ret_service = false;
    if (len == 0 || len > PLUGIN_TOOL_NAME)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];

        if (c == '.') {
            if (word == 0)
                return false;
            *ret_service = true;
            word = 0;
        } else if (!(c >= 'a' && c <= 'z') &&
                   (word == 0 || !((c >= '0' && c <= '9') || c == '_' || c == '-'))) {
            return false;
        } else {
            word++;
        }
        if (word > 32)
            return false;
    }
    return word > 0;
}

static bool is_param_name(const char *name)
{
    size_t len = name ? strnlen(name, 33) : 0;

    if (len == 0 || len > 32 || !(name[0] >= 'a' && name[0] <= 'z'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
              name[i] == '_'))
            return false;
    return true;
}

/* By a cast instead of floor(), which would need libm. */
bool plugin_is_whole(double value)
{
    return value >= -EXACT_MAX && value <= EXACT_MAX && value == (double)(int64_t)value;
}

static bool is_id(uint32_t type)
{
    return type >= TROUPE_TYPE_MEMBER && type <= TROUPE_TYPE_ATTACHMENT;
}

static bool is_text(uint32_t type)
{
    return type == TROUPE_TYPE_STRING || type == TROUPE_TYPE_JSON;
}

static ffi_type *ffi_type_of(uint32_t type)
{
    switch (type) {
    case TROUPE_TYPE_INT: return &ffi_type_sint64;
    case TROUPE_TYPE_FLOAT: return &ffi_type_double;
    case TROUPE_TYPE_BOOL: return &ffi_type_sint32;
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_JSON: return &str_type;
    default: return &ffi_type_uint64;
    }
}

/* ---- reading a parameter ------------------------------------------------------------------- */

static troupe_status read_choices(const struct reading *at, const char *choices,
                                  struct plugin_param *ret)
{
    size_t len = strnlen(choices, PLUGIN_MAX_TEXT + 1), count = 1;
    troupe_str *items;

    if (len > PLUGIN_MAX_TEXT || !text_is_utf8(choices, len))
        return defect(at, "its choices are not UTF-8 or longer than 64 kB");
    for (size_t i = 0; i < len; i++)
        count += choices[i] == '|';
    if (count > PLUGIN_MAX_CHOICES)
        return defect(at, "it has %zu choices, at most %d are possible", count, PLUGIN_MAX_CHOICES);
    items = mem_zero(count, sizeof(*items));
    ret->choices = items;
    for (const char *p = choices;; p++) {
        const char *end = strchrnul(p, '|');
        troupe_str *item = &items[ret->choice_count++];

        *item = (troupe_str){p, (uint64_t)(end - p)};
        if (item->len == 0)
            return defect(at, "it has an empty choice");
        for (size_t i = 0; i + 1 < ret->choice_count; i++)
            if (items[i].len == item->len && !memcmp(items[i].ptr, item->ptr, item->len))
                return defect(at, "it has the choice \"%.*s\" twice", (int)item->len, item->ptr);
        if (!*end)
            return TROUPE_OK;
        p = end;
    }
}

static troupe_status read_file_size(const struct reading *at, const troupe_param *declared,
                                    struct plugin_param *ret)
{
    if (isfinite(declared->min))
        return defect(at, "a file has no minimum");
    if (isfinite(declared->max) &&
        (declared->max < 1 || declared->max > MAX_FILE || !plugin_is_whole(declared->max)))
        return defect(at, "its maximum must be whole and in 1 to %lld bytes", (long long)MAX_FILE);
    ret->min = 1;
    ret->max = isfinite(declared->max) ? (int64_t)declared->max : (int64_t)MAX_FILE;
    return TROUPE_OK;
}

/* Kinds that the host tells apart. */
static troupe_status check_kinds(const struct reading *at, const struct plugin_param *param)
{
    for (size_t i = 0; i < param->choice_count; i++)
        if (!plugin_is_choice(&param->choices[i], "text") &&
            !plugin_is_choice(&param->choices[i], "picture"))
            return defect(at, "a file's choices are \"text\", \"picture\" or both with | between");
    return TROUPE_OK;
}

static troupe_status read_range(const struct reading *at, const troupe_param *declared,
                                struct plugin_param *ret)
{
    double min = declared->min, max = declared->max, low = -EXACT_MAX, high = EXACT_MAX;

    if (is_text(ret->type)) {
        low = 0;
        high =
            ret->type == TROUPE_TYPE_JSON || isfinite(max) ? PLUGIN_MAX_JSON_TEXT : PLUGIN_MAX_TEXT;
    }
    if (isnan(min) || isnan(max) || min > max)
        return defect(at, "its minimum is above its maximum");
    ret->bounded = isfinite(min) || isfinite(max);
    if (ret->type == TROUPE_TYPE_FLOAT) {
        ret->min_f = min;
        ret->max_f = max;
        return TROUPE_OK;
    }
    if (ret->type == TROUPE_TYPE_ATTACHMENT)
        return read_file_size(at, declared, ret);
    if (ret->type != TROUPE_TYPE_INT && !is_text(ret->type))
        return ret->bounded ? defect(at, "its type takes no range") : TROUPE_OK;
    if ((isfinite(min) && (min < low || min > high || !plugin_is_whole(min))) ||
        (isfinite(max) && (max < low || max > high || !plugin_is_whole(max))))
        return defect(at, is_text(ret->type) ? "its length must lie in 0 to 1048576 bytes"
                                             : "its range must be whole numbers within 2^53");
    ret->min = (int64_t)(isfinite(min) ? min : low);
    ret->max = (int64_t)(isfinite(max) ? max : high);
    return TROUPE_OK;
}

static troupe_status read_default(const struct reading *at, const troupe_param *declared,
                                  struct plugin_param *ret)
{
    troupe_value value = {.type = ret->type};

    if (is_text(ret->type)) {
        if (!isnan(declared->def))
            return defect(at, "a default of text is written .def_text");
        if (!declared->def_text)
            return TROUPE_OK;
        value.u.s.ptr = declared->def_text;
        value.u.s.len = strnlen(declared->def_text, PLUGIN_MAX_JSON_TEXT + 1);
        if (!text_is_utf8(value.u.s.ptr, value.u.s.len))
            return defect(at, "its default is not UTF-8");
    } else {
        if (declared->def_text)
            return defect(at, "its type takes no .def_text");
        if (isnan(declared->def))
            return TROUPE_OK;
        if (is_id(ret->type))
            return defect(at, "an id has no default");
        if (ret->type == TROUPE_TYPE_FLOAT) {
            value.u.f = declared->def;
        } else {
            if (!plugin_is_whole(declared->def))
                return defect(at, "its default is no whole number");
            value.u.i = (int64_t)declared->def;
        }
    }
    if (!plugin_param_fits(ret, &value)) {
        _cleanup_buf_ struct buf takes = BUF_INIT;

        plugin_param_describe(ret, &takes);
        return defect(at, "its default is not %s", buf_text(&takes));
    }
    ret->has_default = true;
    ret->def = value;
    return TROUPE_OK;
}

static troupe_status read_param(struct reading *at, const troupe_param *declared,
                                struct plugin_param *ret)
{
    const char *bad;
    troupe_status status;

    if (!is_param_name(declared->name))
        return defect(at, "a parameter's name must be [a-z][a-z0-9_]*, at most 32 characters");
    at->param = declared->name;
    if ((bad = doc_defect(declared->doc)))
        return defect(at, "it %s", bad);
    if (declared->type < TROUPE_TYPE_INT || declared->type > TROUPE_TYPE_JSON)
        return defect(at, "its type %u is unknown to this host", declared->type);
    ret->name = declared->name;
    ret->doc = declared->doc;
    ret->type = declared->type;
    ret->optional = declared->optional != 0;
    if (declared->choices) {
        if (ret->type != TROUPE_TYPE_STRING && ret->type != TROUPE_TYPE_ATTACHMENT)
            return defect(at, "only a string or a file has choices");
        if ((status = read_choices(at, declared->choices, ret)) < 0)
            return status;
        if (ret->type == TROUPE_TYPE_ATTACHMENT && (status = check_kinds(at, ret)) < 0)
            return status;
    }
    if ((status = read_range(at, declared, ret)) < 0)
        return status;
    return read_default(at, declared, ret);
}

static troupe_status read_params(struct reading *at, const troupe_array *declared,
                                 struct plugin_function *ret)
{
    bool left_out = false;
    struct plugin_param *params;

    if (declared->count > PLUGIN_MAX_PARAMS)
        return defect(at, "it has %u parameters, at most %d are possible", declared->count,
                      PLUGIN_MAX_PARAMS);
    if (declared->count && (!declared->ptr || declared->stride < PARAM_1_0))
        return defect(at, "its list of parameters is broken");
    ret->params = params = mem_zero(PLUGIN_MAX_PARAMS, sizeof(*params));
    for (uint32_t i = 0; i < declared->count; i++) {
        struct plugin_param *param = &params[i];
        troupe_status status;

        at->param = NULL;
        ret->param_count = i + 1;
        if ((status = read_param(at, TROUPE_AT(*declared, troupe_param, i), param)) < 0)
            return status;
        for (uint32_t k = 0; k < i; k++)
            if (!strcmp(ret->params[k].name, param->name))
                return defect(at, "there are two of this name");
        /* Discord's order, and the only one in which values can be typed without names. */
        if (param->optional || param->has_default)
            left_out = true;
        else if (left_out && (ret->flags & TROUPE_SLASH))
            return defect(at, "it must stand before those that can be left out");
    }
    at->param = NULL;
    return TROUPE_OK;
}

/*
 * The types of the call. A structure by value costs libffi as much as everything else together, and
 * a text's two words travel just like two arguments would, unless exactly one register is left: then
 * the structure goes to the stack as a whole, and only then it is passed as one.
 */
static unsigned choose_types(struct plugin_function *function)
{
    unsigned count = 1, used = 1;

    function->types[0] = &ffi_type_pointer;
    for (size_t i = 0; i < function->param_count; i++) {
        /* Read a moment ago; constant from here on. */
        struct plugin_param *param = (struct plugin_param *)(uintptr_t)&function->params[i];

        param->split = is_text(param->type) && WORD_REGISTERS && used + 1 != WORD_REGISTERS;
        if (param->split) {
            function->types[count++] = &ffi_type_pointer;
            function->types[count++] = &ffi_type_uint64;
            used += 2;
            continue;
        }
        function->types[count++] = ffi_type_of(param->type);
        /* Behind a structure on the stack x86-64 goes on with the register, AAPCS64 does not. */
        if (is_text(param->type))
            used = WORD_REGISTERS == 8 ? 8 : used;
        else if (param->type != TROUPE_TYPE_FLOAT)
            used++;
    }
    return count;
}

static char *make_usage(const struct plugin_function *function)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    buf_printf(&text, "/%s", function->name);
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];
        bool may_miss = param->optional || param->has_default;

        buf_printf(&text, " %s%s%s", may_miss ? "[" : "<", param->name, may_miss ? "]" : ">");
    }
    return buf_take(&text);
}

/* ---- menus --------------------------------------------------------------------------------- */

const struct plugin_param *plugin_menu_param(const struct plugin_function *function,
                                             enum plugin_menu_part part)
{
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];
        bool is_id = param->type == TROUPE_TYPE_STRING && !strcmp(param->name, "message");

        if (part == PLUGIN_MENU_MEMBER ? param->type == TROUPE_TYPE_MEMBER
            : part == PLUGIN_MENU_ID   ? is_id
                                       : param->type == TROUPE_TYPE_STRING && !is_id)
            return param;
    }
    return NULL;
}

static troupe_status check_menu(const struct reading *at, const struct plugin_function *function,
                                bool message)
{
    const struct plugin_param *member = plugin_menu_param(function, PLUGIN_MENU_MEMBER);
    const struct plugin_param *text = plugin_menu_param(function, PLUGIN_MENU_TEXT);
    const struct plugin_param *id = plugin_menu_param(function, PLUGIN_MENU_ID);

    if (message ? !text && !id : !member)
        return defect(at, message ? "on a message's menu it needs a string parameter for the text"
                                  : "on a member's menu it needs a member parameter");
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];

        if (param != member && !(message && (param == text || param == id)) && !param->optional &&
            !param->has_default)
            return defect(at, "in a menu nothing is typed: \"%s\" must be one that can be left out",
                          param->name);
    }
    return TROUPE_OK;
}

/* "save_quote" is "Save quote". */
static char *menu_of(const char *name)
{
    char *menu = mem_strdup(name);

    for (char *p = menu; *p; p++)
        if (*p == '_' || *p == '-')
            *p = ' ';
    menu[0] = (char)toupper((unsigned char)menu[0]);
    return menu;
}

static troupe_status read_menu(const struct reading *at, const char *declared,
                               struct plugin_function *ret)
{
    size_t len = declared ? strnlen(declared, 4 * MENU_CHARS + 1) : 1;
    troupe_status status = TROUPE_OK;

    if (!len || len > 4u * MENU_CHARS ||
        (declared && (!text_is_utf8(declared, len) || text_utf16_len(declared, len) > MENU_CHARS ||
                      doc_defect(declared))))
        return defect(at, "its menu entry has 1 to %d characters of one line", MENU_CHARS);
    ret->menu = declared ? mem_strdup(declared) : menu_of(ret->name);
    if (ret->flags & TROUPE_MENU_MEMBER)
        status = check_menu(at, ret, false);
    if (status == TROUPE_OK && (ret->flags & TROUPE_MENU_MESSAGE))
        status = check_menu(at, ret, true);
    return status;
}

static troupe_status read_limits(const struct reading *at, const troupe_function *declared,
                                 struct plugin_function *ret)
{
    if (!TROUPE_HAS(declared, limit_seconds))
        return TROUPE_OK;
    ret->limit_member = declared->limit_member;
    ret->limit_guild = declared->limit_guild;
    ret->limit_seconds = declared->limit_seconds;
    if (ret->limit_seconds > MAX_LIMIT_SECONDS || ret->limit_member > MAX_LIMIT ||
        ret->limit_guild > MAX_LIMIT)
        return defect(at, "its limit is at most %d calls in at most %d seconds", MAX_LIMIT,
                      MAX_LIMIT_SECONDS);
    if (!ret->limit_seconds != !(ret->limit_member || ret->limit_guild))
        return defect(at, "its limit needs a number of calls and of seconds");
    return TROUPE_OK;
}

static bool needs_arguments(const troupe_array *params)
{
    for (uint32_t i = 0; i < params->count; i++) {
        const troupe_param *param = TROUPE_AT(*params, troupe_param, i);

        if (!param->optional && !param->def_text && isnan(param->def))
            return true;
    }
    return false;
}

troupe_status plugin_function_read(const troupe_function *declared, const char *id,
                                   struct plugin_function *ret, struct error *err)
{
    struct reading at = {.plugin = id, .function = "?", .err = err};
    const char *bad;
    troupe_status status;

    if (declared->size < FUNCTION_1_0)
        return defect(&at, "its declaration is too short");
    if (!is_function_name(declared->name, &ret->is_service))
        return defect(&at, "a name must be [a-z][a-z0-9_-]*, at most 32 characters, or such words "
                           "joined by dots for a service");
    at.function = ret->name = declared->name;
    if ((bad = doc_defect(declared->doc)))
        return defect(&at, "it %s", bad);
    if (declared->flags & ~KNOWN_FLAGS)
        return defect(&at, "it has flags (0x%x) that this host does not know",
                      declared->flags & ~KNOWN_FLAGS);
    if (ret->is_service && (declared->flags & (TROUPE_SLASH | MENUS)))
        return defect(&at, "a service cannot be a slash command or in a menu");
    if (!declared->fn)
        return defect(&at, "it has no code");
    if (declared->flags & TROUPE_AT_START && needs_arguments(&declared->params))
        return defect(&at, "what is called at the start has no argument that must be given");
    ret->doc = declared->doc;
    ret->flags = declared->flags;
    ret->timeout_ms = declared->timeout_ms;
    ret->fn = declared->fn;
    if ((status = read_params(&at, &declared->params, ret)) < 0)
        return status;
    if ((status = read_limits(&at, declared, ret)) < 0)
        return status;
    if (ffi_prep_cif(&ret->cif, FFI_DEFAULT_ABI, choose_types(ret), &ffi_type_sint32, ret->types) !=
        FFI_OK)
        return defect(&at, "libffi cannot prepare its call");
    ret->usage = make_usage(ret);
    return ret->flags & MENUS
               ? read_menu(&at, TROUPE_HAS(declared, menu) ? declared->menu : NULL, ret)
               : TROUPE_OK;
}

void plugin_function_clear(struct plugin_function *function)
{
    for (size_t i = 0; i < function->param_count; i++)
        mem_free((void *)(uintptr_t)function->params[i].choices);
    mem_free((void *)(uintptr_t)function->params);
    mem_free((void *)(uintptr_t)function->usage);
    mem_free((void *)(uintptr_t)function->menu);
}

/* ---- calling ------------------------------------------------------------------------------- */

static inline bool fits(const struct plugin_param *param, const troupe_value *value)
{
    if (value->type != param->type)
        return false;
    switch (param->type) {
    case TROUPE_TYPE_INT: return value->u.i >= param->min && value->u.i <= param->max;
    case TROUPE_TYPE_FLOAT:
        return isfinite(value->u.f) && value->u.f >= param->min_f && value->u.f <= param->max_f;
    case TROUPE_TYPE_BOOL: return value->u.i == 0 || value->u.i == 1;
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_JSON:
        if (value->u.s.len < (uint64_t)param->min || value->u.s.len > (uint64_t)param->max ||
            (value->u.s.len && !value->u.s.ptr))
            return false;
        if (!param->choice_count)
            return true;
        for (size_t i = 0; i < param->choice_count; i++)
            if (param->choices[i].len == value->u.s.len &&
                !memcmp(param->choices[i].ptr, value->u.s.ptr, value->u.s.len))
                return true;
        return false;
    default: return value->u.id != 0;
    }
}

bool plugin_function_takes_files(const struct plugin_function *function)
{
    for (size_t i = 0; i < function->param_count; i++)
        if (function->params[i].type == TROUPE_TYPE_ATTACHMENT)
            return true;
    return false;
}

bool plugin_is_choice(const troupe_str *choice, const char *word)
{
    return choice->len == strlen(word) && !memcmp(choice->ptr, word, choice->len);
}

bool plugin_param_fits(const struct plugin_param *param, const troupe_value *value)
{
    return fits(param, value);
}

/* The sentence for a value that does not fit; off the fast path. */
static troupe_status reject_value(const struct plugin_param *param, const troupe_value *value,
                                  struct error *err)
{
    _cleanup_buf_ struct buf got = BUF_INIT;

    switch (value->type) {
    case TROUPE_TYPE_NULL: return plugin_param_missing(param, err);
    case TROUPE_TYPE_INT:
    case TROUPE_TYPE_BOOL: buf_printf(&got, "%lld", (long long)value->u.i); break;
    case TROUPE_TYPE_FLOAT: buf_printf(&got, "%.17g", value->u.f); break;
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_JSON:
        if (value->u.s.ptr)
            buf_append(&got, value->u.s.ptr, value->u.s.len);
        break;
    default: buf_printf(&got, "%llu", (unsigned long long)value->u.id); break;
    }
    return plugin_param_reject(param, buf_text(&got), got.len, err);
}

static troupe_status nothing(void *argument)
{
    return argument ? TROUPE_OK : TROUPE_ARGUMENT;
}

void plugin_function_warm_up(void)
{
    void *argument = NULL, *arguments[] = {(void *)&argument};
    ffi_type *types[] = {&ffi_type_pointer};
    ffi_arg result = 0;
    ffi_cif cif;

    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint32, types) == FFI_OK)
        ffi_call(&cif, FFI_FN(nothing), &result, arguments);
}

troupe_status plugin_function_invoke(const struct plugin_function *function, troupe_turn *turn,
                                     const troupe_value *values, bool *ret_entered,
                                     struct error *err)
{
    static const troupe_value zero, no_text = {.u = {.s = {"", 0}}};
    int32_t flags[PLUGIN_MAX_PARAMS];
    const void *args[2 * PLUGIN_MAX_PARAMS + 1], **next = args;
    troupe_value complete[PLUGIN_MAX_PARAMS];
    ffi_arg result = 0;

    if (ret_entered)
        *ret_entered = false;
    *next++ = &turn;
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];
        const troupe_value *value = &values[i];

        /* A default was checked when it was declared. */
        if (value->type == TROUPE_TYPE_NULL && param->has_default)
            value = &param->def;
        else if (value->type == TROUPE_TYPE_NULL && param->optional)
            value = is_text(param->type) ? &no_text : &zero;
        else if (!fits(param, value))
            return reject_value(param, value, err);
        if (function->forward) {
            complete[i] = *value;
            /* What was left out is so there, too: nothing of its type may mean that. */
            if (value != &zero && value != &no_text)
                complete[i].type = param->type;
            continue;
        }
        if (param->type == TROUPE_TYPE_BOOL) {
            flags[i] = (int32_t)value->u.i;
            *next++ = &flags[i];
            continue;
        }
        *next++ = &value->u; /* every member begins there */
        if (param->split)
            *next++ = &value->u.s.len;
    }
    if (ret_entered)
        *ret_entered = true;
    if (function->forward)
        return function->forward(function, turn, complete);
    /* libffi takes no pointers to const; it writes to neither the cif nor the arguments. */
    ffi_call((ffi_cif *)(uintptr_t)&function->cif, function->fn, &result, (void **)(uintptr_t)args);
    return (troupe_status)result;
}
