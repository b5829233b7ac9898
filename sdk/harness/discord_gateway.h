/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's side of v10: connections, sessions that outlive them, replay.
 */
#ifndef DISCORD_GATEWAY_H
#define DISCORD_GATEWAY_H

#include "discord_ws.h"

struct discord;

#define INTENT_GUILDS          (UINT32_C(1) << 0)
#define INTENT_MESSAGES        (UINT32_C(1) << 9)
#define INTENT_REACTIONS       (UINT32_C(1) << 10)
#define INTENT_DMS             (UINT32_C(1) << 12)
#define INTENT_DM_REACTIONS    (UINT32_C(1) << 13)
#define INTENT_MESSAGE_CONTENT (UINT32_C(1) << 15)

struct discord_event {
    char *payload;
    size_t len;
};

/* Lives on when its connection is gone, until it is too old. */
struct discord_session {
    struct discord_session *next;
    char id[33], query[256];
    uint32_t intents;
    unsigned shard, shards;
    uint64_t seq;                  /* of the newest event        */
    struct discord_client *client; /* NULL: dropped */
    int64_t dropped_ms;
    struct discord_event *ring; /* the newest `count` events; seq s is at s % cap */
    size_t cap, count;
};

/* One WebSocket connection. */
struct discord_client {
    struct discord_client *next;
    struct discord *discord;
    struct discord_conn *conn;
    struct discord_session *session;
    struct discord_packer packer;
    struct fake_text message; /* fragments */
    char query[256];
    size_t fragment;       /* frames of at most so many bytes; 0: whole */
    bool closing;          /* a close frame went out */
    bool silent;           /* says nothing any more: no events, no ACK */
    bool torn;             /* the next packed message is broken */
    bool holding;          /* what is said meanwhile is kept in `held` */
    struct fake_text held; /* each with its length before it */
    int64_t window_ms, beat_ms;
    unsigned window_count;
};

struct discord_gateway {
    struct discord_client *clients;
    struct discord_session *sessions;
    int64_t identify_window_ms;
    unsigned identify_count;
    uint64_t identifies_today;
    struct fake_text packed;
    /* An op 1 came from the session's client; for the load that waits for it. */
    void (*beat)(struct discord *discord, struct discord_session *session, uint64_t seq);
};

/* The upgrade request of a connection. */
void discord_gateway_upgrade(struct discord *discord, struct discord_conn *conn,
                             const struct discord_http *http);
/* An event to all sessions that asked for it (all of `intents`; of its shard). `open` is what sessions
 * without MESSAGE_CONTENT get; ptr NULL: the same. The number of sessions that took it. */
unsigned discord_gateway_dispatch(struct discord *discord, const char *type, uint32_t intents,
                                  uint64_t guild, struct discord_slice data,
                                  struct discord_slice open);
/* A payload that is no event, or was framed before. */
void discord_client_send(struct discord_client *client, const char *payload, size_t len);
void discord_client_say(struct discord_client *client, const char *payload);
/* Between the two, nothing but raw bytes may go onto the connection. */
void discord_client_hold(struct discord_client *client);
void discord_client_release(struct discord_client *client);
/* Closes with a code; `forget`: the session ends, too. */
void discord_client_close(struct discord_client *client, unsigned code, bool forget);
void discord_session_forget(struct discord *discord, struct discord_session *session);
/* Once a second: old sessions, silent clients. */
void discord_gateway_second(struct discord *discord);
void discord_gateway_clear(struct discord *discord);

#endif
