/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands as a platform registers them: what the core's own commands and the functions of agents
 * look like from outside, without anything of the layers that run them.
 */
#ifndef GATEWAY_COMMAND_H
#define GATEWAY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gateway_param_type {
    GATEWAY_PARAM_INT,
    GATEWAY_PARAM_FLOAT,
    GATEWAY_PARAM_BOOL,
    GATEWAY_PARAM_STRING,
    GATEWAY_PARAM_JSON, /* typed as text */
    GATEWAY_PARAM_MEMBER,
    GATEWAY_PARAM_CHANNEL,
    GATEWAY_PARAM_ROLE,
    GATEWAY_PARAM_FILE,
};

struct gateway_param {
    const char *name, *doc;
    enum gateway_param_type type;
    bool required;
    bool bounded;        /* the range below holds */
    int64_t min, max;    /* INT: range; STRING, JSON: bytes */
    double min_f, max_f; /* FLOAT */
    const char *const *choices;
    size_t choice_count;
    bool suggested; /* they are offered while somebody types; another text will do, too */
};

/* Who is to see it offered. Whether somebody may is checked when it is called, each time. */
enum gateway_audience {
    GATEWAY_EVERYBODY,
    GATEWAY_MODERATORS,
    GATEWAY_ADMINS,
    GATEWAY_OWNERS,
};

/* Where it is offered. */
enum gateway_offer {
    GATEWAY_TYPED,
    GATEWAY_MEMBER_MENU,
    GATEWAY_MESSAGE_MENU,
};

struct gateway_command {
    const char *name;   /* as members see it                             */
    const char *target; /* what an event names it by; NULL: the name     */
    const char *doc;
    enum gateway_audience audience;
    bool private; /* its answer is for the caller only */
    const struct gateway_param *params;
    size_t param_count;
    enum gateway_offer offer;
    /* Of a menu: the names of the parameters that get the member (of a message who wrote it), the message's
     * text and its id; NULL: none does. */
    const char *member_param, *text_param, *id_param;
};

/* A copy of all of it; commands_free frees it. */
struct gateway_commands {
    struct gateway_command *list;
    size_t count;
};
struct gateway_commands *gateway_commands_copy(const struct gateway_command *commands,
                                               size_t count);
void gateway_commands_free(struct gateway_commands *commands); /* NULL is fine */
/* By the name that members see there; NULL: there is none. */
const struct gateway_command *gateway_commands_find(const struct gateway_commands *commands,
                                                    enum gateway_offer offer, const char *name);

#endif
