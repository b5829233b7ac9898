/* SPDX-License-Identifier: Apache-2.0 */
#include "preferences.h"

#include "template.h"

#include <string.h>

void preferences_defaults(struct preferences *ret)
{
    memset(ret, 0, sizeof(*ret));
    snprintf(ret->tone, sizeof(ret->tone), "friendly");
    snprintf(ret->emoji, sizeof(ret->emoji), "medium");
    snprintf(ret->language, sizeof(ret->language), "en");
    snprintf(ret->time_zone, sizeof(ret->time_zone), "UTC");
    ret->window = 10;
}

static int digits(const char **at, int most, int *ret)
{
    int n = 0;

    for (*ret = 0; n < most && **at >= '0' && **at <= '9'; n++, (*at)++)
        *ret = *ret * 10 + (**at - '0');
    return n;
}

/* "UTC", "UTC+2", "+02:00", "UTC-3:30"; names of places would need a table of their rules. */
static int read_time_zone(const char *text, int32_t *ret)
{
    int hours, minutes = 0, sign;

    if (strncmp(text, "UTC", 3) == 0 || strncmp(text, "GMT", 3) == 0)
        text += 3;
    if (!*text) {
        *ret = 0;
        return 1;
    }
    if (*text != '+' && *text != '-')
        return 0;
    sign = *text++ == '-' ? -1 : 1;
    if (digits(&text, 2, &hours) == 0)
        return 0;
    if (*text == ':') {
        text++;
        if (digits(&text, 2, &minutes) != 2)
            return 0;
    }
    if (*text || hours > 14 || minutes > 59)
        return 0;
    *ret = sign * (hours * 60 + minutes);
    return 1;
}

static void print_time_zone(int32_t offset, char *ret, size_t size)
{
    unsigned minutes = (unsigned)(offset < 0 ? -offset : offset);

    if (offset == 0)
        snprintf(ret, size, "UTC");
    else
        snprintf(ret, size, "UTC%c%02u:%02u", offset < 0 ? '-' : '+', minutes / 60 % 100,
                 minutes % 60);
}

/* "en", "pt-BR": letters of a language and parts behind it. It goes into the prompt. */
static int is_language(troupe_str text)
{
    uint64_t part = 0, parts = 0;

    if (text.len < 2 || text.len > 16)
        return 0;
    for (uint64_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], lower = (char)(c | 0x20);

        if (c == '-') {
            if (part < 2 || (parts == 0 && part > 3))
                return 0;
            parts++;
            part = 0;
        } else if ((lower >= 'a' && lower <= 'z') || (parts > 0 && c >= '0' && c <= '9')) {
            part++;
        } else {
            return 0;
        }
    }
    return part >= 2 && (parts > 0 || part <= 3);
}

static void copy(char *ret, size_t size, troupe_str text)
{
    snprintf(ret, size, "%.*s", (int)text.len, text.ptr);
}

static void take(const troupe_value *cell, char *ret, size_t size)
{
    if (cell && cell->type == TROUPE_TYPE_STRING)
        copy(ret, size, cell->u.s);
}

troupe_status preferences_load(troupe_turn *turn, struct preferences *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value *window;
    troupe_rows *rows;
    troupe_status status;

    preferences_defaults(ret);
    status = sql->query(turn,
                        "SELECT unseal(preferred_name, 'user_preferences.preferred_name', account, "
                        "member), tone, emoji_density, language, time_zone, "
                        "context_window_size FROM {user_preferences} "
                        "WHERE account = COALESCE(:account, '') AND member = :member",
                        NULL, 0, &rows);
    if (status < 0 || sql->row_count(rows) == 0)
        return status;
    take(sql->cell(rows, 0, 0), ret->name, sizeof(ret->name));
    take(sql->cell(rows, 0, 1), ret->tone, sizeof(ret->tone));
    take(sql->cell(rows, 0, 2), ret->emoji, sizeof(ret->emoji));
    take(sql->cell(rows, 0, 3), ret->language, sizeof(ret->language));
    take(sql->cell(rows, 0, 4), ret->time_zone, sizeof(ret->time_zone));
    if (!read_time_zone(ret->time_zone, &ret->offset_minutes))
        ret->offset_minutes = 0;
    window = sql->cell(rows, 0, 5);
    if (window && window->type == TROUPE_TYPE_INT && window->u.i >= PREFERENCES_WINDOW_MIN &&
        window->u.i <= PREFERENCES_WINDOW_MAX)
        ret->window = window->u.i;
    return TROUPE_OK;
}

/* Adds to a list of what changed. */
__attribute__((format(printf, 3, 4))) static void say(char *said, size_t size, const char *format,
                                                      ...)
{
    size_t len = strlen(said);
    va_list args;

    if (len > 0 && len + 2 < size) {
        memcpy(said + len, ", ", 3);
        len += 2;
    }
    va_start(args, format);
    vsnprintf(said + len, size - len, format, args);
    va_end(args);
}

static void change_name(struct preferences *preferences, troupe_str name, char *said, size_t size)
{
    if (name.len == 1 && name.ptr[0] == '-') {
        preferences->name[0] = 0;
        say(said, size, "I use your own name again");
        return;
    }
    template_clean_name(name.ptr, name.len, preferences->name, sizeof(preferences->name));
    say(said, size, "I call you %s", preferences->name);
}

troupe_status preferences_apply(struct preferences *preferences,
                                const struct preferences_change *change, char *said, size_t size)
{
    char zone[16];

    said[0] = 0;
    copy(zone, sizeof(zone), change->time_zone);
    if (change->time_zone.len > 0 && (change->time_zone.len >= sizeof(zone) ||
                                      !read_time_zone(zone, &preferences->offset_minutes))) {
        snprintf(said, size, "I don't know that time zone. Please write it as UTC+2 or UTC-03:30.");
        return TROUPE_ARGUMENT;
    }
    if (change->language.len > 0 && !is_language(change->language)) {
        snprintf(said, size,
                 "I don't know that language. Please write its code, like en or pt-BR.");
        return TROUPE_ARGUMENT;
    }
    if (change->name.len > 0)
        change_name(preferences, change->name, said, size);
    if (change->tone.len > 0) {
        copy(preferences->tone, sizeof(preferences->tone), change->tone);
        say(said, size, "tone is now %s", preferences->tone);
    }
    if (change->emoji.len > 0) {
        copy(preferences->emoji, sizeof(preferences->emoji), change->emoji);
        say(said, size, "emoji is now %s", preferences->emoji);
    }
    if (change->language.len > 0) {
        copy(preferences->language, sizeof(preferences->language), change->language);
        say(said, size, "language is now %s", preferences->language);
    }
    if (change->window > 0) {
        preferences->window = change->window;
        say(said, size, "I keep %lld messages in mind", (long long)change->window);
    }
    if (change->time_zone.len > 0) {
        print_time_zone(preferences->offset_minutes, preferences->time_zone,
                        sizeof(preferences->time_zone));
        say(said, size, "time zone is now %s", preferences->time_zone);
    }
    return TROUPE_OK;
}

static troupe_value text(const char *value)
{
    troupe_str s = {value, strlen(value)};

    return value[0] ? troupe_sql_str(s) : troupe_sql_null();
}

troupe_status preferences_store(troupe_turn *turn, const struct preferences *preferences)
{
    const troupe_value params[] = {
        text(preferences->name),
        text(preferences->tone),
        text(preferences->emoji),
        text(preferences->language),
        troupe_sql_int(preferences->window),
        text(preferences->time_zone),
        troupe_sql_int(troupe_now(turn)),
    };
    const troupe_statement statement = {
        "INSERT INTO {user_preferences} (account, member, preferred_name, tone, emoji_density, "
        "language, context_window_size, time_zone, created_at, updated_at) "
        "VALUES (COALESCE(:account, ''), :member, "
        "seal(?1, 'user_preferences.preferred_name', :account, :member), ?2, ?3, ?4, ?5, ?6, ?7, "
        "?7) "
        "ON CONFLICT (account, member) DO UPDATE SET preferred_name = excluded.preferred_name, "
        "tone = excluded.tone, emoji_density = excluded.emoji_density, "
        "language = excluded.language, context_window_size = excluded.context_window_size, "
        "time_zone = excluded.time_zone, updated_at = excluded.updated_at",
        TROUPE_ARRAY(params), 1};

    return troupe_sql(turn)->commit(turn, &statement, 1);
}

troupe_status preferences_reset(troupe_turn *turn)
{
    const troupe_statement statement = {
        "DELETE FROM {user_preferences} "
        "WHERE account = COALESCE(:account, '') AND member = :member",
        {NULL, 0, sizeof(troupe_value)},
        TROUPE_ROWS_ANY};

    return troupe_sql(turn)->commit(turn, &statement, 1);
}

int preferences_are_usual(const struct preferences *preferences)
{
    struct preferences usual;

    preferences_defaults(&usual);
    return strcmp(preferences->tone, usual.tone) == 0 &&
           strcmp(preferences->emoji, usual.emoji) == 0 &&
           strcmp(preferences->language, usual.language) == 0 &&
           preferences->offset_minutes == usual.offset_minutes;
}

const char *preferences_emoji_rule(const struct preferences *preferences)
{
    static const struct {
        const char *level, *rule;
    } rules[] = {{"none", "none at all"},
                 {"low", "one or two in an answer"},
                 {"medium", "two to four in an answer"},
                 {"high", "as many as you like"}};

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(preferences->emoji, rules[i].level) == 0)
            return rules[i].rule;
    return rules[2].rule;
}
