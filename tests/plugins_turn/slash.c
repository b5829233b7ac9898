/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions as slash commands have them: long answers, questions, ids, many choices.
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 16384

TROUPE_FUNCTION(recite, "Says many lines", TROUPE_SLASH,
                TROUPE_INT(lines, "How many", .min = 1, .max = 200))
static troupe_status recite(troupe_turn *turn, int64_t lines)
{
    char *text = troupe_turn_alloc(turn, TEXT_MAX);
    size_t len = 0;

    if (!text)
        return TROUPE_LIMIT;
    for (int64_t i = 1; i <= lines; i++)
        len += (size_t)snprintf(text + len, TEXT_MAX - len,
                                "line %lld stands here, and it is a long one\n", (long long)i);
    return troupe_reply_text(turn, text, len);
}

TROUPE_FUNCTION(confide, "Says many lines to you alone", TROUPE_SLASH | TROUPE_PRIVATE,
                TROUPE_INT(lines, "How many", .min = 1, .max = 200))
static troupe_status confide(troupe_turn *turn, int64_t lines)
{
    return recite(turn, lines);
}

TROUPE_FUNCTION(choose, "Asks back", TROUPE_SLASH)
static troupe_status choose(troupe_turn *turn)
{
    int32_t choice = -1;
    troupe_status status = troupe_ask(turn, "Which one?", TROUPE_BUTTONS("Left", "Right"), &choice);

    return status < 0 ? status : troupe_reply(turn, "%s it is", choice ? "right" : "left");
}

TROUPE_FUNCTION(point, "Points at somebody, a room and a group", TROUPE_SLASH,
                TROUPE_MEMBER(member, "Whom"), TROUPE_OPT_CHANNEL(channel, "Where"),
                TROUPE_OPT_ROLE(role, "Which group"))
static troupe_status point(troupe_turn *turn, uint64_t member, uint64_t channel, uint64_t role)
{
    return troupe_reply(turn, "member %llu channel %llu role %llu", (unsigned long long)member,
                        (unsigned long long)channel, (unsigned long long)role);
}

TROUPE_FUNCTION(
    pick, "Picks a town", TROUPE_SLASH,
    TROUPE_STRING(town, "Which one",
                  .choices = "Aachen|Augsburg|Berlin|Bielefeld|Bochum|Bonn|Braunschweig|"
                             "Bremen|Chemnitz|Dortmund|Dresden|Duisburg|Erfurt|Essen|"
                             "Frankfurt|Freiburg|Gera|Hagen|Halle|Hamburg|Hannover|Jena|"
                             "Kassel|Kiel|Krefeld|Leipzig|Mainz|Mannheim|Potsdam|Ulm"))
static troupe_status pick(troupe_turn *turn, troupe_str town)
{
    return troupe_reply(turn, "off to %.*s", (int)town.len, town.ptr);
}

TROUPE_FUNCTION(wish, "Asks what you wish", TROUPE_SLASH)
static troupe_status wish(troupe_turn *turn)
{
    troupe_str text;
    troupe_status status = troupe_ask_text(turn, "What do you wish?", "A wish",
                                           TROUPE_FIELDS({.label = "I wish"}), &text);

    return status < 0 ? status : troupe_reply(turn, "so be it: %.*s", (int)text.len, text.ptr);
}

TROUPE_FUNCTION(wish_alone, "Asks what you wish, alone", TROUPE_SLASH | TROUPE_PRIVATE)
static troupe_status wish_alone(troupe_turn *turn)
{
    return wish(turn);
}

TROUPE_MENU(quote, "Quote this, please", "Says what a message says", TROUPE_MENU_MESSAGE,
            TROUPE_STRING(text, "What it says"), TROUPE_STRING(message, "Its id"),
            TROUPE_OPT_MEMBER(author, "Who wrote it"))
static troupe_status quote(troupe_turn *turn, troupe_str text, troupe_str message, uint64_t author)
{
    return troupe_reply(turn, "%llu wrote in %.*s: %.*s", (unsigned long long)author,
                        (int)message.len, message.ptr, (int)text.len, text.ptr);
}

TROUPE_FUNCTION(look_at, "Looks at somebody", TROUPE_SLASH | TROUPE_MENU_MEMBER | TROUPE_PRIVATE,
                TROUPE_MEMBER(member, "Whom"), TROUPE_INT(times, "How often", .def = 1))
static troupe_status look_at(troupe_turn *turn, uint64_t member, int64_t times)
{
    return troupe_reply(turn, "looked at %llu %lld times", (unsigned long long)member,
                        (long long)times);
}

TROUPE_FUNCTION(lines, "Counts the lines of a file", TROUPE_SLASH | TROUPE_TOOL | TROUPE_CONFIRM,
                TROUPE_ATTACHMENT(file, "Which one", .choices = "text", .max = 900),
                TROUPE_OPT_ATTACHMENT(other, "One more"))
static troupe_status lines(troupe_turn *turn, uint64_t file, uint64_t other)
{
    troupe_file info, none;
    troupe_str text;
    int64_t count = 0;
    troupe_status status = troupe_attachment_info(turn, file, &info);

    if (status == TROUPE_OK)
        status = troupe_attachment_read(turn, file, &text);
    if (status < 0)
        return status;
    for (uint64_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    if (!other && troupe_attachment_info(turn, other, &none) != TROUPE_NOT_FOUND)
        return TROUPE_FAILED;
    if (other && (status = troupe_attachment_info(turn, other, &none)) < 0)
        return status;
    return troupe_reply(turn, "%.*s has %lld lines%s%.*s", (int)info.name.len, info.name.ptr,
                        (long long)count, other ? ", beside " : "", other ? (int)none.name.len : 0,
                        other ? none.name.ptr : "");
}

TROUPE_PLUGIN("org.example.slash", "1.0.0", "Commands", .capabilities = "files",
              .functions = TROUPE_LIST(recite, confide, choose, point, pick, quote, look_at, wish,
                                       wish_alone, lines));
