/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "ops/control_internal.h"
#include "ops/socket.h"

#include <sysexits.h>
#include <unistd.h>

int ops_exit_code(troupe_status status)
{
    switch (status) {
    case TROUPE_CONFIG: return EX_CONFIG;
    case TROUPE_ARGUMENT: return EX_USAGE;
    case TROUPE_DATA:
    case TROUPE_VERSION: return EX_DATAERR;
    case TROUPE_NOT_FOUND: return EX_NOINPUT;
    case TROUPE_DENIED: return EX_NOPERM;
    case TROUPE_UNAVAILABLE:
    case TROUPE_BUDGET: return EX_UNAVAILABLE;
    case TROUPE_IO: return EX_IOERR;
    case TROUPE_NOMEM: return EX_OSERR;
    case TROUPE_BUSY:
    case TROUPE_LIMIT:
    case TROUPE_DEADLINE:
    case TROUPE_CANCELED: return EX_TEMPFAIL;
    default: return status < 0 ? EX_SOFTWARE : EX_OK;
    }
}

/* ---- listening ------------------------------------------------------------------------------- */

static void accepted(uv_stream_t *listener, int status)
{
    struct ops_control *control = listener->data;
    struct error err;

    if (status < 0)
        log_warn("control", "a connection could not be taken: %s", uv_strerror(status));
    else if (control_client_new(control, -1, &err) < 0)
        log_warn("control", "%s", err.text);
}

static void handle_closed(uv_handle_t *handle)
{
    struct ops_control *control = handle->data;

    control->listening = false;
    control_client_left(control);
}

static troupe_status start_listening(struct ops_control *control, struct error *err)
{
    struct loop *loop = control->loop;
    troupe_status status;
    int fd = -1, rc;

    status = ops_socket_bind(control->path, control->options.group, &fd, err);
    if (status < 0)
        return status;
    rc = uv_pipe_init(loop_uv(loop), &control->listener, 0);
    if (rc < 0) {
        close(fd);
        (void)unlink(control->path);
        return error_set(err, TROUPE_IO, "control socket: %s", uv_strerror(rc));
    }
    control->listener.data = control;
    control->listening = true;
    rc = uv_pipe_open(&control->listener, fd);
    if (rc < 0)
        close(fd);
    else
        rc = uv_listen((uv_stream_t *)&control->listener, OPS_CONTROL_CLIENTS, accepted);
    return rc < 0 ? error_set(err, TROUPE_IO, "control socket \"%s\": %s", control->path,
                              uv_strerror(rc))
                  : TROUPE_OK;
}

static void free_control(struct ops_control *control)
{
    mem_free(control->path);
    mem_free(control);
}

/* After a failed start nobody waits for the handle. */
static void failed_closed(uv_handle_t *handle)
{
    free_control(handle->data);
}

troupe_status ops_control_start(struct loop *loop, const struct ops_control_options *options,
                                struct ops_control **ret, struct error *err)
{
    struct ops_control *control = mem_zero(1, sizeof(*control));
    troupe_status status = TROUPE_OK;

    control->loop = loop;
    control->options = *options;
    list_init(&control->clients);
    if (options->path) {
        control->path = mem_strdup(options->path);
        status = start_listening(control, err);
    }
    if (status == TROUPE_OK) {
        *ret = control;
        return TROUPE_OK;
    }
    if (control->listening) {
        (void)unlink(control->path);
        uv_close((uv_handle_t *)&control->listener, failed_closed);
    } else {
        free_control(control);
    }
    return status;
}

troupe_status ops_control_adopt(struct ops_control *control, int fd, struct error *err)
{
    return control_client_new(control, fd, err);
}

size_t ops_control_clients(const struct ops_control *control)
{
    return control->client_count;
}

/* ---- the end --------------------------------------------------------------------------------- */

void control_client_left(struct ops_control *control)
{
    if (!control->gone || control->listening || control->client_count)
        return;
    op_complete(control->gone, TROUPE_OK, NULL);
    control->gone = NULL;
}

void ops_control_stop(struct ops_control *control)
{
    struct op *gone;

    if (!control)
        return;
    gone = op_new(control->loop, NULL);
    control->gone = gone;
    control->stopping = true;
    if (control->listening) {
        (void)unlink(control->path);
        uv_close((uv_handle_t *)&control->listener, handle_closed);
    }
    list_for_each_safe (link, &control->clients)
        control_client_end(container_of(link, struct control_client, link));
    control_client_left(control);
    /* The handles point into `control`: it cannot be freed before they are closed, which every
     * client is within a second; only a command that ignores its cancellation takes longer. */
    co_shield(UINT32_MAX);
    (void)op_wait(gone, 0, NULL);
    co_unshield();
    op_drop(gone);
    free_control(control);
}
