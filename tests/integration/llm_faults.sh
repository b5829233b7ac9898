#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever a provider does, in each of the three formats: the question ends in time with something
# that the member can read, and with a second model in the right answer.
exec python3 -B "$TROUPE_SRCDIR/tests/lib/llm_faults.py"
