/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/abi.h - the types that cross the boundary between host and plugin.
 *
 * Rules of the boundary
 *   - Fixed-width types only; no bool, enum, long, time_t or size_t.
 *   - Text is UTF-8 with a length and needs no NUL, where a `troupe_str` is used; a `const char *`
 *     in a declaration is a NUL-terminated constant of the plugin's image.
 *   - Arguments are borrowed until the call returns. Results are the host's and live until the
 *     stage or function that asked for them returns, unless the call says otherwise. Nothing is
 *     freed across the boundary.
 *   - Tables begin with their size. A member beyond the size that the other side was compiled with
 *     does not exist: ask TROUPE_HAS before reading one. Minor versions append, never insert.
 *   - Everything else is reached by id: get_extension("troupe.kv/1"). A revision never changes once
 *     it was released; a changed interface gets the next number.
 *
 *     if (TROUPE_HAS(message, quotes))
 *         for (uint32_t i = 0; i < message->quotes.count; i++)
 *             use(TROUPE_AT(message->quotes, troupe_quote, i));
 *
 * Draft: the major is frozen with release 1.0; until then docs/abi.md records each change.
 */
#ifndef TROUPE_ABI_H
#define TROUPE_ABI_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

/* What these headers are: another major is another ABI, a higher minor has more of the same. */
#define TROUPE_ABI_MAJOR 1u
#define TROUPE_ABI_MINOR 6u

/* Was `member` of `*table` compiled in by the other side? */
#define TROUPE_HAS(table, member)                                                                  \
    ((table) && (table)->size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member))

/* Text: `len` bytes of UTF-8 at `ptr`, not NUL-terminated unless said. */
typedef struct troupe_str {
    const char *ptr;
    uint64_t len;
} troupe_str;

/* An array whose elements may grow: walk it by `stride`, never by sizeof. */
typedef struct troupe_array {
    const void *ptr;
    uint32_t count;
    uint32_t stride;
} troupe_array;

/* The initialiser of a troupe_array for a C array, which must outlive it. */
#define TROUPE_ARRAY(a)                                                                            \
    {                                                                                              \
        (a), (uint32_t)(sizeof(a) / sizeof((a)[0])), (uint32_t)sizeof((a)[0])                      \
    }
/* Element `i`, as a pointer to `type`. The caller has checked `i` against the count. */
#define TROUPE_AT(array, type, i)                                                                  \
    ((const type *)((const char *)(array).ptr + (size_t)(i) * (array).stride))

/* The kinds of value of parameters, config keys and SQL cells. */
#define TROUPE_TYPE_NULL    0u
#define TROUPE_TYPE_INT     1u /* int64_t; declared ranges stay within +-2^53                    */
#define TROUPE_TYPE_FLOAT   2u /* double, finite                                                */
#define TROUPE_TYPE_BOOL    3u /* int32_t 0 or 1                                                */
#define TROUPE_TYPE_STRING  4u /* troupe_str                                                    */
#define TROUPE_TYPE_MEMBER  5u /* uint64_t id                                                   */
#define TROUPE_TYPE_CHANNEL 6u /* uint64_t id                                                   */
#define TROUPE_TYPE_ROLE    7u /* uint64_t id                                                   */
#define TROUPE_TYPE_ATTACHMENT                                                                     \
    8u                      /* uint64_t number of a file of the turn, from 1: troupe/files.h   */
#define TROUPE_TYPE_JSON 9u /* troupe_str holding one JSON value                             */
/* Config keys only. */
#define TROUPE_TYPE_DURATION                                                                       \
    10u                       /* int64_t milliseconds, written "30s", "5m"; or TROUPE_WORD(i)   */
#define TROUPE_TYPE_SIZE  11u /* int64_t bytes, written "64k", "10M"                            */
#define TROUPE_TYPE_URL   12u /* troupe_str, http or https                                      */
#define TROUPE_TYPE_PATH  13u /* troupe_str, absolute after expansion                           */
#define TROUPE_TYPE_LIST  14u /* troupe_str, items separated by one newline                     */
#define TROUPE_TYPE_MONEY 15u /* int64_t micro-units of the budget's currency                   */
#define TROUPE_TYPE_BLOB  16u /* SQL cells only: troupe_str of bytes                            */

/* One value of a kind that is known at run time: `u.i` of whole numbers, booleans, times, sizes and money,
 * `u.f` of floats, `u.id` of members, channels, roles and attachments, `u.s` of texts. */
typedef struct troupe_value {
    uint32_t type;
    uint32_t reserved;
    union {
        int64_t i;
        double f;
        uint64_t id;
        troupe_str s;
    } u;
} troupe_value;

/* The plugin's handle on the host outside a turn: config, log, memory. One for each agent. */
typedef struct troupe_host troupe_host;
/* One running stage, observer or function call. Valid until it returns; never keep it. */
typedef struct troupe_turn troupe_turn;

/* What stands in front of the code: an ELF note that the host reads before it runs anything. */
#define TROUPE_NOTE_NAME    "TROUPE"
#define TROUPE_NOTE_TYPE    1u
#define TROUPE_NOTE_ID      64
#define TROUPE_NOTE_VERSION 24
typedef struct troupe_note {
    uint32_t name_size; /* 7: "TROUPE" with its NUL   */
    uint32_t desc_size; /* sizeof(troupe_note) - 20   */
    uint32_t type;      /* TROUPE_NOTE_TYPE           */
    char name[8];       /* padded to four bytes       */
    uint32_t abi_major;
    uint32_t abi_minor;
    char id[TROUPE_NOTE_ID];
    char version[TROUPE_NOTE_VERSION];
} troupe_note;

/* The name of the one exported function; the major stands in it. */
#define TROUPE_ENTRY_SYMBOL "troupe_plugin_v1"

#endif
