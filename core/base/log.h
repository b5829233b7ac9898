/* SPDX-License-Identifier: Apache-2.0
 *
 * The log. Library code returns errors; programs and the wiring log them, once. One call writes
 * one line: to a terminal as text, under systemd as an entry of the journal or, without one, with
 * "<N>" priorities, or as JSON lines. Control characters are escaped, so no member can forge a line.
 * Secrets that were registered with log_mask never pass: they are replaced by asterisks in every
 * line. Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON, LOG_SYSTEMD };

void log_setup(enum log_level level, enum log_format format, int fd);
/* With LOG_SYSTEMD: entries go to the journal that listens at `path` instead, with their fields.
 * NULL: not any more. False where nobody listens: then it stays with lines. */
bool log_journal(const char *path);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* `part` names the speaking part of the host or the plugin: "store", "plugin:llm". */
void log_write(enum log_level level, const char *part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_writev(enum log_level level, const char *part, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/* One fact of a line that programs read. */
struct log_field {
    const char *name; /* lower case and "_"             */
    const char *text; /* NULL: the number               */
    int64_t number;
};
#define LOG_FIELDS_MAX 24 /* what is beyond is left out */
/* A line with fields: as text "message name=value …", in JSON members of their own, in the journal
 * TROUPE_NAME. `id` (may be NULL) is the journal's MESSAGE_ID of this kind of line, 32 hex digits. */
void log_fields(enum log_level level, const char *part, const char *id,
                const struct log_field *fields, size_t count, const char *message);
/* From now on lines of LOG_INFO and below are kept, 8 kB of them at most, until log_flush, or until
 * something above is said. For a program with a loop that flushes whenever it has nothing to do: a
 * line for each of thousands of turns a second is one write for many then. */
void log_gather(bool on);
void log_flush(void);
/* The same in a handler of fatal signals: without the lock, which the dying thread may hold. */
void log_flush_dying(void);
/* Lines of a level that were written since the process began. */
uint64_t log_count(enum log_level level);
/* Values shorter than 6 bytes are not masked: they would blot out ordinary text. */
void log_mask(const char *secret);
void log_mask_clear(void);
/* Replaces every masked secret in `text` in place by asterisks; for texts that leave otherwise. */
void log_mask_apply(char *text);
/* "error" … "debug"; -1 on an unknown name. */
int log_level_parse(const char *name);

#define log_error(part, ...) log_write(LOG_ERROR, part, __VA_ARGS__)
#define log_warn(part, ...)  log_write(LOG_WARN, part, __VA_ARGS__)
#define log_info(part, ...)  log_write(LOG_INFO, part, __VA_ARGS__)
#define log_debug(part, ...)                                                                       \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_write(LOG_DEBUG, part, __VA_ARGS__);                                               \
    } while (0)

#endif
