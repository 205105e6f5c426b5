// SPDX-License-Identifier: GPL-2.0-only
/*
 * The barrier, as the kernel takes it for itself and for members that ask it
 * to. The protocol is stated in uapi/linux/dmashm.h; the library follows the
 * same one on the same words without asking the kernel, as long as nobody has
 * to sleep. What a comment calls a step of the model is a label in
 * model/barrier.pml.
 *
 * User space may write anything into the words at any time. So every loop here
 * is bounded, or ends at a signal or a deadline, and nothing that is read from
 * a word is used as an index or a pointer. (Atomic operations are taken to end,
 * as everywhere in the kernel.)
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "dmashm_barrier.h"
#include "dmashm_control.h"
#include "dmashm_lease.h"
#include "dmashm_locker.h"
#include "dmashm_member.h"
#include "dmashm_reader.h"
#include "dmashm_trace.h"
#include "dmashm_words.h"

/*
 * How often a compare-and-exchange is tried again. Honest members change the
 * word a few times at the most while we look at it; who keeps changing it is
 * breaking the rules, and gets the answer of a busy barrier.
 */
#define BARRIER_TRIES 16

/* No member's id reaches so high: see dmashm_barrier_turn(). */
#define BARRIER_KERNEL_TURN BIT_ULL(63)

/* The part of the word that says who holds it. */
#define BARRIER_HOLDER (DMASHM_KIND_MASK | (~0u << DMASHM_ID_SHIFT))

static u32 *barrier_word(struct dmashm_barrier *barrier)
{
	return dmashm_word(barrier->words, DMASHM_OFF_BARRIER);
}

/* What the word says while @member holds it, or the kernel. */
static u32 barrier_held(const struct dmashm_member *member)
{
	return member ? DMASHM_HELD(member->id) : DMASHM_KIND_KERNEL;
}

static void barrier_kernel_took(struct dmashm_barrier *barrier)
{
	barrier->kernel_holds = true;
	barrier->kernel_turns++;
}

static bool barrier_is_held(struct dmashm_barrier *barrier, u32 held)
{
	return (READ_ONCE(*barrier_word(barrier)) & BARRIER_HOLDER) == held;
}

/**
 * dmashm_barrier_is_held_by() - whether the word bears a member's id just now
 * @barrier: which one
 * @member:  whose
 *
 * Context: any.
 * Return: true if it does.
 */
bool dmashm_barrier_is_held_by(struct dmashm_barrier *barrier,
			       const struct dmashm_member *member)
{
	return barrier_is_held(barrier, barrier_held(member));
}

/**
 * dmashm_barrier_init() - a free barrier without members
 * @barrier: to be filled in
 * @control: the zeroed control pages
 */
void dmashm_barrier_init(struct dmashm_barrier *barrier,
			 struct dmashm_control *control)
{
	barrier->words = control->words;
	barrier->departures = &control->facts->departures;
	spin_lock_init(&barrier->lock);
	dmashm_sleepers_init(&barrier->lockers, DMASHM_SLEEPERS);
	dmashm_sleepers_init(&barrier->waiters, DMASHM_SLEEPERS);
	dmashm_sleepers_init(&barrier->tenants, DMASHM_VIEWERS);
	INIT_LIST_HEAD(&barrier->members);
	INIT_LIST_HEAD(&barrier->viewers);
	INIT_LIST_HEAD(&barrier->leases);
	barrier->impatient = 0;
	barrier->drainer = NULL;
	barrier->member_count = 0;
	barrier->viewer_count = 0;
	barrier->viewer_waiters = 0;
	barrier->lease_count = 0;
	barrier->last_id = 0;
	barrier->kernel_holds = false;
	barrier->kernel_turns = 0;
	barrier->kernel_readers = 0;
	bitmap_zero(barrier->slots, DMASHM_CAPACITY);
}

/* Ids are never used again, so a word that bears a living one is its own. */
static struct dmashm_member *holder_of(struct dmashm_barrier *barrier, u32 word)
{
	struct dmashm_member *member;

	list_for_each_entry(member, &barrier->members, node)
		if (member->id == dmashm_word_id(word))
			return member;
	return NULL;
}

static bool holder_lives(struct dmashm_barrier *barrier, u32 word)
{
	switch (dmashm_word_kind(word)) {
	case DMASHM_KIND_KERNEL:
		return barrier->kernel_holds;
	case DMASHM_KIND_USER:
		return holder_of(barrier, word);
	default:
		return false;
	}
}

/**
 * dmashm_barrier_turn() - who holds it exclusively, and for which time
 * @barrier: which one
 *
 * A member's library says in its slot that it writes to the data with the CPU, and
 * gives each such time another number. Pairs with the full fence in lock(),
 * libclient/bracket.c: who did not see a device that was attached before this is
 * seen. A member that says nothing has one number for all of its times.
 *
 * Context: any.
 * Return: a number, odd if a member says that it writes; 0 nobody.
 */
u64 dmashm_barrier_turn(struct dmashm_barrier *barrier)
{
	u32 word = READ_ONCE(*barrier_word(barrier));
	struct dmashm_member *member = NULL;
	unsigned long flags;
	u64 turn = 0;

	spin_lock_irqsave(&barrier->lock, flags);
	switch (dmashm_word_kind(word)) {
	case DMASHM_KIND_USER:
		member = holder_of(barrier, word);
		if (member)
			turn = (u64)member->id << 32 |
			       dmashm_reader_writes(barrier, member);
		break;
	case DMASHM_KIND_KERNEL:
		if (barrier->kernel_holds)
			turn = BARRIER_KERNEL_TURN | barrier->kernel_turns << 1;
		break;
	}
	spin_unlock_irqrestore(&barrier->lock, flags);
	return turn;
}

/*
 * What the word should say: DIED where it belongs to nobody; and where it is
 * free, no other marks than the queue's, lest somebody be locked out by marks
 * that nobody will take off.
 */
static u32 word_should_be(struct dmashm_barrier *barrier, u32 word)
{
	u32 marks = dmashm_locker_marks(barrier, NULL);

	if (dmashm_word_kind(word) == DMASHM_KIND_FREE)
		return (word & ~(DMASHM_WAITERS | DMASHM_TURN)) | marks;
	return holder_lives(barrier, word) ? word : DMASHM_DIED | marks;
}

/* The word is free, though nobody unlocked it: whoever sleeps for it looks. */
static void barrier_wake(struct dmashm_barrier *barrier)
{
	dmashm_locker_wake_next(barrier);
	dmashm_lease_wake(barrier);
}

/**
 * dmashm_barrier_settle() - put right a word that is wrong
 * @barrier: which one
 *
 * Frees one that belongs to nobody, with DIED, and wakes the next as an unlock
 * would. Model: K_settle.
 *
 * Context: any; the caller holds barrier->lock.
 * Return: the word as it was last seen.
 */
u32 dmashm_barrier_settle(struct dmashm_barrier *barrier)
{
	u32 *p = barrier_word(barrier);
	u32 word = READ_ONCE(*p);
	int tries;

	lockdep_assert_held(&barrier->lock);
	for (tries = 0; tries < BARRIER_TRIES; tries++) {
		u32 right = word_should_be(barrier, word);

		if (right == word) {
			/* Free, and the first sleeps: scribbled, or a batch. */
			if (dmashm_word_kind(word) == DMASHM_KIND_FREE &&
			    word & DMASHM_WAITERS)
				barrier_wake(barrier);
			break;
		}
		/*
		 * Acquire: whoever comes next sees what the dead one wrote.
		 * Release: passes it on to a locker of user space.
		 */
		if (try_cmpxchg(p, &word, right)) {
			barrier_wake(barrier);
			return right;
		}
	}
	return word;
}

/*
 * Taking it
 */

/* Take the word if nobody has it; readers may be in. Model: K_claim. */
static int barrier_claim(struct dmashm_barrier *barrier,
			 struct dmashm_locker *locker)
{
	u32 held = barrier_held(locker->member);
	u32 *p = barrier_word(barrier);
	int tries;

	for (tries = 0; tries < BARRIER_TRIES; tries++) {
		u32 word = dmashm_barrier_settle(barrier);
		u32 new = held | (word & DMASHM_DIED) |
			  dmashm_locker_marks(barrier, locker);

		if (dmashm_word_kind(word) != DMASHM_KIND_FREE ||
		    !dmashm_locker_may_enter(barrier, locker))
			return -EBUSY;
		/*
		 * Acquire: pairs with the release of whoever unlocked last.
		 * Full, before the slots are looked at: pairs with the full
		 * barrier in dmashm_reader_enter() and in the library's
		 * dmashm_lock_shared().
		 */
		if (cmpxchg(p, word, new) == word) {
			if (!locker->member)
				barrier_kernel_took(barrier);
			return word & DMASHM_DIED ? -EOWNERDEAD : 0;
		}
	}
	return -EBUSY;
}

/* Be a reader if nobody has the word. Model: K_enter, K_look. */
static int barrier_share(struct dmashm_barrier *barrier,
			 struct dmashm_locker *locker)
{
	u32 word = dmashm_barrier_settle(barrier);
	int ret;

	if (dmashm_word_kind(word) != DMASHM_KIND_FREE ||
	    !dmashm_locker_may_enter(barrier, locker))
		return -EBUSY;
	ret = dmashm_reader_enter(barrier, locker->member);
	if (ret)
		return ret;
	/* User space may have been quicker; that is a full barrier later. */
	word = smp_load_acquire(barrier_word(barrier));
	if (dmashm_word_kind(word) != DMASHM_KIND_FREE) {
		dmashm_reader_step_back(barrier, locker->member);
		return -EBUSY;
	}
	return word & DMASHM_DIED ? -EOWNERDEAD : 0;
}

/**
 * dmashm_barrier_excludes() - does the kernel know better than the word?
 * @barrier: which one
 * @locker:  who wants it
 *
 * Among the kernel's own users exclusion holds whatever user space writes, and
 * of those who lock by the kernel only one at a time waits for the readers.
 *
 * Context: any; the caller holds barrier->lock.
 * Return: true if @locker must not get it.
 */
bool dmashm_barrier_excludes(struct dmashm_barrier *barrier,
			     const struct dmashm_locker *locker)
{
	lockdep_assert_held(&barrier->lock);
	if (!locker->member && barrier->kernel_holds)
		return true;
	return locker->mode == DMASHM_EXCLUSIVE && barrier->drainer;
}

/*
 * One attempt; 0 or -EOWNERDEAD, -EBUSY, -EOVERFLOW. Who gets it exclusively may
 * have readers to drain. Model: K_try.
 */
static int barrier_try(struct dmashm_barrier *barrier,
		       struct dmashm_locker *locker)
{
	lockdep_assert_held(&barrier->lock);
	if (dmashm_barrier_excludes(barrier, locker))
		return -EBUSY;
	if (locker->mode == DMASHM_SHARED)
		return barrier_share(barrier, locker);
	return barrier_claim(barrier, locker);
}

/**
 * dmashm_barrier_pause() - instead of sleeping, where a word never keeps still
 * @barrier:  which one
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    as for sleeping
 *
 * Model: K_pause.
 *
 * Context: process; the caller holds barrier->lock, which is let go meanwhile.
 * Return: 0; -ERESTARTSYS or -ETIMEDOUT as from a sleep.
 */
int dmashm_barrier_pause(struct dmashm_barrier *barrier, u64 deadline,
			 unsigned int state)
	__must_hold(&barrier->lock)
{
	int ret = 0;

	spin_unlock_irq(&barrier->lock);
	if (signal_pending_state(state, current))
		ret = -ERESTARTSYS;
	else if (ktime_get_ns() >= deadline)
		ret = -ETIMEDOUT;
	cond_resched();
	spin_lock_irq(&barrier->lock);
	return ret;
}

/*
 * Change the word as long as it says @held: to what @keep leaves of it, with
 * the queue's marks. 0; -EPERM it says something else; -EPROTO somebody keeps
 * changing it.
 */
static int barrier_change(struct dmashm_barrier *barrier, u32 held, u32 keep)
{
	u32 *p = barrier_word(barrier);
	u32 word = READ_ONCE(*p);
	u32 marks = dmashm_locker_marks(barrier, NULL);
	int tries;

	lockdep_assert_held(&barrier->lock);
	keep &= ~(DMASHM_WAITERS | DMASHM_TURN);
	for (tries = 0; tries < BARRIER_TRIES; tries++) {
		if ((word & BARRIER_HOLDER) != held)
			return -EPERM;
		/* Where it frees: pairs with the acquire of the next to lock. */
		if (try_cmpxchg_release(p, &word, (word & keep) | marks))
			return 0;
	}
	return -EPROTO;
}

/*
 * Wake whose turn it is, and give the word back: in this order, so that the
 * word need not say WAITERS for one who is on its way. Model: K_unlock.
 */
static int barrier_release(struct dmashm_barrier *barrier,
			   struct dmashm_member *member)
{
	u32 held = barrier_held(member);
	int ret;

	if (member ? !barrier_is_held(barrier, held) : !barrier->kernel_holds)
		return -EPERM;
	if (!member)
		barrier->kernel_holds = false;
	dmashm_lease_grant(barrier);
	dmashm_locker_wake_next(barrier);
	ret = barrier_change(barrier, held, DMASHM_DIED);
	if (!member && ret) {
		dmashm_barrier_settle(barrier);
		ret = -EPROTO;
	}
	return ret;
}

/* After draining failed. Wakes even where the word was overwritten. */
static void barrier_release_drained(struct dmashm_barrier *barrier,
				    struct dmashm_member *member)
{
	if (barrier_release(barrier, member))
		barrier_wake(barrier);
}

/**
 * dmashm_barrier_trylock() - take the barrier if that is possible at once
 * @barrier: which one
 * @member:  for whom; NULL the kernel
 * @mode:    how
 *
 * Context: any, interrupts too.
 * Return: 0 or -EOWNERDEAD, held; -EBUSY or -EOVERFLOW, not held.
 */
int dmashm_barrier_trylock(struct dmashm_barrier *barrier,
			   struct dmashm_member *member, enum dmashm_mode mode)
{
	struct dmashm_locker locker;
	unsigned long flags;
	int ret;

	dmashm_locker_init(&locker, member, mode);
	spin_lock_irqsave(&barrier->lock, flags);
	ret = barrier_try(barrier, &locker);
	if ((!ret || ret == -EOWNERDEAD) && mode == DMASHM_EXCLUSIVE &&
	    dmashm_reader_any(barrier)) {
		barrier_release(barrier, member);
		ret = -EBUSY;
	}
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/* Try and sleep, until the word or the readers' side is had. Model: K_lock. */
static int barrier_lock_queueing(struct dmashm_barrier *barrier,
				 struct dmashm_locker *locker, u64 deadline,
				 unsigned int state)
{
	int ret, reason = 0;

	for (;;) {
		ret = barrier_try(barrier, locker);
		if (ret != -EBUSY)
			break;
		ret = reason ?: dmashm_locker_queue(barrier, locker);
		if (ret)
			break;
		/* Somebody may be changing or waking the word all the time. */
		if (dmashm_locker_announce(barrier, locker))
			reason = dmashm_sleeper_sleep(barrier, &locker->sleeper,
						      deadline, state);
		else
			reason = dmashm_barrier_pause(barrier, deadline, state);
	}
	dmashm_locker_leave(barrier, locker);
	return ret;
}

/**
 * dmashm_barrier_lock() - take the barrier
 * @barrier:  which one
 * @member:   for whom; NULL the kernel
 * @mode:     how
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Tries once more before it gives up, for whatever reason.
 *
 * Context: process.
 * Return: 0 or -EOWNERDEAD, held; -ETIMEDOUT, -ERESTARTSYS, -EUSERS or
 * -EOVERFLOW, not held.
 */
int dmashm_barrier_lock(struct dmashm_barrier *barrier,
			struct dmashm_member *member, enum dmashm_mode mode,
			u64 deadline, unsigned int state)
{
	struct dmashm_locker locker;
	int ret, drained;

	dmashm_locker_init(&locker, member, mode);
	spin_lock_irq(&barrier->lock);
	ret = barrier_lock_queueing(barrier, &locker, deadline, state);
	if ((!ret || ret == -EOWNERDEAD) && mode == DMASHM_EXCLUSIVE) {
		drained = dmashm_reader_drain(barrier, &locker, deadline, state);
		if (drained) {
			barrier_release_drained(barrier, member);
			ret = drained;
		}
	}
	spin_unlock_irq(&barrier->lock);
	if (locker.since)
		trace_dmashm_lock_wait(barrier, &locker, ret);
	return ret;
}

/**
 * dmashm_barrier_unlock() - give the barrier back and wake who waits
 * @barrier: which one
 * @member:  as it was locked
 * @mode:    as it was locked
 *
 * The mark of a death stays.
 *
 * Context: any, interrupts too.
 * Return: 0; -EPERM not held; -EPROTO somebody keeps changing the word or, for
 * the kernel, overwrote it meanwhile: the kernel has let go all the same.
 */
int dmashm_barrier_unlock(struct dmashm_barrier *barrier,
			  struct dmashm_member *member, enum dmashm_mode mode)
{
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&barrier->lock, flags);
	if (mode == DMASHM_SHARED)
		ret = dmashm_reader_leave(barrier, member);
	else
		ret = barrier_release(barrier, member);
	spin_unlock_irqrestore(&barrier->lock, flags);
	return ret;
}

/**
 * dmashm_barrier_recover() - take the mark of a death off
 * @barrier: which one
 * @member:  as it was locked, exclusively
 *
 * Context: any, interrupts too.
 * Return: 0; -EPERM not held; -EPROTO somebody keeps changing the word.
 */
int dmashm_barrier_recover(struct dmashm_barrier *barrier,
			   struct dmashm_member *member)
{
	unsigned long flags;
	int ret = -EPERM;

	spin_lock_irqsave(&barrier->lock, flags);
	if (member || barrier->kernel_holds)
		ret = barrier_change(barrier, barrier_held(member),
				     ~DMASHM_DIED);
	spin_unlock_irqrestore(&barrier->lock, flags);
	trace_dmashm_repair(barrier, member, ret);
	return ret;
}
