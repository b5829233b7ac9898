/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments as members type them and as models write them, for functions with parameters of every
 * type. The first byte picks function and form. What is accepted must fit its declaration and mean
 * the same once written as JSON and read again; what is refused must say so in one clean line.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/function.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

TROUPE_FUNCTION(numbers, "Numbers", TROUPE_SLASH, TROUPE_INT(a, "a", .min = -9, .max = 99),
                TROUPE_FLOAT(b, "b", .min = 0, .def = 1), TROUPE_BOOL(c, "c", .def = 0))
static troupe_status numbers(troupe_turn *turn, int64_t a, double b, int32_t c)
{
    (void)turn;
    return a >= -9 && a <= 99 && b >= 0 && (c == 0 || c == 1) ? TROUPE_OK : TROUPE_FAILED;
}

TROUPE_FUNCTION(texts, "Texts", TROUPE_SLASH, TROUPE_STRING(color, "c", .choices = "red|green"),
                TROUPE_OPT_MEMBER(who, "w"), TROUPE_OPT_CHANNEL(where, "w"),
                TROUPE_OPT_STRING(text, "t", .max = 60))
static troupe_status texts(troupe_turn *turn, troupe_str color, uint64_t who, uint64_t where,
                           troupe_str text)
{
    (void)turn;
    (void)who;
    (void)where;
    return color.len && text.len <= 60 ? TROUPE_OK : TROUPE_FAILED;
}

TROUPE_FUNCTION(values, "Values", TROUPE_SLASH, TROUPE_ROLE(role, "r"),
                TROUPE_OPT_JSON(json, "j", .max = 200))
static troupe_status values(troupe_turn *turn, uint64_t role, troupe_str json)
{
    (void)turn;
    return role && json.len <= 200 ? TROUPE_OK : TROUPE_FAILED;
}

static void check_sentence(const struct error *err)
{
    size_t len = strlen(err->text);

    if (!len || !text_is_utf8(err->text, len))
        abort();
    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)err->text[i]))
            abort();
}

static void check_accepted(const struct plugin_function *function, const struct plugin_args *args)
{
    struct plugin_args again = {0};
    struct error err = {0};
    bool entered = false;
    json_t *json = plugin_args_to_json(function, args->values), *second;

    if (plugin_function_invoke(function, NULL, args->values, &entered, &err) != TROUPE_OK ||
        !entered || plugin_args_from_json(function, json, &again, &err) != TROUPE_OK)
        abort();
    second = plugin_args_to_json(function, again.values);
    if (!json_equal(json, second))
        abort();
    plugin_args_clear(&again);
    json_decref(json);
    json_decref(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const troupe_function *const declared[] = {&numbers_function_, &texts_function_,
                                                      &values_function_};
    struct plugin_function function = {0};
    struct plugin_args args = {0};
    struct error err = {0};
    troupe_status status;
    char *text;

    if (size == 0)
        return 0;
    if (plugin_function_read(declared[(data[0] >> 1) % 3], "org.example.fuzz", &function, &err) < 0)
        abort();
    text = size > 1 ? mem_copy(data + 1, size - 1) : mem_alloc(1);
    if (data[0] & 1)
        status = plugin_args_from_json_text(&function, text, size - 1, &args, &err);
    else
        status = plugin_args_from_text(&function, text, size - 1, &args, &err);
    if (status == TROUPE_OK)
        check_accepted(&function, &args);
    else
        check_sentence(&err);
    plugin_args_clear(&args);
    plugin_function_clear(&function);
    mem_free(text);
    return 0;
}
