// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping, for whatever reason. Who sleeps has seen the reason under
 * barrier->lock and can be found since; who takes the reason away takes the
 * lock after it, and looks for sleepers: one of the two sees the other.
 */
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_sleeper.h"

/**
 * dmashm_sleeper_init() - a sleeper of the calling task, in no queue
 * @sleeper: to be filled in
 */
void dmashm_sleeper_init(struct dmashm_sleeper *sleeper)
{
	INIT_LIST_HEAD(&sleeper->node);
	sleeper->task = current;
	sleeper->woken = false;
}

/**
 * dmashm_sleeper_add() - become one of those who are woken
 * @queue:   one of a barrier's
 * @sleeper: in no queue
 *
 * Context: process; the caller holds barrier->lock.
 * Return: 0; -EUSERS the queue's limit is reached.
 */
int dmashm_sleeper_add(struct dmashm_sleepers *queue,
		       struct dmashm_sleeper *sleeper)
{
	if (queue->count == queue->limit)
		return -EUSERS;
	list_add_tail(&sleeper->node, &queue->list);
	queue->count++;
	return 0;
}

/**
 * dmashm_sleeper_remove() - take a sleeper out of its queue
 * @queue:   where it is
 * @sleeper: which one
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_sleeper_remove(struct dmashm_sleepers *queue,
			   struct dmashm_sleeper *sleeper)
{
	list_del_init(&sleeper->node);
	queue->count--;
}

/*
 * A signal and the deadline count before a wake: who is woken over and over
 * must come to an end too.
 */
static int sleeper_schedule(struct dmashm_sleeper *sleeper, u64 deadline,
			    unsigned int state)
{
	ktime_t expires = deadline > KTIME_MAX ? KTIME_MAX : (ktime_t)deadline;
	ktime_t *timer = deadline == DMASHM_NEVER ? NULL : &expires;
	int ret = 0;

	for (;;) {
		/* Pairs with the barrier in wake_up_process(). */
		set_current_state(state);
		if (signal_pending_state(state, current)) {
			ret = -ERESTARTSYS;
			break;
		}
		if (READ_ONCE(sleeper->woken)) {
			if (timer && ktime_get_ns() >= deadline)
				ret = -ETIMEDOUT;
			break;
		}
		if (!schedule_hrtimeout(timer, HRTIMER_MODE_ABS)) {
			ret = -ETIMEDOUT;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

/**
 * dmashm_sleeper_sleep() - sleep until woken
 * @barrier:  which one
 * @sleeper:  can be found by those who wake
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Who sleeps again sets @sleeper's woken to false before he looks whether
 * there is still a reason to.
 *
 * Context: process; the caller holds barrier->lock, with interrupts off. It is
 * let go meanwhile.
 * Return: 0 woken; -ETIMEDOUT or -ERESTARTSYS, and it may have been woken too.
 */
int dmashm_sleeper_sleep(struct dmashm_barrier *barrier,
			 struct dmashm_sleeper *sleeper, u64 deadline,
			 unsigned int state)
	__must_hold(&barrier->lock)
{
	int ret;

	lockdep_assert_held(&barrier->lock);
	spin_unlock_irq(&barrier->lock);
	ret = sleeper_schedule(sleeper, deadline, state);
	cond_resched();
	spin_lock_irq(&barrier->lock);
	return ret;
}

/**
 * dmashm_sleeper_wake() - wake one
 * @sleeper: which one
 *
 * Context: any; the caller holds barrier->lock, without which the task cannot
 * leave: so it is still there.
 */
void dmashm_sleeper_wake(struct dmashm_sleeper *sleeper)
{
	if (sleeper->woken)
		return;
	WRITE_ONCE(sleeper->woken, true);
	wake_up_process(sleeper->task);
}
