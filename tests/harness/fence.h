/* SPDX-License-Identifier: MIT */
/*
 * Fences, told to ThreadSanitizer in words that it has: one that comes after
 * reading relaxed is an acquire of what was read lately; one that comes before
 * an atomic operation is a release by that operation. Which is less than a fence
 * is, and all that the barrier's sources ask of one.
 */
#ifndef HARNESS_FENCE_H
#define HARNESS_FENCE_H

#include <stdbool.h>

#if defined(__SANITIZE_THREAD__)
#define FENCE_TOLD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FENCE_TOLD 1
#endif
#endif

void fence_after(void);
void fence_before(void);

#ifdef FENCE_TOLD
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void fence_read(const void *address);
void fence_change(void *address);
/* As if the thread came here by ways that the harness does not have. */
#define fence_acquire(address) __tsan_acquire(address)
#define fence_release(address) __tsan_release(address)
#else
#define fence_read(address) ((void)(address))
#define fence_change(address) ((void)(address))
#define fence_acquire(address) ((void)(address))
#define fence_release(address) ((void)(address))
#endif

#endif /* HARNESS_FENCE_H */
