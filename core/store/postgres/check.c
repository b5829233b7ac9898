/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at a server that no host uses, and at what is said about one.
 */
#include "base/clock.h"
#include "store/postgres/postgres.h"

enum { CHECK_MS = 10000 };

/* A URL is shown by `troupe config` and in logs. */
troupe_status store_url_check(const char *url, struct error *err)
{
    char *text = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &text);
    troupe_status status = TROUPE_OK;

    PQfreemem(text); /* it quotes the URL */
    if (!options)
        return error_set(err, TROUPE_ARGUMENT,
                         "the database's url is not understood: write it as "
                         "postgresql://USER@HOST/DATABASE?sslmode=verify-full");
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && *option->val && strcmp(option->keyword, "password") == 0)
            status = error_set(err, TROUPE_ARGUMENT,
                               "the database's url holds a password: move it to the key password, "
                               "as ${file:PATH}");
    PQconninfoFree(options);
    return status;
}

troupe_status store_check_server(const char *url, const char *password, struct error *err)
{
    _cleanup_mem_ char *own_url = mem_strdup(url);
    _cleanup_mem_ char *own_password = password ? mem_strdup(password) : NULL;
    const struct postgres_server server = {
        .url = own_url, .password = own_password, .busy_ms = 1000, .write_ms = 1000};
    struct postgres_connection conn;
    troupe_status status = store_url_check(url, err);

    if (status < 0)
        return status;
    postgres_connection_init(&conn, &server, false);
    status = postgres_connect(&conn, clock_ms() + CHECK_MS, err);
    postgres_disconnect(&conn);
    return status;
}
