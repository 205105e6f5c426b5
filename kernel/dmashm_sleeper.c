// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping, for whatever reason. Who sleeps has seen the reason under
 * barrier->lock and is on a list since; who takes the reason away takes the
 * lock after it, and looks at the list: one of the two sees the other.
 */
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_sleeper.h"

/**
 * dmashm_sleeper_init() - a sleeper of the calling task, on no list
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
 * @barrier: which one
 * @sleeper: on no list
 * @list:    one of the barrier's
 *
 * Context: process; the caller holds barrier->lock.
 * Return: 0; -EUSERS DMASHM_SLEEPERS sleep already.
 */
int dmashm_sleeper_add(struct dmashm_barrier *barrier,
		       struct dmashm_sleeper *sleeper, struct list_head *list)
{
	lockdep_assert_held(&barrier->lock);
	if (barrier->sleeper_count == DMASHM_SLEEPERS)
		return -EUSERS;
	list_add_tail(&sleeper->node, list);
	barrier->sleeper_count++;
	return 0;
}

/**
 * dmashm_sleeper_remove() - take a sleeper off its list
 * @barrier: which one
 * @sleeper: on a list
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_sleeper_remove(struct dmashm_barrier *barrier,
			   struct dmashm_sleeper *sleeper)
{
	lockdep_assert_held(&barrier->lock);
	list_del_init(&sleeper->node);
	barrier->sleeper_count--;
}

/* Tells only why it came back. */
static int sleeper_schedule(struct dmashm_sleeper *sleeper, u64 deadline,
			    unsigned int state)
{
	ktime_t expires = deadline > KTIME_MAX ? KTIME_MAX : (ktime_t)deadline;
	ktime_t *timer = deadline == DMASHM_NEVER ? NULL : &expires;
	int ret = 0;

	for (;;) {
		/* Pairs with the barrier in wake_up_process(). */
		set_current_state(state);
		if (READ_ONCE(sleeper->woken))
			break;
		if (signal_pending_state(state, current)) {
			ret = -ERESTARTSYS;
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
 * @sleeper:  on a list; still on it afterwards, if it was not taken off
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Context: process; the caller holds barrier->lock, with interrupts off. It is
 * let go meanwhile.
 * Return: 0 woken; -ETIMEDOUT; -ERESTARTSYS. One that was woken gets 0 even
 * when its time ran out or a signal came too: a wake is never lost.
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
	spin_lock_irq(&barrier->lock);
	if (sleeper->woken)
		ret = 0;
	sleeper->woken = false;
	return ret;
}

/**
 * dmashm_sleeper_wake() - wake one
 * @sleeper: on a list or just taken off
 *
 * Context: any; the caller holds barrier->lock, without which the task cannot
 * leave: so it is still there.
 * Return: false if it had been woken before and has not looked yet.
 */
bool dmashm_sleeper_wake(struct dmashm_sleeper *sleeper)
{
	if (sleeper->woken)
		return false;
	WRITE_ONCE(sleeper->woken, true);
	wake_up_process(sleeper->task);
	return true;
}
