/* SPDX-License-Identifier: Apache-2.0
 *
 * Was built for another ABI.
 */
#include "fault.h"

FAULTY_NOTE(TROUPE_ABI_MAJOR + 1);
FAULTY_TABLE(.size = sizeof(troupe_plugin));
