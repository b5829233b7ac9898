/* SPDX-License-Identifier: Apache-2.0
 *
 * /privacy: what is kept about the member who asks, and its deletion. Only the member's own: whoever
 * operates the host has `troupe user` for others.
 */
#include "turn/core_commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "turn/command.h"
#include "turn/engine_private.h"
#include "turn/export.h"
#include "turn/export_files.h"
#include "turn/sql/erase.h"

#include <string.h>

#define JSON_MAX (TURN_ANSWER_MAX - 2048)

static void fail(struct turn *turn, const struct error *err, struct buf *out)
{
    log_warn("privacy", "turn %lld: %s", (long long)turn->id, err->text);
    buf_puts(out, "that does not work now: the storage does not answer; please try again later");
}

/* What the agents keep, in their words. */
static troupe_status about(struct turn *turn, struct buf *out, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(turn->engine->store,
                    &(struct store_statement){.sql = SQL_ERASE_DECLARED, .expect = STORE_ANY},
                    turn_engine_soon(turn->engine), &rows, err);

    if (status < 0)
        return status;
    buf_puts(out, "What is kept about you here:\n");
    for (size_t i = 0; i < rows->count; i++)
        if (store_cell_int(rows, i, 1, 0) != TROUPE_USER_IS_NOTHING)
            buf_printf(out, "- %s (%s)\n", store_cell_text(rows, i, 3, ""),
                       store_cell_text(rows, i, 0, ""));
    buf_puts(out, "- messages to me and my answers: a day\n"
                  "- what you spent, for the caps, and what is planned for you\n");
    buf_printf(out, "`%sprivacy show` shows it, `%sprivacy delete` deletes it.",
               turn_command_prefix(turn->set, turn->event),
               turn_command_prefix(turn->set, turn->event));
    return TROUPE_OK;
}

/* A long one becomes a file where the platform has files. */
static troupe_status show(struct turn *turn, struct buf *out, struct error *err)
{
    _cleanup_json_ json_t *export = NULL;
    _cleanup_mem_ char *text = NULL;
    troupe_status status = turn_export(turn->engine, turn->event->member, &export, err);

    if (status < 0)
        return status;
    text = json_dumps(export, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    if (!text || strlen(text) > JSON_MAX)
        buf_puts(out,
                 "What is kept about you is more than fits into a message; ask those who operate "
                 "me for it (`troupe user export`).");
    else
        buf_printf(out, "What is kept about you:\n```json\n%s\n```", text);
    return turn_export_files(turn, out, err);
}

static troupe_status delete (struct turn *turn, bool sure, struct buf *out, struct error *err)
{
    const char *prefix = turn_command_prefix(turn->set, turn->event);
    troupe_status status;

    if (!sure) {
        buf_printf(out,
                   "This deletes for good what is kept about you, everywhere that I am: messages, "
                   "settings, reminders, and what `%sprivacy` lists. What is running for you is "
                   "ended. If that is what you want: `%sprivacy delete sure:yes`",
                   prefix, prefix);
        return TROUPE_OK;
    }
    status = turn_erase_ask(turn->engine, turn->event->member, "member", turn->id, err);
    if (status == TROUPE_OK)
        buf_puts(
            out,
            "It will be deleted in the next moments, whatever happens to me meanwhile. What you "
            "spent today still counts until the day is over. Your next message is a new "
            "beginning.");
    return status;
}

troupe_status turn_core_privacy(struct turn *turn, const troupe_value *values)
{
    const char *action = turn_core_text(&values[0], "about");
    _cleanup_buf_ struct buf out = BUF_INIT;
    troupe_status status = TROUPE_OK;
    struct error err;

    if (!turn->event->member)
        status = error_set(&err, TROUPE_ARGUMENT, "nobody asks; for a member use \"troupe user\"");
    else if (!strcmp(action, "show"))
        status = show(turn, &out, &err);
    else if (!strcmp(action, "delete"))
        status = delete (turn, turn_core_int(&values[1], 0) != 0, &out, &err);
    else
        status = about(turn, &out, &err);
    if (status == TROUPE_ARGUMENT)
        buf_puts(&out, err.text);
    else if (status < 0)
        fail(turn, &err, &out);
    turn_command_reply(turn, &out);
    return status;
}
