/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent has of its configuration, checked when it is made.
 */
#ifndef CONVERSATION_SETUP_H
#define CONVERSATION_SETUP_H

#include "faq.h"
#include "prompt.h"
#include "template.h"

#include <stddef.h>
#include <stdint.h>
#include <troupe/plugin.h>

#ifndef CONVERSATION_PROMPT
#define CONVERSATION_PROMPT ""
#endif

struct conversation {
    char template[TEMPLATE_MAX];
    char bot_name[TEMPLATE_VALUE_MAX]; /* where no server has another */
    size_t stable;                     /* bytes of the template that are the same for everybody */
    struct prompt_budget budget;
    struct faq faq;
    uint8_t summary;
};

/* For the plugin's `create` and `destroy`; what is wrong is logged with its key. */
troupe_status setup_create(troupe_host *host, void **ret_state);
void setup_destroy(troupe_host *host, void *state);

#endif
