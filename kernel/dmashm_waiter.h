/* SPDX-License-Identifier: GPL-2.0-only */
/* A waiter: a task that sleeps until somebody wakes those who wait on a word. */
#ifndef DMASHM_WAITER_H
#define DMASHM_WAITER_H

#include <linux/list.h>
#include <linux/types.h>

struct dmashm_barrier;
struct task_struct;

/* Lives on the stack of the task that sleeps. */
struct dmashm_waiter {
	struct list_head node;		/* barrier->lock */
	struct task_struct *task;	/* constant */
	u32 offset;			/* constant */
	bool woken;			/* written under barrier->lock */
};

int dmashm_waiter_queue(struct dmashm_barrier *barrier,
			struct dmashm_waiter *waiter, u32 offset);
int dmashm_waiter_sleep(struct dmashm_barrier *barrier,
			struct dmashm_waiter *waiter, u64 deadline,
			unsigned int state);
void dmashm_waiter_wake_one(struct dmashm_barrier *barrier, u32 offset);
unsigned int dmashm_waiter_wake(struct dmashm_barrier *barrier, u32 offset,
				u32 count);
void dmashm_waiter_wake_all(struct dmashm_barrier *barrier);

#endif /* DMASHM_WAITER_H */
