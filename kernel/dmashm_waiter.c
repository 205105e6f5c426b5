// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping on words of the control page.
 *
 * futex(2) gives EFAULT on pages that have no page->mapping, which all pages
 * of a dma-buf exporter are; so the module has a wait queue of its own.
 */
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_waiter.h"

/* How many are woken before interrupts are let in. */
#define WAITER_BATCH 32

static void waiter_remove(struct dmashm_barrier *barrier,
			  struct dmashm_waiter *waiter)
{
	lockdep_assert_held(&barrier->lock);
	list_del_init(&waiter->node);
	barrier->waiter_count--;
}

/* Sleep until woken, interrupted or too late; tells only why it came back. */
static int waiter_schedule(struct dmashm_waiter *waiter, u64 deadline,
			   unsigned int state)
{
	ktime_t expires = deadline > KTIME_MAX ? KTIME_MAX : (ktime_t)deadline;
	ktime_t *timer = deadline == DMASHM_NEVER ? NULL : &expires;
	int ret = 0;

	for (;;) {
		/* Pairs with the barrier in wake_up_process(). */
		set_current_state(state);
		if (READ_ONCE(waiter->woken))
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
 * dmashm_waiter_queue() - become one of those who are woken
 * @barrier: whose page of words
 * @waiter:  to be filled in; for dmashm_waiter_sleep()
 * @offset:  of the word, in bytes
 *
 * The caller has seen, under the lock, that there is a reason to sleep. Wakers
 * take the lock after they took the reason away: either the caller sees that,
 * or they find the waiter.
 *
 * Context: process; the caller holds barrier->lock.
 * Return: 0; -EUSERS DMASHM_SLEEPERS sleep already.
 */
int dmashm_waiter_queue(struct dmashm_barrier *barrier,
			struct dmashm_waiter *waiter, u32 offset)
{
	lockdep_assert_held(&barrier->lock);
	if (barrier->waiter_count == DMASHM_SLEEPERS)
		return -EUSERS;
	waiter->task = current;
	waiter->offset = offset;
	waiter->woken = false;
	list_add_tail(&waiter->node, &barrier->waiters);
	barrier->waiter_count++;
	return 0;
}

/**
 * dmashm_waiter_sleep() - sleep until woken
 * @barrier:  whose page of words
 * @waiter:   queued by the caller; not any more when this returns
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Context: process; takes barrier->lock.
 * Return: 0 woken; -ETIMEDOUT; -ERESTARTSYS. One that was chosen to be woken
 * gets 0 even when its time ran out or a signal came too: a wake that is used
 * up is never lost.
 */
int dmashm_waiter_sleep(struct dmashm_barrier *barrier,
			struct dmashm_waiter *waiter, u64 deadline,
			unsigned int state)
{
	int ret = waiter_schedule(waiter, deadline, state);

	/* Taken in any case: the waker may still be looking at us. */
	spin_lock_irq(&barrier->lock);
	if (!list_empty(&waiter->node))
		waiter_remove(barrier, waiter);
	if (waiter->woken)
		ret = 0;
	spin_unlock_irq(&barrier->lock);
	return ret;
}

static void waiter_wake(struct dmashm_barrier *barrier,
			struct dmashm_waiter *waiter)
{
	waiter_remove(barrier, waiter);
	WRITE_ONCE(waiter->woken, true);
	/* The task cannot be gone: it needs the lock to leave. */
	wake_up_process(waiter->task);
}

/**
 * dmashm_waiter_wake_one() - wake who has slept longest on a word
 * @barrier: whose page of words
 * @offset:  which word
 *
 * Context: any; the caller holds barrier->lock. Walks DMASHM_SLEEPERS waiters
 * at the most.
 */
void dmashm_waiter_wake_one(struct dmashm_barrier *barrier, u32 offset)
{
	struct dmashm_waiter *waiter;

	lockdep_assert_held(&barrier->lock);
	list_for_each_entry(waiter, &barrier->waiters, node) {
		if (waiter->offset == offset) {
			waiter_wake(barrier, waiter);
			return;
		}
	}
}

/*
 * Wake all on @list, a few at a time. They stay under barrier->lock: one whose
 * time runs out meanwhile takes itself off.
 */
static void waiter_wake_list(struct dmashm_barrier *barrier,
			     struct list_head *list)
{
	unsigned int woken = 0;

	spin_lock_irq(&barrier->lock);
	while (!list_empty(list)) {
		waiter_wake(barrier, list_first_entry(list, struct dmashm_waiter,
						      node));
		if (++woken % WAITER_BATCH)
			continue;
		spin_unlock_irq(&barrier->lock);
		cond_resched();
		spin_lock_irq(&barrier->lock);
	}
	spin_unlock_irq(&barrier->lock);
}

/**
 * dmashm_waiter_wake() - wake those who sleep on one word, oldest first
 * @barrier: whose page of words
 * @offset:  which word
 * @count:   how many at the most
 *
 * Only those who sleep now: one that is woken and sleeps again is not woken
 * twice.
 *
 * Context: process, may sleep; takes barrier->lock.
 * Return: how many were woken.
 */
unsigned int dmashm_waiter_wake(struct dmashm_barrier *barrier, u32 offset,
				u32 count)
{
	struct dmashm_waiter *waiter, *next;
	unsigned int woken = 0;
	LIST_HEAD(list);

	spin_lock_irq(&barrier->lock);
	list_for_each_entry_safe(waiter, next, &barrier->waiters, node) {
		if (woken == count)
			break;
		if (waiter->offset != offset)
			continue;
		/* Chosen: from here on it cannot time out without the wake. */
		WRITE_ONCE(waiter->woken, true);
		list_move_tail(&waiter->node, &list);
		woken++;
	}
	spin_unlock_irq(&barrier->lock);
	waiter_wake_list(barrier, &list);
	return woken;
}

/**
 * dmashm_waiter_wake_all() - wake everybody, whatever they wait for
 * @barrier: whose page of words
 *
 * For a death: the dead may have used up a wake without acting on it.
 *
 * Context: process, may sleep; takes barrier->lock.
 */
void dmashm_waiter_wake_all(struct dmashm_barrier *barrier)
{
	LIST_HEAD(list);

	spin_lock_irq(&barrier->lock);
	list_splice_init(&barrier->waiters, &list);
	spin_unlock_irq(&barrier->lock);
	waiter_wake_list(barrier, &list);
}
