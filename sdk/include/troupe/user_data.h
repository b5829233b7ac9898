/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/user_data.h - what an agent keeps about members. It says where, and the host does the rest: it
 * shows members what there is (/privacy), exports and deletes it, for a member or for the operator
 * (`troupe user`), also while the agent is switched off, and again after a crash until it is done. No
 * code of the plugin runs for that.
 *
 *     TROUPE_PLUGIN("org.example.score", "1.0.0", "Scores", .capabilities = "sql kv",
 *                   .migrations = TROUPE_MIGRATIONS({1, 0, "score", score_sql, score_back}),
 *                   .user_data = TROUPE_USER_DATA(
 *                       TROUPE_USER_TABLE("score", "Your scores in each game"),
 *                       TROUPE_USER_TABLE("letter", "Letters that you wrote", .member = "author"),
 *                       TROUPE_USER_KEY("best/{member}", "Your best score")));
 *
 * Values that troupe/kv.h and troupe/blobs.h keep in the scopes MEMBER, SESSION and HERE need no line: the host
 * knows whose they are. A plugin with the capability "sql" says what its tables hold, also where that is nothing about
 * members (TROUPE_USER_NOTHING); `troupe plugin check` asks for it.
 *
 * A column holds a member's id as `:member` binds it, as text. An index that begins with it keeps a
 * deletion short: one that takes more than two seconds in a table is undone and tried again later. What an agent
 * hands to somebody else over HTTP is for its author to delete.
 */
#ifndef TROUPE_USER_DATA_H
#define TROUPE_USER_DATA_H

#include <troupe/abi.h>

#define TROUPE_USER_IS_NOTHING 0u /* the agent's tables hold nothing about members    */
#define TROUPE_USER_IS_TABLE   1u /* rows of a table of the agent's                   */
#define TROUPE_USER_IS_KEY     2u /* values and blobs of the agent's in any scope */

/* The rows stay and nobody can tell any more whose they were: the column gets a random text, another
 * one in each deletion. For what is counted; not where other columns tell who it was. */
#define TROUPE_USER_ANONYMISE (1u << 0)

typedef struct troupe_user_data {
    /* A table, without the braces, or a key of 1 to 200 bytes with {member} where the id stands. */
    const char *name;
    const char *doc;    /* what it is, to members, one line: "Your votes in polls" */
    const char *member; /* of a table: the column that has the id; NULL: "member"  */
    uint32_t kind;      /* TROUPE_USER_IS_…                                        */
    uint32_t flags;     /* TROUPE_USER_ANONYMISE                                   */
    /* Of a table: the column that has a row's wall-clock milliseconds; NULL: rows stay until the member deletes
     * them. An index on it keeps the sweep short. */
    const char *age;
    /* With it: rows older than so many days, 1 to 3,650, are deleted or anonymised by the host, earlier where the
     * owner says so ([agent NAME] keep). */
    uint32_t keep_days;
    uint32_t reserved;
} troupe_user_data;

/* At most 64 of them. Behind the doc of a table follow members by name: .member = "author",
 * .flags = TROUPE_USER_ANONYMISE, .age = "created_at", .keep_days = 90. */
#ifndef __cplusplus
#define TROUPE_USER_DATA(...) TROUPE_ARRAY(((const troupe_user_data[]){__VA_ARGS__}))
#define TROUPE_USER_TABLE(table, ...)                                                              \
    {                                                                                              \
        .kind = TROUPE_USER_IS_TABLE, .name = (table), .doc = __VA_ARGS__                          \
    }
#define TROUPE_USER_KEY(key, ...)                                                                  \
    {                                                                                              \
        .kind = TROUPE_USER_IS_KEY, .name = (key), .doc = __VA_ARGS__                              \
    }
#define TROUPE_USER_NOTHING(...)                                                                   \
    {                                                                                              \
        .kind = TROUPE_USER_IS_NOTHING, .name = "", .doc = __VA_ARGS__                             \
    }
#endif

#endif
