/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration from bytes: both steps, then everything that reads the result. Includes are
 * refused for texts without a place, and a reference to a file opens regular files only.
 */
#include "base/log.h"
#include "config/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const modes[] = {"fast", "slow", NULL};
static const struct config_key keys[] = {
    {.name = "model", .type = CONFIG_STRING, .flags = CONFIG_REQUIRED},
    {.name = "api_key", .type = CONFIG_STRING, .flags = CONFIG_SECRET},
    {.name = "base", .type = CONFIG_URL},
    {.name = "bases", .type = CONFIG_URL, .flags = CONFIG_LIST},
    {.name = "mode", .type = CONFIG_CHOICE, .def = "fast", .choices = modes},
    {.name = "modes", .type = CONFIG_CHOICE, .flags = CONFIG_LIST, .choices = modes},
    {.name = "template", .type = CONFIG_PATH},
};
static const struct config_schema tables[] = {
    {"agent", "llm", keys, sizeof(keys) / sizeof(keys[0]), CONFIG_NAMED}};

static void ignore_change(const struct config_change *change, void *user)
{
    (void)change, (void)user;
}

/* What the configuration promises must hold whatever was read. */
static void use(struct config *config, struct config *other)
{
    struct buf out = BUF_INIT;
    json_t *json = config_json(config);
    const struct config_section *agent = NULL;

    while ((agent = config_next(config, "agent", agent)))
        if (!config_str(agent, "plugin") && config_is_set(agent, "plugin"))
            abort();
    if (config_int(config_section(config, "admission", NULL), "concurrent") < 1)
        abort();
    config_print(config, &out);
    if (!json || (out.len && memchr(out.data, '\0', out.len)))
        abort();
    if (other)
        config_diff(config, other, ignore_change, NULL);
    json_decref(json);
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char token[] = "a-secret-token";
    struct config_problems problems = {0};
    struct config_raw *raw = NULL;
    struct config *first = NULL, *open = NULL;
    troupe_status status;

    setenv("FUZZ_TOKEN", token, 1);
    status = config_parse_text("fuzz.ini", (const char *)data, size, &raw, &problems);
    if ((status < 0) != (problems.errors > 0) || (status < 0) != !raw)
        abort();
    if (raw) {
        if (config_check(raw, tables, 1, 0, &first, &problems) == TROUPE_OK)
            use(first, NULL);
        if (config_check(raw, NULL, 0, CONFIG_CHECK_OPEN, &open, &problems) == TROUPE_OK)
            use(open, first);
    }
    for (size_t i = 0; i < problems.count; i++) {
        const char *text = problems.items[i].text;

        /* The token may show up only where the input itself spells it out. */
        if (strchr(text, '\n') ||
            (strstr(text, token) && !memmem(data, size, token, strlen(token))))
            abort();
    }
    config_unref(first);
    config_unref(open);
    config_raw_free(raw);
    config_problems_clear(&problems);
    log_mask_clear();
    return 0;
}
