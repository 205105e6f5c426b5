// SPDX-License-Identifier: GPL-2.0-only
/*
 * The barrier, as the kernel takes it for itself and for members that ask it
 * to. The protocol is stated in uapi/linux/dmashm.h; the library follows the
 * same one on the same word without asking the kernel.
 *
 * User space may write anything into the words at any time. So every loop here
 * is bounded, or ends at a signal or a deadline, and nothing that is read from
 * a word is used as an index or a pointer.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "dmashm_barrier.h"
#include "dmashm_member.h"
#include "dmashm_waiter.h"

/*
 * How often a compare-and-exchange is tried again. Honest members change the
 * word a few times at the most while we look at it; who keeps changing it is
 * breaking the rules, and gets the answer of a busy barrier.
 */
#define BARRIER_TRIES 16

/* The part of the word that says who holds it. */
#define BARRIER_HOLDER (DMASHM_KIND_MASK | (~0u << DMASHM_ID_SHIFT))

/**
 * dmashm_barrier_init() - a free barrier without members
 * @barrier: to be filled in
 * @words:   the zeroed page of words, the kernel's mapping
 */
void dmashm_barrier_init(struct dmashm_barrier *barrier, u32 *words)
{
	barrier->words = words;
	spin_lock_init(&barrier->lock);
	INIT_LIST_HEAD(&barrier->waiters);
	INIT_LIST_HEAD(&barrier->members);
	barrier->member_count = 0;
	barrier->last_id = 0;
	barrier->kernel_holds = false;
	bitmap_zero(barrier->slots, DMASHM_CAPACITY);
}

/*
 * Membership
 */

/* Take a member off the list: from now on its id belongs to nobody. */
static void barrier_remove(struct dmashm_barrier *barrier,
			   struct dmashm_member *member)
{
	u32 *slot = dmashm_barrier_word(barrier, DMASHM_OFF_SLOT(member->slot));

	lockdep_assert_held(&barrier->lock);
	list_del_init(&member->node);
	WRITE_ONCE(barrier->member_count, barrier->member_count - 1);
	WRITE_ONCE(*slot, 0);
	__clear_bit(member->slot, barrier->slots);
}

/* Ids are never used again, so a word that bears a living one is its own. */
static bool holder_lives(struct dmashm_barrier *barrier, u32 word)
{
	struct dmashm_member *member;

	switch (dmashm_word_kind(word)) {
	case DMASHM_KIND_KERNEL:
		return barrier->kernel_holds;
	case DMASHM_KIND_USER:
		list_for_each_entry(member, &barrier->members, node)
			if (member->id == dmashm_word_id(word))
				return true;
		return false;
	default:
		return false;
	}
}

/*
 * Turn a word that belongs to nobody into DIED, and wake one sleeper for it as
 * an unlock would. Returns the word as it was last seen.
 */
static u32 barrier_settle(struct dmashm_barrier *barrier)
{
	u32 *p = dmashm_barrier_word(barrier, DMASHM_OFF_BARRIER);
	u32 word = READ_ONCE(*p);
	int tries;

	lockdep_assert_held(&barrier->lock);
	for (tries = 0; tries < BARRIER_TRIES; tries++) {
		if (dmashm_word_kind(word) == DMASHM_KIND_FREE ||
		    holder_lives(barrier, word))
			break;
		/*
		 * Acquire: whoever comes next sees what the dead one wrote.
		 * Release: passes it on to a locker of user space.
		 */
		if (try_cmpxchg(p, &word, DMASHM_DIED)) {
			word = DMASHM_DIED;
			dmashm_waiter_wake_one(barrier, DMASHM_OFF_BARRIER);
			break;
		}
	}
	return word;
}

/**
 * dmashm_barrier_enter() - give a member its id and its slot
 * @barrier: which one
 * @member:  new; its id and slot are filled in
 *
 * Return: 0; -EUSERS no slot is free; -EOVERFLOW no id is left.
 */
int dmashm_barrier_enter(struct dmashm_barrier *barrier,
			 struct dmashm_member *member)
{
	unsigned int slot;
	int ret = 0;

	spin_lock_irq(&barrier->lock);
	slot = find_first_zero_bit(barrier->slots, DMASHM_CAPACITY);
	if (slot >= DMASHM_CAPACITY) {
		ret = -EUSERS;
	} else if (barrier->last_id == DMASHM_ID_MAX) {
		ret = -EOVERFLOW;
	} else {
		__set_bit(slot, barrier->slots);
		member->slot = slot;
		member->id = ++barrier->last_id;
		list_add_tail(&member->node, &barrier->members);
		WRITE_ONCE(barrier->member_count, barrier->member_count + 1);
		/* Others may have written there since the last one left. */
		WRITE_ONCE(*dmashm_barrier_word(barrier, DMASHM_OFF_SLOT(slot)),
			   0);
	}
	spin_unlock_irq(&barrier->lock);
	return ret;
}

/**
 * dmashm_barrier_leave() - take back all that a member has
 * @barrier: which one
 * @member:  one whose process is gone or that closed its fd; may have left
 *           already
 *
 * Clears its slot, turns a word that bears its id into DIED, and wakes
 * everybody: the member may have been woken by an unlock and have died before
 * it took the lock, or have died between its unlock and its WAKE.
 *
 * Context: process, may sleep.
 */
void dmashm_barrier_leave(struct dmashm_barrier *barrier,
			  struct dmashm_member *member)
{
	bool first;

	spin_lock_irq(&barrier->lock);
	first = !list_empty(&member->node);
	if (first) {
		barrier_remove(barrier, member);
		barrier_settle(barrier);
	}
	spin_unlock_irq(&barrier->lock);
	if (first)
		dmashm_waiter_wake_all(barrier);
}

/*
 * The word
 */

/*
 * Take the word if nobody has it. @held is what to put there: kind and id,
 * with WAITERS where the caller has slept.
 */
static int barrier_claim(struct dmashm_barrier *barrier, u32 held)
{
	bool kernel = dmashm_word_kind(held) == DMASHM_KIND_KERNEL;
	u32 *p = dmashm_barrier_word(barrier, DMASHM_OFF_BARRIER);
	int tries;

	lockdep_assert_held(&barrier->lock);
	/* Holds among the kernel's own users whatever the word says. */
	if (kernel && barrier->kernel_holds)
		return -EBUSY;

	for (tries = 0; tries < BARRIER_TRIES; tries++) {
		u32 word = barrier_settle(barrier);
		u32 keep = word & (DMASHM_DIED | DMASHM_WAITERS);

		if (dmashm_word_kind(word) != DMASHM_KIND_FREE)
			return -EBUSY;
		/* Pairs with the release of whoever unlocked last. */
		if (cmpxchg_acquire(p, word, held | keep) == word) {
			if (kernel)
				WRITE_ONCE(barrier->kernel_holds, true);
			return word & DMASHM_DIED ? -EOWNERDEAD : 0;
		}
	}
	return -EBUSY;
}

/**
 * dmashm_barrier_trylock() - take the barrier if nobody has it
 * @barrier: which one
 * @held:    DMASHM_KIND_KERNEL, or DMASHM_HELD(id) for a member
 *
 * Context: any, interrupts too.
 * Return: 0 or -EOWNERDEAD, held; -EBUSY, not held.
 */
int dmashm_barrier_trylock(struct dmashm_barrier *barrier, u32 held)
{
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&barrier->lock, flags);
	ret = barrier_claim(barrier, held);
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/*
 * Announce that somebody sleeps, and sleep while the word stays. A word that
 * is free although the claim failed is only worth sleeping on where another
 * user inside the kernel holds the barrier: that one wakes in any case. All
 * of it under the lock, which every unlock in the kernel takes too.
 */
static int barrier_sleep(struct dmashm_barrier *barrier, u64 deadline,
			 unsigned int state)
{
	u32 *p = dmashm_barrier_word(barrier, DMASHM_OFF_BARRIER);
	struct dmashm_waiter waiter;
	int ret = -EAGAIN;
	bool held;
	u32 word;

	spin_lock_irq(&barrier->lock);
	word = READ_ONCE(*p);
	if (dmashm_word_kind(word) == DMASHM_KIND_FREE)
		held = barrier->kernel_holds;
	else
		held = word & DMASHM_WAITERS ||
		       try_cmpxchg(p, &word, word | DMASHM_WAITERS);
	if (held)
		ret = dmashm_waiter_queue(barrier, &waiter, DMASHM_OFF_BARRIER);
	spin_unlock_irq(&barrier->lock);
	return ret ?: dmashm_waiter_sleep(barrier, &waiter, deadline, state);
}

/**
 * dmashm_barrier_lock() - take the barrier
 * @barrier:  which one
 * @held:     DMASHM_KIND_KERNEL, or DMASHM_HELD(id) for a member
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Tries once more before it gives up, for whatever reason. If it does give up
 * after it was woken, it wakes the next sleeper: the wake that it used up may
 * have been meant for the barrier's being free, and it cannot know whether it
 * has marked the word for the others since.
 *
 * Context: process.
 * Return: 0 or -EOWNERDEAD, held; -ETIMEDOUT, -ERESTARTSYS or -EUSERS, not
 * held.
 */
int dmashm_barrier_lock(struct dmashm_barrier *barrier, u32 held, u64 deadline,
			unsigned int state)
{
	bool woken = false;
	int reason = 0;

	for (;;) {
		int ret = dmashm_barrier_trylock(barrier, held);

		if (ret != -EBUSY)
			return ret;
		if (reason)
			break;

		ret = barrier_sleep(barrier, deadline, state);
		if (ret != -EAGAIN)
			held |= DMASHM_WAITERS;
		if (!ret)
			woken = true;
		else if (ret != -EAGAIN)
			reason = ret;
		/* Somebody may be changing or waking the word all the time. */
		else if (signal_pending_state(state, current))
			reason = -ERESTARTSYS;
		else if (ktime_get_ns() >= deadline)
			reason = -ETIMEDOUT;
		cond_resched();
	}
	if (woken)
		dmashm_waiter_wake(barrier, DMASHM_OFF_BARRIER, 1);
	return reason;
}

/*
 * Change the word as long as it says @held, and only its marks or from held to
 * free: to what @keep leaves of it. 0; -EPERM it says something else; -EPROTO
 * somebody keeps changing it.
 */
static int barrier_change(struct dmashm_barrier *barrier, u32 held, u32 keep)
{
	u32 *p = dmashm_barrier_word(barrier, DMASHM_OFF_BARRIER);
	u32 word = READ_ONCE(*p);
	int tries;

	lockdep_assert_held(&barrier->lock);
	for (tries = 0; tries < BARRIER_TRIES; tries++) {
		if ((word & BARRIER_HOLDER) != held)
			return -EPERM;
		/* Where it frees: pairs with the acquire of the next to lock. */
		if (try_cmpxchg_release(p, &word, word & keep))
			return 0;
	}
	return -EPROTO;
}

/**
 * dmashm_barrier_unlock() - give the barrier back and wake who waits
 * @barrier: which one
 * @held:    as it was locked
 *
 * The mark of a death stays.
 *
 * Context: any, interrupts too.
 * Return: 0; -EPERM not held; -EPROTO somebody keeps changing the word or, for
 * the kernel, overwrote it meanwhile: the kernel has let go all the same.
 */
int dmashm_barrier_unlock(struct dmashm_barrier *barrier, u32 held)
{
	bool kernel = dmashm_word_kind(held) == DMASHM_KIND_KERNEL;
	unsigned long flags;
	int ret = -EPERM;

	spin_lock_irqsave(&barrier->lock, flags);
	if (kernel && !barrier->kernel_holds)
		goto unlock;
	ret = barrier_change(barrier, held, DMASHM_DIED);
	if (kernel) {
		WRITE_ONCE(barrier->kernel_holds, false);
		if (ret) {
			barrier_settle(barrier);
			ret = -EPROTO;
		}
	}
	/* One sleeper is enough: it marks the word for those behind it. */
	if (!ret || kernel)
		dmashm_waiter_wake_one(barrier, DMASHM_OFF_BARRIER);
unlock:
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/**
 * dmashm_barrier_recover() - take the mark of a death off
 * @barrier: which one
 * @held:    as it was locked
 *
 * Context: any, interrupts too.
 * Return: 0; -EPERM not held; -EPROTO somebody keeps changing the word.
 */
int dmashm_barrier_recover(struct dmashm_barrier *barrier, u32 held)
{
	bool kernel = dmashm_word_kind(held) == DMASHM_KIND_KERNEL;
	unsigned long flags;
	int ret = -EPERM;

	spin_lock_irqsave(&barrier->lock, flags);
	if (!kernel || barrier->kernel_holds)
		ret = barrier_change(barrier, held, ~DMASHM_DIED);
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/**
 * dmashm_barrier_wait() - WAIT, for a member
 * @barrier:  which one
 * @offset:   of a word; checked by the caller
 * @expected: sleep only if the word has this value
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 *
 * A barrier's word whose holder is dead does not keep its value: it is turned
 * into DIED first, and the caller gets -EAGAIN.
 *
 * Return: -EAGAIN the word differs; else as dmashm_waiter_queue() and
 * dmashm_waiter_sleep().
 */
int dmashm_barrier_wait(struct dmashm_barrier *barrier, u32 offset,
			u32 expected, u64 deadline)
{
	struct dmashm_waiter waiter;
	int ret = -EAGAIN;
	u32 word;

	spin_lock_irq(&barrier->lock);
	if (offset == DMASHM_OFF_BARRIER)
		word = barrier_settle(barrier);
	else
		word = READ_ONCE(*dmashm_barrier_word(barrier, offset));
	if (word == expected)
		ret = dmashm_waiter_queue(barrier, &waiter, offset);
	spin_unlock_irq(&barrier->lock);
	return ret ?: dmashm_waiter_sleep(barrier, &waiter, deadline,
					  TASK_INTERRUPTIBLE);
}
