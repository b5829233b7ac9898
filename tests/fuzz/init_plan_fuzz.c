/* SPDX-License-Identifier: Apache-2.0
 *
 * What troupe init writes against what the reader of configurations gets: any value is refused, or
 * comes back as it was, without the white space at its ends, and as one key.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"
#include "main/init_plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct init_plan *plan, char *value)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct config_problems problems = {0};
    const struct config_section *troupe;
    struct config_raw *raw = NULL;
    struct config *config = NULL;

    if (init_plan_put(plan, "pipeline message", "stages", "conversation", NULL) < 0)
        abort();
    init_plan_print(plan, "2026-11-26", &text);
    if (config_parse_text("fuzz", buf_text(&text), text.len, &raw, &problems) < 0 ||
        config_check(raw, NULL, 0, CONFIG_CHECK_OPEN, &config, &problems) < 0)
        abort();
    troupe = config_section(config, "troupe", NULL);
    if (*text_trim(value) && strcmp(config_str(troupe, "name"), text_trim(value)) != 0)
        abort();
    if (config_is_set(config_section(config, "discord", NULL), "token"))
        abort();
    config_unref(config);
    config_raw_free(raw);
    config_problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_mem_ char *value = mem_strndup((const char *)data, size);
    struct init_plan plan = {0};

    if (init_plan_put(&plan, "troupe", "name", value, NULL) == TROUPE_OK)
        check(&plan, value);
    init_plan_clear(&plan);
    (void)init_plan_take_set(&plan, value, NULL);
    init_plan_clear(&plan);
    return 0;
}
