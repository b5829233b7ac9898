/* SPDX-License-Identifier: Apache-2.0
 *
 * The talk of `troupe init` as a machine: at each step it either asks a question, or wants something
 * done whose outcome decides what comes next. It reads nothing, prints nothing and waits for
 * nothing; who drives it does.
 *
 *     replace? -> token -> CHECK_TOKEN [-> anyway?] -> LOOK -> base_url -> LOOK_MODEL -> model -> key
 *         -> daily -> STAGE -> TEST [-> anyway?] -> COMMIT -> DONE
 *
 * What the plan has already, by options or the environment, is not asked for. Every question but
 * that for the token has a default, which an empty line takes.
 */
#ifndef MAIN_INIT_DIALOG_H
#define MAIN_INIT_DIALOG_H

#include "main/init_plan.h"

#define INIT_TOKEN_TRIES 3

enum init_step {
    /* Questions. */
    INIT_REPLACE,
    INIT_TOKEN,
    INIT_TOKEN_ANYWAY, /* Discord could not be asked                                       */
    INIT_BASE_URL,
    INIT_MODEL,
    INIT_KEY,
    INIT_DAILY,
    INIT_TEST_ANYWAY, /* the provider does not answer                                      */
    /* Things to do. */
    INIT_CHECK_TOKEN,
    INIT_LOOK,       /* for a provider: fills `found`                                      */
    INIT_LOOK_MODEL, /* for a model and a key of the chosen provider: fills `found`        */
    INIT_STAGE,      /* make the files, aside                                              */
    INIT_TEST,       /* one cheap call                                                     */
    INIT_COMMIT,     /* put the files in their places                                      */
    /* Ends. */
    INIT_DONE,
    INIT_STOPPED,
};

struct init_dialog {
    struct init_plan *plan;
    enum init_step step;
    bool patient; /* somebody can be asked again: a terminal. Else the first trouble is the end   */
    bool exists; /* files are in the way …                                                       */
    bool force; /* … and may be replaced without a question                                     */
    bool no_discord, no_model, key_asked;
    unsigned tries;
    const char *path; /* of the file, for questions */
    /* Defaults, borrowed; NULL: none is known. */
    struct {
        const char *token, *base_url, *model, *key;
        const char *token_from, *base_url_from, *key_from; /* what to call them */
    } found;
};

struct init_question {
    char text[512]; /* with its default, as it is shown */
    bool secret;    /* must not be shown while it is typed */
};

/* The fields above `step`'s are set by the caller before. */
void init_dialog_start(struct init_dialog *dialog);
/* False: the step is none that asks. */
bool init_dialog_question(const struct init_dialog *dialog, struct init_question *ret);
/* `line` without its newline; "" takes the default; NULL: nothing more will come, which takes the
 * default, too, but never says yes. TROUPE_ARGUMENT: that is no answer; the step stays. */
troupe_status init_dialog_answer(struct init_dialog *dialog, const char *line, struct error *err);
/* What came of the thing to do. TROUPE_DENIED for a refused token. */
void init_dialog_done(struct init_dialog *dialog, troupe_status outcome);

#endif
