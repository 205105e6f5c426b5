// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping on words of the control page.
 *
 * futex(2) gives EFAULT on pages that have no page->mapping, which all pages
 * of a dma-buf exporter are; so the module has a wait queue of its own.
 */
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_member.h"
#include "dmashm_poller.h"
#include "dmashm_sleeper.h"
#include "dmashm_trace.h"
#include "dmashm_waiter.h"
#include "dmashm_words.h"

/* How many are woken before interrupts are let in. */
#define WAITER_BATCH 32

static struct dmashm_waiter *first_waiter(struct list_head *list)
{
	return list_first_entry(list, struct dmashm_waiter, sleeper.node);
}

/* Is there a reason to sleep? */
static bool waiter_must_sleep(struct dmashm_barrier *barrier,
			      const struct dmashm_wait *wait)
{
	if (wait->flags & DMASHM_WAIT_DEPARTURES &&
	    wait->departures != *barrier->departures)
		return false;
	/* A dead holder's word does not keep its value. */
	if (wait->offset == DMASHM_OFF_BARRIER)
		dmashm_barrier_settle(barrier);
	return READ_ONCE(*dmashm_word(barrier->words, wait->offset)) ==
	       wait->expected;
}

/* Those who may only read cannot use up the places of those who write. */
static int waiter_add(struct dmashm_barrier *barrier,
		      const struct dmashm_member *member,
		      struct dmashm_waiter *waiter)
{
	int ret = -EUSERS;

	if (!member->viewer || barrier->viewer_waiters < DMASHM_SLEEPERS / 2)
		ret = dmashm_sleeper_add(&barrier->waiters, &waiter->sleeper);
	if (!ret)
		barrier->viewer_waiters += member->viewer;
	return ret;
}

/**
 * dmashm_waiter_wait() - WAIT, for a member
 * @barrier:  whose words
 * @member:   who waits
 * @wait:     checked by the caller
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 *
 * Model: W_compare to W_sleep.
 *
 * Context: process, may sleep.
 * Return: 0 woken; -EAGAIN something differs; -ETIMEDOUT; -ERESTARTSYS;
 * -EUSERS.
 */
int dmashm_waiter_wait(struct dmashm_barrier *barrier,
		       const struct dmashm_member *member,
		       const struct dmashm_wait *wait, u64 deadline)
{
	struct dmashm_waiter waiter = {
		.member = member, .offset = wait->offset,
	};
	int ret = -EAGAIN;

	dmashm_sleeper_init(&waiter.sleeper);
	spin_lock_irq(&barrier->lock);
	if (!waiter_must_sleep(barrier, wait))
		goto unlock;
	ret = waiter_add(barrier, member, &waiter);
	if (ret)
		goto unlock;
	ret = dmashm_sleeper_sleep(barrier, &waiter.sleeper, deadline,
				   TASK_INTERRUPTIBLE);
	/* One that was chosen to be woken was: no wake is ever lost. */
	if (waiter.sleeper.woken)
		ret = 0;
	if (!list_empty(&waiter.sleeper.node))
		dmashm_sleeper_remove(&barrier->waiters, &waiter.sleeper);
	barrier->viewer_waiters -= member->viewer;
unlock:
	spin_unlock_irq(&barrier->lock);
	return ret;
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
		struct dmashm_waiter *waiter = first_waiter(list);

		dmashm_sleeper_remove(&barrier->waiters, &waiter->sleeper);
		/* It may have been chosen, and marked so, before. */
		WRITE_ONCE(waiter->sleeper.woken, true);
		wake_up_process(waiter->sleeper.task);
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
 * twice. Those who poll for the word are told too, and do not count.
 *
 * Model: P_wake.
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
	list_for_each_entry_safe(waiter, next, &barrier->waiters.list,
				 sleeper.node) {
		if (woken == count)
			break;
		if (waiter->offset != offset)
			continue;
		/* Chosen: from here on it cannot time out without the wake. */
		WRITE_ONCE(waiter->sleeper.woken, true);
		list_move_tail(&waiter->sleeper.node, &list);
		woken++;
	}
	dmashm_poller_tell(barrier, offset);
	spin_unlock_irq(&barrier->lock);
	waiter_wake_list(barrier, &list);
	trace_dmashm_wake(barrier, offset, count, woken);
	return woken;
}

/**
 * dmashm_waiter_wake_all() - wake everybody, whatever they wait for
 * @barrier: whose page of words
 *
 * For a death: the dead may have used up a wake without acting on it, or be
 * the one that others wait for.
 *
 * Context: process, may sleep; takes barrier->lock.
 */
void dmashm_waiter_wake_all(struct dmashm_barrier *barrier)
{
	LIST_HEAD(list);

	spin_lock_irq(&barrier->lock);
	list_splice_init(&barrier->waiters.list, &list);
	spin_unlock_irq(&barrier->lock);
	waiter_wake_list(barrier, &list);
}
