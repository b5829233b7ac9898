/* SPDX-License-Identifier: Apache-2.0
 *
 * What a server has beside talks: judgement of texts and pictures. Whatever says "bad" is flagged, and each
 * picture is one white point.
 */
#include "fake_answer.h"
#include "fake_api.h"

#include <string.h>

static const char point[] =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAgVu3FwAAAABJRU5ErkJggg==";

struct fake_plan *fake_answer_moderation(const json_t *body, const char *model)
{
    const char *input = fake_rule_str(body, "input", "");
    const int bad = strstr(input, "bad") != NULL;

    if (!input[0])
        return fake_answer_error(400, "invalid_value", "input is empty or no text", NULL);
    return fake_answer_json(
        200, json_pack("{s:s,s:s,s:[{s:b,s:{s:b,s:b,s:n},s:{s:f,s:f,s:n}}]}", "id", "modr-1",
                       "model", model, "results", "flagged", bad, "categories", "violence", bad,
                       "harassment/threatening", 0, "illicit", "category_scores", "violence",
                       bad ? 0.9 : 0.01, "harassment/threatening", 0.001, "illicit"));
}

struct fake_plan *fake_answer_image(const json_t *body, bool with_cost)
{
    const char *prompt = fake_rule_str(body, "prompt", "");
    json_t *answer;

    if (!prompt[0])
        return fake_answer_error(400, "invalid_value", "prompt is empty or no text", NULL);
    answer = json_pack("{s:i,s:[{s:s}],s:{s:i,s:i}}", "created", 1, "data", "b64_json", point,
                       "usage", "input_tokens", 10, "output_tokens", 200);
    if (with_cost)
        json_object_set_new(json_object_get(answer, "usage"), "cost", json_real(0.0123));
    return fake_answer_json(200, answer);
}
