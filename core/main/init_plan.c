/* SPDX-License-Identifier: Apache-2.0 */
#include "main/init_plan.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define LINE_MAX_BYTES                                                                             \
    190 /* the reader's line, see config/ini.c, less what stands before a value */

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    mem_free(text);
}

void init_plan_clear(struct init_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        mem_free(plan->entries[i].section);
        mem_free(plan->entries[i].key);
        mem_free(plan->entries[i].value);
    }
    mem_free(plan->entries);
    wipe(plan->token);
    wipe(plan->api_key);
    mem_free(plan->base_url);
    mem_free(plan->model);
    *plan = (struct init_plan){0};
}

void init_plan_set(char **place, const char *text)
{
    char *copy = text ? mem_strdup(text) : NULL;

    wipe(*place);
    *place = copy;
}

/* ---- keys ---------------------------------------------------------------------------------- */

static struct init_entry *find(const struct init_plan *plan, const char *section, const char *key)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (!strcmp(plan->entries[i].section, section) && !strcmp(plan->entries[i].key, key))
            return &plan->entries[i];
    }
    return NULL;
}

const char *init_plan_get(const struct init_plan *plan, const char *section, const char *key)
{
    const struct init_entry *entry = find(plan, section, key);

    return entry ? entry->value : NULL;
}

static void store(struct init_plan *plan, const char *section, const char *key, const char *value)
{
    struct init_entry *entry = find(plan, section, key);

    if (entry) {
        mem_free(entry->value);
        entry->value = mem_strdup(value);
        return;
    }
    if (plan->count == plan->cap) {
        plan->cap = plan->cap ? 2 * plan->cap : 16;
        plan->entries = mem_resize(plan->entries, plan->cap, sizeof(*plan->entries));
    }
    plan->entries[plan->count++] =
        (struct init_entry){mem_strdup(section), mem_strdup(key), mem_strdup(value)};
}

/* What the reader would cut or take for something else. */
static troupe_status check_value(const char *section, const char *key, const char *value,
                                 struct error *err)
{
    const char *what = NULL;

    if (!text_is_utf8(value, strlen(value)))
        what = "it is not UTF-8 text";
    else if (strlen(key) + strlen(value) > LINE_MAX_BYTES)
        what = "it is longer than a line may be";
    else if (*value == ';')
        what = "it begins with \";\", which begins a comment";
    for (const char *p = value; *p && !what; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            what = "it has a line break or another control character in it";
        else if (*p == ' ' && p[1] == ';')
            what = "it has \" ;\" in it, which begins a comment";
    }
    if (!what)
        return TROUPE_OK;
    return error_set(err, TROUPE_ARGUMENT,
                     "the value of \"%s\" in [%s] cannot stand in the file: %s; put it into a file "
                     "of its own and write ${file:PATH}",
                     key, section, what);
}

troupe_status init_plan_put(struct init_plan *plan, const char *section, const char *key,
                            const char *value, struct error *err)
{
    _cleanup_mem_ char *copy = mem_strdup(value);
    _cleanup_buf_ struct buf escaped = BUF_INIT;
    troupe_status status;

    for (const char *p = text_trim(copy); *p; p++) {
        if (p[0] == '$' && p[1] == '{')
            buf_putc(&escaped, '$'); /* $${ is a literal ${ */
        buf_putc(&escaped, *p);
    }
    status = check_value(section, key, buf_text(&escaped), err);
    if (status == TROUPE_OK)
        store(plan, section, key, buf_text(&escaped));
    return status;
}

static bool keeps_secret(const char *key)
{
    static const char *const parts[] = {"token", "api_key", "password", "secret"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *tail =
            strlen(key) >= strlen(parts[i]) ? key + strlen(key) - strlen(parts[i]) : "";

        if (!strcmp(tail, parts[i]))
            return true;
    }
    return false;
}

troupe_status init_plan_take_set(struct init_plan *plan, const char *set, struct error *err)
{
    const char *equals = strchr(set, '='),
               *dot = equals ? memrchr(set, '.', (size_t)(equals - set)) : NULL;
    _cleanup_mem_ char *section = NULL, *key = NULL, *value = NULL;
    troupe_status status;

    if (!dot || dot == set)
        return error_set(err, TROUPE_ARGUMENT,
                         "--set: expected SECTION.KEY=VALUE, for example \"troupe.name=Robin\"");
    section = mem_strndup(set, (size_t)(dot - set));
    key = mem_strndup(dot + 1, (size_t)(equals - dot) - 1);
    value = mem_strdup(equals + 1);
    if (keeps_secret(text_trim(key)) && !text_starts(text_trim(value), "${"))
        return error_set(
            err, TROUPE_DENIED,
            "--set \"%s.%s\": every user of this machine can read a command line, so a "
            "secret does not belong there; write ${file:PATH} or ${env:NAME}",
            section, text_trim(key));
    if (strpbrk(section, "[]\n\r") || strpbrk(key, "[]\n\r=:;"))
        return error_set(err, TROUPE_ARGUMENT, "--set \"%s.%s\": no such key can be", section, key);
    status = check_value(section, text_trim(key), text_trim(value), err);
    if (status == TROUPE_OK)
        store(plan, section, text_trim(key), text_trim(value));
    return status;
}

/* ---- the file ------------------------------------------------------------------------------ */

static void print_section(const struct init_plan *plan, const char *section, struct buf *out)
{
    buf_printf(out, "\n[%s]\n", section);
    for (size_t i = 0; i < plan->count; i++) {
        if (!strcmp(plan->entries[i].section, section))
            buf_printf(out, "%s = %s\n", plan->entries[i].key, plan->entries[i].value);
    }
    if (!strcmp(section, "discord") && plan->token && !find(plan, section, "token"))
        buf_puts(out, "token = ${file:" INIT_TOKEN_FILE "}\n");
    if (!strcmp(section, "agent llm") && plan->api_key && !find(plan, section, "api_key"))
        buf_puts(out, "api_key = ${file:" INIT_KEY_FILE "}\n");
}

void init_plan_print(const struct init_plan *plan, const char *today, struct buf *out)
{
    /* Stages need their agents, so these are there in any case; others follow. */
    static const char *const order[] = {"troupe",           "discord",   "budget",
                                        "pipeline message", "agent llm", "agent conversation",
                                        "agent hello"};
    const size_t fixed = sizeof(order) / sizeof(order[0]);

    buf_printf(
        out,
        "; Written by troupe init on %s. troupe.ini(5) explains every key, troupe check tests "
        "the\n; file, troupe reload puts a change into effect, troupe doctor looks at all of "
        "it.\n",
        today);
    for (size_t i = 0; i < fixed; i++) {
        if (!strcmp(order[i], "discord") && !plan->token && !find(plan, "discord", "api"))
            buf_puts(out, "\n; Discord is off: troupe init --force sets it up.\n");
        print_section(plan, order[i], out);
    }
    for (size_t i = 0; i < plan->count; i++) {
        const char *section = plan->entries[i].section;
        bool printed = false;

        for (size_t k = 0; k < fixed; k++)
            printed = printed || !strcmp(order[k], section);
        for (size_t k = 0; k < i; k++)
            printed = printed || !strcmp(plan->entries[k].section, section);
        if (!printed)
            print_section(plan, section, out);
    }
}
