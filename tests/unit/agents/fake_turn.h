/* SPDX-License-Identifier: Apache-2.0
 *
 * A turn for tests of agents, without a host: SQL runs on SQLite in memory behind the store's own
 * two walls, HTTP and other agents' functions answer from a script, time moves only when somebody
 * sleeps or a script says so. What the agent says, fails with, logs and asks for can be read
 * afterwards.
 */
#ifndef TESTS_FAKE_TURN_H
#define TESTS_FAKE_TURN_H

#include "store/rewrite.h"
#include "store/sqlite/sqlite.h"

#include <sqlite3.h>
#include <troupe/troupe.h>

#define FAKE_MAX        16  /* scripted answers, reservations, config keys … of each kind */
#define FAKE_CHUNKS_MAX 600 /* pieces of one scripted body */

/* One answer of the outside world. A zeroed one is a connection that is refused. */
struct fake_response {
    uint32_t status; /* 0: `open_status` is returned and there is no answer */
    troupe_status open_status;
    const char *code;        /* of that; NULL: "http.failed" */
    uint8_t dispatched;      /* with an open_status: the bytes had left already */
    const char *headers[12]; /* name, value, name, value … */
    const char *chunks[FAKE_CHUNKS_MAX];
    troupe_status end; /* after the chunks; 0: TROUPE_END */
    int64_t chunk_ms;  /* that pass before each chunk */
    uint8_t ends_turn; /* the turn is cancelled when the chunks are used up */
    uint8_t times_out; /* the same, because its time is over                */
};

/* One answer of another agent's function. */
struct fake_service {
    troupe_status open_status;
    const char *chunks[FAKE_CHUNKS_MAX];
    troupe_status status; /* that close returns */
    const char *result, *code, *sentence;
};

enum fake_money { FAKE_RESERVED, FAKE_DISPATCHED, FAKE_SETTLED, FAKE_RELEASED };

struct fake_reservation {
    enum fake_money state;
    uint64_t worst, settled;
};

struct fake_text {
    char *ptr;
    size_t len;
};

struct fake_request {
    char *url, *body;
    char headers[1024]; /* "name: value\n" each */
    uint64_t reservation;
    uint32_t idle_ms, first_byte_ms;
    uint32_t parts; /* that the body came in; 0: whole */
    /* What was read of the answer, and how that ended. */
    struct fake_text got;
    troupe_status end;
};

struct fake_host {
    troupe_host host;
    const char *agent;
    struct {
        const char *key, *value;
    } config[FAKE_MAX];
    struct fake_text log;
    unsigned allocated; /* blocks that were not freed */
};

struct fake_turn {
    troupe_turn turn;
    struct fake_host host;
    const troupe_plugin *plugin;
    void *state;

    troupe_message message;
    uint8_t has_message, no_budget;
    uint64_t id;
    int64_t now_ms, left_ms, slept_ms;
    troupe_status ended; /* what every wait returns once it is set */
    uint64_t random;

    struct fake_response responses[FAKE_MAX];
    struct fake_request requests[FAKE_MAX];
    unsigned request_count, open_http;
    int no_parts; /* a host from before open_parts */
    struct fake_service services[FAKE_MAX];
    char *service_args[FAKE_MAX];
    char service_name[64];
    unsigned service_count, open_streams;
    struct fake_reservation reservations[FAKE_MAX];
    unsigned reservation_count;
    uint64_t cap;   /* of what is reserved or spent */
    uint32_t level; /* of the fullest cap, in per cent */

    const char *
        tools; /* what models are offered, as troupe.tools lists it; NULL: there is no such table */
    /* What a called function gives, valid until the next call; NULL: there is none of that name. */
    const char *(*on_call)(struct fake_turn *fake, const char *name, troupe_str args);

    /* What is recorded of it, and how much of that fake_again gives again. */
    struct {
        char name[24];
        struct fake_text result;
    } calls[2 * FAKE_MAX];
    unsigned call_count, sleep_count;
    unsigned replayed_calls, replayed_requests, replayed_sleeps;
    uint8_t replayed; /* the last call was */

    /* Values of troupe.kv; `kv_puts` counts writes. */
    struct {
        char key[64]; /* "SCOPE GUILD KEY" or "SCOPE MEMBER KEY" … */
        struct fake_text value;
        int64_t expires_ms;
    } kv[FAKE_MAX];
    unsigned kv_puts;

    /* What an earlier stage left, key and text each, NULL behind the last. */
    const char *annotations[8];
    /* With a schedule: what was planned last, and how often. */
    uint8_t has_schedule, in_job;
    char planned[512], planned_key[65];
    unsigned planned_count;

    /* What is attached to the message; one without a name ends the list. */
    struct {
        const char *name, *data;
        uint64_t len;
        uint32_t kind;
    } files[12];
    unsigned file_reads;

    sqlite3 *db;
    struct sqlite_guard guard;
    troupe_status sql_status; /* what SQL fails with, where it is negative */

    /* What the agent did. */
    struct fake_text reply, written, result, reasons;
    struct fake_text told;    /* to the owner, a line each; of all turns */
    struct fake_text counted; /* figures, a line each: "name label"; of all turns */
    unsigned write_count, reply_count;
    troupe_status failed;
    char code[128], sentence[512];
    char last_code[128], last_sentence[512]; /* what troupe_error gives */
    struct fake_block *blocks;
};

/* A member "Ada" (id 42) in channel 7 of guild 3, on 20 November 2026, with five minutes left. */
struct fake_turn *fake_turn_new(const troupe_plugin *plugin, const char *agent);
void fake_turn_free(struct fake_turn *fake);

void fake_config(struct fake_turn *fake, const char *key, const char *value);
/* Runs the migrations and create. */
troupe_status fake_create(struct fake_turn *fake);
/* Forgets what the agent did, for the next turn on the same storage. */
void fake_next(struct fake_turn *fake);
/* The same turn runs again: requests, calls of functions and sleeps give what they gave, as far as they went. */
void fake_again(struct fake_turn *fake);
/* A message of the member's, and the stage's verdict on it. */
troupe_status fake_say(struct fake_turn *fake, const char *text);
/* The job that was planned last, now due, in the scope of the message before. */
troupe_status fake_job(struct fake_turn *fake);
/* The function of that name, to be cast; NULL without one. */
troupe_fn fake_function(const struct fake_turn *fake, const char *name);

int fake_text_has(const struct fake_text *text, const char *part);

#endif
