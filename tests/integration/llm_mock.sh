#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# plugins/llm against npm's @copilotkit/aimock, where npm can get it.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

modules="$TROUPE_BUILDDIR/tests/integration/npm/mock" # a folder of its own: others install at the same time
if ! command -v npm >/dev/null; then
    skip "a mock that is not ours is understood" "npm is not here"
    tap_done
    exit
elif [ ! -d "$modules/node_modules/@copilotkit/aimock" ] &&
    ! timeout 60 npm install --prefix "$modules" --no-audit --no-fund --silent --cache \
        "$modules/cache" @copilotkit/aimock@1.43.0 >/dev/null 2>&1; then
    skip "a mock that is not ours is understood" "the npm registry does not give it"
    tap_done
    exit
fi
NODE_PATH="$modules/node_modules" exec python3 -B "$TROUPE_SRCDIR/tests/lib/llm_mock.py" \
    "$TROUPE_SRCDIR/tests/integration/clients/aimock_server.js"
