/* SPDX-License-Identifier: Apache-2.0
 *
 * Has a note and no entry.
 */
#include "fault.h"

FAULTY_NOTE(TROUPE_ABI_MAJOR);
