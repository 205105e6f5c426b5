// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases.
 *
 * Who may only read must not be able to keep those who write waiting for ever,
 * neither by staying in, nor by being stopped or starved of the processor while
 * it is in or on its way in. So a viewer takes part through the kernel alone,
 * and on a lease: once DMASHM_LEASE_NS have passed, whoever wants the barrier
 * exclusively takes it back, and the viewer is told when it comes out.
 *
 * To everybody else a lease is one of the times that the kernel is in, shared.
 *
 * Nor does a viewer stand in the lockers' queue, where one that is woken
 * answers for those behind it. It sleeps in a queue of its own, the tenants, and
 * who unlocks hands it its lease, so that nobody ever waits for a viewer to get
 * on. Who is handed a lease, or woken, is taken off the list: those on it sleep,
 * or are about to try again, and the word says WAITERS for them. So they are
 * seen to when it is unlocked, which is in the kernel; and if it is free, by
 * those who were taken off, once they run, and by anybody who settles it.
 *
 * Step names are as elsewhere those of the model: model/viewer.pml.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_lease.h"
#include "dmashm_locker.h"
#include "dmashm_reader.h"
#include "dmashm_sleeper.h"
#include "dmashm_trace.h"
#include "dmashm_words.h"

/* How many are handed a lease, or woken, with interrupts off. */
#define LEASE_BATCH 32

/* See BARRIER_TRIES. */
#define LEASE_TRIES 16

/* One that sleeps until it has a lease; on the stack. */
struct lease_waiter {
	struct dmashm_sleeper sleeper;	/* in barrier->tenants, or on no list */
	struct dmashm_lease *lease;	/* constant */
	bool queued;			/* barrier->lock; counts in tenants */
	u64 since;			/* when it began to queue; 0 it never did */
	bool granted;			/* barrier->lock */
	int result;			/* barrier->lock; with granted */
};

static u32 *lease_word(struct dmashm_barrier *barrier)
{
	return dmashm_word(barrier->words, DMASHM_OFF_BARRIER);
}

static int lease_result(u32 word)
{
	return word & DMASHM_DIED ? -EOWNERDEAD : 0;
}

/**
 * dmashm_lease_init() - a lease that nobody has
 * @lease:  to be filled in
 * @member: the viewer whose it is; NULL for one on the stack of a call
 */
void dmashm_lease_init(struct dmashm_lease *lease,
		       const struct dmashm_member *member)
{
	INIT_LIST_HEAD(&lease->node);
	lease->member = member;
	lease->count = 0;
	lease->revoked = false;
	lease->pinned = false;
	lease->end = 0;
}

/*
 * Be in once more. The first time is what others see. The time begins anew with
 * each, or threads that take turns would have it run out though none stays in;
 * nobody comes in while one who wants it exclusively has the word.
 */
static void lease_enter(struct dmashm_barrier *barrier,
			struct dmashm_lease *lease)
{
	lease->end = ktime_get_ns() + DMASHM_LEASE_NS;
	if (lease->count++)
		return;
	list_add_tail(&lease->node, &barrier->leases);
	barrier->lease_count++;
	dmashm_reader_enter(barrier, NULL); /* cannot fail for the kernel */
}

/* Nobody is in by it any more. Who drains is told. */
static void lease_end(struct dmashm_barrier *barrier,
		      struct dmashm_lease *lease)
{
	list_del_init(&lease->node);
	barrier->lease_count--;
	dmashm_reader_step_back(barrier, NULL);
}

static void lease_leave(struct dmashm_barrier *barrier,
			struct dmashm_lease *lease)
{
	if (!--lease->count)
		lease_end(barrier, lease);
}

/* Could one come in, with the word as it is? */
static bool lease_could_enter(struct dmashm_barrier *barrier, u32 word)
{
	/* Whatever the word says, the kernel's own users exclude each other. */
	return dmashm_word_kind(word) == DMASHM_KIND_FREE &&
	       !barrier->kernel_holds;
}

/*
 * What keeps a lease from being had, whatever the word says; 0 if nothing. A
 * free word that is promised to the lockers (TURN) does not: the lease keeps
 * them no longer than it would if they had the word.
 */
static int lease_check(const struct dmashm_barrier *barrier,
		       const struct dmashm_lease *lease)
{
	if (lease->revoked)
		return -ESTALE;
	/* The list is walked with interrupts off. */
	if (!lease->count && barrier->lease_count >= 2 * DMASHM_VIEWERS)
		return -EUSERS;
	return lease->count >= DMASHM_SHARED_MAX ? -EOVERFLOW : 0;
}

/* Model: K_lease_try, K_lease_enter, K_lease_look. */
static int lease_try(struct dmashm_barrier *barrier, struct dmashm_lease *lease)
{
	u32 word = dmashm_barrier_settle(barrier);
	int ret = lease_check(barrier, lease);

	if (ret)
		return ret;
	if (!lease_could_enter(barrier, word))
		return -EBUSY;
	lease_enter(barrier, lease);
	/* User space may have been quicker; that is a full barrier later. */
	word = smp_load_acquire(lease_word(barrier));
	if (lease_could_enter(barrier, word))
		return lease_result(word);
	lease_leave(barrier, lease);
	return -EBUSY;
}

/**
 * dmashm_lease_trylock() - be in, shared, if that is possible at once
 * @barrier: which one
 * @lease:   the caller's
 *
 * Context: process.
 * Return: 0 or -EOWNERDEAD, held; -EBUSY, -ESTALE, -EUSERS or -EOVERFLOW, not
 * held.
 */
int dmashm_lease_trylock(struct dmashm_barrier *barrier,
			 struct dmashm_lease *lease)
{
	int ret;

	spin_lock_irq(&barrier->lock);
	ret = lease_try(barrier, lease);
	spin_unlock_irq(&barrier->lock);
	return ret;
}

/*
 * Have the holder hand the lease over, or whoever holds it next where it turns
 * out to be free: so trying cannot fail again and again against user space that
 * takes and frees the word in between. False if sleeping would not be safe.
 * Model: K_lease_mark.
 */
static bool lease_announce(struct dmashm_barrier *barrier,
			   struct lease_waiter *waiter)
{
	u32 *p = lease_word(barrier);
	u32 word = READ_ONCE(*p);
	int tries;

	waiter->sleeper.woken = false;
	for (tries = 0; tries < LEASE_TRIES; tries++) {
		bool could = lease_could_enter(barrier, word);

		if (word & DMASHM_WAITERS ||
		    try_cmpxchg(p, &word, word | DMASHM_WAITERS))
			return !could;
	}
	return false;
}

/* At the end of the queue; once it has been in it, at the head. K_lease_busy. */
static int lease_queue(struct dmashm_barrier *barrier,
		       struct lease_waiter *waiter)
{
	struct list_head *node = &waiter->sleeper.node;
	int ret = 0;

	if (!waiter->queued) {
		ret = dmashm_sleeper_add(&barrier->tenants, &waiter->sleeper);
		waiter->queued = !ret;
		waiter->since = ktime_get_ns();
	} else if (list_empty(node)) {
		list_add(node, &barrier->tenants.list);
	}
	return ret;
}

/* It counts until it leaves the queue by itself. */
static void lease_call(struct lease_waiter *waiter)
{
	list_del_init(&waiter->sleeper.node);
	dmashm_sleeper_wake(&waiter->sleeper);
}

/* Who was woken, or handed its lease, sees to those behind it. K_lease_leave. */
static void lease_leave_queue(struct dmashm_barrier *barrier,
			      struct lease_waiter *waiter)
{
	if (!waiter->queued)
		return;
	dmashm_sleeper_remove(&barrier->tenants, &waiter->sleeper);
	if (dmashm_locker_publish_marks(barrier))
		dmashm_lease_wake(barrier);
}

static int lease_wait(struct dmashm_barrier *barrier,
		      struct lease_waiter *waiter, u64 deadline,
		      unsigned int state)
{
	int ret, reason = 0;

	while (!waiter->granted) {
		ret = lease_try(barrier, waiter->lease);
		if (ret != -EBUSY)
			return ret;
		if (reason)
			return reason;
		reason = lease_queue(barrier, waiter);
		if (reason)
			continue;
		if (lease_announce(barrier, waiter))
			reason = dmashm_sleeper_sleep(barrier,
						      &waiter->sleeper,
						      deadline, state);
		else
			reason = dmashm_barrier_pause(barrier, deadline, state);
	}
	return waiter->result;
}

/**
 * dmashm_lease_lock() - be in, shared
 * @barrier:  which one
 * @lease:    the caller's
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Model: K_lease.
 *
 * Context: process, may sleep.
 * Return: 0 or -EOWNERDEAD, held; -ETIMEDOUT; -ERESTARTSYS; -ESTALE the lease
 * was taken back, and somebody still has it; -EUSERS DMASHM_VIEWERS sleep
 * already, or twice as many leases are had; -EOVERFLOW it is had DMASHM_SHARED_MAX times.
 */
int dmashm_lease_lock(struct dmashm_barrier *barrier,
		      struct dmashm_lease *lease, u64 deadline,
		      unsigned int state)
{
	struct lease_waiter waiter = { .lease = lease };
	int ret;

	dmashm_sleeper_init(&waiter.sleeper);
	spin_lock_irq(&barrier->lock);
	ret = lease_wait(barrier, &waiter, deadline, state);
	lease_leave_queue(barrier, &waiter);
	spin_unlock_irq(&barrier->lock);
	if (waiter.since)
		trace_dmashm_lease_wait(barrier, waiter.since, ret);
	return ret;
}

/**
 * dmashm_lease_unlock() - undo one dmashm_lease_lock()
 * @barrier: which one
 * @lease:   the caller's
 *
 * Model: K_lease_unlock.
 *
 * Context: any, interrupts too.
 * Return: 0; -ESTALE it had been taken back, so that somebody may have been in
 * exclusively meanwhile; -EPERM it was not had.
 */
int dmashm_lease_unlock(struct dmashm_barrier *barrier,
			struct dmashm_lease *lease)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&barrier->lock, flags);
	if (!lease->count) {
		ret = -EPERM;
	} else if (!lease->revoked) {
		lease_leave(barrier, lease);
	} else {
		/* Nobody comes in by it again until all have been told. */
		lease->revoked = --lease->count;
		ret = -ESTALE;
	}
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/**
 * dmashm_lease_join() - be in beside a viewer that is in, even if others wait
 * @barrier: which one
 * @lease:   one on the stack of the call; ends with that of the viewer
 * @is_mine: which viewer
 *
 * Context: process.
 * Return: true if so; false if no such viewer is in.
 */
bool dmashm_lease_join(struct dmashm_barrier *barrier,
		       struct dmashm_lease *lease,
		       bool (*is_mine)(const struct dmashm_member *member))
{
	struct dmashm_lease *other;
	bool found = false;
	u64 end = 0;

	spin_lock_irq(&barrier->lock);
	list_for_each_entry(other, &barrier->leases, node) {
		found = other->member && is_mine(other->member);
		end = other->end;
		if (found)
			break;
	}
	found = found && !lease_check(barrier, lease);
	if (found) {
		lease_enter(barrier, lease);
		lease->end = end;
	}
	spin_unlock_irq(&barrier->lock);
	return found;
}

/**
 * dmashm_lease_pin() - not to be taken back until dmashm_lease_unpin()
 * @barrier: which one
 * @lease:   one on the stack of the call, had once
 *
 * For what must not go on when others write. It keeps them, however long it
 * takes; so the caller must not sleep meanwhile.
 *
 * Context: any.
 * Return: 0; -ESTALE it has been taken back.
 */
int dmashm_lease_pin(struct dmashm_barrier *barrier, struct dmashm_lease *lease)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&barrier->lock, flags);
	if (lease->revoked)
		ret = -ESTALE;
	else
		lease->pinned = true;
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/**
 * dmashm_lease_unpin() - undo dmashm_lease_pin()
 * @barrier: which one
 * @lease:   the caller's
 *
 * Context: any.
 */
void dmashm_lease_unpin(struct dmashm_barrier *barrier,
			struct dmashm_lease *lease)
{
	unsigned long flags;

	spin_lock_irqsave(&barrier->lock, flags);
	lease->pinned = false;
	/* Who drains does not know when this one's time is up. */
	dmashm_reader_wake_drainer(barrier);
	spin_unlock_irqrestore(&barrier->lock, flags);
}

/**
 * dmashm_lease_drop() - the viewer is gone
 * @barrier: which one
 * @lease:   the viewer's
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_lease_drop(struct dmashm_barrier *barrier,
		       struct dmashm_lease *lease)
{
	lockdep_assert_held(&barrier->lock);
	if (lease->count && !lease->revoked)
		lease_end(barrier, lease);
	lease->count = 0;
}

/**
 * dmashm_lease_grant() - hand leases to those who sleep for one
 * @barrier: which one; its word is the caller's, who is about to free it
 *
 * As many as can be with interrupts off; the rest are their business.
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_lease_grant(struct dmashm_barrier *barrier)
{
	u32 word = READ_ONCE(*lease_word(barrier));
	struct lease_waiter *waiter, *next;
	int n = 0;

	lockdep_assert_held(&barrier->lock);
	/* A member wrote its id over the kernel's: see lease_could_enter(). */
	if (barrier->kernel_holds)
		return;
	list_for_each_entry_safe(waiter, next, &barrier->tenants.list,
				 sleeper.node) {
		if (++n > LEASE_BATCH)
			break;
		if (!lease_check(barrier, waiter->lease)) {
			lease_enter(barrier, waiter->lease);
			waiter->granted = true;
			waiter->result = lease_result(word);
		}
		lease_call(waiter);
	}
}

/**
 * dmashm_lease_wake() - have those who sleep for a lease try again
 * @barrier: which one; its word may be free
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_lease_wake(struct dmashm_barrier *barrier)
{
	struct lease_waiter *waiter, *next;
	int n = 0;

	lockdep_assert_held(&barrier->lock);
	if (!lease_could_enter(barrier, READ_ONCE(*lease_word(barrier))))
		return;
	list_for_each_entry_safe(waiter, next, &barrier->tenants.list,
				 sleeper.node) {
		if (++n > LEASE_BATCH)
			break;
		lease_call(waiter);
	}
}

/**
 * dmashm_lease_expire() - take back what has been had for long enough
 * @barrier: which one; the caller has its word, or wants it
 *
 * Context: any; the caller holds barrier->lock.
 * Return: when the next one's time is up (CLOCK_MONOTONIC of the host,
 * nanoseconds); DMASHM_NEVER if there is none.
 */
u64 dmashm_lease_expire(struct dmashm_barrier *barrier)
{
	u64 now = ktime_get_ns(), first = DMASHM_NEVER;
	struct dmashm_lease *lease, *next;

	lockdep_assert_held(&barrier->lock);
	list_for_each_entry_safe(lease, next, &barrier->leases, node) {
		if (lease->pinned)
			continue;
		if (lease->end > now) {
			first = min(first, lease->end);
			continue;
		}
		lease->revoked = true;
		lease_end(barrier, lease);
	}
	return first;
}
