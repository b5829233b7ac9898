/* SPDX-License-Identifier: Apache-2.0
 *
 * A console session inside: console.c has the lines that come in, answer.c what goes out.
 */
#ifndef GATEWAY_CONSOLE_INTERNAL_H
#define GATEWAY_CONSOLE_INTERNAL_H

#include "base/list.h"
#include "gateway/console/console.h"
#include "gateway/console/filter.h"

#include <stdbool.h>

#define CONSOLE_ID_SIZE  21                /* a 64-bit number in decimal, with its NUL    */
#define CONSOLE_KEPT_MAX ((size_t)1 << 20) /* text of an answer that waits for its turn   */

/* A message of this session that has no whole answer yet. */
struct console_question {
    struct list_link link;
    struct event *event;
    unsigned answers; /* begun and not shown to their end             */
    bool working;     /* the engine says that somebody is at it       */
    bool worked;      /* it said so at some time                      */
    bool told;        /* an answer was shown whole, or a notice given */
};

/* An answer on its way; the gateway's handle. */
struct console_answer {
    struct list_link link;
    struct console_question *question; /* NULL: another session asked    */
    struct console_filter filter;
    struct buf written; /* as it came, to compare with the final text     */
    struct buf kept;    /* filtered, not shown yet                        */
    bool begun;         /* something of it was shown                      */
    bool ended;
    bool cut; /* `written` is not all of it */
};

struct console {
    struct gateway gateway; /* first: the engine hands this back */
    struct console_options options;
    char *bot_name;
    char *first_member, *member;
    char member_id[CONSOLE_ID_SIZE];
    uint64_t last_id;
    struct list_link questions; /* struct console_question, oldest first    */
    size_t question_count;
    struct list_link answers;     /* struct console_answer, oldest first      */
    struct console_answer *floor; /* the one that is being shown; NULL: none  */
    bool inside_line;             /* the output stands behind text            */
    bool several;                 /* more than one member talked here         */
};

extern const struct gateway_ops console_ops;

/* A line of the session's own. */
void console_say(struct console *console, const char *text);
void console_answer_free(struct console_answer *answer);
void console_question_free(struct console *console, struct console_question *question);

#endif
