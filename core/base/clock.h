/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks. Deadlines and durations use CLOCK_MONOTONIC only; the wall clock is for what people and
 * other systems read. Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_ms(void);     /* monotonic milliseconds                       */
uint64_t clock_ns(void);     /* monotonic nanoseconds                        */
int64_t clock_wall_ms(void); /* milliseconds since 1970-01-01T00:00Z         */
#define CLOCK_ISO_SIZE 25    /* "2026-11-20T10:00:00.000Z" and its NUL       */
void clock_iso(int64_t wall_ms, char out[CLOCK_ISO_SIZE]);

#endif
