/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_script.h"

#include "fake_text.h"
#include "fake_thoughts.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_DEFAULT 16
#define VALUES_MAX     4096

struct rule {
    const json_t *source;
    regex_t regex;
    bool has_regex;
    int64_t seen, used; /* requests that matched; those of them that it answered */
};

struct fake_script {
    json_t *source;
    struct rule *rules;
    size_t count;
};

static const struct {
    const char *name;
    uint32_t bit;
} fault_names[] = {
    {"status", FAULT_STATUS},
    {"hang_before_headers", FAULT_HANG_BEFORE_HEADERS},
    {"hang_after_headers", FAULT_HANG_AFTER_HEADERS},
    {"hang_mid_stream", FAULT_HANG_MID_STREAM},
    {"cut_before_headers", FAULT_CUT_BEFORE_HEADERS},
    {"cut_mid_stream", FAULT_CUT_MID_STREAM},
    {"reset_mid_stream", FAULT_RESET_MID_STREAM},
    {"garbage_sse", FAULT_GARBAGE_SSE},
    {"bad_json", FAULT_BAD_JSON},
    {"error_in_stream", FAULT_ERROR_IN_STREAM},
    {"empty_stream", FAULT_EMPTY_STREAM},
    {"no_done", FAULT_NO_DONE},
    {"no_usage", FAULT_NO_USAGE},
    {"split_utf8", FAULT_SPLIT_UTF8},
    {"crlf", FAULT_CRLF},
    {"bom", FAULT_BOM},
    {"comments", FAULT_COMMENTS},
    {"huge_body", FAULT_HUGE_BODY},
    {"slow_loris", FAULT_SLOW_LORIS},
    {"wrong_content_type", FAULT_WRONG_CONTENT_TYPE},
    {"redirect", FAULT_REDIRECT},
    {"gzip", FAULT_GZIP},
    {"gzip_bomb", FAULT_GZIP_BOMB},
};

static const char *const rule_keys[] = {
    "match",        "endpoint",    "times",          "skip",     "answer",      "answer_repeat",
    "chunk_words",  "chunk_chars", "first_delay_ms", "delay_ms", "usage",       "finish_reason",
    "tool_calls",   "fragments",   "fault",          "status",   "retry_after", "after_chunks",
    "bytes",        "loris_ms",    "location",       "code",     "comment",     "error",
    "empty_deltas", "headers",
};

static const char *const match_keys[] = {"contains", "regex", "nth",      "last_role", "system",
                                         "history",  "model", "pictures", "key"};

static uint32_t fault_bit(const char *name)
{
    for (size_t i = 0; name && i < sizeof(fault_names) / sizeof(fault_names[0]); i++) {
        if (strcmp(fault_names[i].name, name) == 0)
            return fault_names[i].bit;
    }
    return 0;
}

int64_t fake_rule_int(const json_t *rule, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(rule, key);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

const char *fake_rule_str(const json_t *rule, const char *key, const char *fallback)
{
    const char *value = json_string_value(json_object_get(rule, key));

    return value ? value : fallback;
}

uint32_t fake_rule_faults(const json_t *rule)
{
    const json_t *fault = json_object_get(rule, "fault");
    const json_t *item;
    uint32_t bits = fault_bit(json_string_value(fault));
    size_t i;

    json_array_foreach (fault, i, item) {
        bits |= fault_bit(json_string_value(item));
    }
    return bits;
}

/* ---- reading ----------------------------------------------------------------------------- */

static bool keys_known(const json_t *object, const char *const *known, size_t count, char *err,
                       size_t err_size)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)object, key, value) {
        size_t i = 0;

        while (i < count && strcmp(known[i], key) != 0)
            i++;
        if (i == count) {
            snprintf(err, err_size, "unknown key \"%s\"", key);
            return false;
        }
    }
    return true;
}

static bool faults_known(const json_t *fault, char *err, size_t err_size)
{
    const json_t *item;
    size_t i;

    if (json_is_string(fault) && !fault_bit(json_string_value(fault))) {
        snprintf(err, err_size, "unknown fault \"%s\"", json_string_value(fault));
        return false;
    }
    json_array_foreach (fault, i, item) {
        if (!faults_known(item, err, err_size))
            return false;
    }
    return true;
}

static bool rule_init(struct rule *rule, const json_t *source, char *err, size_t err_size)
{
    const json_t *match = json_object_get(source, "match");
    const char *pattern = json_string_value(json_object_get(match, "regex"));

    rule->source = source;
    if (!json_is_object(source)) {
        snprintf(err, err_size, "a rule is an object");
        return false;
    }
    if (!keys_known(source, rule_keys, sizeof(rule_keys) / sizeof(rule_keys[0]), err, err_size) ||
        !faults_known(json_object_get(source, "fault"), err, err_size))
        return false;
    if (json_is_object(match) &&
        !keys_known(match, match_keys, sizeof(match_keys) / sizeof(match_keys[0]), err, err_size))
        return false;
    if (pattern) {
        if (regcomp(&rule->regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
            snprintf(err, err_size, "bad regex \"%s\"", pattern);
            return false;
        }
        rule->has_regex = true;
    }
    return true;
}

static bool values_hold(const json_t *values, char *err, size_t err_size)
{
    const char *model;
    json_t *count;

    json_object_foreach ((json_t *)values, model, count) {
        if (json_integer_value(count) < 1 || json_integer_value(count) > VALUES_MAX) {
            snprintf(err, err_size, "vectors of model \"%.60s\" have 1 to %d values", model,
                     VALUES_MAX);
            return false;
        }
    }
    return true;
}

static bool thinks_known(const json_t *thinks, char *err, size_t err_size)
{
    const char *model;
    json_t *how;

    json_object_foreach ((json_t *)thinks, model, how) {
        const char *name = json_string_value(how);

        if (!name || fake_thinking_of(name) == FAKE_THINKS_NOT) {
            snprintf(err, err_size, "unknown way to think of model \"%.60s\"", model);
            return false;
        }
    }
    return true;
}

struct fake_script *fake_script_new(const json_t *source, char *err, size_t err_size)
{
    struct fake_script *script = fake_alloc(sizeof(*script));
    const json_t *rules;

    script->source = json_deep_copy(source); /* the caller's tree may go */
    rules =
        json_is_array(script->source) ? script->source : json_object_get(script->source, "rules");
    if (!json_is_array(rules)) {
        snprintf(err, err_size, "a script is {\"rules\": [...]}");
        goto fail;
    }
    if (!thinks_known(json_object_get(script->source, "thinks"), err, err_size) ||
        !values_hold(json_object_get(script->source, "values"), err, err_size))
        goto fail;
    script->rules = fake_alloc(json_array_size(rules) * sizeof(*script->rules));
    for (size_t i = 0; i < json_array_size(rules); i++) {
        char why[200];

        script->count++;
        if (!rule_init(&script->rules[i], json_array_get(rules, i), why, sizeof(why))) {
            snprintf(err, err_size, "rule %zu: %s", i + 1, why);
            goto fail;
        }
    }
    return script;
fail:
    fake_script_free(script);
    return NULL;
}

void fake_script_free(struct fake_script *script)
{
    if (!script)
        return;
    for (size_t i = 0; i < script->count; i++) {
        if (script->rules[i].has_regex)
            regfree(&script->rules[i].regex);
    }
    free(script->rules);
    json_decref(script->source);
    free(script);
}

const char *fake_script_thinks(const struct fake_script *script, const char *model)
{
    return script ? fake_rule_str(json_object_get(script->source, "thinks"), model, "") : "";
}

int64_t fake_script_values(const struct fake_script *script, const char *model)
{
    const json_t *values = script ? json_object_get(script->source, "values") : NULL;

    return values ? fake_rule_int(values, model, VALUES_DEFAULT) : VALUES_DEFAULT;
}

/* ---- matching ---------------------------------------------------------------------------- */

static bool conditions_hold(const struct rule *rule, const struct fake_talk *talk)
{
    const json_t *match = json_object_get(rule->source, "match");
    const char *contains = fake_rule_str(match, "contains", NULL);
    const char *role = fake_rule_str(match, "last_role", NULL);
    const char *system = fake_rule_str(match, "system", NULL);
    const char *model = fake_rule_str(match, "model", NULL);
    const char *key = fake_rule_str(match, "key", NULL);
    int64_t nth = fake_rule_int(match, "nth", 0);
    int64_t history = fake_rule_int(match, "history", -1);
    int64_t pictures = fake_rule_int(match, "pictures", -1);

    if (json_is_string(match))
        contains = json_string_value(match);
    return !(contains && !strstr(talk->last, contains)) &&
           !(model && (!talk->model || strcmp(model, talk->model) != 0)) &&
           !(key && (!talk->key || !strstr(talk->key, key))) &&
           !(pictures >= 0 && (size_t)pictures != json_array_size(talk->pictures)) &&
           !(role && strcmp(role, talk->last_role) != 0) &&
           !(system && !strstr(talk->system, system)) && !(nth > 0 && (uint64_t)nth != talk->nth) &&
           !(history >= 0 && (size_t)history != talk->history) &&
           !(rule->has_regex && regexec(&rule->regex, talk->last, 0, NULL, 0) != 0);
}

const json_t *fake_script_match(struct fake_script *script, const struct fake_talk *talk)
{
    for (size_t i = 0; script && i < script->count; i++) {
        struct rule *rule = &script->rules[i];
        const char *endpoint = fake_rule_str(rule->source, "endpoint", "chat");

        if (strcmp(endpoint, "any") != 0 && strcmp(endpoint, talk->endpoint) != 0)
            continue;
        if (!conditions_hold(rule, talk))
            continue;
        if (rule->seen++ < fake_rule_int(rule->source, "skip", 0) ||
            rule->used >= fake_rule_int(rule->source, "times", INT64_MAX))
            continue;
        rule->used++;
        return rule->source;
    }
    return NULL;
}
