/* SPDX-License-Identifier: Apache-2.0
 *
 * From the plugin's constant table to a struct that the host can trust. Members are read only where
 * the table's size says that they exist, elements by the stride that they were compiled with.
 */
#include "plugin/manifest.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/keys.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define PLUGIN_1_0     (offsetof(troupe_plugin, get_extension) + sizeof(void *))
#define MIGRATION_1_0  (offsetof(troupe_migration, sql) + sizeof(char *))
#define MIGRATION_BACK (offsetof(troupe_migration, back) + sizeof(char *))
#define MAX_WORDS      128
#define MAX_LIST       (16 << 10)
#define MAX_SQL        (1 << 20)

/* What a plugin may ask for; core/host adds a line here with each extension that it guards. A
 * trailing ":" takes a name. */
static const char *const known_capabilities[] = {
    "kv",    "sql",   "budget", "send",  "schedule", "files", "tools", "vectors",
    "cache", "texts", "attach", "owner", "blobs",    "call:", "try:",  "http:"};

__attribute__((format(printf, 3, 4))) static troupe_status defect(const char *id, struct error *err,
                                                                  const char *format, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    return error_set(err, TROUPE_DATA,
                     "plugin \"%s\": %s; correct the declaration and build it "
                     "again",
                     id, buf_text(&text));
}

static bool is_line(const char *text)
{
    size_t len = text ? strnlen(text, 1001) : 0;

    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)text[i]))
            return false;
    return len > 0 && len <= 1000 && text_is_utf8(text, len);
}

/* Since minor 3. */
static troupe_status (*job_of(const troupe_plugin *table))(troupe_turn *, troupe_str)
{
    return table->size >= offsetof(troupe_plugin, job) + sizeof(table->job) ? table->job : NULL;
}

static troupe_status check_head(const troupe_plugin *table, const struct plugin_note *note,
                                struct error *err)
{
    if (!table)
        return defect(note->id, err, "%s() returned no table", TROUPE_ENTRY_SYMBOL);
    if (table->size < PLUGIN_1_0)
        return error_set(err, TROUPE_VERSION,
                         "plugin \"%s\" has a table of %u bytes, this host's ABI %u.%u needs %zu; "
                         "build it with the headers of an SDK for ABI %u",
                         note->id, table->size, TROUPE_ABI_MAJOR, TROUPE_ABI_MINOR,
                         (size_t)PLUGIN_1_0, TROUPE_ABI_MAJOR);
    if (!table->id || strncmp(table->id, note->id, sizeof(note->id)) != 0 || !table->version ||
        strncmp(table->version, note->version, sizeof(note->version)) != 0)
        return defect(note->id, err, "its table and its note name different ids or versions");
    if (!strchr(note->id, '.'))
        return defect(note->id, err, "its id is no reverse domain name like \"org.example.dice\"");
    if (!is_line(table->doc))
        return defect(note->id, err, "it needs a doc of one line of UTF-8");
    if (!table->stage && !table->observe && !table->functions.count && !job_of(table))
        return defect(note->id, err, "it has no stage, no observer, no function and no job");
    return TROUPE_OK;
}

static troupe_status read_functions(const troupe_array *declared, struct plugin_manifest *ret,
                                    struct error *err)
{
    if (declared->count > PLUGIN_MAX_FUNCTIONS)
        return error_set(err, TROUPE_LIMIT,
                         "plugin \"%s\" has %u functions, at most %d are possible", ret->id,
                         declared->count, PLUGIN_MAX_FUNCTIONS);
    if (declared->count && (!declared->ptr || declared->stride < sizeof(void *)))
        return defect(ret->id, err, "its list of functions is broken");
    ret->functions = mem_zero(declared->count + 1, sizeof(*ret->functions));
    for (uint32_t i = 0; i < declared->count; i++) {
        const troupe_function *function = *TROUPE_AT(*declared, troupe_function *const, i);
        troupe_status status;

        if (!function)
            return defect(ret->id, err, "its list of functions has a hole");
        ret->function_count = i + 1;
        if ((status = plugin_function_read(function, ret->id, &ret->functions[i], err)) < 0)
            return status;
        if (plugin_function_takes_files(&ret->functions[i]) && !plugin_manifest_can(ret, "files"))
            return defect(ret->id, err,
                          "function \"%s\" takes a file without the capability \"files\"",
                          ret->functions[i].name);
        for (uint32_t k = 0; k < i; k++)
            if (!strcmp(ret->functions[k].name, ret->functions[i].name))
                return defect(ret->id, err, "there are two functions called \"%s\"",
                              ret->functions[i].name);
    }
    return TROUPE_OK;
}

const char *plugin_migration_back(const troupe_array *declared, uint32_t i)
{
    return declared->stride < MIGRATION_BACK ? NULL
                                             : TROUPE_AT(*declared, troupe_migration, i)->back;
}

static troupe_status read_migrations(const troupe_array *declared, struct plugin_manifest *ret,
                                     struct error *err)
{
    troupe_migration *list;

    if (declared->count > PLUGIN_MAX_MIGRATIONS)
        return error_set(err, TROUPE_LIMIT,
                         "plugin \"%s\" has %u migrations, at most %d are possible", ret->id,
                         declared->count, PLUGIN_MAX_MIGRATIONS);
    if (declared->count && (!declared->ptr || declared->stride < MIGRATION_1_0))
        return defect(ret->id, err, "its list of migrations is broken");
    list = mem_zero(declared->count + 1, sizeof(*list));
    ret->migrations = list;
    ret->migration_count = declared->count;
    for (uint32_t i = 0; i < declared->count; i++) {
        const troupe_migration *migration = TROUPE_AT(*declared, troupe_migration, i);

        /* The store goes on behind the steps that ran before, so their numbers leave no gap. */
        if (migration->version != i + 1)
            return defect(ret->id, err, "migration %u stands where version %u is expected",
                          migration->version, i + 1);
        if (!is_line(migration->name) || !migration->sql || !*migration->sql ||
            strnlen(migration->sql, MAX_SQL + 1) > MAX_SQL)
            return defect(ret->id, err, "migration %u needs a name and SQL of at most 1 MB", i + 1);
        list[i] = (troupe_migration){migration->version, 0, migration->name, migration->sql,
                                     plugin_migration_back(declared, i)};
        if (list[i].back && (!*list[i].back || strnlen(list[i].back, MAX_SQL + 1) > MAX_SQL))
            return defect(ret->id, err,
                          "the way back of migration %u needs SQL of at most 1 MB, or is NULL",
                          i + 1);
    }
    return TROUPE_OK;
}

/* ---- lists of words ------------------------------------------------------------------------ */

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(words[i]);
    mem_free(words);
}

/* Splits at blanks; the words are the caller's, also those before a failure. */
static troupe_status split_words(const char *id, const char *what, const char *text,
                                 char ***ret_words, size_t *ret_count, struct error *err)
{
    char **words = mem_zero(MAX_WORDS, sizeof(*words));
    size_t count = 0, len = text ? strnlen(text, MAX_LIST + 1) : 0, i = 0;

    *ret_words = words;
    *ret_count = 0;
    if (len > MAX_LIST || (len && !text_is_utf8(text, len)))
        return defect(id, err, "its %s are not UTF-8 or longer than 16 kB", what);
    while (i < len) {
        size_t start = i;

        while (i < len && !isspace((unsigned char)text[i]))
            i++;
        if (i > start) {
            if (count == MAX_WORDS)
                return defect(id, err, "it names more than %d %s", MAX_WORDS, what);
            words[count++] = mem_strndup(text + start, i - start);
            *ret_count = count;
        }
        i++;
    }
    return TROUPE_OK;
}

static troupe_status check_needs(const troupe_plugin *table, const char *id,
                                 const struct plugin_registry *registry, struct error *err)
{
    char **words;
    size_t count;
    troupe_status status = split_words(id, "needs", table->needs, &words, &count, err);

    for (size_t i = 0; status == TROUPE_OK && i < count; i++) {
        const char *slash = strchr(words[i], '/');

        if (!slash || slash == words[i] || !isdigit((unsigned char)slash[1]))
            status =
                defect(id, err, "\"%s\" in its needs is no \"troupe.NAME/REVISION\"", words[i]);
        else if (!plugin_registry_find(registry, words[i]))
            status =
                error_set(err, TROUPE_VERSION,
                          "plugin \"%s\" needs \"%s\", which this host does not have; install a "
                          "newer host or an older build of the plugin",
                          id, words[i]);
    }
    free_words(words, count);
    return status;
}

static bool is_name_of_capability(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr(".-_:", name[i]) &&
            !(name[i] == '*' && i == 0 && name[1] == '.'))
            return false;
    return len > 0 && len <= 253;
}

static troupe_status check_capability(const char *id, const char *word, struct error *err)
{
    const size_t known = sizeof(known_capabilities) / sizeof(known_capabilities[0]);
    const char *colon = strchr(word, ':'), *nearest;
    _cleanup_mem_ char *head = mem_strndup(word, colon ? (size_t)(colon - word) + 1 : strlen(word));

    for (size_t i = 0; i < known; i++)
        if (!strcmp(head, known_capabilities[i])) {
            if (colon && !is_name_of_capability(colon + 1))
                return defect(id, err, "capability \"%s\" names nothing after its colon", word);
            return TROUPE_OK;
        }
    nearest = text_nearest(head, known_capabilities, known);
    if (nearest)
        return defect(id, err, "capability \"%s\" is unknown to this host, did you mean \"%s\"",
                      word, nearest);
    return defect(id, err, "capability \"%s\" is unknown to this host", word);
}

static troupe_status read_capabilities(const troupe_plugin *table, struct plugin_manifest *ret,
                                       struct error *err)
{
    troupe_status status = split_words(ret->id, "capabilities", table->capabilities,
                                       &ret->capabilities, &ret->capability_count, err);

    for (size_t i = 0; status == TROUPE_OK && i < ret->capability_count; i++)
        status = check_capability(ret->id, ret->capabilities[i], err);
    return status;
}

/* ---- events --------------------------------------------------------------------------------- */

static const char *const known_events[] = {"seen:message", "owed:message"};
static const uint32_t event_bits[] = {PLUGIN_EVENT_SEEN_MESSAGE, PLUGIN_EVENT_OWED_MESSAGE};

static troupe_status take_event(struct plugin_manifest *ret, const char *word, struct error *err)
{
    const size_t known = sizeof(known_events) / sizeof(known_events[0]);
    const char *nearest;

    for (size_t i = 0; i < known; i++) {
        if (strcmp(word, known_events[i]))
            continue;
        if (ret->events)
            return defect(ret->id, err, "its events name \"message\" twice");
        ret->events |= event_bits[i];
        return TROUPE_OK;
    }
    nearest = text_nearest(word, known_events, known);
    return nearest
               ? defect(ret->id, err, "event \"%s\" is unknown to this host, did you mean \"%s\"",
                        word, nearest)
               : defect(ret->id, err, "event \"%s\" is unknown to this host", word);
}

static troupe_status read_events(const troupe_plugin *table, struct plugin_manifest *ret,
                                 struct error *err)
{
    const char *text = TROUPE_HAS(table, events) ? table->events : NULL;
    char **words;
    size_t count;
    troupe_status status = split_words(ret->id, "events", text, &words, &count, err);

    for (size_t i = 0; status == TROUPE_OK && i < count; i++)
        status = take_event(ret, words[i], err);
    if (status == TROUPE_OK && ret->events && !ret->observe)
        status = defect(ret->id, err, "it names events and has no observer");
    free_words(words, count);
    return status;
}

/* ---- state --------------------------------------------------------------------------------- */

static troupe_status read_state(const troupe_plugin *table, struct plugin_manifest *ret,
                                struct error *err)
{
    const troupe_state_v1 *state;

    ret->state_version = table->state_version;
    ret->state_oldest = table->state_oldest;
    ret->state_flags = TROUPE_HAS(table, state_flags) ? table->state_flags : 0;
    /* The only code of the plugin that runs here; a trial has run it before. */
    state = table->get_extension ? table->get_extension("troupe.state/1") : NULL;
    if (!state) {
        if (ret->state_version)
            return defect(ret->id, err, "it declares a state version but no \"troupe.state/1\"");
        if (ret->state_flags)
            return defect(ret->id, err, "it declares state_flags but no \"troupe.state/1\"");
        return TROUPE_OK;
    }
    if (state->size < offsetof(troupe_state_v1, load) + sizeof(void *) || !state->save ||
        !state->load)
        return defect(ret->id, err, "its \"troupe.state/1\" is incomplete");
    if (ret->state_oldest < 1 || ret->state_oldest > ret->state_version)
        return defect(ret->id, err, "its state versions %u to %u are no range from 1 up",
                      ret->state_oldest, ret->state_version);
    if (ret->state_flags & ~TROUPE_STATE_EXCLUSIVE)
        return defect(ret->id, err,
                      "its state_flags are 0x%x; TROUPE_STATE_EXCLUSIVE alone is known",
                      ret->state_flags);
    ret->state = state;
    return TROUPE_OK;
}

troupe_status plugin_manifest_read(const troupe_plugin *table, const struct plugin_note *note,
                                   const struct plugin_registry *registry,
                                   struct plugin_manifest **ret, struct error *err)
{
    struct plugin_manifest *manifest;
    troupe_status status = check_head(table, note, err);

    if (status < 0)
        return status;
    manifest = mem_zero(1, sizeof(*manifest));
    manifest->id = table->id;
    manifest->version = table->version;
    manifest->doc = table->doc;
    manifest->create = table->create;
    manifest->destroy = table->destroy;
    manifest->stage = table->stage;
    manifest->observe = table->observe;
    manifest->job = job_of(table);
    manifest->get_extension = table->get_extension;
    if ((status = check_needs(table, manifest->id, registry, err)) < 0 ||
        (status = read_capabilities(table, manifest, err)) < 0 ||
        (status = read_events(table, manifest, err)) < 0 ||
        (status = read_functions(&table->functions, manifest, err)) < 0 ||
        (status = plugin_keys_read(&table->config, manifest->id, manifest, err)) < 0 ||
        (status = read_migrations(&table->migrations, manifest, err)) < 0 ||
        (status = plugin_user_data_read(table, manifest, err)) < 0 ||
        (status = plugin_metrics_read(table, manifest, err)) < 0 ||
        (status = read_state(table, manifest, err)) < 0) {
        plugin_manifest_free(manifest);
        return status;
    }
    *ret = manifest;
    return TROUPE_OK;
}

void plugin_manifest_free(struct plugin_manifest *manifest)
{
    if (!manifest)
        return;
    for (size_t i = 0; i < manifest->function_count; i++)
        plugin_function_clear(&manifest->functions[i]);
    mem_free(manifest->functions);
    plugin_keys_clear(manifest);
    mem_free(manifest->migrations);
    mem_free(manifest->user_data);
    plugin_metrics_clear(manifest);
    free_words(manifest->capabilities, manifest->capability_count);
    mem_free(manifest);
}

bool plugin_manifest_can(const struct plugin_manifest *manifest, const char *capability)
{
    static const char any_host[] = "http:*.";

    for (size_t i = 0; i < manifest->capability_count; i++) {
        const char *declared = manifest->capabilities[i];

        if (!strcmp(declared, capability))
            return true;
        /* "*.example.org" is every host below the domain, not the domain and not "evilexample.org". */
        if (text_starts(declared, any_host) && text_starts(capability, "http:")) {
            const char *host = capability + strlen("http:");
            const char *domain = declared + strlen(any_host) - 1; /* with its dot */
            size_t host_len = strlen(host), domain_len = strlen(domain);

            if (host_len > domain_len && !strcmp(host + host_len - domain_len, domain))
                return true;
        }
    }
    return false;
}

const struct plugin_function *plugin_manifest_function(const struct plugin_manifest *manifest,
                                                       const char *name)
{
    for (size_t i = 0; i < manifest->function_count; i++)
        if (!strcmp(manifest->functions[i].name, name))
            return &manifest->functions[i];
    return NULL;
}
