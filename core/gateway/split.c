/* SPDX-License-Identifier: Apache-2.0
 *
 * One scan from the start of a part to the first character with which it does not fit any more. What
 * is decided there depends on nothing behind it, so that more text changes nothing. Lines are told
 * apart while they come: what may still become a fence is not shown before it is known.
 */
#include "gateway/split.h"

#include "base/grapheme.h"
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define LEAD_MAX 40 /* characters from a line's first mark to its fence */

/* What is known of the line so far. */
enum line {
    LINE_LEAD,  /* white space, quote marks, a list's marker          */
    LINE_RUN,   /* and then fence characters                          */
    LINE_INFO,  /* it opens a block; the info text comes              */
    LINE_CLOSE, /* it closes the block; white space comes             */
    LINE_TEXT,  /* no fence, whatever comes                           */
};

/* The quality of a cut, best first. */
enum cut { CUT_PARAGRAPH, CUT_LINE, CUT_SENTENCE, CUT_SPACE, CUT_CHARACTER, CUT_ANY, CUT_COUNT };

/* What would be seen of the part if it ended here. */
struct seen {
    size_t end, units;
    bool open;    /* inside a block, which is to be closed   */
    bool content; /* something besides fences                */
};

struct candidate {
    bool there;
    size_t at; /* the source ends here */
    struct seen seen;
    struct split_fence fence;
    bool inside_line;
};

struct scan {
    const char *text;
    size_t limit;
    struct split_fence before; /* what the part opens first; not open: nothing  */
    bool began_inside_line;
    size_t shown, units; /* where it begins to be shown, and from there to here */
    struct seen seen;
    struct split_fence fence; /* in force at the start of the line */
    bool filled;              /* the open block has content in this part */
    /* The line. */
    enum line line;
    size_t line_start, ink, info;     /* where it, its first ink, what follows a fence begins */
    size_t ink_end, ink_units, inked; /* behind its last ink; bytes of ink behind the fence   */
    struct seen line_seen;            /* at its start */
    bool blank, inside_line;
    unsigned lead, quotes, run;
    char mark;
    bool was_blank;  /* the line before */
    bool block_edge; /* the line before ended a block */
    /* The characters before. */
    struct grapheme grapheme;
    uint32_t last;
    bool sentence; /* it has ended; white space may follow */
    struct candidate cuts[CUT_COUNT];
};

/* ---- characters ------------------------------------------------------------------------------ */

static bool is_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

static bool ends_sentence(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026;
}

/* Those that need no white space behind them. */
static bool ends_wide_sentence(uint32_t c)
{
    return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF0E;
}

static unsigned units_of(uint32_t c)
{
    return c >= 0x10000 ? 2 : 1;
}

/* The length of the character at `at`, 0 where it is not all there. What is no UTF-8 counts byte by
 * byte; bytes that spell a character in more than it needs are no sign, and count by their number
 * as text_utf16_len has it. */
static size_t decode(const char *text, size_t at, size_t len, bool whole, uint32_t *ret)
{
    unsigned char first = (unsigned char)text[at];
    size_t size = first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;
    uint32_t c = size == 1 ? first : first & (0x7Fu >> size);

    for (size_t i = 1; i < size; i++) {
        if (at + i == len && !whole)
            return 0;
        if (at + i >= len || ((unsigned char)text[at + i] & 0xC0) != 0x80) {
            *ret = first >= 0xF0 ? 0x10FFFF : 0xFFFD;
            return 1;
        }
        c = c << 6 | ((unsigned char)text[at + i] & 0x3F);
    }
    if (first >= 0xF0 && (size == 1 || c < 0x10000))
        c = 0x10FFFF;
    else if (size == 3 && c < 0x800)
        c = 0xFFFD;
    *ret = c;
    return size;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static size_t quotes_units(const struct split_fence *fence)
{
    return 2 * (size_t)fence->quotes;
}

static size_t closing_units(const struct split_fence *fence)
{
    return 1 + quotes_units(fence) + fence->len;
}

static size_t opening_units(const struct scan *scan)
{
    const struct split_fence *fence = &scan->before;

    if (!fence->open)
        return 0;
    return quotes_units(fence) + fence->len +
           text_utf16_len(scan->text + fence->lang, fence->lang_len) + 1 +
           (scan->began_inside_line ? quotes_units(fence) : 0);
}

static bool fits(const struct scan *scan, const struct seen *seen)
{
    size_t units = opening_units(scan) + seen->units;

    if (seen->open)
        units += closing_units(&scan->fence);
    return units <= scan->limit;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void start_line(struct scan *scan, size_t at, bool inside)
{
    scan->line = inside ? LINE_TEXT : LINE_LEAD;
    scan->line_start = scan->ink = scan->ink_end = at;
    scan->ink_units = scan->units;
    scan->inked = 0;
    scan->line_seen = scan->seen;
    scan->inside_line = inside;
    scan->blank = !inside;
    scan->lead = scan->quotes = scan->run = 0;
}

/* All of the line up to here is content. */
static void see(struct scan *scan, size_t end)
{
    scan->seen = (struct seen){end, scan->units, scan->fence.open, true};
    scan->filled = true;
}

static bool may_lead(const struct scan *scan, uint32_t c)
{
    if (scan->lead == LEAD_MAX)
        return false;
    if (is_space(c))
        return true;
    if (c == '>')
        return !scan->fence.open || scan->fence.quotes;
    return !scan->fence.open &&
           (c == '-' || c == '*' || c == '+' || c == '.' || c == ')' || (c >= '0' && c <= '9'));
}

static void note(struct scan *scan, enum cut cut, size_t at)
{
    scan->cuts[cut] = (struct candidate){
        true, at, scan->seen, scan->fence, at != scan->line_start || scan->inside_line,
    };
}

/* The line's beginning is no fence after all: what was held back is seen, and may be cut off. */
static void become_text(struct scan *scan, uint32_t c, size_t at, size_t end)
{
    size_t units = scan->units;

    scan->line = LINE_TEXT;
    if (scan->run) {
        scan->units = scan->ink_units;
        see(scan, scan->ink_end);
        if (fits(scan, &scan->seen))
            note(scan, CUT_ANY, at);
        scan->units = units;
    }
    if (!is_space(c))
        see(scan, end);
}

static void take_lead(struct scan *scan, uint32_t c, size_t at, size_t end)
{
    if (scan->blank)
        scan->ink = at;
    if ((c == '`' || c == '~') && (!scan->fence.open || c == (unsigned char)scan->fence.mark)) {
        scan->line = LINE_RUN;
        scan->mark = (char)c;
        scan->run = 1;
        if (!scan->fence.open)
            see(scan, end);
        return;
    }
    if (!may_lead(scan, c)) {
        become_text(scan, c, at, end);
        return;
    }
    scan->lead += !scan->blank || !is_space(c);
    if (is_space(c))
        return;
    scan->quotes += c == '>';
    if (!scan->fence.open)
        see(scan, end);
}

/* A fence is not cut. */
static void forget_cuts_of_line(struct scan *scan)
{
    for (size_t i = 0; i < CUT_COUNT; i++)
        if (scan->cuts[i].at > scan->line_start)
            scan->cuts[i].there = false;
}

/* A block that is opened is shown with its first content. */
static void hold_opening(struct scan *scan)
{
    struct candidate *line = &scan->cuts[CUT_LINE];

    scan->seen = scan->line_seen;
    forget_cuts_of_line(scan);
    /* Before a block is as good as between paragraphs. */
    if (line->there && line->at == scan->line_start)
        scan->cuts[CUT_PARAGRAPH] = *line;
}

/* The block is closed here, unless more comes in the line. */
static void see_closing(struct scan *scan, size_t end)
{
    forget_cuts_of_line(scan);
    if (scan->seen.content || !scan->before.open)
        scan->seen = (struct seen){end, scan->units, false, scan->line_seen.content};
}

static void take_run(struct scan *scan, uint32_t c, size_t at, size_t end)
{
    if (c == (unsigned char)scan->mark && scan->run < SPLIT_FENCE_MAX) {
        scan->run++;
        if (scan->fence.open) {
            if (scan->run >= scan->fence.len)
                see_closing(scan, end);
        } else if (scan->run >= 3) {
            hold_opening(scan);
        } else {
            see(scan, end);
        }
    } else if (scan->fence.open && scan->run >= scan->fence.len && is_space(c)) {
        scan->line = LINE_CLOSE;
    } else if (!scan->fence.open && scan->run >= 3 && c != (unsigned char)scan->mark) {
        scan->line = LINE_INFO;
        scan->info = at;
    } else {
        become_text(scan, c, at, end);
    }
}

static void take_in_line(struct scan *scan, uint32_t c, size_t at, size_t end)
{
    if (scan->line == LINE_LEAD)
        take_lead(scan, c, at, end);
    else if (scan->line == LINE_RUN)
        take_run(scan, c, at, end);
    else if (scan->line == LINE_CLOSE && !is_space(c))
        become_text(scan, c, at, end);
    else if (scan->line == LINE_TEXT && !is_space(c))
        see(scan, end);
    if (scan->line == LINE_INFO &&
        ((c == '`' && scan->mark == '`') || scan->inked + (end - at) > SPLIT_INFO_MAX))
        become_text(scan, c, at, end);
    if (is_space(c))
        return;
    scan->blank = false;
    scan->ink_end = end;
    scan->ink_units = scan->units;
    if (scan->line == LINE_INFO)
        scan->inked += end - at;
}

static void open_block(struct scan *scan, size_t end)
{
    struct split_fence *fence = &scan->fence;
    size_t from = scan->line == LINE_INFO ? scan->info : end;

    *fence = (struct split_fence){.open = true, .mark = scan->mark, .len = scan->run};
    fence->quotes = scan->quotes < SPLIT_QUOTE_MAX ? scan->quotes : SPLIT_QUOTE_MAX;
    while (from < end && is_ascii_space(scan->text[from]))
        from++;
    fence->lang = from;
    while (from < end && !is_ascii_space(scan->text[from]))
        from++;
    if (from - fence->lang <= SPLIT_LANG_MAX)
        fence->lang_len = from - fence->lang;
    scan->filled = false;
}

/* `at` is the line feed's place. */
static void end_line(struct scan *scan, size_t at)
{
    bool opens = !scan->fence.open &&
                 (scan->line == LINE_INFO || (scan->line == LINE_RUN && scan->run >= 3));
    bool closes = scan->fence.open && (scan->line == LINE_CLOSE ||
                                       (scan->line == LINE_RUN && scan->run >= scan->fence.len));

    if (opens) {
        open_block(scan, at);
    } else if (closes) {
        if (scan->before.open && !scan->seen.content) {
            /* The cut before has closed it. */
            scan->before.open = false;
            scan->shown = at + 1;
            scan->units = 0;
            scan->seen = (struct seen){at + 1, 0, false, false};
        }
        scan->fence.open = false;
    } else if (scan->line == LINE_RUN) {
        become_text(scan, '\n', at, at); /* too few */
    }
    scan->was_blank = scan->blank;
    scan->block_edge = closes;
}

/* ---- cuts ------------------------------------------------------------------------------------ */

/* The boundary before `c`, which comes next. */
static void look_at_boundary(struct scan *scan, uint32_t c, size_t at)
{
    bool joined = grapheme_joins(&scan->grapheme, c), line_start = at == scan->line_start;
    bool held = scan->fence.open && !scan->filled;

    if (!scan->seen.content || held || at == scan->shown)
        return;
    if (line_start && !scan->inside_line) {
        bool edge = scan->was_blank || scan->block_edge || c == '#';

        if (scan->fence.open)
            note(scan, scan->was_blank ? CUT_LINE : CUT_SENTENCE, at);
        else
            note(scan, edge ? CUT_PARAGRAPH : CUT_LINE, at);
        return;
    }
    if (scan->line == LINE_RUN || scan->line == LINE_INFO || scan->line == LINE_CLOSE)
        return;
    note(scan, CUT_ANY, at);
    /* A run of fence characters at the start of a message would be a fence. */
    if (joined || c == '`' || c == '~')
        return;
    if (is_space(scan->last) && !is_space(c) && !scan->blank)
        note(scan, scan->sentence && !scan->fence.open ? CUT_SENTENCE : CUT_SPACE, at);
    else if (ends_wide_sentence(scan->last) && !scan->fence.open)
        note(scan, CUT_SENTENCE, at);
    else if (!is_space(c))
        note(scan, CUT_CHARACTER, at);
}

/* The best cut that leaves a part of some length. */
static const struct candidate *choose(const struct scan *scan)
{
    static const struct {
        size_t share; /* of the limit, one in so many */
        enum cut last;
    } rounds[] = {{2, CUT_SENTENCE}, {4, CUT_SPACE}};
    const struct candidate *cut;

    for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++)
        for (int k = 0; k <= (int)rounds[i].last; k++) {
            cut = &scan->cuts[k];
            if (cut->there && cut->seen.units >= scan->limit / rounds[i].share)
                return cut;
        }
    cut = NULL;
    for (int k = 0; k <= CUT_CHARACTER; k++)
        if (scan->cuts[k].there && (!cut || scan->cuts[k].at > cut->at))
            cut = &scan->cuts[k];
    return cut ? cut : scan->cuts[CUT_ANY].there ? &scan->cuts[CUT_ANY] : NULL;
}

/* ---- the scan -------------------------------------------------------------------------------- */

/* Begins to show at `at`. */
static void begin(struct scan *scan, size_t at, const struct split_fence *fence, bool inside_line)
{
    scan->before = scan->fence = *fence;
    scan->began_inside_line = inside_line;
    scan->shown = at;
    scan->units = 0;
    scan->seen = (struct seen){at, 0, false, false};
    scan->filled = false;
    scan->was_blank = scan->block_edge = scan->sentence = false;
    scan->grapheme = (struct grapheme){0};
    scan->last = 0;
    start_line(scan, at, inside_line);
}

/* White space that nothing precedes is not shown; in a block only whole lines of it. */
static void skip_blank(struct scan *scan, uint32_t c, size_t end)
{
    bool blank = scan->line == LINE_TEXT || (scan->line == LINE_LEAD && !scan->lead);

    if (!blank || !is_space(c) || scan->seen.content || scan->seen.units)
        return;
    if (scan->fence.open && (c != '\n' || !scan->before.open))
        return; /* also where the block's opening line stands before */
    scan->shown = scan->seen.end = end;
    scan->units = 0;
    scan->line_seen = scan->seen;
    scan->began_inside_line &= c != '\n';
}

static void take(struct scan *scan, uint32_t c, size_t at, size_t end)
{
    look_at_boundary(scan, c, at);
    scan->units += units_of(c);
    if (c == '\n') {
        end_line(scan, at);
        start_line(scan, end, false);
    } else {
        take_in_line(scan, c, at, end);
    }
    skip_blank(scan, c, end);
    scan->sentence = ends_sentence(c) || (scan->sentence && is_space(c)) ||
                     (scan->sentence && (c == '"' || c == '\'' || c == ')' || c == 0x201D));
    scan->last = c;
}

static void give(const struct scan *scan, const struct split_state *state, size_t end,
                 const struct seen *seen, const struct split_fence *fence, bool fixed,
                 struct split_part *ret)
{
    *ret = (struct split_part){
        .start = state->from,
        .end = end,
        .shown = scan->shown,
        .shown_len = seen->end - scan->shown,
        .before = scan->before,
        .after = *fence,
        .inside_line = scan->began_inside_line,
        .fixed = fixed,
    };
    ret->after.open = seen->open;
}

/* The text ends here for good: what was held back is as it stands. */
static void release(struct scan *scan, size_t end)
{
    if (scan->line == LINE_INFO ||
        (scan->line == LINE_RUN && scan->fence.open && scan->run < scan->fence.len))
        become_text(scan, ' ', end, end);
}

/* A text that is nothing but fences: as it stands, where that fits. */
static bool give_bare(const struct split_state *state, const char *text, size_t len, size_t limit,
                      struct split_part *ret)
{
    size_t start = 0, end = len;

    while (end && is_ascii_space(text[end - 1]))
        end--;
    while (start < end && is_ascii_space(text[start]))
        start++;
    if (state->from || start == end || text_utf16_len(text + start, end - start) > limit)
        return false;
    *ret = (struct split_part){.end = len, .shown = start, .shown_len = end - start};
    return true;
}

/* Takes characters from `at` until one does not fit, or the text ends; returns where it stands. */
static size_t run(struct scan *scan, size_t at, size_t len, bool whole,
                  struct split_state *ret_again)
{
    size_t size;
    uint32_t c;

    while (at < len && (size = decode(scan->text, at, len, whole, &c)) > 0) {
        bool held = scan->run && scan->line != LINE_TEXT;
        size_t ink = held && scan->ink > scan->shown ? scan->ink : at;

        *ret_again =
            (struct split_state){ink, ink != scan->line_start || scan->inside_line, scan->fence};
        take(scan, c, at, at + size);
        if (!fits(scan, &scan->seen))
            return at;
        at += size;
    }
    if (whole) {
        *ret_again = (struct split_state){scan->ink, true, scan->fence};
        release(scan, at);
    }
    return at;
}

/* Most answers: a whole short text of ASCII without a fence. It needs no scan, as it is one part. */
static bool give_short(const struct split_state *state, const char *text, size_t len, size_t limit,
                       struct split_part *ret)
{
    size_t start = 0, end = len;

    if (len > limit || state->from || state->inside_line || state->fence.open)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80 || text[i] == '`' || text[i] == '~')
            return false;
    while (end && is_ascii_space(text[end - 1]))
        end--;
    while (start < end && is_ascii_space(text[start]))
        start++;
    *ret = (struct split_part){.end = len, .shown = start, .shown_len = end - start};
    return end > 0;
}

bool split_next(const char *text, size_t len, size_t limit, bool whole, struct split_state *state,
                struct split_part *ret)
{
    struct scan scan = {.text = text, .limit = limit < SPLIT_LIMIT_MIN ? SPLIT_LIMIT_MIN : limit};
    struct split_state again = *state;
    size_t at;

    if (whole && give_short(state, text, len, scan.limit, ret))
        return true;
    for (;;) {
        const struct candidate *cut;

        begin(&scan, again.from, &again.fence, again.inside_line);
        at = run(&scan, again.from, len, whole, &again);
        if (fits(&scan, &scan.seen))
            break;
        cut = choose(&scan);
        if (cut) {
            give(&scan, state, cut->at, &cut->seen, &cut->fence, true, ret);
            *state = (struct split_state){cut->at, cut->inside_line, cut->fence};
            return true;
        }
        /* Nothing but white space stands before what does not fit: that is left out. */
        memset(scan.cuts, 0, sizeof(scan.cuts));
    }
    if (!scan.seen.content)
        return whole && give_bare(state, text, len, limit, ret);
    give(&scan, state, at, &scan.seen, &scan.fence, false, ret);
    return true;
}

/* ---- the message ----------------------------------------------------------------------------- */

static void put_fence(const struct split_fence *fence, struct buf *out)
{
    for (unsigned i = 0; i < fence->quotes; i++)
        buf_puts(out, "> ");
    for (unsigned i = 0; i < fence->len; i++)
        buf_putc(out, fence->mark);
}

void split_render(const char *text, const struct split_part *part, struct buf *out)
{
    if (part->before.open) {
        put_fence(&part->before, out);
        buf_append(out, text + part->before.lang, part->before.lang_len);
        buf_putc(out, '\n');
        for (unsigned i = 0; part->inside_line && i < part->before.quotes; i++)
            buf_puts(out, "> ");
    }
    buf_append(out, text + part->shown, part->shown_len);
    if (part->after.open) {
        buf_putc(out, '\n');
        put_fence(&part->after, out);
    }
}
