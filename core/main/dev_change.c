/* SPDX-License-Identifier: Apache-2.0
 *
 * Two descriptions of a plugin (plugin/present.h) beside each other.
 */
#include "base/mem.h"
#include "main/dev.h"

#include <string.h>

/* Texts of a list, in a row. */
static char *join(const json_t *list)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        buf_printf(&text, "%s%s", i ? " " : "",
                   json_string_value(item) ? json_string_value(item) : "");
    return buf_take(&text);
}

static const json_t *named(const json_t *list, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (!strcmp(json_get_str(item, "name", ""), name))
            return item;
    return NULL;
}

static bool holds(const json_t *list, const json_t *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (json_equal(item, text))
            return true;
    return false;
}

/* ---- functions ------------------------------------------------------------------------------- */

static const json_t *parameters(const json_t *function)
{
    const json_t *schema = json_object_get(function, "schema");

    return json_object_get(json_object_get(schema, "parameters"), "properties");
}

static const char *doc_of(const json_t *function)
{
    return json_get_str(json_object_get(function, "schema"), "description", "");
}

/* Names of what `one` has and `other` has not, or otherwise. */
static void print_parameters(const char *mark, const json_t *one, const json_t *other,
                             bool otherwise, struct buf *out)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)one, name, value) {
        const json_t *beside = json_object_get(other, name);

        if (otherwise ? beside && !json_equal(beside, value) : !beside)
            buf_printf(out, " %s%s", mark, name);
    }
}

static void compare_function(const json_t *before, const json_t *now, struct buf *out)
{
    const json_t *old_parameters = parameters(before), *new_parameters = parameters(now);
    const json_t *old_flags = json_object_get(before, "flags"),
                 *flags = json_object_get(now, "flags");

    if (json_equal(before, now))
        return;
    buf_printf(out, "  ~ %s", json_get_str(now, "usage", "?"));
    if (!json_equal(old_parameters, new_parameters)) {
        buf_puts(out, "; parameters:");
        print_parameters("+", new_parameters, old_parameters, false, out);
        print_parameters("-", old_parameters, new_parameters, false, out);
        print_parameters("~", new_parameters, old_parameters, true, out);
    }
    if (!json_equal(old_flags, flags)) {
        _cleanup_mem_ char *was = join(old_flags), *is = join(flags);

        buf_printf(out, "; %s is now %s", *was ? was : "no flag", *is ? is : "no flag");
    }
    if (strcmp(doc_of(before), doc_of(now)) != 0)
        buf_printf(out, "; \"%s\"", doc_of(now));
    buf_putc(out, '\n');
}

static void print_functions(const json_t *before, const json_t *now, struct buf *out)
{
    const json_t *function;
    size_t i;

    json_array_foreach (now, i, function) {
        const json_t *old = named(before, json_get_str(function, "name", ""));

        if (old) {
            compare_function(old, function, out);
        } else {
            _cleanup_mem_ char *flags = join(json_object_get(function, "flags"));

            buf_printf(out, "  + %s (%s): %s\n", json_get_str(function, "usage", "?"), flags,
                       doc_of(function));
        }
    }
    json_array_foreach (before, i, function)
        if (!named(now, json_get_str(function, "name", "")))
            buf_printf(out, "  - %s\n", json_get_str(function, "usage", "?"));
}

/* ---- keys, capabilities, parts --------------------------------------------------------------- */

static void print_keys(const json_t *before, const json_t *now, struct buf *out)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)now, name, value) {
        const json_t *old = json_object_get(before, name);

        if (!old)
            buf_printf(out, "  + key %s: %s\n", name, json_get_str(value, "description", ""));
        else if (!json_equal(old, value))
            buf_printf(out, "  ~ key %s\n", name);
    }
    json_object_foreach ((json_t *)(uintptr_t)before, name, value)
        if (!json_object_get(now, name))
            buf_printf(out, "  - key %s\n", name);
}

static void print_words(const char *what, const json_t *before, const json_t *now, struct buf *out)
{
    const json_t *word;
    size_t i;

    json_array_foreach (now, i, word)
        if (!holds(before, word))
            buf_printf(out, "  + %s %s\n", what, json_string_value(word));
    json_array_foreach (before, i, word)
        if (!holds(now, word))
            buf_printf(out, "  - %s %s\n", what, json_string_value(word));
}

static void print_parts(const json_t *before, const json_t *now, struct buf *out)
{
    static const char *const parts[] = {"stage", "observer", "jobs"};
    const char *was = json_get_str(before, "version", ""), *is = json_get_str(now, "version", "");

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bool had = json_is_true(json_object_get(before, parts[i]));
        bool has = json_is_true(json_object_get(now, parts[i]));

        if (had != has)
            buf_printf(out, "  %c %s\n", has ? '+' : '-', parts[i]);
    }
    if (before && json_get_int(before, "migrations", 0) != json_get_int(now, "migrations", 0))
        buf_printf(out, "  ~ migrations: %lld, before %lld\n",
                   (long long)json_get_int(now, "migrations", 0),
                   (long long)json_get_int(before, "migrations", 0));
    if (before && strcmp(was, is) != 0)
        buf_printf(out, "  ~ version %s, before %s\n", is, was);
}

void dev_change_print(const json_t *before, const json_t *now, struct buf *out)
{
    const json_t *old_plugin = json_object_get(before, "plugin");
    const json_t *plugin = json_object_get(now, "plugin");

    print_functions(json_object_get(before, "functions"), json_object_get(now, "functions"), out);
    print_keys(json_object_get(json_object_get(before, "config"), "properties"),
               json_object_get(json_object_get(now, "config"), "properties"), out);
    print_words("capability", json_object_get(old_plugin, "capabilities"),
                json_object_get(plugin, "capabilities"), out);
    print_words("event", json_object_get(old_plugin, "events"), json_object_get(plugin, "events"),
                out);
    print_parts(old_plugin, plugin, out);
}
