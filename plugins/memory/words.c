/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 96, WORD_LEN = 31 };

/* The words of a text in small letters; longer ones are cut, further ones left out. */
struct words {
    char list[WORDS_MAX][WORD_LEN + 1];
    size_t count;
};

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80);
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void read_words(troupe_str text, struct words *ret)
{
    size_t len = 0;

    ret->count = 0;
    for (uint64_t i = 0; i < text.len && ret->count < WORDS_MAX; i++) {
        char c = text.ptr[i];

        if (is_letter(c)) {
            if (len < WORD_LEN)
                ret->list[ret->count][len++] = small(c);
            continue;
        }
        if (c == '\'' && len > 0) /* don't, cat's: one word without it */
            continue;
        ret->list[ret->count][len] = '\0';
        ret->count += len > 0;
        len = 0;
    }
    if (len > 0 && ret->count < WORDS_MAX) {
        ret->list[ret->count][len] = '\0';
        ret->count++;
    }
}

/* "|a|b|" has the word. */
static int among(const char *list, const char *word)
{
    char framed[WORD_LEN + 3] = "|";
    size_t len = strnlen(word, WORD_LEN);

    memcpy(framed + 1, word, len);
    framed[len + 1] = '|';
    framed[len + 2] = '\0';
    return strstr(list, framed) != NULL;
}

static troupe_str trim(troupe_str text)
{
    while (text.len && (is_space(*text.ptr) || strchr(",:;-", *text.ptr))) {
        text.ptr++;
        text.len--;
    }
    while (text.len && (is_space(text.ptr[text.len - 1]) || strchr(",;", text.ptr[text.len - 1])))
        text.len--;
    return text;
}

/* Whether the text begins with these words; then they are taken off. */
static int take(troupe_str *text, const char *words)
{
    const char *p = text->ptr, *end = text->ptr + text->len;

    while (*words) {
        size_t len = strcspn(words, " "), i = 0;

        while (p < end && (is_space(*p) || *p == ','))
            p++;
        for (; i < len && p + i < end && small(p[i]) == words[i]; i++)
            continue;
        if (i < len || (p + len < end && is_letter(p[len])))
            return 0;
        p += len;
        words += len;
        words += *words == ' ';
    }
    text->ptr = p;
    text->len = (uint64_t)(end - p);
    return 1;
}

static int take_any(troupe_str *text, const char *const *phrases)
{
    for (; *phrases; phrases++)
        if (take(text, *phrases))
            return 1;
    return 0;
}

int words_to_keep(troupe_str text, troupe_str *ret)
{
    static const char *const polite[] = {"please",    "hey",    "hi",        "ok", "can you",
                                         "could you", "bitte",  "kannst du", "du", "also",
                                         "and",       "kindly", NULL};
    static const char *const asks[] = {
        "remember",   "note that",  "keep in mind", "merk dir",      "merke dir", "merke",
        "denk daran", "dir merken", "don't forget", "vergiss nicht", NULL};
    /* "Remember when we …" tells a story, "remember me to …" wants something else. */
    static const char *const other[] = {"when", "how", "the time", "me to", "what", "who", "where",
                                        "why",  "to",  "wie",      "als",   "zu",   NULL};
    static const char *const joints[] = {"this", "that", "dass", "das", NULL};
    troupe_str rest;

    if (!text.len || memchr(text.ptr, '\0', text.len))
        return 0;
    while (take_any(&text, polite))
        continue;
    if (!take_any(&text, asks))
        return 0;
    rest = text;
    if (take_any(&rest, other))
        return 0;
    text = trim(text);
    (void)take_any(&text, joints);
    *ret = trim(text);
    while (ret->len && strchr("!.", ret->ptr[ret->len - 1]))
        ret->len--;
    return !ret->len || ret->ptr[ret->len - 1] != '?'; /* "Remember my cat?" asks */
}

int words_is_question(troupe_str text)
{
    static const char begin[] =
        "|what|whats|who|whos|when|where|wheres|which|why|how|do|does|did|is|are|am|was|were|can|"
        "could|will|"
        "would|should|whose|wer|was|wann|wo|wohin|welche|welcher|welches|warum|wie|bin|ist|sind|"
        "hast|hat|habe|weißt|kennst|wessen|tell|recall|";
    struct words *words;
    struct words room;

    words = &room;
    text = trim(text);
    while (text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    if (!text.len)
        return 0;
    if (text.ptr[text.len - 1] == '?')
        return 1;
    read_words(text, words);
    return words->count > 1 && among(begin, words->list[0]);
}

/* ---- the member's own words ------------------------------------------------------------------- */

static int begins(troupe_str line, const char *with)
{
    size_t len = strlen(with);

    return line.len >= len && memcmp(line.ptr, with, len) == 0;
}

size_t words_own(troupe_str text, char *ret)
{
    size_t n = 0;
    int in_code = 0;

    while (text.len) {
        const char *end = (const char *)memchr(text.ptr, '\n', text.len);
        troupe_str line = {text.ptr, end ? (uint64_t)(end - text.ptr) : text.len};

        text.ptr += line.len + (end ? 1 : 0);
        text.len -= line.len + (end ? 1 : 0);
        /* What files say comes last, and the host puts these words before it. */
        if (begins(line, "Attached file ") || begins(line, "(Attached, but "))
            break;
        if (begins(line, "```")) {
            in_code = !in_code;
            continue;
        }
        if (in_code || begins(line, ">"))
            continue;
        if (n + line.len + 2 > OWN_MAX)
            break;
        if (n > 0)
            ret[n++] = '\n';
        memcpy(ret + n, line.ptr, line.len);
        n += line.len;
    }
    ret[n] = '\0';
    return n;
}

int words_next_sentence(troupe_str *rest, troupe_str *ret)
{
    while (rest->len) {
        uint64_t len = 0;

        /* A point inside of a word or number ends nothing. */
        while (len < rest->len && rest->ptr[len] != '\n' &&
               !(strchr(".!?", rest->ptr[len]) &&
                 (len + 1 == rest->len || is_space(rest->ptr[len + 1]))))
            len++;
        ret->ptr = rest->ptr;
        ret->len = len < rest->len && rest->ptr[len] == '?' ? len + 1 : len;
        len += len < rest->len;
        rest->ptr += len;
        rest->len -= len;
        *ret = trim(*ret);
        if (ret->len)
            return 1;
    }
    return 0;
}

troupe_str words_after_greeting(troupe_str sentence)
{
    static const char *const greetings[] = {
        "hello", "hi",   "hey", "there", "well", "so", "and",    "oh",    "btw", "by the way",
        "hallo", "also", "ja",  "yes",   "no",   "ok", "thanks", "danke", NULL};
    troupe_str rest = sentence;

    while (take_any(&rest, greetings))
        rest = trim(rest);
    return rest.len ? rest : sentence;
}

int words_points_back(troupe_str question)
{
    static const char pointing[] = "|he|him|his|hes|she|her|hers|shes|it|its|they|them|their|"
                                   "theirs|that|thats|those|this|these|"
                                   "er|ihn|ihm|sein|seine|seinen|seiner|sie|ihr|ihre|ihren|ihrem|"
                                   "dort|davon|damit|dafür|darüber|"
                                   "daran|dazu|";
    static const char begins[] = "|and|und|";
    static const char plain[] =
        "|what|whats|who|whos|whose|where|wheres|when|whens|how|hows|why|which|is|are|was|were|be|"
        "do|"
        "does|did|has|have|had|can|could|will|would|the|a|an|my|your|of|in|on|at|to|for|with|from|"
        "about|and|or|so|then|there|again|also|too|you|i|me|know|tell|remember|wer|wo|wann|wie|"
        "warum|"
        "wessen|welche|welcher|welches|welchen|ist|sind|war|waren|hat|haben|hatte|kann|der|die|das|"
        "den|dem|des|ein|eine|einen|mein|meine|meinen|von|im|am|an|zu|für|mit|über|und|oder|denn|"
        "noch|auch|mal|du|ich|mir|weißt|";
    struct words words;
    size_t telling = 0;
    int points;

    read_words(question, &words);
    points = words.count > 0 && among(begins, words.list[0]);
    for (size_t i = 0; i < words.count; i++) {
        int pointer = among(pointing, words.list[i]);

        points |= pointer;
        telling += !pointer && !among(plain, words.list[i]);
    }
    return points && telling <= 2;
}

troupe_str words_to_find(troupe_str question, char *ret)
{
    static const char *const short_forms[][2] = {
        {"what's", "what is"}, {"where's", "where is"}, {"who's", "who is"}, {"when's", "when is"},
        {"how's", "how is"},   {"whats", "what is"},    {"i'm", "i am"}};
    troupe_str found = {ret, 0};
    uint64_t at = 0;

    while (at < question.len && found.len + 16 < OWN_MAX) {
        int is_begin = at == 0 || !is_letter(question.ptr[at - 1]);
        size_t taken = 0;

        for (size_t i = 0; is_begin && !taken && i < sizeof(short_forms) / sizeof(short_forms[0]);
             i++) {
            size_t len = strlen(short_forms[i][0]), n = 0;

            while (n < len && at + n < question.len &&
                   small(question.ptr[at + n]) == short_forms[i][0][n])
                n++;
            if (n < len || (at + n < question.len && is_letter(question.ptr[at + n])))
                continue;
            taken = len;
            memcpy(ret + found.len, short_forms[i][1], strlen(short_forms[i][1]));
            found.len += strlen(short_forms[i][1]);
        }
        if (!taken)
            ret[found.len++] = question.ptr[at];
        at += taken ? taken : 1;
    }
    return found;
}

const char *words_of_slot(const char *slot)
{
    size_t len = strlen(slot);

    if (strcmp(slot, "my name") == 0 || (len > 5 && strcmp(slot + len - 5, "/name") == 0))
        return "name called named heißt";
    if (strcmp(slot, "live") == 0)
        return "live home city wohne";
    if (strcmp(slot, "work") == 0)
        return "work job arbeite beruf";
    if (strcmp(slot, "my age") == 0)
        return "age old alt";
    if (strcmp(slot, "my birthday") == 0)
        return "birthday born geburtstag";
    return "";
}

/* ---- facts ------------------------------------------------------------------------------------ */

static int starts(const struct words *words, const char *phrase)
{
    for (size_t i = 0; *phrase; i++) {
        size_t len = strcspn(phrase, " ");

        if (i >= words->count || strlen(words->list[i]) != len ||
            memcmp(words->list[i], phrase, len) != 0)
            return 0;
        phrase += len;
        phrase += *phrase == ' ';
    }
    return 1;
}

double words_fact_weight(troupe_str sentence)
{
    static const struct {
        const char *begin;
        double weight;
    } forms[] = {
        {"my name", 0.9},     {"my birthday", 0.9}, {"i am allergic", 0.9},
        {"im allergic", 0.9}, {"call me", 0.8},     {"i live", 0.8},
        {"i moved", 0.7},     {"i work", 0.7},      {"i was born", 0.8},
        {"my", 0.5},          {"i have", 0.4},      {"i own", 0.5},
        {"i like", 0.5},      {"i love", 0.5},      {"i hate", 0.5},
        {"i prefer", 0.6},    {"i dont like", 0.5}, {"i do not like", 0.5},
        {"i cant eat", 0.8},  {"i study", 0.6},     {"i play", 0.4},
        {"i speak", 0.5},     {"i am", 0.3},        {"im", 0.3},
        {"we have", 0.4},     {"ich heiße", 0.9},   {"ich bin allergisch", 0.9},
        {"ich wohne", 0.8},   {"ich lebe", 0.8},    {"ich arbeite", 0.7},
        {"ich mag", 0.5},     {"ich liebe", 0.5},   {"ich hasse", 0.5},
        {"ich habe", 0.4},    {"ich spiele", 0.4},  {"ich bin", 0.3},
        {"mein", 0.5},        {"meine", 0.5},       {"wir haben", 0.4},
    };
    struct words words;

    if (!sentence.len || sentence.len > FACT_MAX / 2 || words_is_question(sentence))
        return 0;
    read_words(sentence, &words);
    if (words.count < 3)
        return 0;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (starts(&words, forms[i].begin))
            return forms[i].weight;
    return 0;
}

static void join(char *ret, const char *head, const struct words *words, size_t from, size_t to,
                 const char *tail)
{
    size_t n = (size_t)snprintf(ret, SLOT_MAX, "%s", head);

    for (size_t i = from; i < to && n < SLOT_MAX; i++)
        n += (size_t)snprintf(ret + n, SLOT_MAX - n, "%s%s", n && ret[n - 1] != '/' ? " " : "",
                              words->list[i]);
    if (n < SLOT_MAX)
        snprintf(ret + n, SLOT_MAX - n, "%s", tail);
}

/* "my X is Y": of most things there may be several, of these one. */
static int is_single(const struct words *words, size_t from, size_t to)
{
    static const char single[] =
        "|favorite|favourite|name|birthday|age|job|address|email|phone|number|home|hometown|city|"
        "timezone|nickname|pronouns|major|boss|team|wife|husband|partner|geburtstag|alter|adresse|"
        "telefon|wohnort|beruf|spitzname|zeitzone|chef|frau|mann|";

    for (size_t i = from; i < to; i++)
        if (among(single, words->list[i]) || strncmp(words->list[i], "lieblings", 9) == 0)
            return 1;
    return 0;
}

static int slot_of_mine(const struct words *words, char *ret)
{
    static const char verbs[] = "|is|are|was|ist|sind|war|";
    static const char names[] = "|called|named|heißt|heissen|heißen|";
    size_t verb = 0, named = 0;

    if (!words->count || !among("|my|mein|meine|unser|unsere|our|", words->list[0]))
        return 0;
    for (size_t i = 1; i < words->count && i < 7 && !verb; i++) {
        if (among(names, words->list[i]))
            verb = named = i;
        else if (among(verbs, words->list[i]))
            verb = i;
    }
    if (verb && verb + 1 < words->count && among(names, words->list[verb + 1]))
        named = verb + 1;
    if (verb < 2)
        return 0;
    /* "my cat's name is", which reads as "cats name" */
    if (verb == 3 && strcmp(words->list[2], "name") == 0) {
        char owner[WORD_LEN + 1];
        size_t len = strlen(words->list[1]);

        memcpy(owner, words->list[1], len + 1);
        if (len > 2 && owner[len - 1] == 's')
            owner[len - 1] = '\0';
        snprintf(ret, SLOT_MAX, "my %s/name", owner);
        return 1;
    }
    if (!named && !is_single(words, 1, verb))
        return 0;
    join(ret, "my", words, 1, verb, named ? "/name" : "");
    return 1;
}

void words_slot(troupe_str fact, char *ret)
{
    static const char likes[] = "|like|love|hate|prefer|adore|mag|liebe|hasse|";
    static const struct {
        const char *begin, *slot;
    } fixed[] = {
        {"i live in", "live"},
        {"i moved to", "live"},
        {"i am living in", "live"},
        {"im living in", "live"},
        {"ich wohne", "live"},
        {"ich lebe", "live"},
        {"i work", "work"},
        {"ich arbeite", "work"},
        {"call me", "my name"},
        {"ich heiße", "my name"},
        {"i am called", "my name"},
        {"mein name", "my name"},
        {"i was born", "my birthday"},
    };
    struct words words;
    size_t at = 1;

    ret[0] = '\0';
    read_words(fact, &words);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (starts(&words, fixed[i].begin)) {
            snprintf(ret, SLOT_MAX, "%s", fixed[i].slot);
            return;
        }
    }
    if (slot_of_mine(&words, ret) || words.count < 3)
        return;
    if (strcmp(words.list[0], "ich") == 0 && /* "dass ich in Berlin wohne" */
        among("|wohne|lebe|arbeite|", words.list[words.count - 1])) {
        snprintf(ret, SLOT_MAX, "%s", words.list[words.count - 1][0] == 'a' ? "work" : "live");
        return;
    }
    if (!among("|i|ich|im|", words.list[0]))
        return;
    if (among("|am|im|bin|", words.list[strcmp(words.list[0], "im") ? 1 : 0]) &&
        (among("|years|jahre|", words.list[words.count - 2]) ||
         among("|years|jahre|", words.list[words.count - 1]))) {
        snprintf(ret, SLOT_MAX, "my age");
        return;
    }
    while (at < words.count && among("|really|do|dont|not|no|longer|now|", words.list[at]))
        at++;
    if (at + 1 < words.count && among(likes, words.list[at])) {
        size_t to = words.count < at + 4 ? words.count : at + 4;

        at++;
        while (at < to && among("|kein|keine|nicht|den|die|das|the|", words.list[at]))
            at++;
        while (to > at + 1 && among("|nicht|anymore|mehr|now|", words.list[to - 1]))
            to--;
        join(ret, "like/", &words, at, to, "");
    }
}

/* ---- alike ------------------------------------------------------------------------------------ */

static int is_number(const char *word)
{
    return strpbrk(word, "0123456789") != NULL;
}

static int is_no(const char *word)
{
    return among(
        "|not|no|never|dont|doesnt|isnt|cant|wont|arent|wasnt|didnt|nicht|kein|keine|keinen|nie|"
        "hate|hasse|without|ohne|",
        word);
}

static int is_small_word(const char *word)
{
    return strlen(word) < 2 || among("|the|an|is|are|am|my|to|of|in|on|at|that|it|im|was|and|or|i|"
                                     "der|die|das|ein|eine|ist|"
                                     "mein|meine|ich|bin|und|oder|zu|im|am|",
                                     word);
}

/* Also forms of one word: the beginning is the same, and so nearly is the length. */
static int alike(const char *a, const char *b)
{
    size_t i = 0, x = strlen(a), y = strlen(b);

    while (a[i] && a[i] == b[i])
        i++;
    if (i == x && i == y)
        return 1;
    if (is_number(a) || is_number(b))
        return 0;
    return (i >= 4 && x - i <= 3 && y - i <= 3) || (i == 3 && x + y == 7);
}

static int has(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (alike(words->list[i], word))
            return 1;
    return 0;
}

/* Whether nearly all that counts in `a` is in `b`, but for what denies it. */
static int covered(const struct words *a, const struct words *b)
{
    size_t all = 0, missing = 0;

    for (size_t i = 0; i < a->count; i++) {
        if (is_small_word(a->list[i]) || is_no(a->list[i]))
            continue;
        all++;
        if (has(b, a->list[i]))
            continue;
        if (is_number(a->list[i]))
            return 0;
        missing++;
    }
    return all > 0 && missing * 4 <= all;
}

static size_t denials(const struct words *words)
{
    size_t count = 0;

    for (size_t i = 0; i < words->count; i++)
        count += (size_t)is_no(words->list[i]);
    return count;
}

/* 1: the same, -1: the opposite, 0: something else. */
static int compare(troupe_str a, troupe_str b)
{
    struct words one, two;

    read_words(a, &one);
    read_words(b, &two);
    if (!covered(&one, &two) || !covered(&two, &one))
        return 0;
    return denials(&one) % 2 == denials(&two) % 2 ? 1 : -1;
}

int words_same(troupe_str a, troupe_str b)
{
    return compare(a, b) == 1;
}

int words_opposite(troupe_str a, troupe_str b)
{
    return compare(a, b) == -1;
}

double words_share(troupe_str part, troupe_str whole)
{
    struct words words, one;
    size_t all = 0, found = 0;

    read_words(part, &words);
    for (size_t i = 0; i < words.count; i++) {
        troupe_str rest = whole;
        int there = 0;

        if (is_small_word(words.list[i]) || strlen(words.list[i]) < 3)
            continue;
        all++;
        /* A long text in pieces of what fits into `one`, cut between words. */
        while (rest.len && !there) {
            troupe_str piece = {rest.ptr, rest.len < 150 ? rest.len : 150};

            while (piece.len > 1 && piece.len < rest.len && is_letter(rest.ptr[piece.len]))
                piece.len--;
            read_words(piece, &one);
            there = has(&one, words.list[i]);
            rest.ptr += piece.len;
            rest.len -= piece.len;
        }
        found += (size_t)there;
    }
    return all ? (double)found / (double)all : 0;
}

size_t words_clean(troupe_str text, char *ret)
{
    size_t n = 0;
    uint64_t i = 0;
    int blank = 0;

    for (; i < text.len && n < FACT_MAX - 1; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c == 0x7f) {
            blank = n > 0;
            continue;
        }
        if (blank)
            ret[n++] = ' ';
        blank = 0;
        ret[n++] = (char)c;
    }
    if (i < text.len && ((unsigned char)text.ptr[i] & 0xc0) == 0x80) {
        while (n > 0 && ((unsigned char)ret[n - 1] & 0xc0) == 0x80)
            n--;
        n -= n > 0;
    }
    ret[n] = '\0';
    return n;
}
