/* SPDX-License-Identifier: GPL-2.0-only */
/* A sleeper: a task that waits until somebody wakes it. */
#ifndef DMASHM_SLEEPER_H
#define DMASHM_SLEEPER_H

#include <linux/list.h>
#include <linux/types.h>

struct dmashm_barrier;
struct task_struct;

/* Lives on the stack of the task that sleeps. */
struct dmashm_sleeper {
	struct list_head node;		/* barrier->lock; empty in no queue */
	struct task_struct *task;	/* constant */
	bool woken;			/* written under barrier->lock */
};

/* A queue of them; all under barrier->lock. */
struct dmashm_sleepers {
	struct list_head list;		/* oldest first */
	unsigned int count;
	unsigned int limit;		/* constant; of count */
};

static inline void dmashm_sleepers_init(struct dmashm_sleepers *queue,
					unsigned int limit)
{
	INIT_LIST_HEAD(&queue->list);
	queue->count = 0;
	queue->limit = limit;
}

void dmashm_sleeper_init(struct dmashm_sleeper *sleeper);
int dmashm_sleeper_add(struct dmashm_sleepers *queue,
		       struct dmashm_sleeper *sleeper);
void dmashm_sleeper_remove(struct dmashm_sleepers *queue,
			   struct dmashm_sleeper *sleeper);
int dmashm_sleeper_sleep(struct dmashm_barrier *barrier,
			 struct dmashm_sleeper *sleeper, u64 deadline,
			 unsigned int state);
void dmashm_sleeper_wake(struct dmashm_sleeper *sleeper);

#endif /* DMASHM_SLEEPER_H */
