/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation_rig.h"

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

const troupe_plugin *troupe_plugin_v1(void);

struct fake_turn *talker(void)
{
    static char prompt[4096];
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "conversation");

    snprintf(prompt, sizeof(prompt), "%s/plugins/conversation/prompts/default.txt",
             getenv("TROUPE_SRCDIR") ? getenv("TROUPE_SRCDIR") : ".");
    fake_config(fake, "template", prompt);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

void answers(struct fake_turn *fake, const char *first, const char *second)
{
    fake->services[0].chunks[0] = first;
    fake->services[0].chunks[1] = second;
    fake->services[0].result = "{\"text\":\"\",\"usage\":{\"input\":30,\"output\":12}}";
}

void finish(struct fake_turn *fake)
{
    assert_int_equal(fake->open_streams, 0);
    fake_turn_free(fake);
}
