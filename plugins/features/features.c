/* SPDX-License-Identifier: Apache-2.0
 *
 * features - keeps what members of a server wish for: by command, in a form or by a model that talks with them;
 * lists, votes, and what admins decide, which the member who wished for it is told.
 */
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS   INT64_C(86400000)
#define TOLD_MAX (SHOW_LINE_MAX + 1400) /* bytes of what is told about one request */

TROUPE_EMBED(features_sql_001, "sql/001_features.sql");
TROUPE_EMBED(features_back_001, "sql/back/001_features.sql");

struct features {
    struct request_limits limits;
    int64_t tell_ms;
    char link[SHOW_LINK_MAX / 2];
};

static const struct features *features_of(troupe_turn *turn)
{
    return (const struct features *)troupe_state(turn);
}

static int is(troupe_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static troupe_status no_storage(troupe_turn *turn, troupe_status status)
{
    troupe_str code;

    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    troupe_error(turn, &code, NULL);
    troupe_reason(turn, "features.storage", "status %d, code \"%.*s\"", status, (int)code.len,
                  code.ptr);
    return troupe_fail(turn, status, "features.storage",
                       "I can't get at the requests at the moment. Please try again in a minute.");
}

/* Requests are a server's: in a direct message everybody would read everybody's. */
static troupe_status need_guild(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);

    if (message && message->guild)
        return TROUPE_OK;
    return troupe_fail(turn, TROUPE_UNSUPPORTED, "features.no_guild",
                       "Feature requests belong to a server; use this there.");
}

static troupe_status find(troupe_turn *turn, int64_t number, struct request_row *ret)
{
    troupe_status status = need_guild(turn);

    if (status < 0)
        return status;
    status = request_get(turn, number, ret);
    if (status == TROUPE_NOT_FOUND)
        return troupe_fail(turn, status, "features.none",
                           "There is no request #%lld here. /features lists them.",
                           (long long)number);
    return status < 0 ? no_storage(turn, status) : TROUPE_OK;
}

/* ---- asking for something ---------------------------------------------------------------------*/

/* A look, in the member's place, at what became of their requests: the older they are, the rarer. It is one of
 * a member in a server; planning it again moves it. */
static troupe_status plan_look(troupe_turn *turn, uint64_t member, int64_t newest_ms)
{
    const int64_t now = troupe_now(turn), least = features_of(turn)->tell_ms;
    int64_t wait = (now - newest_ms) / 24;
    char payload[24];
    troupe_job job = {.size = sizeof(job),
                      .flags = TROUPE_JOB_PING,
                      .key = {"look", 4},
                      .missed = TROUPE_MISSED_RUN};

    if (wait > DAY_MS)
        wait = DAY_MS;
    job.at_ms = now + (wait > least ? wait : least);
    snprintf(payload, sizeof(payload), "%llu", (unsigned long long)member);
    job.payload = (troupe_str){payload, strlen(payload)};
    return troupe_schedule_add(turn, &job, NULL);
}

static troupe_status submit(troupe_turn *turn, troupe_str title, troupe_str description,
                            int32_t create_pr)
{
    char plain[SHOW_LINE_MAX];
    int64_t number = 0;
    int own = 0, planned;
    troupe_status status = need_guild(turn);

    if (status < 0)
        return status;
    if (!show_has_words(title))
        return troupe_fail(turn, TROUPE_ARGUMENT, "features.title",
                           "The title has no word in it; say in a few what you wish for.");
    status = request_add(turn, &features_of(turn)->limits, title, description, &number, &own);
    if (status == TROUPE_CONFLICT)
        return troupe_reply(turn, "You asked for that already: it is #%lld, /feature number=%lld.",
                            (long long)number, (long long)number);
    if (status == TROUPE_LIMIT)
        return troupe_fail(turn, status, "features.full",
                           own ? "You have %lld open requests here, as many as there may be. "
                                 "/withdraw-feature takes one back."
                               : "There are %lld open requests here, as many as there may be. "
                                 "Somebody who manages the server has to decide some first.",
                           (long long)(own ? features_of(turn)->limits.most_member
                                           : features_of(turn)->limits.most));
    if (status < 0)
        return no_storage(turn, status);
    planned = plan_look(turn, troupe_turn_message(turn)->author, troupe_now(turn));
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (planned < 0)
        troupe_reason(turn, "features.not_planned", "status %d", planned);
    show_plain(title, 100, plain, sizeof(plain));
    return troupe_reply(turn, "Kept as request #%lld: %s%s\n-# %s", (long long)number, plain,
                        create_pr ? "\nThere is no agent here that works on a repository, so no "
                                    "pull request is made."
                                  : "",
                        planned >= 0 ? "you are told here when it is decided; /features lists all"
                                     : "/features lists all and shows what is decided");
}

TROUPE_SERVICE(request_feature, "request-feature",
               "Asks for a feature; without arguments in a form",
               TROUPE_SLASH | TROUPE_LIMIT_FEATURES,
               TROUPE_OPT_STRING(title, "What you wish for, in a few words",
                                 .max = REQUEST_TITLE_MAX),
               TROUPE_OPT_STRING(description, "More about it", .max = REQUEST_DESCRIPTION_MAX))

static troupe_status request_feature(troupe_turn *turn, troupe_str title, troupe_str description)
{
    troupe_str values[2];
    troupe_status status = need_guild(turn);

    if (status < 0)
        return status;
    if (title.len)
        return submit(turn, title, description, 0);
    status = troupe_ask_text(
        turn, "What do you wish for?", "Request a feature",
        TROUPE_FIELDS(TROUPE_FIELD("In a few words", .min = 1, .max = 100),
                      TROUPE_FIELD("More about it", .max = 1000,
                                   .flags = TROUPE_FIELD_PARAGRAPH | TROUPE_FIELD_OPTIONAL)),
        values);
    return status < 0 ? status : submit(turn, values[0], values[1], 0);
}

TROUPE_SERVICE(
    submit_feature, "submit-feature", "Asks for a feature", TROUPE_SLASH | TROUPE_LIMIT_FEATURES,
    TROUPE_STRING(title, "What you wish for, in a few words", .min = 1, .max = REQUEST_TITLE_MAX),
    TROUPE_STRING(description, "More about it", .max = REQUEST_DESCRIPTION_MAX, .def_text = ""),
    TROUPE_BOOL(create_pr, "Whether a pull request is wanted, too", .def = 0))

static troupe_status submit_feature(troupe_turn *turn, troupe_str title, troupe_str description,
                                    int32_t create_pr)
{
    return submit(turn, title, description, create_pr);
}

/* The same for models, which may be wrong about what somebody wants: so the member confirms it. */
TROUPE_SERVICE(model_submits, "submit_feature",
               "Keeps what the member wishes this bot or server had",
               TROUPE_TOOL | TROUPE_CONFIRM | TROUPE_LIMIT_FEATURES,
               TROUPE_STRING(title, "What they wish for, in a few words", .min = 1,
                             .max = REQUEST_TITLE_MAX),
               TROUPE_STRING(description, "More about it, in their words",
                             .max = REQUEST_DESCRIPTION_MAX, .def_text = ""),
               TROUPE_BOOL(create_pr, "Whether they want a pull request, too", .def = 0))

static troupe_status model_submits(troupe_turn *turn, troupe_str title, troupe_str description,
                                   int32_t create_pr)
{
    return submit(turn, title, description, create_pr);
}

/* ---- reading ----------------------------------------------------------------------------------*/

TROUPE_FUNCTION(features, "Lists what members of this server wish for", TROUPE_SLASH,
                TROUPE_STRING(status, "Which", .choices = "all|open|planned|done|declined",
                              .def_text = "all"),
                TROUPE_INT(page, "Ten on each", .min = 1, .max = 1000, .def = 1))

static troupe_status features(troupe_turn *turn, troupe_str which, int64_t page)
{
    enum { SIZE = REQUEST_PAGE * SHOW_LINE_MAX + 200 };
    char *text = (char *)troupe_turn_alloc(turn, SIZE);
    struct request_row rows[REQUEST_PAGE];
    int64_t all = 0, pages;
    uint32_t count;
    size_t n = 0;
    troupe_status status = need_guild(turn);

    if (status < 0)
        return status;
    if (!text)
        return TROUPE_NOMEM;
    status = request_list(turn, is(which, "all") ? (troupe_str){"", 0} : which, page - 1, rows,
                          &count, &all);
    if (status < 0)
        return no_storage(turn, status);
    if (all == 0)
        return troupe_reply(turn, "There are no such requests here. /request-feature makes one.");
    pages = (all + REQUEST_PAGE - 1) / REQUEST_PAGE;
    if (count == 0)
        return troupe_reply(turn, "There are only %lld pages.", (long long)pages);
    for (uint32_t i = 0; i < count; i++) {
        if (n)
            text[n++] = '\n';
        n += show_line(&rows[i], text + n);
    }
    if (pages > 1)
        n += (size_t)snprintf(text + n, SIZE - n, "\n-# page %lld of %lld%s", (long long)page,
                              (long long)pages, page < pages ? "; page= shows the others" : "");
    return troupe_reply_text(turn, text, n);
}

TROUPE_FUNCTION(feature, "Shows one of these wishes whole", TROUPE_SLASH,
                TROUPE_INT(number, "Its number, as /features lists it", .min = 1))

static troupe_status feature(troupe_turn *turn, int64_t number)
{
    char *text = (char *)troupe_turn_alloc(turn, SHOW_WHOLE_MAX), link[SHOW_LINK_MAX];
    struct request_row row;
    troupe_status status;

    if (!text)
        return TROUPE_NOMEM;
    status = find(turn, number, &row);
    if (status < 0)
        return status;
    show_link(features_of(turn)->link, troupe_turn_message(turn)->guild, &row, link);
    return troupe_reply_text(turn, text, show_whole(&row, link, text));
}

/* ---- what members and admins do with them -----------------------------------------------------*/

TROUPE_SERVICE(vote_feature, "vote-feature", "Votes for a wish, or takes the vote back",
               TROUPE_SLASH | TROUPE_PRIVATE,
               TROUPE_INT(number, "Its number, as /features lists it", .min = 1))

static troupe_status vote_feature(troupe_turn *turn, int64_t number)
{
    struct request_row row;
    int given;
    troupe_status status = find(turn, number, &row);

    if (status < 0)
        return status;
    if (!is(row.status, "open") && !is(row.status, "planned"))
        return troupe_reply(turn, "Request #%lld is %.*s already.", (long long)number,
                            (int)row.status.len, row.status.ptr);
    status = request_vote(turn, &row, &given);
    if (status < 0)
        return no_storage(turn, status);
    return troupe_reply(
        turn, given ? "You voted for request #%lld." : "Your vote for request #%lld is taken back.",
        (long long)number);
}

TROUPE_SERVICE(withdraw_feature, "withdraw-feature", "Takes back what you asked for",
               TROUPE_SLASH | TROUPE_PRIVATE,
               TROUPE_INT(number, "Its number, as /features lists it", .min = 1))

static troupe_status withdraw_feature(troupe_turn *turn, int64_t number)
{
    struct request_row row;
    troupe_status status = find(turn, number, &row);

    if (status < 0)
        return status;
    status = request_withdraw(turn, &row);
    if (status == TROUPE_DENIED)
        return troupe_fail(turn, status, "features.not_yours",
                           "Request #%lld is somebody else's; only they can take it back.",
                           (long long)number);
    if (status < 0)
        return no_storage(turn, status);
    return troupe_reply(turn, "Request #%lld is taken back.", (long long)number);
}

TROUPE_SERVICE(feature_status, "feature-status", "Says what becomes of a wish",
               TROUPE_SLASH | TROUPE_ADMIN,
               TROUPE_INT(number, "Its number, as /features lists it", .min = 1),
               TROUPE_STRING(status, "What becomes of it", .choices = "open|planned|done|declined"),
               TROUPE_OPT_STRING(reason, "Why; has to be said where it is declined",
                                 .max = REQUEST_REASON_MAX))

static troupe_status feature_status(troupe_turn *turn, int64_t number, troupe_str to,
                                    troupe_str reason)
{
    struct request_row row;
    troupe_status status = find(turn, number, &row);

    if (status < 0)
        return status;
    if (is(to, "declined") && !show_has_words(reason))
        return troupe_fail(turn, TROUPE_ARGUMENT, "features.reason",
                           "Say why it is declined: give reason=.");
    status = request_decide(turn, &row, to, reason);
    if (status < 0)
        return no_storage(turn, status);
    return troupe_reply(turn, "Request #%lld is %.*s now. Who asked for it is told.",
                        (long long)number, (int)to.len, to.ptr);
}

/* ---- telling members --------------------------------------------------------------------------*/

/* What was decided since the last look, and the next look where there is something to wait for. */
static troupe_status tell(troupe_turn *turn, uint64_t member, char *text, size_t size,
                          size_t *ret_len)
{
    struct request_row rows[REQUEST_PAGE];
    int64_t newest = 0;
    uint32_t count = 0;
    size_t n = 0;
    troupe_status status = request_untold(turn, rows, &count);

    for (uint32_t i = 0; status >= 0 && i < count; i++) {
        n += n ? (size_t)snprintf(text + n, size - n, "\n")
               : (size_t)snprintf(text, size, "<@%llu> what you wished for:\n",
                                  (unsigned long long)member);
        n += show_line(&rows[i], text + n);
        if (rows[i].reason.len) {
            n += (size_t)snprintf(text + n, size - n, ": ");
            n += show_plain(rows[i].reason, 300, text + n, TOLD_MAX - SHOW_LINE_MAX - 8);
        }
        status = request_told(turn, &rows[i]);
    }
    if (status >= 0)
        status = request_newest(turn, &newest);
    if (status >= 0 && newest)
        status = plan_look(turn, member, newest);
    *ret_len = n;
    return status;
}

/* The job of the member who asked. Where it fails nobody is told, and it looks again as after a new request. */
static troupe_status look(troupe_turn *turn, troupe_str payload)
{
    enum { SIZE = REQUEST_PAGE * TOLD_MAX + 64 };
    const uint64_t member = payload.len ? strtoull(payload.ptr, NULL, 10) : 0;
    char *text = (char *)troupe_turn_alloc(turn, SIZE);
    size_t len = 0;
    troupe_status status;

    if (!text)
        return TROUPE_NOMEM;
    status = tell(turn, member, text, SIZE, &len);
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0) {
        troupe_reason(turn, "features.storage", "looking failed with status %d", status);
        (void)plan_look(turn, member, troupe_now(turn));
    }
    return len ? troupe_reply_text(turn, text, len) : TROUPE_DONE;
}

/* ---- the plugin -------------------------------------------------------------------------------*/

static troupe_status create(troupe_host *host, void **ret_state)
{
    const troupe_str link = troupe_config_str(host, "link");
    struct features *state = (struct features *)troupe_alloc(host, sizeof(*state));

    if (!state)
        return TROUPE_NOMEM;
    if (link.len >= sizeof(state->link)) {
        troupe_log(host, TROUPE_LOG_ERROR, "key \"link\": longer than %zu bytes; shorten it",
                   sizeof(state->link) - 1);
        troupe_free(host, state);
        return TROUPE_CONFIG;
    }
    snprintf(state->link, sizeof(state->link), "%.*s", (int)link.len, link.ptr);
    state->limits.most = troupe_config_int(host, "most", 500);
    state->limits.most_member = troupe_config_int(host, "most_member", 20);
    state->tell_ms = troupe_config_int(host, "tell_within", 3600000);
    *ret_state = state;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN(
    "org.troupe.features", "1.0.0", "Keeps what members wish for",
    .needs = TROUPE_SQL " " TROUPE_SCHEDULE, .capabilities = "sql schedule",
    .functions = TROUPE_LIST(request_feature, submit_feature, model_submits, features, feature,
                             vote_feature, withdraw_feature, feature_status),
    .migrations = TROUPE_MIGRATIONS({1, 0, "features", features_sql_001, features_back_001}),
    .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("feature_requests",
                                                    "Features that you asked for",
                                                    .age = "closed_at", .keep_days = 365),
                                  TROUPE_USER_TABLE("feature_votes", "Your votes for features")),
    .config = TROUPE_KEYS({"most", "Open requests in a server", .type = TROUPE_TYPE_INT,
                           .def = "500", .min = 1, .max = 10000},
                          {"most_member", "Open requests of a member in a server",
                           .type = TROUPE_TYPE_INT, .def = "20", .min = 1, .max = 100},
                          {"tell_within", "How soon a member is told what was decided",
                           .type = TROUPE_TYPE_DURATION, .def = "1h", .min = 1000, .max = 86400000},
                          {"link", "Where a request was made, for people; empty: not shown",
                           .type = TROUPE_TYPE_STRING,
                           .def = "https://discord.com/channels/{guild}/{channel}/{message}"}),
    .create = create, .destroy = destroy, .job = look);
