#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# portkey.sh PORT: npm's @portkey-ai/gateway on that port; installed into the build directory where it is not
# there yet. Exits at once where npm cannot give it.
set -u

modules=${TROUPE_BUILDDIR:-.}/tests/bench/npm/portkey
program=$modules/node_modules/@portkey-ai/gateway/build/start-server.js
command -v npm >/dev/null && command -v node >/dev/null || exit 69
if [ ! -f "$program" ]; then
    timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$modules" \
        @portkey-ai/gateway@1.15.2 >/dev/null 2>&1 || exit 69
fi
PORTKEY=$program exec node "${TROUPE_SRCDIR:-.}/tests/bench/peers/portkey.js" "--port=$1" --headless \
    >/dev/null 2>&1
