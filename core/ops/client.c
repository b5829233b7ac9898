/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/client.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ops/socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)16 << 20)

troupe_status ops_client_open(struct ops_client *client, const char *path, struct error *err)
{
    *client = (struct ops_client){.fd = -1, .in = {.max = ANSWER_MAX}};
    return ops_socket_connect(path, &client->fd, err);
}

void ops_client_close(struct ops_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    buf_clear(&client->in);
}

troupe_status ops_client_send(struct ops_client *client, const json_t *object, struct error *err)
{
    _cleanup_mem_ char *text = json_print(object);
    _cleanup_mem_ char *line = NULL;
    size_t len, done = 0;

    if (!text)
        return error_set(err, TROUPE_DATA, "the request is no valid text");
    line = mem_printf("%s\n", text);
    len = strlen(line);
    while (done < len) {
        ssize_t n = send(client->fd, line + done, len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, TROUPE_UNAVAILABLE, "the host has closed the connection");
        done += (size_t)n;
    }
    return TROUPE_OK;
}

/* Waits for more and adds it. */
static troupe_status fill(struct ops_client *client, uint64_t deadline, struct error *err)
{
    char chunk[4096];
    uint64_t now = clock_ms();
    struct pollfd wanted = {.fd = client->fd, .events = POLLIN};
    int timeout = deadline > now + INT32_MAX ? INT32_MAX : (int)(deadline - now);
    ssize_t n;
    int rc;

    if (now >= deadline)
        return error_set(err, TROUPE_DEADLINE, "the host did not answer in time");
    rc = poll(&wanted, 1, timeout);
    if (rc < 0 && errno != EINTR)
        return error_set(err, TROUPE_IO, "waiting for the host failed: %s", strerror(errno));
    if (rc <= 0)
        return TROUPE_OK;
    n = recv(client->fd, chunk, sizeof(chunk), 0);
    if (n < 0 && errno == EINTR)
        return TROUPE_OK;
    if (n <= 0)
        return error_set(err, TROUPE_END, "the host has closed the connection");
    if (buf_append(&client->in, chunk, (size_t)n) < 0)
        return error_set(err, TROUPE_LIMIT, "the host's answer is too long");
    return TROUPE_OK;
}

troupe_status ops_client_receive(struct ops_client *client, uint32_t timeout_ms, json_t **ret,
                                 struct error *err)
{
    uint64_t deadline = clock_ms() + timeout_ms;
    troupe_status status;
    const char *end;
    size_t len;

    while (!client->in.len || !(end = memchr(client->in.data, '\n', client->in.len))) {
        status = fill(client, deadline, err);
        if (status < 0)
            return status;
    }
    len = (size_t)(end - client->in.data);
    status = json_parse(client->in.data, len, ret, err);
    buf_shift(&client->in, len + 1);
    return status;
}

static troupe_status status_of_name(const char *name)
{
    for (troupe_status status = TROUPE_CONFIG; status < 0; status++) {
        if (!strcmp(status_name(status), name))
            return status;
    }
    return TROUPE_FAILED;
}

troupe_status ops_client_call(struct ops_client *client, json_t *request, uint32_t timeout_ms,
                              json_t **ret_result, int *ret_exit, struct error *err)
{
    _cleanup_json_ json_t *asked = request;
    _cleanup_json_ json_t *answer = NULL;
    troupe_status status = ops_client_send(client, asked, err);

    if (status == TROUPE_OK)
        status = ops_client_receive(client, timeout_ms, &answer, err);
    if (status < 0) {
        *ret_exit = status == TROUPE_DEADLINE ? EX_TEMPFAIL : EX_UNAVAILABLE;
        return status;
    }
    *ret_result = json_incref(json_object_get(answer, "result"));
    if (json_is_true(json_object_get(answer, "ok"))) {
        *ret_exit = EX_OK;
        return TROUPE_OK;
    }
    *ret_exit = (int)json_get_int(answer, "exit", EX_SOFTWARE);
    return error_set(err, status_of_name(json_get_str(answer, "status", "")), "%s",
                     json_get_str(answer, "error", "the host answered something unknown"));
}

troupe_status ops_client_wait_end(struct ops_client *client, uint32_t timeout_ms)
{
    uint64_t deadline = clock_ms() + timeout_ms;
    troupe_status status;

    do {
        buf_reset(&client->in);
        status = fill(client, deadline, NULL);
    } while (status == TROUPE_OK);
    return status == TROUPE_END ? TROUPE_OK : status;
}
