/* SPDX-License-Identifier: Apache-2.0
 *
 * Declared config keys as a table for core/config, and values of a section as the plugin gets them.
 */
#include "plugin/keys.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"
#include "plugin/agent.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define KEY_1_0 (offsetof(troupe_key, flags) + sizeof(uint32_t))
#define KNOWN_FLAGS                                                                                \
    (TROUPE_KEY_REQUIRED | TROUPE_KEY_SECRET | TROUPE_KEY_ENDPOINT | TROUPE_KEY_SETTABLE)
#define MAX_TEXT    (64 << 10)
#define MAX_CHOICES 64

/* How a type of the ABI is written in the file. */
struct mapping {
    uint32_t type;
    enum config_type config;
    unsigned flags;
};
static const struct mapping mappings[] = {
    {TROUPE_TYPE_INT, CONFIG_INT, 0},     {TROUPE_TYPE_FLOAT, CONFIG_FLOAT, 0},
    {TROUPE_TYPE_BOOL, CONFIG_BOOL, 0},   {TROUPE_TYPE_STRING, CONFIG_STRING, 0},
    {TROUPE_TYPE_MEMBER, CONFIG_INT, 0},  {TROUPE_TYPE_CHANNEL, CONFIG_INT, 0},
    {TROUPE_TYPE_ROLE, CONFIG_INT, 0},    {TROUPE_TYPE_DURATION, CONFIG_DURATION, 0},
    {TROUPE_TYPE_SIZE, CONFIG_SIZE, 0},   {TROUPE_TYPE_URL, CONFIG_URL, 0},
    {TROUPE_TYPE_PATH, CONFIG_PATH, 0},   {TROUPE_TYPE_LIST, CONFIG_STRING, CONFIG_LIST},
    {TROUPE_TYPE_MONEY, CONFIG_MONEY, 0},
};

struct reading {
    const char *plugin, *key;
    struct error *err;
};

__attribute__((format(printf, 2, 3))) static troupe_status defect(const struct reading *at,
                                                                  const char *format, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    return error_set(at->err, TROUPE_DATA,
                     "plugin \"%s\": config key \"%s\": %s; correct the declaration and build it "
                     "again",
                     at->plugin, at->key, buf_text(&text));
}

static const struct mapping *find_mapping(uint32_t type)
{
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (mappings[i].type == type)
            return &mappings[i];
    return NULL;
}

static bool is_key_name(const char *name)
{
    size_t len = name ? strnlen(name, 33) : 0;

    if (len == 0 || len > 32 || !(name[0] >= 'a' && name[0] <= 'z'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '_')
            return false;
    return true;
}

/* Keys that the host itself reads from [agent NAME]: the first declaration counts, which is its. */
static bool is_core_key(const char *name)
{
    size_t count;
    const struct config_schema *schemas = config_core_schemas(&count);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; !strcmp(schemas[i].kind, "agent") && k < schemas[i].count; k++)
            if (!strcmp(schemas[i].keys[k].name, name))
                return true;
    return false;
}

static bool is_line(const char *text)
{
    size_t len = strnlen(text, MAX_TEXT + 1);

    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)text[i]))
            return false;
    return len <= MAX_TEXT && text_is_utf8(text, len);
}

/* "a|b|c" as the NULL-ended list that core/config takes; one block, freed by keys_clear. */
static troupe_status read_choices(const struct reading *at, const char *choices,
                                  struct config_key *ret)
{
    size_t count = 1, n = 0, len;
    const char **items;
    char *text;

    if (!is_line(choices))
        return defect(at, "its choices are not one line of UTF-8");
    len = strlen(choices);
    for (size_t i = 0; i < len; i++)
        count += choices[i] == '|';
    if (count > MAX_CHOICES)
        return defect(at, "it has %zu choices, at most %d are possible", count, MAX_CHOICES);
    items = mem_alloc((count + 1) * sizeof(*items) + len + 1);
    text = (char *)&items[count + 1];
    memcpy(text, choices, len + 1);
    ret->choices = items;
    items[count] = NULL;
    for (char *next = text; next;) {
        char *item = strsep(&next, "|");

        if (!*item) {
            items[n] = NULL;
            return defect(at, "it has an empty choice");
        }
        items[n++] = item;
    }
    return TROUPE_OK;
}

/* In place of a time: none of them is one itself. */
static troupe_status check_words(const struct reading *at, const char *const *words)
{
    int64_t ms;

    for (size_t i = 0; words[i]; i++)
        if (text_to_duration(words[i], &ms) == TROUPE_OK)
            return defect(at, "its choice \"%s\" is a duration itself", words[i]);
    return TROUPE_OK;
}

static troupe_status read_key(struct reading *at, const troupe_key *declared,
                              struct config_key *ret, struct plugin_key *ret_key)
{
    const struct mapping *mapping;
    troupe_status status = TROUPE_OK;
    bool is_text;

    if (!is_key_name(declared->name))
        return defect(at, "a key's name must be [a-z][a-z0-9_]*, at most 32 characters");
    at->key = declared->name;
    if (is_core_key(declared->name))
        return defect(at, "this name is one of the host's own keys");
    if (!declared->doc || !*declared->doc || !is_line(declared->doc))
        return defect(at, "it needs a doc of one line of UTF-8");
    if (!(mapping = find_mapping(declared->type)))
        return defect(at, "its type %u is none that a config key can have", declared->type);
    if (declared->flags & ~KNOWN_FLAGS)
        return defect(at, "it has flags (0x%x) that this host does not know",
                      declared->flags & ~KNOWN_FLAGS);
    is_text = declared->type == TROUPE_TYPE_STRING || declared->type == TROUPE_TYPE_LIST;
    if ((declared->flags & TROUPE_KEY_SECRET) &&
        (declared->type != TROUPE_TYPE_STRING || declared->def || declared->choices))
        return defect(at, "a secret is a string without default and choices");
    if ((declared->flags & TROUPE_KEY_ENDPOINT) && declared->type != TROUPE_TYPE_URL)
        return defect(at, "an endpoint is a URL");
    /* What members may write must never reach a file, a server or a secret by itself. */
    if ((declared->flags & TROUPE_KEY_SETTABLE) &&
        ((declared->flags & TROUPE_KEY_SECRET) || declared->type == TROUPE_TYPE_URL ||
         declared->type == TROUPE_TYPE_PATH))
        return defect(at, "a secret, URL or path is set by the files only");
    if (isnan(declared->min) || isnan(declared->max) || declared->min > declared->max)
        return defect(at, "its minimum is above its maximum");
    if (declared->min < declared->max &&
        (is_text || declared->type == TROUPE_TYPE_URL || declared->type == TROUPE_TYPE_PATH))
        return defect(at, "its type takes no range");
    if (declared->def && !is_line(declared->def))
        return defect(at, "its default is not one line of UTF-8");

    *ret_key = (struct plugin_key){declared->name, declared->type, declared->flags};
    /* The operator reloads to apply a change: every key of a plugin is live. */
    *ret = (struct config_key){.name = declared->name,
                               .type = mapping->config,
                               .flags = mapping->flags | CONFIG_LIVE,
                               .def = declared->def,
                               .min = declared->min,
                               .max = declared->max,
                               .doc = declared->doc};
    if (declared->flags & TROUPE_KEY_REQUIRED)
        ret->flags |= CONFIG_REQUIRED;
    if (declared->flags & TROUPE_KEY_SECRET)
        ret->flags |= CONFIG_SECRET;
    if (declared->flags & TROUPE_KEY_SETTABLE)
        ret->flags |= CONFIG_SETTABLE;
    if (mapping->config == CONFIG_INT && mapping->type != TROUPE_TYPE_INT) {
        ret->min = 1;
        ret->max = CONFIG_NO_MAX;
    }
    if (declared->choices) {
        if (!is_text && declared->type != TROUPE_TYPE_DURATION)
            return defect(at, "only strings, lists and durations have choices");
        if ((status = read_choices(at, declared->choices, ret)) < 0)
            return status;
        if (is_text)
            ret->type = CONFIG_CHOICE;
        else
            status = check_words(at, ret->choices);
    }
    return status;
}

/* Whether every default can be read: asks the reader that will read it. */
static troupe_status check_defaults(const struct reading *at, const struct config_key *schema,
                                    size_t count)
{
    const struct config_schema table = {"agent", "declared", schema, count, CONFIG_NAMED};
    struct config_problems problems = {0};
    struct config_raw *raw = config_raw_single("declaration", "agent declared", "enabled", "no");
    struct config *config = NULL;
    troupe_status status = config_check(raw, &table, 1, 0, &config, &problems);

    if (status < 0)
        error_set(at->err, TROUPE_DATA, "plugin \"%s\": %s", at->plugin,
                  problems.count ? problems.items[0].text : "a default cannot be read");
    config_problems_clear(&problems);
    config_unref(config);
    config_raw_free(raw);
    return status < 0 ? TROUPE_DATA : TROUPE_OK;
}

troupe_status plugin_keys_read(const troupe_array *declared, const char *id,
                               struct plugin_manifest *ret, struct error *err)
{
    struct reading at = {.plugin = id, .key = "?", .err = err};

    if (declared->count > PLUGIN_MAX_KEYS)
        return error_set(err, TROUPE_LIMIT,
                         "plugin \"%s\" has %u config keys, at most %d are possible", id,
                         declared->count, PLUGIN_MAX_KEYS);
    if (declared->count && (!declared->ptr || declared->stride < KEY_1_0))
        return error_set(err, TROUPE_DATA,
                         "plugin \"%s\": its list of config keys is broken; write it with "
                         "TROUPE_KEYS()",
                         id);
    ret->schema = mem_zero(declared->count + 1, sizeof(*ret->schema));
    ret->keys = mem_zero(declared->count + 1, sizeof(*ret->keys));
    for (uint32_t i = 0; i < declared->count; i++) {
        troupe_status status;

        at.key = "?";
        ret->key_count = i + 1;
        status = read_key(&at, TROUPE_AT(*declared, troupe_key, i), &ret->schema[i], &ret->keys[i]);
        if (status < 0)
            return status;
        for (uint32_t k = 0; k < i; k++)
            if (!strcmp(ret->keys[k].name, ret->keys[i].name))
                return defect(&at, "there are two of this name");
    }
    return ret->key_count ? check_defaults(&at, ret->schema, ret->key_count) : TROUPE_OK;
}

void plugin_keys_clear(struct plugin_manifest *manifest)
{
    for (size_t i = 0; i < manifest->key_count; i++)
        mem_free((void *)(uintptr_t)manifest->schema[i].choices);
    mem_free(manifest->schema);
    mem_free(manifest->keys);
}

/* ---- values -------------------------------------------------------------------------------- */

static char *join_list(const struct config_list *list)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    for (size_t i = 0; i < list->count; i++)
        buf_printf(&text, "%s%s", i ? "\n" : "", list->items[i]);
    return buf_take(&text);
}

static void set_text(struct plugin_value *value, char *owned)
{
    value->value.u.s.ptr = owned;
    value->value.u.s.len = strlen(owned);
}

static bool holds_text(const struct plugin_value *value)
{
    switch (value->value.type) {
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_URL:
    case TROUPE_TYPE_PATH:
    case TROUPE_TYPE_LIST: return true;
    default: return false;
    }
}

void plugin_values_read(struct plugin_values *values, const struct plugin_manifest *manifest,
                        const struct config_section *section)
{
    values->items = mem_zero(manifest->key_count + 1, sizeof(*values->items));
    values->count = manifest->key_count;
    for (size_t i = 0; i < manifest->key_count; i++) {
        const struct plugin_key *key = &manifest->keys[i];
        const struct config_value *from = section ? config_value(section, key->name) : NULL;
        struct plugin_value *value = &values->items[i];

        value->name = mem_strdup(key->name);
        value->flags = key->flags;
        value->set = from && from->set;
        value->value.type = key->type;
        if (!value->set || (key->flags & TROUPE_KEY_SECRET))
            continue;
        if (key->type == TROUPE_TYPE_LIST)
            set_text(value, join_list(&from->list));
        else if (holds_text(value))
            set_text(value, mem_strdup(from->text));
        else if (key->type == TROUPE_TYPE_FLOAT)
            value->value.u.f = from->real;
        else
            value->value.u.i = from->number;
    }
}

void plugin_values_clear(struct plugin_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        mem_free(values->items[i].name);
        if (holds_text(&values->items[i]))
            mem_free((void *)(uintptr_t)values->items[i].value.u.s.ptr);
    }
    mem_free(values->items);
    *values = (struct plugin_values){0};
}

json_t *plugin_values_to_json(const struct plugin_values *values)
{
    json_t *list = json_array();

    for (size_t i = 0; i < values->count; i++) {
        const struct plugin_value *value = &values->items[i];
        json_t *item = json_pack("{s:s, s:I, s:I, s:b}", "name", value->name, "type",
                                 (json_int_t)value->value.type, "flags", (json_int_t)value->flags,
                                 "set", value->set);

        if (value->set && !(value->flags & TROUPE_KEY_SECRET)) {
            if (holds_text(value))
                json_object_set_new(item, "text", json_string(value->value.u.s.ptr));
            else if (value->value.type == TROUPE_TYPE_FLOAT)
                json_object_set_new(item, "real", json_real(value->value.u.f));
            else
                json_object_set_new(item, "number", json_integer(value->value.u.i));
        }
        json_array_append_new(list, item);
    }
    return list;
}

troupe_status plugin_values_from_json(struct plugin_values *values, const json_t *json,
                                      struct error *err)
{
    size_t count = json_array_size(json);

    if (!json_is_array(json) || count > PLUGIN_MAX_KEYS)
        return error_set(err, TROUPE_DATA, "the values of the config are no list");
    values->items = mem_zero(count + 1, sizeof(*values->items));
    values->count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(json, i);
        struct plugin_value *value = &values->items[i];

        value->name = mem_strdup(json_get_str(item, "name", ""));
        value->flags = (uint32_t)json_get_int(item, "flags", 0);
        value->set = json_is_true(json_object_get(item, "set"));
        value->value.type = (uint32_t)json_get_int(item, "type", 0);
        if (holds_text(value) && value->set && !(value->flags & TROUPE_KEY_SECRET))
            set_text(value, mem_strdup(json_get_str(item, "text", "")));
        else if (value->value.type == TROUPE_TYPE_FLOAT)
            value->value.u.f = json_real_value(json_object_get(item, "real"));
        else if (!holds_text(value))
            value->value.u.i = json_get_int(item, "number", 0);
    }
    return TROUPE_OK;
}
