/* SPDX-License-Identifier: GPL-2.0-only */
/* A sleeper: a task on one of a barrier's lists, until somebody wakes it. */
#ifndef DMASHM_SLEEPER_H
#define DMASHM_SLEEPER_H

#include <linux/list.h>
#include <linux/types.h>

struct dmashm_barrier;
struct task_struct;

/* Lives on the stack of the task that sleeps. */
struct dmashm_sleeper {
	struct list_head node;		/* barrier->lock; empty when on no list */
	struct task_struct *task;	/* constant */
	bool woken;			/* written under barrier->lock */
};

void dmashm_sleeper_init(struct dmashm_sleeper *sleeper);
int dmashm_sleeper_add(struct dmashm_barrier *barrier,
		       struct dmashm_sleeper *sleeper, struct list_head *list);
void dmashm_sleeper_remove(struct dmashm_barrier *barrier,
			   struct dmashm_sleeper *sleeper);
int dmashm_sleeper_sleep(struct dmashm_barrier *barrier,
			 struct dmashm_sleeper *sleeper, u64 deadline,
			 unsigned int state);
bool dmashm_sleeper_wake(struct dmashm_sleeper *sleeper);

#endif /* DMASHM_SLEEPER_H */
