/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults by script: rules that are looked through in order; the first that fits and is not used up
 * happens.
 *
 *   "on"     a REST route (create, edit, delete, message, history, typing, react, unreact, dm, callback,
 *            webhook_create, webhook_edit, webhook_get, webhook_delete, commands, channel, guild, user,
 *            application, gateway, gateway_bot), "rest" for all of them; "attachment" (status, hang, cut, reset, slow); or a place of the gateway:
 *            connect (the upgrade), hello, identify, resume, heartbeat
 *   "host"   connect, hello, identify, resume: only on the port of "base" or of "resume"
 *   "channel", "skip", "times" (default 1; 0: for ever), "every" (each n-th only)
 *   "do"     REST: status ("status", "code", "message"), user, global, shared, sublimit ("retry_after"),
 *            cloudflare, hang, cut, reset, lost (effect, then closed), lost_reset, lost_hang, slow ("ms"),
 *            hash (of the buckets changes), garbage
 *            gateway: status (of the upgrade), reset, cut, hang (nothing more is said), close ("code"),
 *            invalid ("resumable"), reconnect (op 7), ignore, torn, slow ("ms")
 */
#ifndef DISCORD_FAULTS_H
#define DISCORD_FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct discord;

enum discord_what {
    WHAT_STATUS,
    WHAT_USER,
    WHAT_GLOBAL,
    WHAT_SHARED,
    WHAT_SUBLIMIT,
    WHAT_CLOUDFLARE,
    WHAT_HANG,
    WHAT_CUT,
    WHAT_RESET,
    WHAT_LOST,
    WHAT_LOST_RESET,
    WHAT_LOST_HANG,
    WHAT_SLOW,
    WHAT_HASH,
    WHAT_GARBAGE,
    WHAT_CLOSE,
    WHAT_INVALID,
    WHAT_RECONNECT,
    WHAT_IGNORE,
    WHAT_TORN,
    WHAT_COUNT,
};

struct discord_fault {
    struct discord_fault *next;
    char on[24], host[8], message[200];
    enum discord_what what;
    uint64_t channel, seen, used, skip, times, every, ms;
    int status, code;
    double retry_after;
    bool resumable;
};

struct discord_faults {
    struct discord_fault *first;
};

/* One rule or a list of them. False with a text in `err`, then nothing was added. */
bool discord_faults_add(struct discord *discord, const json_t *rules, char *err, size_t err_size);
void discord_faults_clear(struct discord *discord);
/* The fault that happens now (counted), or NULL. `host` NULL: none; `rest`: also rules on "rest". */
const struct discord_fault *discord_faults_take(struct discord *discord, const char *on, bool rest,
                                                uint64_t channel, const char *host);

#endif
