/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tool watches this build. One place decides, so that annotations never depend on compiler
 * spellings elsewhere.
 */
#ifndef LOOP_SANITIZE_H
#define LOOP_SANITIZE_H

#include "config.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define LOOP_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define LOOP_TSAN 1
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
#endif

#if defined(LOOP_ASAN) || defined(LOOP_TSAN)
#define LOOP_SANITIZED 1
#endif

/* Requests to valgrind are a few instructions without effect outside of it, and none at all where
 * a sanitizer is at work: the two exclude each other. */
#if defined(HAVE_VALGRIND_VALGRIND_H) && defined(HAVE_VALGRIND_MEMCHECK_H) &&                      \
    !defined(LOOP_ASAN) && !defined(LOOP_TSAN)
#define LOOP_VALGRIND 1
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif

#endif
