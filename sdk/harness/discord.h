/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake Discord as a whole: its parts, its options and its counters. One thread, one loop.
 */
#ifndef DISCORD_H
#define DISCORD_H

#include "discord_faults.h"
#include "discord_files.h"
#include "discord_gateway.h"
#include "discord_ledger.h"
#include "discord_limits.h"
#include "discord_load.h"
#include "discord_net.h"
#include "discord_rest.h"
#include "discord_world.h"
#include "fake_program.h"

/* Each is a member of the report, and can be waited for. */
#define DISCORD_COUNTERS(X)                                                                        \
    X(connections) /* TCP                                                      */                  \
    X(upgrades)    /* WebSocket                                                */                  \
    X(identifies)                                                                                  \
    X(identifies_refused) /* over max_concurrency: op 9                        */                  \
    X(readies)                                                                                     \
    X(resumes)         /* op 6 received                                        */                  \
    X(resumed)         /* and granted                                          */                  \
    X(resumes_refused) /* and answered with op 9                               */                  \
    X(resumes_on_base) /* op 6 on another host than resume_gateway_url          */                 \
    X(query_changed)   /* op 6 on a URL with another query than the session had */                 \
    X(replayed)        /* events sent again after a resume                     */                  \
    X(sessions_lost)   /* dead for good: 1000/1001, too old, buffer overrun    */                  \
    X(heartbeats)                                                                                  \
    X(heartbeats_late) /* more than 1.5 intervals after the one before         */                  \
    X(max_heartbeat_gap_ms)                                                                        \
    X(closes_by_client)                                                                            \
    X(closes_1000) /* violations: 1000 or 1001 from the client while it should stay up */          \
    X(closes_sent) /* with a code                                                     */           \
    X(protocol_errors)                                                                             \
    X(events) /* dispatched to a session                                     */                    \
    X(echoed) /* of them the bot's own                                       */                    \
    X(rest_requests)                                                                               \
    X(creates) /* requests to create a message; also those answered from the nonce */              \
    X(created) /* messages that the bot really made                                */              \
    X(edits)                                                                                       \
    X(uploads) /* files of requests                                        */                      \
    X(fetches) /* of attachments                                           */                      \
    X(threads)                                                                                     \
    X(deletes)                                                                                     \
    X(histories)                                                                                   \
    X(typings)                                                                                     \
    X(typings_idle) /* in a channel where nothing is owed any more               */                \
    X(reactions)                                                                                   \
    X(callbacks)                                                                                   \
    X(callbacks_late)                                                                              \
    X(modals)                                                                                      \
    X(callbacks_repeated)                                                                          \
    X(followups)                                                                                   \
    X(followups_edited) /* of them, the deferred response instead: deprecated     */               \
    X(webhook_edits)                                                                               \
    X(commands_put)     /* lists of commands that were taken                     */                \
    X(commands_refused) /* and refused                                           */                \
    X(nonces_received)  /* creates with enforce_nonce                             */               \
    X(nonces_deduplicated)                                                                         \
    X(mentions_absent) /* creates and edits without allowed_mentions             */                \
    X(pings) /* members and roles pinged, everyone counts as one; without replied_user */          \
    X(pings_replied)                                                                               \
    X(over_2000)       /* refused: code points                                   */                \
    X(over_2000_utf16) /* taken, but longer in UTF-16 units                      */                \
    X(max_utf16)                                                                                   \
    X(invalid_requests) /* 401, 403, 429 but shared: what Discord bans for       */                \
    X(status_400)                                                                                  \
    X(status_401)                                                                                  \
    X(status_403)                                                                                  \
    X(status_404)                                                                                  \
    X(status_5xx)                                                                                  \
    X(limited_user)                                                                                \
    X(limited_global)                                                                              \
    X(limited_shared)                                                                              \
    X(faults)                                                                                      \
    X(unattributed)        /* messages of the bot that answer nobody we asked    */                \
    X(answers_unaddressed) /* answers to what did not address the bot            */

struct discord_counters {
#define X(name) uint64_t name;
    DISCORD_COUNTERS(X)
#undef X
};

struct discord_options {
    const char *token, *host, *script, *cert, *key, *port_file;
    const char *resume_url; /* instead of the own second port */
    int port;
    uint32_t heartbeat_ms;
    uint64_t session_ttl_ms, nonce_window_ms;
    uint64_t callback_ms, token_ms; /* for the first response; life of an interaction's token */
    uint64_t press_ms;              /* members press buttons by themselves; 0: they do not */
    char press_text[64];            /* of messages with that text; "": of all             */
    bool record;                    /* request bodies are kept */
    size_t replay_max;              /* events kept for a resume, a session */
    unsigned max_concurrency, session_limit, shards;
    bool limits;        /* documented */
    bool privileged;    /* the app has the privileged intents */
    bool echo;          /* the bot's own messages come back as events */
    bool stop_expected; /* a close with 1000 is right now */
    bool watch_parent;
};

struct discord {
    uv_loop_t loop;
    struct discord_net net;
    struct discord_listener base, resume; /* main port; that of resume_gateway_url */
    struct discord_options options;
    struct discord_counters counters;
    struct discord_world world;
    struct discord_gateway gateway;
    struct discord_limits limits;
    struct discord_faults faults;
    struct discord_ledger ledger;
    struct discord_rest rest;
    struct discord_load load;
    struct discord_files files;
    struct discord_waiter *waiters;
    struct fake_text scratch; /* for one event or body */
    uv_timer_t clock;
    unsigned ticks; /* of it, 10 ms each */
    struct fake_program program;
};

static inline void discord_most(uint64_t *counter, uint64_t value)
{
    if (value > *counter)
        *counter = value;
}

#endif
