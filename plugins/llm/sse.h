/* SPDX-License-Identifier: Apache-2.0
 *
 * A decoder for event streams (the WHATWG format text/event-stream). It owns no memory: the caller
 * gives one buffer, which bounds the longest event. Bytes may be split anywhere, inside a line end,
 * a UTF-8 sequence or the byte order mark too.
 */
#ifndef LLM_SSE_H
#define LLM_SSE_H

#include <stddef.h>
#include <stdint.h>
#include <troupe/status.h>

#define LLM_SSE_NAME_MAX 63

struct llm_sse {
    char *buffer;
    size_t capacity;
    size_t data_len;                 /* joined data of the event under way, at the buffer's start */
    size_t line_start, line_len;     /* the line under way, behind the data                       */
    char name[LLM_SSE_NAME_MAX + 1]; /* `event:` of the event under way; cut where longer         */
    uint8_t bom_seen;                /* bytes of a leading byte order mark that were skipped      */
    uint8_t begun;                   /* something other than the mark was seen                    */
    uint8_t after_cr;                /* a line feed that comes now belongs to the last line end   */
    uint8_t has_data;
    uint8_t dispatched; /* the last event's text is still handed out */
};

struct llm_sse_event {
    const char *name; /* "" where the stream gave none, which means "message" */
    const char *data; /* valid until the next call; not NUL-terminated        */
    size_t len;
};

/* `buffer` is borrowed for the decoder's life. */
void llm_sse_init(struct llm_sse *sse, char *buffer, size_t capacity);

/* Takes bytes from `*data`, which moves on, until an event is whole: TROUPE_OK. TROUPE_END when the
 * bytes are used up, TROUPE_LIMIT when an event does not fit into the buffer (the decoder is then
 * of no more use). An event that the stream's end cut off is never given, as the format wants it.
 * */
troupe_status llm_sse_next(struct llm_sse *sse, const char **data, size_t *len,
                           struct llm_sse_event *ret);

#endif
