/* SPDX-License-Identifier: Apache-2.0
 *
 * What members do: single messages, bursts at a rate, and a flood of framed events for benches.
 */
#ifndef DISCORD_LOAD_H
#define DISCORD_LOAD_H

#include "discord_presser.h"
#include "discord_world.h"

#include <jansson.h>
#include <uv.h>

struct discord;
struct discord_session;
struct discord_entry;
struct discord_interaction;

/* A message of a member's. */
struct discord_say {
    const char *kind; /* mention dm reply command attachment | plain everyone bot webhook */
    const char *text; /* with {mention} {token} {n}; NULL: the kind's own */
    struct discord_channel *channel;
    struct discord_user *member;
    uint64_t reference;  /* of a reply; 0: the bot's last message in the channel */
    int owed;            /* -1: as the kind says */
    const json_t *files; /* discord_files.h; NULL: none */
};

/* Sends it; `ret_taken` is the number of sessions that took it. NULL: no such kind. */
struct discord_entry *discord_say(struct discord *discord, const struct discord_say *say,
                                  unsigned *ret_taken, struct discord_message **ret_message);

/* A member uses a command. `options` is {"key": value}, in whose texts {token} is filled in, or a list as
 * Discord has it; NULL: none. */
struct discord_interaction *discord_slash(struct discord *discord, struct discord_channel *channel,
                                          struct discord_user *member, const char *name,
                                          const json_t *options);
/* discord_menu.c: chooses the entry on a message, or where that is NULL on a member. */
struct discord_interaction *discord_menu(struct discord *discord, struct discord_channel *channel,
                                         struct discord_user *member, const char *name,
                                         const struct discord_user *whom,
                                         const struct discord_message *message);

/* Messages of many members in many channels. */
struct discord_burst {
    struct discord_burst *next;
    char kind[16], text[512];
    char command[40], option[40];            /* of the kind "slash": the option gets the text */
    uint64_t members, channels, count, sent; /* of the first `members`, in the first `channels` */
    uint64_t one_in;                         /* of so many, one is `kind`; the others are plain */
    double rate;                             /* a second; 0: at once */
    uint64_t seed;
    int64_t start_us;
};

#define DISCORD_FLOOD_SPREAD 256 /* members and channels that the addressed ones are spread over */

/* An event, cut where its id and the end of its text go. */
struct discord_flood_pieces {
    struct discord_channel *channel;
    struct discord_user *member;
    struct fake_text prefix, middle, text, suffix;
};

struct discord_flood {
    struct discord_session *session; /* NULL: none is under way */
    uint64_t events, made, one_in, asked, last_seq, answered_before, bytes;
    bool records; /* one TLS record an event */
    struct discord_flood_pieces plain, meant[DISCORD_FLOOD_SPREAD];
    size_t spread;       /* of them in use */
    char words[1024][8]; /* of which the texts are made, so that they pack like talk does */
    size_t filler;       /* bytes of text of one that is not addressed */
    uint64_t seed;
    struct fake_text packed;
    uint32_t *lengths; /* of packed frames; NULL: framed as they go */
    size_t packed_at;
    uint64_t next_seq;
    int64_t start_us, sent_us, consumed_us, answered_us, start_unix_ms;
};

struct discord_load {
    struct discord_burst *bursts;
    uv_timer_t tick;
    uv_idle_t spin;
    struct discord_flood flood;
    struct discord_presser presser;
    struct discord_user other_bot, hook;
};

uint64_t discord_random(uint64_t *seed);
void discord_load_init(struct discord *discord);
/* {"kind", "text", "members", "channels", "rate", "seconds" or "count", "one_in", "seed"} */
bool discord_load_burst(struct discord *discord, const json_t *spec, char *err, size_t err_size);
/* {"events", "size", "one_in", "kind", "text", "channel", "records"}; to the connected session. */
bool discord_load_flood(struct discord *discord, const json_t *spec, char *err, size_t err_size);
json_t *discord_load_flood_report(struct discord *discord);
void discord_load_stop(struct discord *discord); /* bursts and flood */
void discord_load_tick(struct discord *discord); /* each turn of the loop */
/* A session ends: a flood to it is over. */
void discord_load_forget(struct discord *discord, const struct discord_session *session);
bool discord_load_busy(const struct discord *discord); /* bursts */

#endif
