// SPDX-License-Identifier: GPL-2.0-only
/*
 * Being in a barrier shared: a count in each member's slot, which its threads
 * change without the kernel, and a count of the kernel's own. And the other
 * side of it: an exclusive locker, which has the word already, waits until all
 * who are in have come out ("drains" them).
 *
 * No loop depends on what user space does to its slot. A member that keeps its
 * count up, honestly or not, keeps a drainer waiting until the drainer's
 * deadline: it could do so by holding the barrier as well. Who may only read has
 * no slot, but a lease (dmashm_lease.c).
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "dmashm_barrier.h"
#include "dmashm_lease.h"
#include "dmashm_locker.h"
#include "dmashm_member.h"
#include "dmashm_reader.h"
#include "dmashm_sleeper.h"
#include "dmashm_words.h"

/* How often a slot is compared before it is changed without comparing. */
#define READER_TRIES 16

static u32 slot_offset(const struct dmashm_member *member)
{
	return DMASHM_OFF_SLOT(member->slot);
}

static atomic_t *slot_word(struct dmashm_barrier *barrier,
			   const struct dmashm_member *member)
{
	return dmashm_word_atomic(barrier->words, slot_offset(member));
}

/* The word of the map that has bit @bit, and that bit in it. */
static atomic_t *map_word(struct dmashm_barrier *barrier, unsigned int bit,
			  u32 *mask)
{
	*mask = 1u << bit % 32;
	return dmashm_word_atomic(barrier->words, DMASHM_OFF_READERS +
						  bit / 32 * sizeof(u32));
}

static atomic_t *kernel_map_word(struct dmashm_barrier *barrier)
{
	return dmashm_word_atomic(barrier->words,
				  DMASHM_OFF_READERS + sizeof(u32));
}

/**
 * dmashm_reader_count() - how often a member is in, shared
 * @barrier: which one
 * @member:  who; has not left
 *
 * Context: any.
 * Return: the count, by what user space wrote into the slot.
 */
u32 dmashm_reader_count(struct dmashm_barrier *barrier,
			const struct dmashm_member *member)
{
	return atomic_read(slot_word(barrier, member)) & DMASHM_SLOT_COUNT;
}

/**
 * dmashm_reader_writes() - what a member says of its writing, where it holds it
 * @barrier: which one
 * @member:  which one
 *
 * Context: any; the caller holds barrier->lock.
 * Return: DMASHM_SLOT_WRITES of its slot: odd while it writes. For people, and
 * devices, not for the barrier.
 */
u32 dmashm_reader_writes(struct dmashm_barrier *barrier,
			 const struct dmashm_member *member)
{
	lockdep_assert_held(&barrier->lock);
	return READ_ONCE(*dmashm_word(barrier->words, slot_offset(member) +
				      DMASHM_SLOT_WRITES));
}

/**
 * dmashm_reader_wake_drainer() - have who drains look again
 * @barrier: which one; maybe nobody does
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_reader_wake_drainer(struct dmashm_barrier *barrier)
{
	lockdep_assert_held(&barrier->lock);
	if (barrier->drainer)
		dmashm_sleeper_wake(&barrier->drainer->sleeper);
}

/**
 * dmashm_reader_enter() - be seen as a reader
 * @barrier: which one
 * @member:  whose slot; NULL the kernel
 *
 * A full barrier: what the caller reads of the word afterwards is not older.
 * Pairs with the full barrier between an exclusive locker's change of the word
 * and its look at the slots: barrier_claim() in the kernel, dmashm_lock() in
 * the library. Model: K_enter.
 *
 * Context: any; the caller holds barrier->lock.
 * Return: 0; -EOVERFLOW the member is in too often already.
 */
int dmashm_reader_enter(struct dmashm_barrier *barrier,
			struct dmashm_member *member)
{
	atomic_t *map;
	u32 mask;

	lockdep_assert_held(&barrier->lock);
	if (!member) {
		if (!barrier->kernel_readers++)
			atomic_or(DMASHM_READERS_KERNEL,
				  kernel_map_word(barrier));
		smp_mb(); /* as above */
		return 0;
	}
	if (dmashm_reader_count(barrier, member) >= DMASHM_SHARED_MAX)
		return -EOVERFLOW;
	map = map_word(barrier, member->slot, &mask);
	if (!(atomic_read(map) & mask))
		atomic_or(mask, map);
	/* Fully ordered: after the map, and as above. */
	atomic_inc_return(slot_word(barrier, member));
	return 0;
}

static void reader_leave_kernel(struct dmashm_barrier *barrier)
{
	if (--barrier->kernel_readers)
		return;
	/* Release: what was read was read before. Pairs as in leaving. */
	atomic_fetch_andnot_release(DMASHM_READERS_KERNEL,
				    kernel_map_word(barrier));
	dmashm_reader_wake_drainer(barrier);
}

/* What a slot is to say once one less is in. */
static u32 slot_less(struct dmashm_barrier *barrier, u32 slot)
{
	u32 count = (slot & DMASHM_SLOT_COUNT) - 1;

	if (!count || !barrier->drainer)
		return count;
	return count | (slot & DMASHM_SLOT_DRAIN);
}

/**
 * dmashm_reader_step_back() - undo dmashm_reader_enter()
 * @barrier: which one
 * @member:  whose slot; NULL the kernel
 *
 * Succeeds whatever happens to the slot meanwhile. Model: K_step_back.
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_reader_step_back(struct dmashm_barrier *barrier,
			     struct dmashm_member *member)
{
	if (!member) {
		reader_leave_kernel(barrier);
		return;
	}
	/* Pairs with the look of who drains. */
	if (!(atomic_dec_return_release(slot_word(barrier, member)) &
	      DMASHM_SLOT_COUNT))
		dmashm_reader_wake_drainer(barrier);
}

/**
 * dmashm_reader_leave() - unlock shared
 * @barrier: which one
 * @member:  whose slot; NULL the kernel
 *
 * Model: K_unlock_shared.
 *
 * Context: any; the caller holds barrier->lock.
 * Return: 0; -EPERM not in.
 */
int dmashm_reader_leave(struct dmashm_barrier *barrier,
			struct dmashm_member *member)
{
	atomic_t *word;
	int tries, old;

	lockdep_assert_held(&barrier->lock);
	if (!member) {
		/* The rest are leases. */
		if (barrier->kernel_readers == barrier->lease_count)
			return -EPERM;
		reader_leave_kernel(barrier);
		return 0;
	}
	word = slot_word(barrier, member);
	old = atomic_read(word);
	for (tries = 0; tries < READER_TRIES; tries++) {
		u32 less;

		if (!(old & DMASHM_SLOT_COUNT))
			return -EPERM;
		less = slot_less(barrier, old);
		/* Pairs with the look of who drains. */
		if (!atomic_try_cmpxchg_release(word, &old, less))
			continue;
		if (!less)
			dmashm_reader_wake_drainer(barrier);
		return 0;
	}
	/* Other threads of the member come and go all the time. */
	dmashm_reader_step_back(barrier, member);
	return 0;
}

/**
 * dmashm_reader_forget() - a slot belongs to nobody any more, or not yet
 * @barrier: which one
 * @member:  whose slot it was or will be
 *
 * Wipes the slot and takes it off the map. Who drains looks again. Model:
 * K_leave.
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_reader_forget(struct dmashm_barrier *barrier,
			  struct dmashm_member *member)
{
	atomic_t *map;
	u32 mask;

	lockdep_assert_held(&barrier->lock);
	memset(dmashm_word(barrier->words, slot_offset(member)), 0,
	       DMASHM_SLOT_SIZE);
	map = map_word(barrier, member->slot, &mask);
	atomic_andnot(mask, map);
	dmashm_reader_wake_drainer(barrier);
}

/*
 * Is anybody in, shared? Each slot needs to be seen empty but once, for the
 * caller has the word: what comes after that steps back. @out has a bit for
 * each that was. With @ask, those who are in are to ask the kernel when they
 * come out.
 *
 * Goes by the slots of the living rather than by the map, which user space
 * writes.
 */
static bool reader_look(struct dmashm_barrier *barrier, unsigned long *out,
			bool ask)
{
	bool any = barrier->kernel_readers;
	struct dmashm_member *member;

	lockdep_assert_held(&barrier->lock);
	list_for_each_entry(member, &barrier->members, node) {
		/* Acquire: pairs with the release of who came out. */
		u32 slot = atomic_read_acquire(slot_word(barrier, member));

		if (test_bit(member->slot, out))
			continue;
		/* Fully ordered: who comes out sees DRAIN, or is seen out. */
		if (ask && slot & DMASHM_SLOT_COUNT)
			slot = atomic_fetch_or(DMASHM_SLOT_DRAIN,
					       slot_word(barrier, member));
		if (slot & DMASHM_SLOT_COUNT)
			any = true;
		else
			__set_bit(member->slot, out);
	}
	return any;
}

/**
 * dmashm_reader_any() - is anybody in, shared?
 * @barrier: which one; the caller has its word
 *
 * Context: any; the caller holds barrier->lock.
 * Return: true if so.
 */
bool dmashm_reader_any(struct dmashm_barrier *barrier)
{
	DECLARE_BITMAP(out, DMASHM_CAPACITY) = {};

	dmashm_lease_expire(barrier);
	return reader_look(barrier, out, false);
}

/**
 * dmashm_reader_drain() - wait until nobody is in, shared
 * @barrier:  which one; the caller has its word, and nobody else drains
 * @locker:   the caller, in the queue no more
 * @deadline: CLOCK_MONOTONIC of the host, nanoseconds
 * @state:    TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * Looks once more before it gives up, for whatever reason. Model: K_drain.
 *
 * Context: process; the caller holds barrier->lock, which is let go meanwhile.
 * Return: 0; -ETIMEDOUT or -ERESTARTSYS.
 */
int dmashm_reader_drain(struct dmashm_barrier *barrier,
			struct dmashm_locker *locker, u64 deadline,
			unsigned int state)
{
	DECLARE_BITMAP(out, DMASHM_CAPACITY) = {};
	int reason = 0;

	if (!reader_look(barrier, out, false))
		return 0;
	if (!locker->since)
		locker->since = ktime_get_ns();
	barrier->drainer = locker;
	while (!reason) {
		/* Who may only read keeps nobody waiting beyond its lease. */
		u64 until = min(deadline, dmashm_lease_expire(barrier));

		locker->sleeper.woken = false;
		if (!reader_look(barrier, out, true))
			break;
		reason = dmashm_sleeper_sleep(barrier, &locker->sleeper, until,
					      state);
		if (reason == -ETIMEDOUT && until < deadline)
			reason = 0;
	}
	barrier->drainer = NULL;
	return reason && reader_look(barrier, out, false) ? reason : 0;
}
