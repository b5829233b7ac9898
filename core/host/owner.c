/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.owner/1": what an agent wants the bot's owner to hear of.
 */
#include "host/host_table.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/engine_private.h"

#include <string.h>

static troupe_status tell(troupe_turn *turn, const char *sentence)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const size_t whole = sentence ? strlen(sentence) : 0;
    _cleanup_mem_ char *text = NULL;
    troupe_status status = host_need(frame, "owner");

    if (status < 0)
        return status;
    if (!whole)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "owner.text", "there is nothing to tell");
    if (!text_is_utf8(sentence, whole))
        return turn_frame_error(frame, TROUPE_DATA, "owner.text", "a sentence that is not UTF-8");
    text = mem_strndup(sentence, text_utf8_cut(sentence, whole, TROUPE_OWNER_MAX));
    turn_text_tidy(text);
    log_warn(frame->agent->owner, "%s", text);
    turn_engine_report(frame->turn->engine, TURN_REPORT_PLAIN, "`%s`: %s", frame->agent->name,
                       text);
    return TROUPE_OK;
}

const troupe_owner_v1 *host_owner_table(void)
{
    static const troupe_owner_v1 table = {.size = sizeof(table), .tell = tell};

    return &table;
}
