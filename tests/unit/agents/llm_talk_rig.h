/* SPDX-License-Identifier: Apache-2.0
 *
 * Talks of the agent llm against scripted providers, with its own functions called as the host would.
 */
#ifndef TESTS_LLM_TALK_RIG_H
#define TESTS_LLM_TALK_RIG_H

#include "fake_turn.h"

#define LLM_TALK_QUESTION "[{\"role\":\"user\",\"content\":\"hello there\"}]"
/* Of OpenAI's interface: "fine". */
#define LLM_TALK_GOOD                                                                              \
    "data: {\"choices\":[{\"delta\":{\"content\":\"fine\"},\"finish_reason\":\"stop\"}]}\n\n"      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n"

/* For `on_call`: llm-route and llm-key choose, a place is free. */
const char *llm_talk_call(struct fake_turn *fake, const char *name, troupe_str args);
/* llm.chat with LLM_TALK_QUESTION, with other messages, or on another route than chat. */
troupe_status llm_talk(struct fake_turn *fake);
troupe_status llm_talk_about(struct fake_turn *fake, const char *messages);
troupe_status llm_talk_on(struct fake_turn *fake, const char *route, const char *messages);

#endif
