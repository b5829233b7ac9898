/* SPDX-License-Identifier: Apache-2.0
 *
 * libedit is used through its own interface, unbuffered: el_gets returns after each key. It keeps a
 * picture of the screen and knows nothing of text that others print; so before such text the prompt
 * is wiped by hand, and afterwards libedit starts over with a fresh picture and gets the typed text
 * back. Starting over goes through the mode in which libedit runs other programs, so that mode is
 * made to keep keys as they are too: in the terminal's own one the kernel would edit lines itself,
 * and a Ctrl-D or backspace typed in that moment would be lost. While somebody types, an unfinished
 * last line of the text is held back: it would otherwise be torn by the prompt at every piece.
 */
#include "gateway/console/terminal.h"

#include "base/buf.h"
#include "base/mem.h"

#include <histedit.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define CTRL_D 4

struct console_terminal {
    EditLine *edit;
    History *history;
    char *history_path;
    char *prompt;
    char *line;       /* the last whole line                          */
    struct buf typed; /* what stood at the prompt when it was wiped   */
    size_t cursor;    /* in `typed`                                   */
    struct buf held;  /* the beginning of a line, while somebody types */
    bool shown;       /* the prompt is on the screen                  */
    bool inside_line; /* the screen's last line is text of others     */
};

static char *current_prompt(EditLine *edit)
{
    struct console_terminal *terminal = NULL;

    el_get(edit, EL_CLIENTDATA, &terminal);
    return terminal->prompt;
}

static void put(const char *text, size_t len)
{
    fwrite(text, 1, len, stdout);
    fflush(stdout);
}

/* ---- the prompt ------------------------------------------------------------------------------ */

static size_t columns_of(const char *text, size_t len)
{
    mbstate_t state = {0};
    size_t columns = 0;

    while (len) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, len, &state);
        int width;

        if (n == 0 || n > len)
            break;
        width = wcwidth(c);
        columns += width > 0 ? (size_t)width : 0;
        text += n;
        len -= n;
    }
    return columns;
}

static size_t screen_columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static bool is_typing(const struct console_terminal *terminal)
{
    const LineInfo *info;

    if (!terminal->shown)
        return terminal->typed.len > 0;
    info = el_line(terminal->edit);
    return info->lastchar > info->buffer;
}

/* Wipes the prompt and what was typed, which is kept. */
static void wipe(struct console_terminal *terminal)
{
    const LineInfo *info = el_line(terminal->edit);
    size_t rows;

    if (!terminal->shown)
        return;
    buf_reset(&terminal->typed);
    buf_append(&terminal->typed, info->buffer, (size_t)(info->lastchar - info->buffer));
    terminal->cursor = (size_t)(info->cursor - info->buffer);
    rows = (columns_of(terminal->prompt, strlen(terminal->prompt)) +
            columns_of(info->buffer, terminal->cursor)) /
           screen_columns();
    if (rows)
        printf("\033[%zuA", rows);
    put("\r\033[J", 4);
    terminal->shown = false;
}

/* Puts the prompt on a line of its own, with what had been typed. */
static void show_prompt(struct console_terminal *terminal)
{
    size_t behind;

    if (terminal->shown)
        return;
    if (terminal->inside_line)
        put("\n", 1);
    terminal->inside_line = false;
    /* Leaving and entering this mode makes libedit forget the screen and draw the prompt. */
    el_set(terminal->edit, EL_UNBUFFERED, 0);
    el_set(terminal->edit, EL_UNBUFFERED, 1);
    terminal->shown = true;
    if (!terminal->typed.len)
        return;
    (void)el_insertstr(terminal->edit, buf_text(&terminal->typed));
    behind = 0;
    for (size_t i = terminal->cursor; i < terminal->typed.len; i++)
        behind += ((unsigned char)terminal->typed.data[i] & 0xC0) != 0x80;
    if (behind)
        (void)el_cursor(terminal->edit, -(int)behind);
    buf_reset(&terminal->typed);
    el_set(terminal->edit, EL_REFRESH);
}

void console_terminal_prompt(struct console_terminal *terminal, const char *name)
{
    bool shown = terminal->shown;

    wipe(terminal);
    mem_free(terminal->prompt);
    terminal->prompt = mem_printf("%s> ", name);
    if (shown)
        show_prompt(terminal);
}

void console_terminal_forget(struct console_terminal *terminal)
{
    wipe(terminal);
    buf_reset(&terminal->typed);
    show_prompt(terminal);
}

void console_terminal_resized(struct console_terminal *terminal)
{
    el_resize(terminal->edit);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_text(struct console_terminal *terminal, const char *text, size_t len)
{
    if (!len)
        return;
    wipe(terminal);
    put(text, len);
    terminal->inside_line = text[len - 1] != '\n';
}

void console_terminal_show(struct console_terminal *terminal, const char *text, size_t len)
{
    const char *end;

    if (!is_typing(terminal) && !terminal->held.len) {
        print_text(terminal, text, len);
    } else {
        buf_append(&terminal->held, text, len);
        end = memrchr(terminal->held.data, '\n', terminal->held.len);
        if (end) {
            size_t whole = (size_t)(end - terminal->held.data) + 1;

            print_text(terminal, terminal->held.data, whole);
            buf_shift(&terminal->held, whole);
        }
    }
    if (!terminal->inside_line)
        show_prompt(terminal);
}

void console_terminal_settle(struct console_terminal *terminal)
{
    print_text(terminal, buf_text(&terminal->held), terminal->held.len);
    buf_reset(&terminal->held);
    show_prompt(terminal);
}

/* ---- keys ------------------------------------------------------------------------------------ */

enum console_input console_terminal_read(struct console_terminal *terminal, const char **ret_line)
{
    const char *text;
    HistEvent event;
    int count = 0, waiting = 0;

    /* el_gets tells an empty line and the end of the input apart no more than this. */
    if (ioctl(STDIN_FILENO, FIONREAD, &waiting) < 0 || !waiting)
        return CONSOLE_INPUT_END;
    show_prompt(terminal);
    text = el_gets(terminal->edit, &count);
    if (!text || count <= 0)
        return CONSOLE_INPUT_NONE;
    if (count == 1 && text[0] == CTRL_D)
        return CONSOLE_INPUT_END;
    if (text[count - 1] != '\n' && text[count - 1] != '\r')
        return CONSOLE_INPUT_NONE;
    mem_free(terminal->line);
    terminal->line = mem_strndup(text, (size_t)count - 1);
    if (*terminal->line)
        (void)history(terminal->history, &event, H_ENTER, terminal->line);
    terminal->shown = false;
    show_prompt(terminal);
    *ret_line = terminal->line;
    return CONSOLE_INPUT_LINE;
}

/* ---- life ------------------------------------------------------------------------------------ */

troupe_status console_terminal_open(const char *name, const char *history_path,
                                    struct console_terminal **ret, struct error *err)
{
    struct console_terminal *terminal = mem_zero(1, sizeof(*terminal));
    HistEvent event;

    terminal->prompt = mem_printf("%s> ", name);
    terminal->edit = el_init("troupe", stdin, stdout, stderr);
    terminal->history = history_init();
    if (!terminal->edit || !terminal->history) {
        console_terminal_close(terminal);
        return error_set(err, TROUPE_UNSUPPORTED,
                         "this terminal cannot be used for line editing; set TERM, or pipe the "
                         "input");
    }
    el_set(terminal->edit, EL_CLIENTDATA, terminal);
    el_set(terminal->edit, EL_PROMPT, current_prompt);
    el_set(terminal->edit, EL_EDITOR, "emacs");
    el_set(terminal->edit, EL_SIGNAL, 0);
    el_set(terminal->edit, EL_HIST, history, terminal->history);
    (void)el_set(terminal->edit, EL_SETTY, "-x", "-icanon", "-echo", "-icrnl", "-iexten", NULL);
    (void)history(terminal->history, &event, H_SETSIZE, CONSOLE_HISTORY_LINES);
    (void)history(terminal->history, &event, H_SETUNIQUE, 1);
    if (history_path) {
        terminal->history_path = mem_strdup(history_path);
        (void)history(terminal->history, &event, H_LOAD, history_path);
    }
    show_prompt(terminal);
    *ret = terminal;
    return TROUPE_OK;
}

void console_terminal_close(struct console_terminal *terminal)
{
    HistEvent event;

    if (!terminal)
        return;
    if (terminal->edit) {
        print_text(terminal, buf_text(&terminal->held), terminal->held.len);
        if (terminal->shown || terminal->inside_line)
            put("\n", 1);
        el_set(terminal->edit, EL_UNBUFFERED, 0); /* the terminal's own modes */
        el_end(terminal->edit);
    }
    if (terminal->history) {
        if (terminal->history_path)
            (void)history(terminal->history, &event, H_SAVE, terminal->history_path);
        history_end(terminal->history);
    }
    buf_clear(&terminal->typed);
    buf_clear(&terminal->held);
    mem_free(terminal->history_path);
    mem_free(terminal->prompt);
    mem_free(terminal->line);
    mem_free(terminal);
}
