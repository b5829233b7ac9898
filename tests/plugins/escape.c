/* SPDX-License-Identifier: Apache-2.0
 *
 * Tries to get out of its trial: in its constructor and again in create, which tells of both. With
 * `way` set, create tries that one of those that may end the process.
 */
#include "escape.h"

#include <fcntl.h>
#include <stdio.h>
#include <troupe/troupe.h>

static size_t early_denied, early_tried;
static const char *early_open = "none";

static size_t try_all(size_t *ret_tried, const char **ret_open)
{
    size_t denied = 0;

    for (size_t i = 0; i < escape_count; i++) {
        if (escapes[i].flags & ESCAPE_FATAL)
            continue;
        ++*ret_tried;
        if (escape_denied(escapes[i].run()))
            denied++;
        else
            *ret_open = escapes[i].name;
    }
    return denied;
}

__attribute__((constructor)) static void before_anything(void)
{
    early_denied = try_all(&early_tried, &early_open);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    const int64_t way = troupe_config_int(host, "way", -1);
    size_t denied, tried = 0;
    const char *open = "none";

    *ret_state = NULL;
    if (way >= 0) {
        int outcome = escapes[way].run();

        troupe_log(host, TROUPE_LOG_ERROR, "\"%s\" gave %d", escapes[way].name, outcome);
        return TROUPE_OK;
    }
    denied = try_all(&tried, &open);
    troupe_log(host, TROUPE_LOG_INFO, "early %s %s",
               early_denied == early_tried ? "all" : "not all", early_open);
    troupe_log(host, TROUPE_LOG_INFO, "late %s %s", denied == tried ? "all" : "not all", open);
    troupe_log(host, TROUPE_LOG_INFO, "at least 60: %s", tried >= 60 ? "yes" : "no");
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

TROUPE_PLUGIN("org.example.escape", "1.0.0", "Tries to get out", .create = create, .stage = stage,
              .config = TROUPE_KEYS({"way", "Number of one way", .type = TROUPE_TYPE_INT}));
