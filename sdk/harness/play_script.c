/* SPDX-License-Identifier: Apache-2.0
 *
 * The script: lines "WHO: what", of members, the bot and the stage directions. A line that begins with
 * a blank goes on with the one above; # begins a comment line.
 */
#include "play.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool play_like(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool complain(const struct play_script *script, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: %s\n", script->path, line, what);
    return false;
}

/* Adds `text` behind what is there, with `between`. */
static void join(char **to, const char *between, const char *text)
{
    size_t size = (*to ? strlen(*to) + strlen(between) : 0) + strlen(text) + 1;
    char *joined = malloc(size);

    if (!joined)
        abort();
    (void)snprintf(joined, size, "%s%s%s", *to ? *to : "", *to ? between : "", text);
    free(*to);
    *to = joined;
}

static bool know_member(struct play_script *script, int line, const char *name)
{
    for (size_t i = 0; i < script->member_count; i++)
        if (strcmp(script->members[i], name) == 0)
            return true;
    if (script->member_count == PLAY_MEMBERS_MAX)
        return complain(script, line, "a script has at most 50 members");
    join(&script->members[script->member_count++], "", name);
    return true;
}

static bool add_step(struct play_script *script, int line, enum play_kind kind, const char *who,
                     const char *text)
{
    struct play_step *step = &script->steps[script->count];

    if (script->count == PLAY_STEPS_MAX)
        return complain(script, line, "a script has at most 1000 steps: begin another file");
    *step = (struct play_step){.kind = kind, .line = line};
    join(&step->who, "", who);
    join(&step->text, "", text);
    script->count++;
    return true;
}

/* "WORDS -> what the model answers", "* -> …" for anything. */
static bool add_rule(struct play_script *script, int line, const char *text)
{
    const char *arrow = strstr(text, " -> ");
    size_t len = arrow ? (size_t)(arrow - text) : 0;
    json_t *rule;

    if (!len)
        return complain(script, line, "write \"model: WORDS -> ANSWER\", or * for any words");
    rule = json_pack("{s:s}", "answer", arrow + 4);
    if (rule && !(len == 1 && *text == '*'))
        (void)json_object_set_new(rule, "match", json_stringn(text, len));
    if (!rule || json_array_append_new(script->rules, rule) < 0)
        return complain(script, line, "this is no UTF-8 text");
    return true;
}

static bool take_line(struct play_script *script, int line, const char *who, const char *text)
{
    script->in_file = false;
    if (strcmp(who, "file") == 0) {
        const char *wrong = play_files_declare(&script->files, text);

        script->in_file = !wrong;
        return !wrong || complain(script, line, wrong);
    }
    if (strcmp(who, "bot") == 0)
        return add_step(script, line, PLAY_BOT, who, text);
    if (strcmp(who, "host") == 0) {
        if (strcmp(text, "restart") != 0 && strcmp(text, "reload") != 0)
            return complain(script, line, "the host can \"restart\" (after a kill) or \"reload\"");
        return add_step(script, line, PLAY_HOST, who, text);
    }
    if (strcmp(who, "set") == 0 || strcmp(who, "stages") == 0 || strcmp(who, "observers") == 0 ||
        strcmp(who, "model") == 0) {
        if (script->count)
            return complain(script, line, "this belongs above the first step");
        if (*who == 'm')
            return add_rule(script, line, text);
        join(strcmp(who, "set") == 0      ? &script->settings
             : strcmp(who, "stages") == 0 ? &script->stages
                                          : &script->observers,
             strcmp(who, "set") == 0 ? "\n" : " ", text);
        return true;
    }
    for (const char *c = who; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            return complain(script, line, "a member's name has letters, digits, - and _ only");
    return know_member(script, line, who) && add_step(script, line, PLAY_MEMBER, who, text);
}

static bool take(struct play_script *script, int line, char *text)
{
    size_t len = strlen(text);
    char *colon;

    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    if (!len || *text == '#')
        return true;
    if (isspace((unsigned char)*text)) {
        while (isspace((unsigned char)*text))
            text++;
        if (script->in_file) {
            const char *wrong = play_files_line(&script->files, text);

            return !wrong || complain(script, line, wrong);
        }
        if (!script->count)
            return complain(script, line, "there is nothing above that this goes on with");
        join(&script->steps[script->count - 1].text, "\n", text);
        return true;
    }
    colon = strchr(text, ':');
    if (!colon || colon == text)
        return complain(script, line, "write \"WHO: what\", for example \"alice: /hello\"");
    *colon++ = '\0';
    while (isspace((unsigned char)*colon))
        colon++;
    return take_line(script, line, text, colon);
}

bool play_script_read(struct play_script *script, const char *path)
{
    FILE *file = fopen(path, "re");
    const char *wrong, *name = NULL;
    char *text = NULL;
    size_t size = 0;
    bool good = true;
    int line = 0;

    *script = (struct play_script){.path = path, .rules = json_array()};
    if (!file) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    good = know_member(script, 0, "alice") && know_member(script, 0, "bob");
    while (good && getline(&text, &size, file) >= 0) {
        good = size <= PLAY_SCRIPT_MAX || complain(script, line + 1, "this line is too long");
        good = good && take(script, ++line, text);
    }
    free(text);
    (void)fclose(file);
    if (good && (wrong = play_files_read(&script->files, path, &name))) {
        (void)fprintf(stderr, "%s: %s\"%s\"\n", path, wrong, name);
        good = false;
    }
    if (good && !script->count)
        good = complain(script, line, "nothing happens: write \"alice: …\" and \"bot: …\"");
    return good;
}

void play_script_clear(struct play_script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        free(script->steps[i].who);
        free(script->steps[i].text);
    }
    for (size_t i = 0; i < script->member_count; i++)
        free(script->members[i]);
    free(script->settings);
    free(script->stages);
    free(script->observers);
    json_decref(script->rules);
    play_files_clear(&script->files);
}
