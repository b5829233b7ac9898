/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/rights.h"

#include "base/log.h"
#include "plugin/function.h"
#include "turn/audit.h"
#include "turn/engine_private.h"

enum turn_rights turn_rights(const struct turn *turn, bool *ret_unknown)
{
    const struct event *event = turn->event;
    const struct gateway *gateway = event->gateway;
    enum gateway_rights rights = GATEWAY_MEMBER;
    struct error err;

    if (ret_unknown)
        *ret_unknown = false;
    if (event->flags & EVENT_OWNER)
        return TURN_OWNER;
    /* What a program was talked into is nobody's right, and without a platform nobody can tell. */
    if (event->flags & EVENT_BOT || !gateway)
        return TURN_MEMBER;
    if (gateway->ops->rights) {
        if (gateway->ops->rights(event->gateway, event, &rights, &err) < 0) {
            log_warn("turn", "the rights of a member are not known and count as none: %s",
                     err.text);
            if (ret_unknown)
                *ret_unknown = true;
            return TURN_MEMBER;
        }
        return rights == GATEWAY_ADMIN       ? TURN_ADMIN
               : rights == GATEWAY_MODERATOR ? TURN_MODERATOR
                                             : TURN_MEMBER;
    }
    return event->flags & EVENT_ADMIN       ? TURN_ADMIN
           : event->flags & EVENT_MODERATOR ? TURN_MODERATOR
                                            : TURN_MEMBER;
}

enum turn_rights turn_rights_needed(const struct plugin_function *function)
{
    return function->flags & TROUPE_OWNER       ? TURN_OWNER
           : function->flags & TROUPE_ADMIN     ? TURN_ADMIN
           : function->flags & TROUPE_MODERATOR ? TURN_MODERATOR
                                                : TURN_MEMBER;
}

const char *turn_rights_name(enum turn_rights rights)
{
    static const char *const names[] = {"members", "moderators", "those who manage the server",
                                        "the bot's owner"};

    return names[rights];
}

bool turn_rights_check(const struct turn *turn, enum turn_rights needed, const char *what,
                       struct error *err)
{
    bool unknown;

    if (needed == TURN_MEMBER || !turn->event || turn_rights(turn, &unknown) >= needed)
        return true;
    if (!err)
        return false;
    turn_audit_denied(turn, what);
    error_set(err, TROUPE_DENIED, "\"%s\" is for %s only%s", what, turn_rights_name(needed),
              unknown ? "; I could not look up your roles just now, so try again in a minute" : "");
    return false;
}

bool turn_may_call(const struct turn *turn, const struct plugin_function *function,
                   struct error *err)
{
    return turn_rights_check(turn, turn_rights_needed(function), function->name, err);
}
