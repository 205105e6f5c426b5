// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who takes part in a barrier: members have an id and a slot, viewers neither, and
 * who leaves, by death or otherwise, gives back all that he had.
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_lease.h"
#include "dmashm_member.h"
#include "dmashm_membership.h"
#include "dmashm_poller.h"
#include "dmashm_reader.h"
#include "dmashm_trace.h"
#include "dmashm_waiter.h"

static int membership_add_member(struct dmashm_barrier *barrier,
				 struct dmashm_member *member)
{
	unsigned int slot = find_first_zero_bit(barrier->slots,
						DMASHM_CAPACITY);

	if (slot >= DMASHM_CAPACITY)
		return -EUSERS;
	if (barrier->last_id == DMASHM_ID_MAX)
		return -EOVERFLOW;
	__set_bit(slot, barrier->slots);
	member->slot = slot;
	member->id = ++barrier->last_id;
	/* Others may have written there since the last one left. */
	dmashm_reader_forget(barrier, member);
	list_add_tail(&member->node, &barrier->members);
	WRITE_ONCE(barrier->member_count, barrier->member_count + 1);
	return 0;
}

/* Takes nothing that those who write could run out of. */
static int membership_add_viewer(struct dmashm_barrier *barrier,
				 struct dmashm_member *member)
{
	if (barrier->viewer_count == DMASHM_VIEWERS)
		return -EUSERS;
	member->slot = DMASHM_NO_SLOT;
	member->id = 0;
	list_add_tail(&member->node, &barrier->viewers);
	WRITE_ONCE(barrier->viewer_count, barrier->viewer_count + 1);
	return 0;
}

/**
 * dmashm_membership_begin() - give a member its id and its slot
 * @barrier: which one
 * @member:  new; its id and slot are filled in. A viewer has neither
 *
 * Context: process.
 * Return: 0; -EUSERS no slot is free, or there are DMASHM_VIEWERS; -EOVERFLOW
 * no id is left.
 */
int dmashm_membership_begin(struct dmashm_barrier *barrier,
			    struct dmashm_member *member)
{
	int ret;

	spin_lock_irq(&barrier->lock);
	ret = member->viewer ? membership_add_viewer(barrier, member) :
			       membership_add_member(barrier, member);
	spin_unlock_irq(&barrier->lock);
	return ret;
}

/* For those who trace: what @member still held, if anything. */
static void membership_trace_recovery(struct dmashm_barrier *barrier,
				      const struct dmashm_member *member)
{
	bool exclusive = dmashm_barrier_is_held_by(barrier, member);
	u32 shared = dmashm_reader_count(barrier, member);

	if (exclusive || shared)
		trace_dmashm_recovery(barrier, member->id, exclusive, shared);
}

/* From now on its id belongs to nobody. */
static void membership_remove(struct dmashm_barrier *barrier,
			      struct dmashm_member *member)
{
	lockdep_assert_held(&barrier->lock);
	list_del_init(&member->node);
	WRITE_ONCE(barrier->member_count, barrier->member_count - 1);
	__clear_bit(member->slot, barrier->slots);
	dmashm_reader_forget(barrier, member);
}

/* Nobody but itself ever hears of it. */
static void membership_end_viewer(struct dmashm_barrier *barrier,
				  struct dmashm_member *member)
{
	lockdep_assert_held(&barrier->lock);
	list_del_init(&member->node);
	WRITE_ONCE(barrier->viewer_count, barrier->viewer_count - 1);
	dmashm_lease_drop(barrier, &member->lease);
	dmashm_poller_hang_up(member);
}

static void membership_end_member(struct dmashm_barrier *barrier,
				  struct dmashm_member *member)
{
	if (trace_dmashm_recovery_enabled())
		membership_trace_recovery(barrier, member);
	membership_remove(barrier, member);
	dmashm_barrier_settle(barrier);
	/*
	 * Release: who sees the count sees what became of the slot and of the
	 * word. Pairs with dmashm_departures() in the library.
	 */
	smp_store_release(barrier->departures, *barrier->departures + 1);
	dmashm_poller_tell_departure(barrier, member);
}

/**
 * dmashm_membership_end() - take back all that a member has
 * @barrier: which one
 * @member:  one whose process is gone or that closed its fd; may have left
 *           already
 *
 * Wipes its slot, turns a word that bears its id into DIED, and wakes
 * everybody who waits for a word: the member may have been woken for it and
 * have died before it did anything about it. Model: K_leave.
 *
 * Context: process, may sleep.
 */
void dmashm_membership_end(struct dmashm_barrier *barrier,
			   struct dmashm_member *member)
{
	bool first;

	spin_lock_irq(&barrier->lock);
	first = !list_empty(&member->node);
	if (first && member->viewer)
		membership_end_viewer(barrier, member);
	else if (first)
		membership_end_member(barrier, member);
	spin_unlock_irq(&barrier->lock);
	if (first && !member->viewer)
		dmashm_waiter_wake_all(barrier);
}
