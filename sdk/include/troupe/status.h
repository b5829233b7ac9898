/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/status.h - the status codes of the plugin ABI.
 *
 * Every call of the ABI returns one of these. Values are frozen: a code keeps its number for ever
 * and new codes are appended. Zero and above is success, below zero is failure. They are never
 * errno values.
 *
 *     troupe_status status = troupe_sleep(turn, 1000);
 *
 *     if (status < 0)
 *         return status;
 */
#ifndef TROUPE_STATUS_H
#define TROUPE_STATUS_H

#include <stdint.h>

/* What became of a call, and what a callback returns. */
typedef int32_t troupe_status;

/* Success, and the verdicts that a pipeline stage returns. */
#define TROUPE_OK   0 /* done; as a stage's verdict the same as TROUPE_NEXT                      */
#define TROUPE_NEXT 0 /* stage: go on with the next stage                                        */
#define TROUPE_DONE 1 /* stage: the turn is answered, later stages do not run                    */
#define TROUPE_DROP 2 /* stage: end the turn without an answer; say why with troupe_reason()     */

/* Failures. */
#define TROUPE_CANCELED    (-1)  /* the turn was cancelled; every later wait returns this too    */
#define TROUPE_DEADLINE    (-2)  /* the time allowed ran out                                     */
#define TROUPE_FAILED      (-3)  /* it did not work and no other code says it better             */
#define TROUPE_ARGUMENT    (-4)  /* an argument is outside what the call or declaration allows   */
#define TROUPE_NOMEM       (-5)  /* memory limit of the plugin or of the host                    */
#define TROUPE_DENIED      (-6)  /* a capability was not declared or a permission is missing     */
#define TROUPE_VERSION     (-7)  /* the two sides do not understand each other                   */
#define TROUPE_BUSY        (-8)  /* a bounded queue is full; trying later makes sense            */
#define TROUPE_UNSUPPORTED (-9)  /* this host or back end does not offer it                      */
#define TROUPE_NOT_FOUND   (-10) /* no such key, row, function, model                            */
#define TROUPE_LIMIT       (-11) /* a documented limit was reached                               */
#define TROUPE_UNAVAILABLE (-12) /* a service or the storage is away                             */
#define TROUPE_BUDGET      (-13) /* the reservation would pass a cap, or the price is unknown    */
#define TROUPE_MAYBE_DONE  (-14) /* an effect was begun before a crash and may have happened     */
#define TROUPE_PARKED      (-15) /* the stage is put aside; return whatever you like             */
#define TROUPE_INTERRUPTED (-16) /* a stream was cut after something had been shown              */
#define TROUPE_CRASHED     (-17) /* the callee died                                              */
#define TROUPE_END         (-18) /* a stream has ended; nothing went wrong                       */
#define TROUPE_CONFLICT    (-19) /* a guard on the stored rows did not hold                      */
#define TROUPE_IO          (-20) /* reading or writing failed                                    */
#define TROUPE_DATA        (-21) /* what came in cannot be understood                            */
#define TROUPE_CONFIG      (-22) /* the configuration does not hold                              */

#endif
