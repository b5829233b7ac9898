/* SPDX-License-Identifier: Apache-2.0
 *
 * The log's state is the one piece of process-wide state in base: every thread writes to it and
 * there is one stderr. It is guarded by a mutex; the level is atomic, so a disabled line costs a
 * load.
 */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASK_MIN 6

static struct {
    pthread_mutex_t lock;
    atomic_int level;
    enum log_format format;
    int fd;
    char **masks;
    size_t mask_count;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .fd = STDERR_FILENO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(enum log_level level, enum log_format format, int fd)
{
    pthread_mutex_lock(&state.lock);
    atomic_store(&state.level, level);
    state.format = format;
    state.fd = fd;
    pthread_mutex_unlock(&state.lock);
}

void log_set_level(enum log_level level)
{
    atomic_store(&state.level, level);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&state.level, memory_order_relaxed);
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, level_names[i]))
            return i;
    return -1;
}

void log_mask(const char *secret)
{
    size_t place;

    if (!secret || strlen(secret) < MASK_MIN)
        return;
    pthread_mutex_lock(&state.lock);
    for (size_t i = 0; i < state.mask_count; i++) {
        if (!strcmp(state.masks[i], secret)) {
            pthread_mutex_unlock(&state.lock);
            return;
        }
    }
    state.masks = mem_resize(state.masks, state.mask_count + 1, sizeof(*state.masks));
    /* Longest first: a secret that begins like a shorter one must not leave its tail. */
    for (place = state.mask_count++; place > 0; place--) {
        if (strlen(state.masks[place - 1]) >= strlen(secret))
            break;
        state.masks[place] = state.masks[place - 1];
    }
    state.masks[place] = mem_strdup(secret);
    pthread_mutex_unlock(&state.lock);
}

void log_mask_clear(void)
{
    pthread_mutex_lock(&state.lock);
    for (size_t i = 0; i < state.mask_count; i++) {
        explicit_bzero(state.masks[i], strlen(state.masks[i]));
        mem_free(state.masks[i]);
    }
    mem_free(state.masks);
    state.masks = NULL;
    state.mask_count = 0;
    pthread_mutex_unlock(&state.lock);
}

static void mask_locked(char *text)
{
    for (size_t i = 0; i < state.mask_count; i++) {
        size_t len = strlen(state.masks[i]);

        for (char *hit = text; (hit = strstr(hit, state.masks[i]));) {
            memset(hit, '*', len);
            hit += len;
        }
    }
}

void log_mask_apply(char *text)
{
    pthread_mutex_lock(&state.lock);
    mask_locked(text);
    pthread_mutex_unlock(&state.lock);
}

/* Control characters become \xNN, so that a line stays one line. */
static void put_escaped(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_putc(out, *p);
    }
}

static void put_json(struct buf *out, const char *stamp, enum log_level level, const char *part,
                     const char *text)
{
    json_t *line =
        json_pack("{s:s, s:s, s:s}", "time", stamp, "level", level_names[level], "part", part);
    json_t *message = json_string(text);
    char *dumped;

    if (!message)
        message = json_string("(not utf-8)");
    json_object_set_new(line, "message", message);
    dumped = json_dumps(line, JSON_COMPACT);
    if (dumped)
        buf_puts(out, dumped);
    free(dumped);
    json_decref(line);
}

void log_writev(enum log_level level, const char *part, const char *format, va_list args)
{
    static const int priorities[] = {3, 4, 6, 7};
    struct buf text = BUF_INIT, line = BUF_INIT;
    char stamp[CLOCK_ISO_SIZE];
    size_t done = 0;

    if (!log_enabled(level))
        return;
    buf_vprintf(&text, format, args);
    clock_iso(clock_wall_ms(), stamp);
    pthread_mutex_lock(&state.lock);
    if (text.data)
        mask_locked(text.data);
    switch (state.format) {
    case LOG_JSON: put_json(&line, stamp, level, part, buf_text(&text)); break;
    case LOG_SYSTEMD:
        buf_printf(&line, "<%d>%s: ", priorities[level], part);
        put_escaped(&line, buf_text(&text));
        break;
    case LOG_TEXT:
        buf_printf(&line, "%s %-5s %s: ", stamp, level_names[level], part);
        put_escaped(&line, buf_text(&text));
        break;
    }
    buf_putc(&line, '\n');
    while (done < line.len) {
        ssize_t n = write(state.fd, line.data + done, line.len - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    pthread_mutex_unlock(&state.lock);
    buf_clear(&text);
    buf_clear(&line);
}

void log_write(enum log_level level, const char *part, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_writev(level, part, format, args);
    va_end(args);
}
