/* SPDX-License-Identifier: GPL-2.0-only */
/* A waiter: who sleeps until somebody wakes those who wait on a word. */
#ifndef DMASHM_WAITER_H
#define DMASHM_WAITER_H

#include <linux/types.h>

#include "dmashm_sleeper.h"

struct dmashm_barrier;
struct dmashm_member;
struct dmashm_wait;

/* Lives on the stack of the task that waits. */
struct dmashm_waiter {
	struct dmashm_sleeper sleeper;	/* on barrier->waiters, or being woken */
	const struct dmashm_member *member;	/* constant; for people only */
	u32 offset;			/* constant */
};

int dmashm_waiter_wait(struct dmashm_barrier *barrier,
		       const struct dmashm_member *member,
		       const struct dmashm_wait *wait, u64 deadline);
unsigned int dmashm_waiter_wake(struct dmashm_barrier *barrier, u32 offset,
				u32 count);
void dmashm_waiter_wake_all(struct dmashm_barrier *barrier);

#endif /* DMASHM_WAITER_H */
