/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/troupe.h - everything a plugin includes. Start with troupe/plugin.h (what to declare) and
 * troupe/turn.h (what to do while a turn runs).
 */
#ifndef TROUPE_TROUPE_H
#define TROUPE_TROUPE_H

#include <troupe/abi.h>
#include <troupe/attach.h>
#include <troupe/blobs.h>
#include <troupe/budget.h>
#include <troupe/cache.h>
#include <troupe/cxx.h>
#include <troupe/files.h>
#include <troupe/host.h>
#include <troupe/http.h>
#include <troupe/kv.h>
#include <troupe/metrics.h>
#include <troupe/owner.h>
#include <troupe/plugin.h>
#include <troupe/schedule.h>
#include <troupe/services.h>
#include <troupe/sql.h>
#include <troupe/status.h>
#include <troupe/texts.h>
#include <troupe/tools.h>
#include <troupe/trace.h>
#include <troupe/turn.h>
#include <troupe/user_data.h>
#include <troupe/vectors.h>
#include <troupe/work.h>

#endif
