#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The tests of the turn once more, with the same plugins in processes of their own: what an author may
# rely on is the same in both.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

export TROUPE_TEST_ISOLATED=1
for name in confirm engine exclusive form host limits pipeline record recover replay seen settings silence span texts blobs vectors cache retain attach; do
    "$TROUPE_BUILDDIR/tests/unit/turn/${name}_test" >"$TAP_DIR/$name.log" 2>&1
    status=$?
    [ $status = 0 ] || tell_failure "$TAP_DIR/$name.log"
    ok $status "the tests of $name hold with isolated plugins"
done
tap_done
