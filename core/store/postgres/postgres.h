/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the PostgreSQL driver. A connection belongs to one thread; the engine owns one for the
 * writer and one for each reader. libpq is used without blocking throughout, but for the look-up of a
 * server's name: every wait has a deadline.
 *
 * The core's tables are in the schema "troupe", a plugin's in "troupe:NAMESPACE"; the functions of
 * SQLite that PostgreSQL has not are in "troupe_sql".
 */
#ifndef STORE_POSTGRES_POSTGRES_H
#define STORE_POSTGRES_POSTGRES_H

#include "base/list.h"
#include "base/map.h"
#include "store/reading.h"

#include <libpq-fe.h>

#define POSTGRES_NAME_SIZE 64 /* of an identifier, with its NUL */

/* ---- dialect.c ---- */

extern const struct store_dialect postgres_dialect, postgres_sealing;

/* The schema of a plugin's namespace. */
void postgres_schema(const char *ns, char ret[POSTGRES_NAME_SIZE]);

/* ---- connection.c ---- */

/* What all connections of an engine share. */
struct postgres_server {
    char *url, *password; /* NULL: none */
    bool synchronous;
    uint32_t busy_ms;  /* wait for a lock                                                        */
    uint32_t write_ms; /* a statement of the writer may run so long                              */
    uint32_t away_ms;  /* what is written or asked waits so long for a server that is away       */
    void (*on_commit)(void);
    void (*on_taken)(void *arg); /* NULL: nobody is told */
    void *taken_arg;
    char *name;             /* the host's, "": none      */
    uint32_t lease_ms;      /* of its slot               */
    bool alone;             /* no other host beside this */
    int64_t slot;           /* set before any reader connects, and the same from then on */
    int64_t epoch;          /* 0: it has no slot yet     */
    uint64_t token;         /* of the slot's last transaction, when it was taken          */
    uint64_t looked;        /* clock_ms() of the last look at other hosts; the writer's   */
    uint64_t patient_until; /* the server was away: until then the others may come back, too */
    _Atomic uint64_t owned_until; /* clock_ms(): until then nobody takes the slot away */
    struct seal_keys keys;
    bool unfinished; /* as store_open was asked */
    bool as_is;
    unsigned core_version;
    _Atomic uint64_t schema; /* grows with each migration: statements are prepared anew          */
};

struct postgres_connection {
    PGconn *pg; /* NULL: not connected */
    const struct postgres_server *server;
    struct seal *seal; /* NULL: nothing is encrypted */
    bool writer;
    bool lost; /* the connection broke: whatever was under way is undone, but for a COMMIT       */
    bool
        contended; /* a statement met somebody else's lock for too long, or both waited in a ring */
    bool taken;    /* another host has this one's slot                                          */
    int pid;       /* of the server's process */
    struct map statements; /* key and types → struct postgres_statement, bounded in number     */
    struct list_link recent; /* front: used last                                                 */
    uint64_t names;          /* statements prepared so far                                       */
    uint64_t schema;         /* of the server's, when they were prepared                         */
    char path[POSTGRES_NAME_SIZE]; /* the schema that is looked at; "": not known                */
    struct postgres_step *steps;   /* what was sent, in order, and has no answer yet             */
    size_t step_count, step_cap;
    _Atomic bool *abandoned; /* nobody waits any more when it turns true; NULL: nothing to watch */
};

void postgres_connection_init(struct postgres_connection *conn,
                              const struct postgres_server *server, bool writer);
/* Disconnects, and forgets what outlives a connection. */
void postgres_connection_clear(struct postgres_connection *conn);
/* TROUPE_UNAVAILABLE where the server is away; TROUPE_DENIED, TROUPE_VERSION, TROUPE_NOT_FOUND where
 * waiting does not help. */
troupe_status postgres_connect(struct postgres_connection *conn, uint64_t deadline,
                               struct error *err);
void postgres_disconnect(struct postgres_connection *conn);
/* Waits for the socket: POLLIN, POLLOUT. TROUPE_DEADLINE, TROUPE_CANCELED where it was abandoned. */
troupe_status postgres_wait(struct postgres_connection *conn, short events, uint64_t deadline);
/* Whether the server hung up while nothing was under way. */
bool postgres_gone(struct postgres_connection *conn);
/* Text of the host's own, outside of a pipeline; the rows of its last statement where `ret` asks. */
troupe_status postgres_exec(struct postgres_connection *conn, const char *sql, uint64_t deadline,
                            PGresult **ret, struct error *err);
/* A result's error as a status and a sentence, in which there are no values. */
troupe_status postgres_failed(struct postgres_connection *conn, const PGresult *result,
                              struct error *err);
/* A lost connection. */
troupe_status postgres_lost(struct postgres_connection *conn, struct error *err);
/* Whether the server, and not a statement, is to blame: everybody's transaction is lost. */
bool postgres_status_is_server(troupe_status status);

/* ---- value.c ---- */

#define POSTGRES_TEXT 25 /* the type's number */

/* A value as the protocol has it, in binary. */
struct postgres_param {
    Oid type;         /* 0: NULL */
    const char *data; /* NULL: SQL NULL */
    int len;
    char number[8];
};

void postgres_encode(const struct store_value *value, int64_t rowid, struct postgres_param *ret);
/* Copies the rows of a result. */
troupe_status postgres_decode(const PGresult *result, struct store_rows **ret, struct error *err);

/* ---- statement.c ---- */

struct postgres_statement {
    struct list_link recent;
    char *key;
    size_t key_len;
    char name[24];
    struct store_sql sql;
    bool prepared; /* the server said so */
};

enum postgres_step_kind {
    POSTGRES_CONTROL, /* BEGIN and the like: its rows do not count */
    POSTGRES_PREPARE,
    POSTGRES_RUN,
    POSTGRES_ROWID /* the number that the command's row was given */
};

struct postgres_step {
    enum postgres_step_kind kind;
    struct postgres_statement *statement;
    struct store_command *command;
};

/* Between begin and end statements are sent without waiting for their answers; `finish` waits for all
 * of them and gives the first failure. */
troupe_status postgres_pipeline_begin(struct postgres_connection *conn, struct error *err);
void postgres_pipeline_end(struct postgres_connection *conn);
troupe_status postgres_send(struct postgres_connection *conn, const char *sql, struct error *err);
/* `batch` serves row ids; what one needs is waited for. */
troupe_status postgres_send_command(struct postgres_connection *conn,
                                    const struct store_batch *batch, struct store_command *command,
                                    uint64_t deadline, struct error *err);
troupe_status postgres_finish(struct postgres_connection *conn, uint64_t deadline,
                              struct error *err);
void postgres_statements_clear(struct postgres_connection *conn);

/* ---- migrate.c ---- */

/* The schemas, what they need of functions, a slot for this host, and the core's steps. */
troupe_status postgres_set_up(struct postgres_connection *conn, struct postgres_server *server,
                              uint64_t slot_until, uint64_t deadline, struct error *err);
/* `ns` NULL: the core. In one transaction; rolled back when `check_only`. */
troupe_status postgres_migrate(struct postgres_connection *conn, const char *ns,
                               const struct store_migration *steps, size_t count, bool check_only,
                               uint64_t deadline, struct error *err);
/* store_migrate_back. */
troupe_status postgres_migrate_back(struct postgres_connection *conn, const char *ns,
                                    const struct store_migration *steps, size_t count,
                                    int64_t to_version, uint64_t deadline, struct error *err);
/* store_forget. */
troupe_status postgres_forget(struct postgres_connection *conn, uint64_t deadline,
                              struct error *err);

/* ---- keys.c ---- */

/* Refuses the start without the keys that the database is encrypted with, and notes the one that
 * writes. */
troupe_status postgres_keys_take(struct postgres_connection *conn, uint64_t deadline,
                                 struct error *err);

/* ---- hosts.c ---- */

/* The lock that all hosts share, or one program has alone. `ret_entered` false, with a reason: not yet. */
troupe_status postgres_hosts_enter(struct postgres_connection *conn, int old_pid, bool *ret_entered,
                                   struct error *err);
/* A slot for this host, and what that needs in the database. Blocks until `until` for one that ends. */
troupe_status postgres_hosts_start(struct postgres_connection *conn, struct postgres_server *server,
                                   uint64_t until, struct error *err);
/* The same slot on a new connection. `ret_again` false with TROUPE_UNAVAILABLE: not yet; TROUPE_CONFLICT:
 * another host has taken it. */
troupe_status postgres_hosts_again(struct postgres_connection *conn, struct postgres_server *server,
                                   bool *ret_again, struct error *err);
/* The statement that ends a transaction; behind its COMMIT the lease counts from `since`, when it was
 * sent. */
#define POSTGRES_HOLD_SIZE 160
void postgres_hosts_hold(const struct postgres_server *server, uint64_t token, char *ret,
                         size_t size);
void postgres_hosts_held(struct postgres_server *server, uint64_t since);
/* Renews the lease and ends those of silent hosts; every so often. */
bool postgres_hosts_due(const struct postgres_server *server);
troupe_status postgres_hosts_look(struct postgres_connection *conn, struct postgres_server *server,
                                  struct error *err);
/* The slot is free. */
void postgres_hosts_leave(struct postgres_connection *conn, const struct postgres_server *server);

/* ---- writer.c ---- */

struct postgres_writer {
    struct postgres_connection conn;
    struct postgres_server *server;
    struct queue queue;
    pthread_t thread;
    bool running;
    uint64_t token;      /* of the last transaction; its row tells whether that was committed    */
    uint64_t away_since; /* clock_ms(); 0: the server is there */
    struct error away;   /* why not */
    uint32_t backoff_ms;
    bool taken; /* another host has the slot: nothing is written any more */
    _Atomic uint64_t transactions;
    _Atomic bool degraded;
};

/* Connects, takes a place in the database for this host and brings it up to date. */
troupe_status postgres_writer_open(struct postgres_writer *writer, struct error *err);
troupe_status postgres_writer_start(struct postgres_writer *writer, struct error *err);
/* Finishes what is queued, joins, closes the connection. Also after a start that failed. */
void postgres_writer_stop(struct postgres_writer *writer);

/* ---- reader.c ---- */

struct postgres_reader {
    struct postgres_connection conn;
    struct store_reading *reading;
    pthread_t thread;
    bool running;
};

troupe_status postgres_reader_start(struct postgres_reader *reader, struct error *err);
void postgres_reader_stop(struct postgres_reader *reader);

#endif
