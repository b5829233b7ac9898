/* SPDX-License-Identifier: Apache-2.0
 *
 * The log's state is the one piece of process-wide state in base: every thread writes to it and
 * there is one stderr. It is guarded by a mutex; the level is atomic, so a disabled line costs a
 * load.
 */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/mem.h"

#include <ctype.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASK_MIN   6
#define KEPT_MAX   8192
#define LINE_FIRST 480 /* bytes of a line, for which it takes memory once */

static struct {
    pthread_mutex_t lock;
    atomic_int level;
    enum log_format format;
    int fd;
    int journal; /* -1: none */
    char **masks;
    size_t mask_count;
    atomic_uint_least64_t counts[4];
    bool gathers;
    atomic_size_t kept_len; /* of what is kept below; written under the lock */
} state = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .fd = STDERR_FILENO, .journal = -1};

/* Apart from the state, which is no zeroes: who never keeps a line has no memory for it. */
static char kept[KEPT_MAX];

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

/* The text, or a masked copy of it where it holds a secret, in `ret_copy` (mem_free). */
static const char *masked_locked(const char *text, char **ret_copy)
{
    *ret_copy = NULL;
    for (size_t i = 0; i < state.mask_count; i++) {
        if (!strstr(text, state.masks[i]))
            continue;
        *ret_copy = mem_strdup(text);
        mask_locked(*ret_copy);
        return *ret_copy;
    }
    return text;
}

void log_mask_apply(char *text)
{
    pthread_mutex_lock(&state.lock);
    mask_locked(text);
    pthread_mutex_unlock(&state.lock);
}

/* Control characters become \xNN, so that a line stays one line; what stands in `also` gets a
 * backslash. */
static void put_escaped(struct buf *out, const char *text, const char *also)
{
    const char *plain = text;

    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool control = c < 0x20 || c == 0x7f;

        if (!control && (!*also || !strchr(also, *p)))
            continue;
        buf_append(out, plain, (size_t)(p - plain));
        plain = p + 1;
        if (control)
            buf_printf(out, "\\x%02x", c);
        else
            buf_append(out, (const char[]){'\\', *p}, 2);
    }
    buf_puts(out, plain);
}

/* ---- one entry in its forms ------------------------------------------------------------------ */

/* What is said, without secrets. */
struct entry {
    enum log_level level;
    const char *part, *id, *text;
    const struct log_field *fields;
    size_t count;
};

static void put_value(struct buf *out, const char *text)
{
    const char *p = text;

    while (isalnum((unsigned char)*p) || *p == '.' || *p == '_' || *p == ':' || *p == '-')
        p++;
    if (p > text && !*p) {
        buf_append(out, text, (size_t)(p - text));
        return;
    }
    if (*text && !strpbrk(text, " \"=\\")) {
        put_escaped(out, text, "");
        return;
    }
    buf_putc(out, '"');
    put_escaped(out, text, "\"\\");
    buf_putc(out, '"');
}

static void put_text(struct buf *out, const struct entry *entry)
{
    buf_puts(out, entry->part);
    buf_puts(out, ": ");
    put_escaped(out, entry->text, "");
    for (size_t i = 0; i < entry->count; i++) {
        const struct log_field *field = &entry->fields[i];

        buf_putc(out, ' ');
        buf_puts(out, field->name);
        buf_putc(out, '=');
        if (field->text)
            put_value(out, field->text);
        else
            buf_put_int(out, field->number);
    }
}

static json_t *json_text(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_string("(not utf-8)");
}

static void put_json(struct buf *out, const char *stamp, const struct entry *entry)
{
    json_t *line = json_pack("{s:s, s:s, s:s}", "time", stamp, "level", level_names[entry->level],
                             "part", entry->part);
    char *dumped;

    json_object_set_new(line, "message", json_text(entry->text));
    for (size_t i = 0; i < entry->count; i++)
        json_object_set_new(line, entry->fields[i].name,
                            entry->fields[i].text ? json_text(entry->fields[i].text)
                                                  : json_integer(entry->fields[i].number));
    dumped = json_dumps(line, JSON_COMPACT);
    if (dumped)
        buf_puts(out, dumped);
    free(dumped);
    json_decref(line);
}

static const int priorities[] = {3, 4, 6, 7};

static bool to_journal(const struct entry *entry)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    char number[24];

    if (state.journal < 0)
        return false;
    snprintf(number, sizeof(number), "%d", priorities[entry->level]);
    journal_put(&out, "", "message", entry->text, strlen(entry->text));
    journal_put(&out, "", "priority", number, strlen(number));
    journal_put(&out, "", "syslog_identifier", "troupe", 6);
    journal_put(&out, "troupe_", "part", entry->part, strlen(entry->part));
    if (entry->id)
        journal_put(&out, "", "message_id", entry->id, strlen(entry->id));
    for (size_t i = 0; i < entry->count; i++) {
        const char *value = entry->fields[i].text;

        if (!value) {
            snprintf(number, sizeof(number), "%lld", (long long)entry->fields[i].number);
            value = number;
        }
        journal_put(&out, "troupe_", entry->fields[i].name, value, strlen(value));
    }
    return journal_send(state.journal, &out);
}

static void put_line(struct buf *line, const char *stamp, const struct entry *entry)
{
    switch (state.format) {
    case LOG_JSON: put_json(line, stamp, entry); break;
    case LOG_SYSTEMD:
        buf_printf(line, "<%d>", priorities[entry->level]);
        put_text(line, entry);
        break;
    case LOG_TEXT:
        buf_printf(line, "%s %-5s ", stamp, level_names[entry->level]);
        put_text(line, entry);
        break;
    }
    buf_putc(line, '\n');
}

static void write_out(const char *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(state.fd, data + done, len - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
}

static void write_kept(void)
{
    write_out(kept, atomic_load(&state.kept_len));
    atomic_store(&state.kept_len, 0);
}

static bool keep(const struct buf *line)
{
    size_t len;

    if (line->len > KEPT_MAX - atomic_load(&state.kept_len))
        write_kept();
    len = atomic_load(&state.kept_len);
    if (line->len > KEPT_MAX - len)
        return false;
    memcpy(kept + len, line->data, line->len);
    atomic_store(&state.kept_len, len + line->len);
    return true;
}

/* The state is locked. */
static void emit(const struct entry *entry)
{
    _cleanup_buf_ struct buf line = BUF_INIT;
    char stamp[CLOCK_ISO_SIZE];

    if (state.format == LOG_SYSTEMD && to_journal(entry))
        return;
    clock_iso(clock_wall_ms(), stamp);
    (void)buf_reserve(&line, LINE_FIRST);
    put_line(&line, stamp, entry);
    if (state.gathers && entry->level >= LOG_INFO && keep(&line))
        return;
    write_kept();
    write_out(line.data, line.len);
}

void log_gather(bool on)
{
    pthread_mutex_lock(&state.lock);
    state.gathers = on;
    write_kept();
    pthread_mutex_unlock(&state.lock);
}

void log_flush(void)
{
    if (!atomic_load_explicit(&state.kept_len, memory_order_relaxed))
        return;
    pthread_mutex_lock(&state.lock);
    write_kept();
    pthread_mutex_unlock(&state.lock);
}

void log_flush_dying(void)
{
    write_kept();
}

/* ---- writing --------------------------------------------------------------------------------- */

bool log_journal(const char *path)
{
    int fd = path ? journal_open(path) : -1;

    pthread_mutex_lock(&state.lock);
    if (state.journal >= 0)
        close(state.journal);
    state.journal = fd;
    pthread_mutex_unlock(&state.lock);
    return fd >= 0;
}

uint64_t log_count(enum log_level level)
{
    return atomic_load_explicit(&state.counts[level], memory_order_relaxed);
}

void log_fields(enum log_level level, const char *part, const char *id,
                const struct log_field *fields, size_t count, const char *message)
{
    struct log_field shown[LOG_FIELDS_MAX];
    char *copies[LOG_FIELDS_MAX + 1] = {NULL};
    const char *text;

    if (!log_enabled(level))
        return;
    count = count < LOG_FIELDS_MAX ? count : LOG_FIELDS_MAX;
    atomic_fetch_add_explicit(&state.counts[level], 1, memory_order_relaxed);
    pthread_mutex_lock(&state.lock);
    text = masked_locked(message, &copies[LOG_FIELDS_MAX]);
    for (size_t i = 0; i < count; i++) {
        shown[i] = fields[i];
        if (fields[i].text)
            shown[i].text = masked_locked(fields[i].text, &copies[i]);
    }
    emit(&(struct entry){level, part, id, text, shown, count});
    pthread_mutex_unlock(&state.lock);
    for (size_t i = 0; i <= LOG_FIELDS_MAX; i++)
        mem_free(copies[i]);
}

void log_writev(enum log_level level, const char *part, const char *format, va_list args)
{
    struct buf text = BUF_INIT;

    if (!log_enabled(level))
        return;
    buf_vprintf(&text, format, args);
    log_fields(level, part, NULL, NULL, 0, buf_text(&text));
    buf_clear(&text);
}

void log_write(enum log_level level, const char *part, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_writev(level, part, format, args);
    va_end(args);
}
