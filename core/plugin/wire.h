/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host and the process of an isolated agent say to each other: messages over one
 * SOCK_SEQPACKET pair. A message is one frame, or several in a row where its payload is longer than
 * WIRE_FRAME_MAX; the frames of one message are never mixed with those of another. Both ends are of
 * one build and one machine, so numbers are as the processor has them, and the form may change
 * freely; but the child's end is a stranger's code, and nothing it says is believed before it was
 * checked. Whatever does not hold is a violation, and the child is ended.
 *
 * The host enters the child (WIRE_ENTER) with a number that it made: one stage, observer, function,
 * job or child of one. What runs there calls the host (WIRE_CALL), one call at a time, numbered from
 * 1 without a gap, and waits for the reply; it ends by WIRE_RETURN. Only WIRE_LOG belongs to no
 * number. There are no descriptors in messages: the child's filter has no call that could pass one.
 *
 * Everything here is pure: no state, no memory but the buffers that are passed.
 */
#ifndef PLUGIN_WIRE_H
#define PLUGIN_WIRE_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <troupe/abi.h>

#define WIRE_FRAME_MAX   65536u      /* bytes of payload in one frame                      */
#define WIRE_PAYLOAD_MAX (72u << 20) /* of a message: what the largest service takes, and more */
#define WIRE_LOG_MAX     1000u       /* of a line that is logged                           */
#define WIRE_LOGS_MAX    2000u       /* lines a second; more is a flood                    */

/* Kinds, to the child … */
#define WIRE_ENTER 1u /* `arg` WIRE_ENTER_…                                            */
#define WIRE_REPLY 2u /* to the call `sequence`: its status and results                */
#define WIRE_COMPUTE                                                                               \
    3u /* instead of the reply: does what troupe_work was given, then WIRE_COMPUTED */
/* … and from it. */
#define WIRE_READY    16u /* first of all: the status of `create`, and a sentence where it failed */
#define WIRE_CALL     17u /* `arg` WIRE_DO_…                                             */
#define WIRE_COMPUTED 18u /* its status and output                                       */
#define WIRE_RETURN   19u
#define WIRE_LOG      20u /* `arg` is the level                                          */

#define WIRE_MORE     0x1u /* flag: another frame of the message follows                   */

/* What is entered. */
#define WIRE_ENTER_STAGE    1u
#define WIRE_ENTER_OBSERVER 2u
#define WIRE_ENTER_JOB      3u
#define WIRE_ENTER_FUNCTION 4u
#define WIRE_ENTER_TASK     5u
#define WIRE_ENTER_SAVE     6u /* "troupe.state/1"; its return carries what was written  */
#define WIRE_ENTER_LOAD     7u
#define WIRE_ENTER_DESTROY  8u /* the last one                                           */

/* What the child asks of the host: the members of the ABI's tables that need it. */
enum wire_do {
    WIRE_DO_CONFIG = 1,
    WIRE_DO_ID,
    WIRE_DO_REPLAYED,
    WIRE_DO_MESSAGE,
    WIRE_DO_TIME_LEFT,
    WIRE_DO_STATUS,
    WIRE_DO_NOW,
    WIRE_DO_RANDOM,
    WIRE_DO_SLEEP,
    WIRE_DO_REPLY,
    WIRE_DO_WRITE,
    WIRE_DO_RESULT,
    WIRE_DO_FAIL,
    WIRE_DO_REASON,
    WIRE_DO_ANNOTATE,
    WIRE_DO_ANNOTATION,
    WIRE_DO_CALL,
    WIRE_DO_OPEN,
    WIRE_DO_READ,
    WIRE_DO_CLOSE,
    WIRE_DO_ERROR,
    WIRE_DO_ASK,
    WIRE_DO_ASK_TEXT,
    WIRE_DO_ASK_SELECT,
    WIRE_DO_SPAWN,
    WIRE_DO_JOIN,
    WIRE_DO_JOIN_ANY,
    WIRE_DO_BATCH_BEGIN,
    WIRE_DO_BATCH_COMMIT,
    WIRE_DO_KV_GET,
    WIRE_DO_KV_PUT,
    WIRE_DO_KV_REMOVE,
    WIRE_DO_SQL_QUERY,
    WIRE_DO_SQL_COMMIT,
    WIRE_DO_HTTP_OPEN,
    WIRE_DO_HTTP_HEADER,
    WIRE_DO_HTTP_READ,
    WIRE_DO_HTTP_GATHER,
    WIRE_DO_HTTP_CLOSE,
    WIRE_DO_BUDGET_RESERVE,
    WIRE_DO_BUDGET_SETTLE,
    WIRE_DO_BUDGET_RELEASE,
    WIRE_DO_BUDGET_USED,
    WIRE_DO_BUDGET_AT_OPEN,
    WIRE_DO_WORK,
    WIRE_DO_SCHEDULE_LOOK,
    WIRE_DO_SCHEDULE_ADD,
    WIRE_DO_SCHEDULE_CANCEL,
    WIRE_DO_SCHEDULE_LIST,
    WIRE_DO_FILE_INFO,
    WIRE_DO_FILE_READ,
    WIRE_DO_METRIC,
    WIRE_DO_SPAN_BEGIN,
    WIRE_DO_SPAN_SET,
    WIRE_DO_SPAN_END,
    WIRE_DO_VECTORS_PUT,
    WIRE_DO_VECTORS_SEARCH,
    WIRE_DO_VECTORS_REMOVE,
    WIRE_DO_VECTORS_OF_TEXT,
    WIRE_DO_CACHE_GET,
    WIRE_DO_CACHE_PUT,
    WIRE_DO_CACHE_REMOVE,
    WIRE_DO_TEXTS_PUT,
    WIRE_DO_TEXTS_SEARCH,
    WIRE_DO_TEXTS_REMOVE,
    WIRE_DO_ATTACH,
    WIRE_DO_BLOBS_PUT,
    WIRE_DO_BLOBS_GET,
    WIRE_DO_BLOBS_MORE, /* of what the last WIRE_DO_BLOBS_GET gave */
    WIRE_DO_BLOBS_READ,
    WIRE_DO_BLOBS_INFO,
    WIRE_DO_BLOBS_LIST,
    WIRE_DO_BLOBS_REMOVE,
    WIRE_DO_COUNT
};

/* What stands before the payload of every frame. */
struct wire_head {
    uint16_t kind, flags;
    uint32_t id;       /* of what was entered; 0: of the process itself    */
    uint32_t sequence; /* of the call                                      */
    uint32_t arg;
    uint32_t length; /* of this frame's payload                          */
    int32_t status;
    uint64_t total; /* of the whole message's payload                   */
};
_Static_assert(sizeof(struct wire_head) == 32, "a head is 32 bytes");

/* ---- frames --------------------------------------------------------------------------------- */

/* Puts messages together from frames, one at a time. A zeroed struct is empty. */
struct wire_reader {
    struct wire_head head; /* of the message: its first frame's, with the whole length */
    struct buf payload;
    bool begun;
};
/*
 * Takes one frame as it was received. TROUPE_OK: `reader->head` and `->payload` are a whole message,
 * until the next call. TROUPE_END: more of it is to come. Below that a violation, with a sentence.
 */
troupe_status wire_read(struct wire_reader *reader, const void *frame, size_t len,
                        struct error *err);
void wire_reader_clear(struct wire_reader *reader);
/* The next frame of a message whose payload is `total` bytes, of which `*at` were sent: fills in
 * `ret` from `head` and advances. False after the last. */
bool wire_next(const struct wire_head *head, size_t total, size_t *at, bool *begun,
               struct wire_head *ret);

/* ---- payloads: numbers and texts in order ---------------------------------------------------- */

void wire_put_int(struct buf *out, int64_t value);
/* Bytes with their length; with a NUL behind them that is not counted. NULL stays NULL, with its
 * length. What fits into no message leaves the buffer with `max` WIRE_TOO_LONG: it is not to be sent. */
#define WIRE_TOO_LONG 1
void wire_put_bytes(struct buf *out, const void *data, uint64_t len);
void wire_put_text(struct buf *out, const char *text);
void wire_put_value(struct buf *out, const troupe_value *value);

struct wire_in {
    const char *at;
    size_t left;
    bool bad; /* something was missing or broken; what was taken since is zero or empty */
};
int64_t wire_take_int(struct wire_in *in);
/* Within `max`; else bad. */
uint64_t wire_take_count(struct wire_in *in, uint64_t max);
/* Borrowed from the payload and NUL-terminated; NULL where NULL was put, with whatever length. */
const char *wire_take_bytes(struct wire_in *in, uint64_t *ret_len);
/* The same without a NUL inside. */
const char *wire_take_text(struct wire_in *in);
troupe_str wire_take_str(struct wire_in *in);
troupe_value wire_take_value(struct wire_in *in);
/* The streams of "troupe.state/1" over a payload, at both ends: into a struct buf, from a struct wire_in. */
troupe_status wire_state_write(void *stream, const void *data, uint64_t len);
troupe_status wire_state_read(void *stream, void *data, uint64_t len);

/* Whether all of it was taken, and all was well. */
static inline bool wire_taken(const struct wire_in *in)
{
    return !in->bad && in->left == 0;
}

#endif
