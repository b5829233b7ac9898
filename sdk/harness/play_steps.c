/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a script: what members do, and whether the bot answers as it stands there.
 */
#include "play_stage.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEADY_MS 3000 /* a wrong answer that has not changed for so long stays wrong */
#define POLL_MS   30

#define NO_FILE   "write \"file: NAME\" above it: no file is called "

enum {
    OPTION_INTEGER = 4,
    OPTION_BOOLEAN = 5,
    OPTION_USER = 6,
    OPTION_NUMBER = 10,
    OPTION_FILE = 11
};

struct acting {
    struct play_stage stage;
    const struct play_script *script;
    size_t seen; /* messages of the bot that the script has dealt with */
    char *shown; /* what the last of them said then                    */
};

static bool fail(const struct acting *acting, const struct play_step *step, const char *what,
                 const char *more)
{
    (void)fprintf(stderr, "%s:%d: %s%s\n", acting->script->path, step->line, what, more);
    return false;
}

/* Without a host there is no reason to wait. False, after it was told, where it has died. */
static bool host_lives(const struct acting *acting, const struct play_step *step)
{
    char where[PLAY_PATH];

    if (!play_stage_died(&acting->stage))
        return true;
    (void)snprintf(where, sizeof(where), "%s:%d", acting->script->path, step->line);
    play_stage_show_death(&acting->stage, where);
    return false;
}

/* ---- slash commands -------------------------------------------------------------------------- */

/* The command as it is registered; borrowed from `lists`. */
static const json_t *command_in(const json_t *list, const char *name)
{
    const json_t *command;
    size_t i;

    json_array_foreach (list, i, command) {
        const char *known = json_string_value(json_object_get(command, "name"));

        if (known && strcmp(known, name) == 0)
            return command;
    }
    return NULL;
}

/* Waits until the bot has registered it; NULL: it does not. */
static json_t *find_command(const struct acting *acting, const char *name)
{
    long long over = play_now_ms() + PLAY_WAIT_MS;
    json_t *found = NULL;

    while (!found && play_now_ms() < over && !play_stage_died(&acting->stage)) {
        json_t *list = play_stage_ask(&acting->stage, "commands", NULL);

        found = json_incref((json_t *)(uintptr_t)command_in(list, name));
        /* They are registered all at once: what is not among them soon never will be. */
        if (!found && json_array_size(list) > 0 && over - play_now_ms() > STEADY_MS)
            over = play_now_ms() + STEADY_MS;
        json_decref(list);
        if (!found)
            play_pause(POLL_MS);
    }
    return found;
}

static json_t *member_id(const struct play_script *script, const char *name)
{
    char id[32];

    for (size_t i = 0; i < script->member_count; i++) {
        if (strcmp(script->members[i], name) == 0) {
            (void)snprintf(id, sizeof(id), "%llu", 400000000000000000ULL + i);
            return json_string(id);
        }
    }
    return json_string(name);
}

/* NULL: there is none of that name. */
static json_t *value_of(const struct acting *acting, const json_t *command, const char *key,
                        const char *text)
{
    const json_t *option = command_in(json_object_get(command, "options"), key);
    json_int_t type = json_integer_value(json_object_get(option, "type"));
    char *end;

    if (type == OPTION_INTEGER) {
        long long n = strtoll(text, &end, 10);

        return *text && !*end ? json_integer(n) : json_string(text);
    }
    if (type == OPTION_NUMBER) {
        double n = strtod(text, &end);

        return *text && !*end ? json_real(n) : json_string(text);
    }
    if (type == OPTION_BOOLEAN)
        return json_boolean(strcmp(text, "yes") == 0 || strcmp(text, "true") == 0);
    if (type == OPTION_FILE)
        return play_files_attach(&acting->script->files, text, strlen(text));
    if (type == OPTION_USER && *text == '@')
        return member_id(acting->script, text + 1);
    return json_string(text);
}

/* The next word of `*at`, with quotes taken away; it is changed. NULL: there is none. */
static char *next_word(char **at)
{
    char *from = *at, *to, *word;
    bool quoted = false;

    while (*from == ' ' || *from == '\n')
        from++;
    if (!*from)
        return NULL;
    for (word = to = from; *from && (quoted || (*from != ' ' && *from != '\n')); from++) {
        if (*from == '"')
            quoted = !quoted;
        else if (*from == '\\' && quoted && (from[1] == '"' || from[1] == '\\'))
            *to++ = *++from;
        else
            *to++ = *from;
    }
    *at = *from ? from + 1 : from;
    *to = '\0';
    return word;
}

static bool no_command(const struct acting *acting, const struct play_step *step, const char *name)
{
    (void)fail(acting, step, "there is no command like this: ", step->text);
    (void)fprintf(stderr, "  a command is a function with TROUPE_SLASH in .functions%s%s\n",
                  name ? ", here " : "", name ? name : "");
    return false;
}

static bool use_command(struct acting *acting, const struct play_step *step)
{
    char *text = strdup(step->text + 1), *at = text, *name = text ? next_word(&at) : NULL, *word;
    json_t *command = name ? find_command(acting, name) : NULL, *options = json_object(), *body;
    json_t *answer = NULL, *value;
    bool good = command || (host_lives(acting, step) && no_command(acting, step, name));

    while (good && (word = next_word(&at))) {
        char *equals = strchr(word, '=');

        if (!equals) {
            good = fail(acting, step, "write the parameter's name before it: NAME=", word);
            break;
        }
        *equals = '\0';
        value = value_of(acting, command, word, equals + 1);
        if (!value)
            good = fail(acting, step, NO_FILE, equals + 1);
        else
            (void)json_object_set_new(options, word, value);
    }
    if (good) {
        body = json_pack("{s:s,s:s,s:s,s:O}", "name", name, "member", step->who, "channel",
                         "general", "options", options);
        answer = play_stage_ask(&acting->stage, "slash", body);
        json_decref(body);
        good = answer || fail(acting, step, "the command could not be used", "");
    }
    json_decref(answer);
    json_decref(options);
    json_decref(command);
    free(text);
    return good;
}

/* ---- buttons and words ----------------------------------------------------------------------- */

/* {"message", "custom_id"} of the newest button with that label; NULL: there is none. */
static json_t *find_button(const json_t *messages, const char *label, size_t len)
{
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const json_t *message = json_array_get(messages, i), *row, *button;
        size_t k, m;

        json_array_foreach (json_object_get(message, "components"), k, row) {
            json_array_foreach (json_object_get(row, "components"), m, button) {
                const char *known = json_string_value(json_object_get(button, "label"));

                if (known && strlen(known) == len && memcmp(known, label, len) == 0)
                    return json_pack("{s:O,s:O}", "message", json_object_get(message, "id"),
                                     "custom_id", json_object_get(button, "custom_id"));
            }
        }
    }
    return NULL;
}

static bool press(struct acting *acting, const struct play_step *step)
{
    long long over = play_now_ms() + PLAY_WAIT_MS;
    json_t *body = NULL, *answer;
    bool good;

    while (!body && play_now_ms() < over && !play_stage_died(&acting->stage)) {
        json_t *messages = play_stage_ask(&acting->stage, "messages?channel=general", NULL);

        body = find_button(messages, step->text + 1, strlen(step->text) - 2);
        json_decref(messages);
        if (!body)
            play_pause(POLL_MS);
    }
    if (!body)
        return host_lives(acting, step) &&
               fail(acting, step, "there is no such button: ", step->text);
    (void)json_object_set_new(body, "member", json_string(step->who));
    (void)json_object_set_new(body, "channel", json_string("general"));
    answer = play_stage_ask(&acting->stage, "press", body);
    good = answer || fail(acting, step, "it could not be pressed: ", step->text);
    json_decref(answer);
    json_decref(body);
    return good;
}

static bool say(struct acting *acting, const struct play_step *step)
{
    char *text = malloc(2 * strlen(step->text) * 2 + 16), *to = text;
    const char *bad = NULL;
    bool addressed = false, good;
    json_t *body, *answer, *files;

    if (!text)
        abort();
    for (const char *from = step->text; *from;) {
        if (strncmp(from, "@bot", 4) == 0) {
            to = stpcpy(to, "{mention}");
            from += 4;
            addressed = true;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    files = play_files_take(&acting->script->files, text, &bad);
    if (!files) {
        good = fail(acting, step, NO_FILE, bad + strlen("[file "));
        free(text);
        return good;
    }
    body = json_pack("{s:s,s:s,s:s,s:s,s:o}", "channel", "general", "member", step->who, "text",
                     text, "kind", addressed ? "mention" : "plain", "files", files);
    answer = body ? play_stage_ask(&acting->stage, "say", body) : NULL;
    good = answer || fail(acting, step, "this could not be said", "");
    json_decref(answer);
    json_decref(body);
    free(text);
    return good;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void show(const char *mark, const char *text)
{
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        (void)fprintf(stderr, "%s %.*s\n", mark, (int)(end - text), text);
    }
}

static bool differ(const struct acting *acting, const struct play_step *step, const char *got)
{
    (void)fail(acting, step,
               got ? "the bot answers otherwise (- expected, + answered)"
                   : "the bot does not answer; expected was",
               "");
    show("  -", step->text);
    if (got)
        show("  +", got);
    play_stage_show_log(&acting->stage);
    return false;
}

/* Its files stand below its text, as a script has them: [file NAME]. */
static void put_files(json_t *message)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(message, "attachments"), i, item) {
        const char *name = json_string_value(json_object_get(item, "filename"));
        const char *content;
        char *text = NULL;

        content = json_string_value(json_object_get(message, "content"));
        if (asprintf(&text, "%s%s[file %s]", content ? content : "",
                     content && *content ? "\n" : "", name ? name : "") < 0)
            abort();
        (void)json_object_set_new(message, "content", json_string(text));
        free(text);
    }
}

/* Messages of the bot, deleted ones too; the caller's. */
static json_t *answers(const struct acting *acting)
{
    json_t *all = play_stage_ask(&acting->stage, "messages?channel=general", NULL);
    json_t *mine = json_array(), *message;
    size_t i;

    json_array_foreach (all, i, message) {
        if (json_is_true(json_object_get(message, "bot"))) {
            put_files(message);
            (void)json_array_append(mine, message);
        }
    }
    json_decref(all);
    return mine;
}

static const char *text_at(const json_t *list, size_t i)
{
    const char *text = json_string_value(json_object_get(json_array_get(list, i), "content"));

    return text ? text : "";
}

/* What an interaction shows while it is worked on is no answer yet. */
static bool is_pending(const json_t *list, size_t i)
{
    return !*text_at(list, i) &&
           json_array_size(json_object_get(json_array_get(list, i), "attachments")) == 0;
}

static void dealt_with(struct acting *acting, size_t seen, const char *text)
{
    acting->seen = seen;
    free(acting->shown);
    acting->shown = strdup(text);
}

/* The next message, or the last one where an answer took its place; 1: as expected. `ret_got`, the
 * caller's, is what stands there instead. */
static bool look(struct acting *acting, const char *pattern, char **ret_got)
{
    json_t *list = answers(acting);
    size_t at = acting->seen, count = json_array_size(list);
    bool found = false;

    while (at < count && json_is_true(json_object_get(json_array_get(list, at), "deleted")))
        at++;
    if (at < count && is_pending(list, at)) {
        json_decref(list);
        return false;
    }
    if (at < count) {
        const char *text = text_at(list, at);

        found = play_like(pattern, text);
        if (found)
            dealt_with(acting, at + 1, text);
        else
            *ret_got = strdup(text);
    } else if (acting->seen && acting->shown) {
        const char *text = text_at(list, acting->seen - 1);

        found = strcmp(text, acting->shown) != 0 && play_like(pattern, text);
        if (found)
            dealt_with(acting, acting->seen, text);
        else if (strcmp(text, acting->shown) != 0)
            *ret_got = strdup(text);
    }
    json_decref(list);
    return found;
}

static bool expect(struct acting *acting, const struct play_step *step)
{
    long long over = play_now_ms() + PLAY_WAIT_MS, steady = play_now_ms();
    char *got = NULL;
    bool good = false;

    while (!good && play_now_ms() < over && (!got || play_now_ms() - steady < STEADY_MS)) {
        char *now = NULL;

        good = look(acting, step->text, &now);
        if (!now || !got || strcmp(now, got) != 0)
            steady = play_now_ms();
        free(got);
        got = now;
        if (!good && play_stage_died(&acting->stage))
            break;
        if (!good)
            play_pause(POLL_MS);
    }
    if (!good && host_lives(acting, step))
        good = differ(acting, step, got);
    free(got);
    return good;
}

/* What the bot says beyond the script is no part of the talk. */
static bool nothing_more(struct acting *acting, const struct play_step *last)
{
    char call[128], url[256];
    json_t *list;
    bool good = true;

    (void)snprintf(call, sizeof(call), "wait?until=answered&min=0&timeout_ms=1000&quiet_ms=200");
    (void)snprintf(url, sizeof(url), "%s/_fake/%s", acting->stage.discord_url, call);
    (void)play_ask_ok(url);
    list = answers(acting);
    for (size_t i = acting->seen; i < json_array_size(list); i++) {
        if (json_is_true(json_object_get(json_array_get(list, i), "deleted")))
            continue;
        good = fail(acting, last, "behind this the bot says more than the script", "");
        show("  +", text_at(list, i));
    }
    json_decref(list);
    return good;
}

/* ---- the play -------------------------------------------------------------------------------- */

static bool act(struct acting *acting, const struct play_step *step)
{
    size_t len = strlen(step->text);

    if (step->kind == PLAY_BOT)
        return expect(acting, step);
    if (step->kind == PLAY_HOST)
        return (strcmp(step->text, "restart") == 0 ? play_stage_restart
                                                   : play_stage_reload)(&acting->stage) ||
               fail(acting, step, "the host cannot ", step->text);
    if (*step->text == '/')
        return use_command(acting, step);
    if (len > 2 && *step->text == '[' && step->text[len - 1] == ']' &&
        strncmp(step->text, "[file ", strlen("[file ")) != 0)
        return press(acting, step);
    return say(acting, step);
}

bool play_script_play(const struct play *play, const struct play_script *script)
{
    struct acting acting = {.script = script};
    bool good = play_stage_open(&acting.stage, play, script);

    for (size_t i = 0; i < script->count && good; i++)
        good = act(&acting, &script->steps[i]);
    good = good && nothing_more(&acting, &script->steps[script->count - 1]) &&
           host_lives(&acting, &script->steps[script->count - 1]);
    if (!play_stage_close(&acting.stage))
        good = false;
    free(acting.shown);
    return good;
}
