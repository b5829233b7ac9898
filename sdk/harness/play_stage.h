/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a play is: a temporary folder with the fake servers and a host.
 */
#ifndef PLAY_STAGE_H
#define PLAY_STAGE_H

#include "play.h"

#define PLAY_PATH 1024

struct play_stage {
    const struct play *play;
    char dir[64];
    char discord_url[64], model_url[64];
    struct play_child discord, model, host;
};

/* Starts the servers and the host. False after a line on stderr. */
bool play_stage_open(struct play_stage *stage, const struct play *play,
                     const struct play_script *script);
/* The host is killed and comes back. */
bool play_stage_restart(struct play_stage *stage);
bool play_stage_reload(struct play_stage *stage);
/* Whether the host has ended by itself: nobody will answer any more. */
bool play_stage_died(const struct play_stage *stage);
/* How it ended, on stderr behind `where`, with its log. */
void play_stage_show_death(const struct play_stage *stage, const char *where);
/* A path in the folder. */
void play_stage_path(const struct play_stage *stage, const char *name, char ret[PLAY_PATH]);
/* A call of the fake Discord below /_fake/; NULL after a line on stderr. */
json_t *play_stage_ask(const struct play_stage *stage, const char *call, const json_t *body);
/* What the host's log says that explains a failure, on stderr. */
void play_stage_show_log(const struct play_stage *stage);
/* Ends all of it. False where a sanitizer found something, which is told on stderr. */
bool play_stage_close(struct play_stage *stage);

#endif
