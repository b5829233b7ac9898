/* SPDX-License-Identifier: Apache-2.0
 *
 * The REST API: who may, what goes wrong on purpose, which limit holds, and which handler answers.
 */
#ifndef DISCORD_REST_H
#define DISCORD_REST_H

#include "discord_http.h"
#include "discord_limits.h"
#include "discord_world.h"

struct discord;

#define DISCORD_SEGMENTS_MAX 9

/* What becomes of an answer once the effect is done. */
enum discord_after { AFTER_ANSWER, AFTER_CUT, AFTER_RESET, AFTER_HANG };

struct discord_call {
    struct discord *discord;
    struct discord_conn *conn;
    const struct discord_http *http;
    enum discord_route route;
    struct discord_slice segments[DISCORD_SEGMENTS_MAX]; /* of the path behind /api/v10 */
    size_t segment_count;
    struct discord_slice json;    /* the body, or payload_json of a multipart one */
    struct fake_text attachments; /* raw JSON list made of the files of a multipart body */
    unsigned uploads;             /* how many they are                                   */
    bool oversized, malformed;    /* one is too large; they are not as they should be    */
    char headers[400];
    enum discord_after after;
    uint64_t delay_ms;
    bool garbage;
};

/* An interaction that was sent to the bot. */
struct discord_interaction {
    struct discord_interaction *next; /* newest first */
    uint64_t id, channel, user;
    char token[48], custom_id[101];
    unsigned type; /* 2 command, 3 component, 5 modal submit */
    int64_t sent_us, callback_us;
    int callback; /* its type; 0: none yet */
    unsigned late, repeated, followups;
    uint64_t source;            /* message whose button it is, 0: none */
    uint64_t original;          /* @original, 0: none                  */
    bool ephemeral, unresolved; /* unresolved: @original waits for its first text */
    json_t *choices;            /* of an autocompletion; NULL: none                */
    json_t *modal;              /* that the first response opened; NULL: none      */
    char text[256];             /* beginning of the first answer */
};

/* Application commands (discord_commands.h): for everybody, or of one server. */
struct discord_command_list {
    uint64_t guild; /* 0: everybody */
    json_t *commands;
};

#define DISCORD_COMMAND_LISTS 16
#define DISCORD_REQUESTS_MAX  20000 /* that are recorded */

struct discord_rest {
    struct fake_text body, event, open, content; /* reused */
    struct discord_command_list commands[DISCORD_COMMAND_LISTS];
    size_t commands_created;
    json_t *requests; /* bodies as they came, while `record` is set; NULL: none */
    struct discord_interaction *interactions;
    struct discord_map interactions_by_id;
};

/* A request below /api. */
void discord_rest_take(struct discord *discord, struct discord_conn *conn,
                       const struct discord_http *http);
void discord_rest_clear(struct discord *discord);

/* For handlers: each call is answered exactly once. */
void discord_answer(struct discord_call *call, int status, const char *body, size_t len);
void discord_answer_json(struct discord_call *call, int status, json_t *body); /* steals it */
void discord_answer_error(struct discord_call *call, int status, int code, const char *message);
/* 50035 with one field's error. */
void discord_answer_field(struct discord_call *call, const char *field, const char *code,
                          const char *message);

/* The channel, the message of the path; NULL: there is none, which is answered. */
struct discord_channel *discord_call_channel(struct discord_call *call);
struct discord_message *discord_call_message(struct discord_call *call);
/* The message as the answer; only who made it sees the nonce. */
void discord_answer_message(struct discord_call *call, const struct discord_message *message,
                            bool nonce);
/* Finds the JSON in the body; a multipart one gives payload_json and attachments. False: neither. */
bool discord_body_take(struct discord_call *call);

/* discord_permits.c: whether the bot may do that there; false: refused and answered as Discord does. */
bool discord_permits_hold(struct discord_call *call);
/* The bit of a permission by its name in Discord's documentation; 0: there is none. */
uint32_t discord_permits_bit(const char *name);
/* Whether what was written in the channel may be read back. */
bool discord_permits_history(struct discord *discord, const struct discord_channel *channel);

/* discord_objects.c: what there is */
void discord_objects_channel(struct discord_call *call);
void discord_objects_guild(struct discord_call *call);
void discord_objects_user(struct discord_call *call);
void discord_objects_dm(struct discord_call *call);
void discord_objects_application(struct discord_call *call);
void discord_objects_gateway(struct discord_call *call);

/* discord_messages.c */
void discord_messages_create(struct discord_call *call);
void discord_messages_edit(struct discord_call *call);
void discord_messages_delete(struct discord_call *call);
void discord_messages_get(struct discord_call *call);

/* discord_threads.c */
void discord_threads_create(struct discord_call *call);
/* A thread below the message, told to the sessions. */
struct discord_channel *discord_thread_open(struct discord *discord,
                                            const struct discord_message *message, uint64_t owner,
                                            const char *name);

/* discord_history.c */
void discord_history_get(struct discord_call *call);
void discord_history_typing(struct discord_call *call);
void discord_history_react(struct discord_call *call);

/* A message of the bot's made of a checked body, for create, callbacks and followups; NULL: it was refused and
 * answered. `interaction` NULL: none. */
struct discord_message *discord_message_make(struct discord_call *call,
                                             struct discord_channel *channel,
                                             struct discord_slice body,
                                             struct discord_interaction *interaction);
/* The same for an edit; false: refused and answered. */
bool discord_message_change(struct discord_call *call, struct discord_message *message,
                            struct discord_slice body, bool interaction);
void discord_message_remove(struct discord *discord, struct discord_message *message);
/* MESSAGE_CREATE or MESSAGE_UPDATE to the sessions; the number that took it. `nonce`: raw or "". */
unsigned discord_message_dispatch(struct discord *discord, const struct discord_message *message,
                                  const char *type);

/* discord_interactions.c */
void discord_interactions_callback(struct discord_call *call);
void discord_interactions_webhook(struct discord_call *call);
/* Presses a button, or invokes a command (`data`: the interaction's data, stolen). */
struct discord_interaction *discord_interaction_send(struct discord *discord, unsigned type,
                                                     struct discord_user *user,
                                                     struct discord_channel *channel,
                                                     struct discord_message *source, json_t *data);

#endif
