/* SPDX-License-Identifier: Apache-2.0
 *
 * The console inside: console.c has the gateway and its sessions, line.c the lines that come in,
 * answer.c what the engine hands over, show.c what a session sees, press.c the buttons, form.c forms.
 */
#ifndef GATEWAY_CONSOLE_INTERNAL_H
#define GATEWAY_CONSOLE_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "gateway/console/console.h"
#include "gateway/console/filter.h"
#include "gateway/outbox.h"

#include <stdbool.h>

#define CONSOLE_ID_SIZE     21                /* a 64-bit number in decimal, with its NUL        */
#define CONSOLE_KEPT_MAX    ((size_t)1 << 20) /* text of an answer that waits for its turn       */
#define CONSOLE_BUTTONS_MAX 16                /* messages of a session that can be pressed on    */

/* A message or press of a session that has no whole answer yet. */
struct console_question {
    struct list_link link;
    char id[CONSOLE_ID_SIZE];    /* the event's source_id                            */
    char about[CONSOLE_ID_SIZE]; /* of a press: the message whose answer had buttons */
    unsigned answers;            /* begun and not shown to their end                 */
    bool working;                /* the engine says that somebody is at it           */
    bool worked;                 /* it said so at some time                          */
    bool told;                   /* an answer was shown whole, or a notice given     */
};

/* An answer on its way; the gateway's handle until it is owed or dropped. */
struct console_answer {
    struct list_link link; /* in the session's answers, or the console's */
    struct console *console;
    struct console_session *session;   /* who sees it; NULL: nobody yet */
    struct console_question *question; /* NULL: not of this session     */
    char asked[CONSOLE_ID_SIZE];       /* the event's source_id         */
    int64_t turn;
    unsigned ordinal;
    enum gateway_kind kind;
    struct console_filter filter;
    struct buf written; /* as it came, to compare with the final text          */
    size_t at;          /* how much of it was written since the last begin     */
    struct buf kept;    /* filtered, not shown yet                             */
    bool begun;         /* something of it was shown                           */
    bool ended;         /* `kept` is the rest; the engine has let go of it     */
    bool cut;           /* `written` is not all of it                          */
    bool interrupted;
    char *final;            /* replaces what was written; NULL: that stands */
    size_t final_len;       /* of it                                        */
    struct outbox_row *row; /* once it is prepared; NULL: nothing is owed   */
};

/* A message with buttons, or with a select, that was shown. */
struct console_buttons {
    unsigned number; /* in this session, from 1 */
    char message[CONSOLE_ID_SIZE];
    char about[CONSOLE_ID_SIZE];
    char *ids[GATEWAY_BUTTONS_MAX]; /* of a select: one */
    size_t count;
    size_t options;    /* of a select; else 0            */
    unsigned min, max; /* of which so many are chosen    */
};

struct console {
    struct gateway gateway; /* first: the engine hands this back */
    struct console_options options;
    struct list_link sessions; /* struct console_session, oldest first            */
    struct list_link answers;  /* struct console_answer that nobody sees, oldest first */
};

struct console_session {
    struct list_link link;
    struct console *console;
    struct console_session_options options;
    char *bot_name;
    char *first_member, *member;
    char member_id[CONSOLE_ID_SIZE];
    uint64_t last_id;
    struct list_link questions; /* struct console_question, oldest first */
    size_t question_count;
    struct list_link answers;     /* struct console_answer, oldest first     */
    struct console_answer *floor; /* the one that is being shown; NULL: none */
    bool inside_line;             /* the output stands behind text           */
    bool several;                 /* more than one member talked here        */
    struct console_buttons buttons[CONSOLE_BUTTONS_MAX]; /* oldest first */
    size_t button_count;
    unsigned button_number;    /* the last one given */
    struct console_form *form; /* that is being filled in; NULL: none */
};

extern const struct gateway_ops console_ops;

/* console.c */

/* A message of the member of now, with an open question for it; NULL in `press_id` unless it is a
 * press. `content` is UTF-8. */
void console_submit(struct console_session *session, const char *content, size_t len,
                    const char *reply_to, const char *press_id, const char *about);
/* The question of an event in some session; NULL: there is none. */
struct console_question *console_find_question(struct console *console, const struct event *event,
                                               struct console_session **ret_session);
/* A question is settled when nobody works on it and something was told; also when the work on it
 * ended without a word, so that nobody waits for an answer that will not come. NULL is fine. */
void console_settle(struct console_session *session, struct console_question *question);

/* line.c: another member types from now on. */
void console_become(struct console_session *session, const char *name);

/* show.c */

/* A line of the session's own. */
void console_say(struct console_session *session, const char *text);
/* The same for the member alone. */
void console_whisper(struct console_session *session, const char *text);
/* A line for each file of the row, by name and size. */
void console_show_files(struct console_session *session, const struct outbox_row *row);
/* Shows what may be shown now. */
void console_show_answers(struct console_session *session);
/* The answer is owed: it is shown to its session, or to any. Where there is none it is freed, and
 * its row waits for the next session. */
void console_show_owed(struct console_answer *answer);
struct console_answer *console_answer_new(struct console *console);
/* Gives it to a session to see; NULL: nobody sees it any more, and the next one sees all of it. */
void console_answer_assign(struct console_answer *answer, struct console_session *session);
void console_answer_free(struct console_answer *answer);

/* press.c */

/* The line of buttons below a message, remembered for /press. `buttons` is JSON; NULL: none. */
void console_show_buttons(struct console_session *session, const struct outbox_row *row);
/* "/press", with what stands behind it; false: nothing was pressed, which was told. */
bool console_press(struct console_session *session, const char *argument);
void console_buttons_clear(struct console_session *session);

/* form.c */

/* gateway_ops.form. */
troupe_status console_form_show(struct gateway *gateway, const struct event *press,
                                const struct gateway_form *form);
/* A line while a form is open; false: nothing was submitted, and the next line may come. */
bool console_form_line(struct console_session *session, const char *line, size_t len);
void console_form_close(struct console_session *session);

#endif
