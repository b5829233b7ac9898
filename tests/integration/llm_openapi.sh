#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every kind of request to a language model holds what OpenAI's own description of its API says: plain
# talks, tools and their results, answers in JSON, models of both spellings, vectors, judgements, pictures.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

DOCUMENT=${TROUPE_TEST_DATA:+$TROUPE_TEST_DATA/openai-openapi.json}
if [ -z "$DOCUMENT" ] || [ ! -r "$DOCUMENT" ]; then
    skip "requests hold OpenAI's description of its API" \
        "TROUPE_TEST_DATA names no folder with openai-openapi.json"
    tap_done
    exit 0
fi

check() { python3 "$TROUPE_SRCDIR/tests/lib/openapi.py" "$DOCUMENT" "$@"; }

# refuses PATTERN BODY
refuses()
{
    printf '[{"method": "POST", "path": "/v1/chat/completions", "body": %s}]' "$2" >"$TAP_DIR/one.json"
    like "$(check "$TAP_DIR/one.json")" "$1" "the check refuses a body that $1"
}
refuses 'lacks messages' '{"model": "x"}'
refuses 'tempreature is not known' '{"model": "x", "messages": [], "tempreature": 1}'
refuses 'out of range' '{"model": "x", "messages": [], "temperature": 3}'

"$TROUPE_BUILDDIR/tests/unit/agents/llm_provider_test" --requests >"$TAP_DIR/requests.json"
is "$(check "$TAP_DIR/requests.json" 'POST /chat/completions')" 4 "each of our requests holds it"
"$TROUPE_BUILDDIR/tests/unit/agents/llm_vision_test" --requests >"$TAP_DIR/requests.json"
is "$(check "$TAP_DIR/requests.json" 'POST /chat/completions')" 1 "so does one with pictures"
"$TROUPE_BUILDDIR/tests/unit/agents/llm_others_test" --requests >"$TAP_DIR/requests.json"
is "$(check "$TAP_DIR/requests.json" 'POST /embeddings' 'POST /moderations' 'POST /images/generations')" 4 \
    "and so do those for vectors, judgements and pictures"
tap_done
