/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/confirm.h"

#include "base/text.h"
#include "plugin/function.h"
#include "turn/engine_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The whole question stays below what a platform takes, whatever the arguments are. */
#define TEXT_SHOWN 1200 /* bytes of all texts among the arguments */

/* Quoted, on one line, and said so where something is left out: what is hidden is not confirmed. */
static void put_text(const troupe_str *text, size_t max, struct buf *out)
{
    size_t len = (size_t)text->len, shown = text_utf8_cut(text->ptr, len, max);

    buf_putc(out, '"');
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text->ptr[i];

        if (c == '"' || c == '\\')
            buf_putc(out, '\\');
        buf_putc(out, c < ' ' || c == 0x7f ? ' ' : (char)c);
    }
    buf_putc(out, '"');
    if (shown < len)
        buf_printf(out, " and %zu bytes more", len - shown);
}

static void put_value(const troupe_value *value, size_t max, struct buf *out)
{
    switch (value->type) {
    case TROUPE_TYPE_INT: buf_printf(out, "%" PRId64, value->u.i); break;
    case TROUPE_TYPE_FLOAT: buf_printf(out, "%.15g", value->u.f); break;
    case TROUPE_TYPE_BOOL: buf_puts(out, value->u.i ? "yes" : "no"); break;
    case TROUPE_TYPE_MEMBER: buf_printf(out, "<@%" PRIu64 ">", value->u.id); break;
    case TROUPE_TYPE_CHANNEL: buf_printf(out, "<#%" PRIu64 ">", value->u.id); break;
    case TROUPE_TYPE_ROLE: buf_printf(out, "<@&%" PRIu64 ">", value->u.id); break;
    case TROUPE_TYPE_ATTACHMENT: buf_printf(out, "attachment %" PRIu64, value->u.id); break;
    case TROUPE_TYPE_STRING:
    case TROUPE_TYPE_JSON: put_text(&value->u.s, max, out); break;
    default: buf_puts(out, "nothing"); break;
    }
}

static void put_question(const struct plugin_function *function, const troupe_value *values,
                         struct buf *out)
{
    size_t max = TEXT_SHOWN / (function->param_count ? function->param_count : 1);

    buf_printf(out, "Really do \"%s\"?\n%s", function->name, function->doc);
    for (size_t i = 0; i < function->param_count; i++) {
        const struct plugin_param *param = &function->params[i];
        const troupe_value *value = &values[i];

        if (value->type == TROUPE_TYPE_NULL && param->has_default)
            value = &param->def;
        buf_printf(out, "\n%s: ", param->name);
        put_value(value, max, out);
    }
}

troupe_status turn_confirm(struct turn_frame *frame, const troupe_value *values, bool *ret_asked)
{
    static const char *const labels[] = {"Do it", "Leave it"};
    const struct plugin_function *function = frame->function;
    _cleanup_buf_ struct buf question = BUF_INIT;
    int32_t choice = -1;
    troupe_status status;

    *ret_asked = false;
    if (!(function->flags & TROUPE_CONFIRM) && !frame->confirm)
        return TROUPE_OK;
    /* Who types it at the host's own shell has said what he wants. */
    if (frame->turn->record.off && !frame->caller)
        return TROUPE_OK;
    *ret_asked = true;
    put_question(function, values, &question);
    status = frame->pub.api->ask(&frame->pub, buf_text(&question), question.len,
                                 (troupe_array)TROUPE_ARRAY(labels), 0, &choice);
    if (status == TROUPE_UNSUPPORTED)
        return turn_frame_error(frame, status, "confirm.nobody",
                                "\"%s\" has to be confirmed by a member, and there is nobody here "
                                "who could be asked",
                                function->name);
    if (status == TROUPE_DEADLINE)
        return turn_frame_error(frame, status, "confirm.expired",
                                "\"%s\" was not confirmed in time; nothing was done",
                                function->name);
    if (status == TROUPE_OK && choice != 0)
        return turn_frame_error(frame, TROUPE_DENIED, "confirm.refused",
                                "\"%s\" was not confirmed; nothing was done", function->name);
    return status;
}
