/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines that a session's people type.
 */
#include "gateway/console/internal.h"

#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Members have 53-bit ids, so that they survive JSON readers that know doubles only. */
#define MEMBER_ID_MASK ((UINT64_C(1) << 53) - 1)

static void member_id(const char *name, char out[CONSOLE_ID_SIZE])
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    hash = (hash ^ hash >> 53) & MEMBER_ID_MASK;
    snprintf(out, CONSOLE_ID_SIZE, "%" PRIu64, hash ? hash : 1);
}

void console_become(struct console_session *session, const char *name)
{
    mem_free(session->member);
    session->member = mem_strdup(name);
    member_id(name, session->member_id);
}

static void become(struct console_session *session, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            len = 0;
    }
    if (!len || len > CONSOLE_NAME_MAX) {
        _cleanup_mem_ char *text =
            mem_printf("/as takes a name of 1 to %d bytes: /as ann", CONSOLE_NAME_MAX);

        console_say(session, text);
        return;
    }
    if (!strcmp(name, session->member))
        return;
    console_become(session, name);
    session->several = true;
    if (session->options.member_changed)
        session->options.member_changed(session->options.arg, name);
}

/* What is wrong with a line, or NULL. */
static const char *refusal(const struct console_session *session, const char *line, size_t len)
{
    if (len > EVENT_CONTENT_MAX)
        return "that is too long: at most 16384 bytes; send it in parts";
    if (!text_is_utf8(line, len) || memchr(line, 0, len))
        return "that is no UTF-8 text; set the terminal to UTF-8, or convert the input";
    if (session->question_count >= CONSOLE_OPEN_MAX)
        return "too many messages wait for their answer; wait for some of them";
    return NULL;
}

/* The word's argument when `line` is the word or begins with it and a space, else NULL. */
static char *argument_of(char *line, const char *word)
{
    size_t len = strlen(word);

    if (!text_starts(line, word) || (line[len] && line[len] != ' ' && line[len] != '\t'))
        return NULL;
    return text_trim(line + len);
}

void console_session_line(struct console_session *session, const char *line, size_t len)
{
    const char *wrong = refusal(session, line, len);
    _cleanup_mem_ char *copy = NULL;
    char *text, *name, *choice;
    size_t before = session->question_count;

    if (wrong) {
        console_say(session, wrong);
    } else if (session->form) {
        if (console_form_line(session, line, len))
            return;
    } else {
        copy = mem_strndup(line, len);
        text = text_trim(copy);
        name = argument_of(text, "/as");
        choice = argument_of(text, "/press");
        if (name) {
            become(session, name);
        } else if (choice) {
            if (console_press(session, choice))
                return;
        } else if (session->options.quit && !strcmp(text, "/quit")) {
            session->options.quit(session->options.arg);
            return;
        } else if (*text) {
            console_submit(session, text, strlen(text), NULL, NULL, NULL);
            return;
        }
    }
    /* Nothing was asked: whoever sends line by line may go on. */
    if (!before && session->options.settled)
        session->options.settled(session->options.arg);
}
