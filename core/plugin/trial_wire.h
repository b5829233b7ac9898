/* SPDX-License-Identifier: Apache-2.0
 *
 * What trial.c and runner.c agree on. Both come from one build, so the form may change freely.
 *
 * Request: one JSON object in the file behind TRIAL_FD_REQUEST: mode, sandbox, id, version, extensions
 * [{id, size}], and to create an agent its name and values without secrets. Result: lines of JSON on
 * TRIAL_FD_RESULT, {"log": text, "level": n} as they come, {"verdict": sentence, "status": n} last;
 * where more was asked for, {"answer": {…}} before it, whose members are gathered.
 */
#ifndef PLUGIN_TRIAL_WIRE_H
#define PLUGIN_TRIAL_WIRE_H

#define TRIAL_FD_IMAGE      3
#define TRIAL_FD_REQUEST    4
#define TRIAL_FD_RESULT     5 /* of an agent that stays: the socket (wire.h) */
#define TRIAL_FD_PAGE       6 /* the same: a page that is shared (guest.h)   */

#define TRIAL_MAX_REQUEST   ((size_t)8 << 20)
#define TRIAL_MAX_LOG_LINES 16 /* of at most 1,000 bytes: the pipe never fills up */

#endif
