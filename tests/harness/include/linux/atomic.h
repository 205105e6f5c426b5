/* SPDX-License-Identifier: MIT */
/*
 * The kernel's atomics, in the compiler's. Where the kernel promises a full
 * barrier, the order is sequentially consistent; where it promises nothing, it
 * is relaxed, so that ThreadSanitizer misses what the sources forgot.
 *
 * ThreadSanitizer knows no fences: see fence.h.
 *
 * Every operation is a place where another thread may come in between.
 */
#ifndef HARNESS_ATOMIC_H
#define HARNESS_ATOMIC_H

#include <linux/types.h>

#include "fence.h"
#include "step.h"

typedef struct {
	int counter;
} atomic_t;

#define READ_ONCE(x)							\
	(step_pause(), fence_read(&(x)),				\
	 __atomic_load_n(&(x), __ATOMIC_RELAXED))
#define WRITE_ONCE(x, value)						\
	(step_pause(), __atomic_store_n(&(x), value, __ATOMIC_RELAXED))
#define smp_load_acquire(p)						\
	(step_pause(), __atomic_load_n(p, __ATOMIC_ACQUIRE))
#define smp_store_release(p, value)					\
	(step_pause(), __atomic_store_n(p, value, __ATOMIC_RELEASE))

#define try_cmpxchg_by(p, old, new, order)				\
	(step_pause(),							\
	 __atomic_compare_exchange_n(p, old, new, false, order,		\
				     __ATOMIC_RELAXED))
#define try_cmpxchg(p, old, new)					\
	try_cmpxchg_by(p, old, new, __ATOMIC_SEQ_CST)
#define try_cmpxchg_release(p, old, new)				\
	try_cmpxchg_by(p, old, new, __ATOMIC_RELEASE)

static inline u32 cmpxchg(u32 *p, u32 old, u32 new)
{
	try_cmpxchg(p, &old, new);
	return old;
}

static inline int atomic_read(const atomic_t *v)
{
	return READ_ONCE(v->counter);
}

static inline int atomic_read_acquire(const atomic_t *v)
{
	return smp_load_acquire(&v->counter);
}

static inline int atomic_inc_return(atomic_t *v)
{
	step_pause();
	return __atomic_add_fetch(&v->counter, 1, __ATOMIC_SEQ_CST);
}

static inline int atomic_fetch_or(int bits, atomic_t *v)
{
	step_pause();
	return __atomic_fetch_or(&v->counter, bits, __ATOMIC_SEQ_CST);
}

static inline int atomic_fetch_andnot_release(int bits, atomic_t *v)
{
	step_pause();
	return __atomic_fetch_and(&v->counter, ~bits, __ATOMIC_RELEASE);
}

static inline bool atomic_try_cmpxchg(atomic_t *v, int *old, int new)
{
	return try_cmpxchg(&v->counter, old, new);
}

static inline bool atomic_try_cmpxchg_release(atomic_t *v, int *old, int new)
{
	return try_cmpxchg_release(&v->counter, old, new);
}

static inline int atomic_dec_return_release(atomic_t *v)
{
	step_pause();
	return __atomic_sub_fetch(&v->counter, 1, __ATOMIC_RELEASE);
}

static inline void atomic_inc(atomic_t *v)
{
	step_pause();
	fence_change(&v->counter);
	__atomic_fetch_add(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline void atomic_or(int bits, atomic_t *v)
{
	step_pause();
	fence_change(&v->counter);
	__atomic_fetch_or(&v->counter, bits, __ATOMIC_RELAXED);
}

static inline void atomic_andnot(int bits, atomic_t *v)
{
	step_pause();
	fence_change(&v->counter);
	__atomic_fetch_and(&v->counter, ~bits, __ATOMIC_RELAXED);
}

#define smp_mb()		fence_after()
#define smp_mb__before_atomic()	fence_before()
#define smp_mb__after_atomic()	fence_after()

#endif /* HARNESS_ATOMIC_H */
