// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at a barrier without disturbing it: all is copied in one go under
 * barrier->lock, and printed when that is free again. What is copied is bounded
 * by DMASHM_CAPACITY and DMASHM_SNAPSHOT_VIEWERS; sleepers are counted, of which
 * there are DMASHM_SLEEPERS in each queue at the most.
 *
 * The word and the slots are user space's, so what they say is what it says.
 */
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "dmashm_barrier.h"
#include "dmashm_locker.h"
#include "dmashm_member.h"
#include "dmashm_reader.h"
#include "dmashm_snapshot.h"
#include "dmashm_waiter.h"
#include "dmashm_words.h"

static u32 snapshot_word(struct dmashm_barrier *barrier)
{
	return READ_ONCE(*dmashm_word(barrier->words, DMASHM_OFF_BARRIER));
}

/* What a living member holds. */
static void snapshot_holding(struct dmashm_snapshot_party *party,
			     struct dmashm_barrier *barrier,
			     const struct dmashm_member *member)
{
	u32 word = snapshot_word(barrier);

	lockdep_assert_held(&barrier->lock);
	party->exclusive = dmashm_word_kind(word) == DMASHM_KIND_USER &&
			   dmashm_word_id(word) == member->id;
	party->drains = barrier->drainer && barrier->drainer->member == member;
	party->shared = dmashm_reader_count(barrier, member);
}

/* How often a viewer is in. */
static unsigned int snapshot_leases(const struct dmashm_member *viewer)
{
	return viewer->lease.revoked ? 0 : viewer->lease.count;
}

static void snapshot_viewers(struct dmashm_snapshot *snapshot,
			     struct dmashm_barrier *barrier)
{
	struct dmashm_snapshot_viewer *viewer = snapshot->viewers;
	struct dmashm_member *member;

	list_for_each_entry(member, &barrier->viewers, node) {
		if (viewer == snapshot->viewers + DMASHM_SNAPSHOT_VIEWERS)
			break;
		viewer->tgid = get_pid(member->tgid);
		viewer->leases = snapshot_leases(member);
		viewer->revoked = member->lease.revoked;
		viewer++;
	}
	snapshot->viewer_count = barrier->viewer_count;
	snapshot->viewer_lockers = barrier->tenants.count;
	snapshot->viewer_waiters = barrier->viewer_waiters;
}

/**
 * dmashm_snapshot_holding() - what one member holds
 * @party:   exclusive, drains and shared are filled in
 * @barrier: which one
 * @member:  who; may have left
 *
 * Context: process.
 */
void dmashm_snapshot_holding(struct dmashm_snapshot_party *party,
			     struct dmashm_barrier *barrier,
			     const struct dmashm_member *member)
{
	memset(party, 0, sizeof(*party));
	spin_lock_irq(&barrier->lock);
	/* The slot of one that has left may be another's. */
	if (!list_empty(&member->node)) {
		if (member->viewer)
			party->shared = snapshot_leases(member);
		else
			snapshot_holding(party, barrier, member);
	}
	spin_unlock_irq(&barrier->lock);
}

static void snapshot_members(struct dmashm_snapshot *snapshot,
			     struct dmashm_barrier *barrier)
{
	struct dmashm_member *member;

	list_for_each_entry(member, &barrier->members, node) {
		struct dmashm_snapshot_party *party =
			&snapshot->members[member->slot];

		party->id = member->id;
		party->tgid = get_pid(member->tgid);
		snapshot_holding(party, barrier, member);
	}
}

static void snapshot_kernel(struct dmashm_snapshot_party *kernel,
			    struct dmashm_barrier *barrier)
{
	kernel->exclusive = barrier->kernel_holds;
	kernel->drains = barrier->drainer && !barrier->drainer->member;
	/* A lease counts as one of the times. */
	kernel->shared = barrier->kernel_readers - barrier->lease_count;
}

/* Who sleeps on behalf of @member; NULL if that has left. */
static struct dmashm_snapshot_party *
snapshot_party(struct dmashm_snapshot *snapshot,
	       const struct dmashm_member *member)
{
	struct dmashm_snapshot_party *party;

	if (!member)
		return &snapshot->kernel;
	party = &snapshot->members[member->slot];
	return party->id == member->id ? party : NULL;
}

static void snapshot_lockers(struct dmashm_snapshot *snapshot,
			     struct dmashm_barrier *barrier)
{
	struct dmashm_snapshot_party *party;
	struct dmashm_locker *locker;

	list_for_each_entry(locker, &barrier->lockers.list, sleeper.node) {
		struct dmashm_snapshot_queue *queue;

		party = snapshot_party(snapshot, locker->member);
		if (!party)
			continue;	/* it left: so does this thread, soon */
		queue = &party->lockers[locker->mode];
		if (!queue->count++)
			queue->since = locker->since;
	}
	locker = barrier->drainer;
	party = locker ? snapshot_party(snapshot, locker->member) : NULL;
	if (party && !party->lockers[DMASHM_EXCLUSIVE].count++)
		party->lockers[DMASHM_EXCLUSIVE].since = locker->since;
}

static void snapshot_waiters(struct dmashm_snapshot *snapshot,
			     struct dmashm_barrier *barrier)
{
	struct dmashm_waiter *waiter;

	list_for_each_entry(waiter, &barrier->waiters.list, sleeper.node) {
		struct dmashm_snapshot_party *party;

		if (waiter->member->viewer)
			continue;
		party = snapshot_party(snapshot, waiter->member);
		/* Its fd may be in another process, which sleeps on. */
		if (!party)
			snapshot->strangers++;
		else if (!party->waiters++)
			party->offset = waiter->offset;
	}
}

/**
 * dmashm_snapshot_take() - look at a barrier
 * @snapshot: to be filled in; for dmashm_snapshot_release()
 * @barrier:  which one
 *
 * Context: process.
 */
void dmashm_snapshot_take(struct dmashm_snapshot *snapshot,
			  struct dmashm_barrier *barrier)
{
	memset(snapshot, 0, sizeof(*snapshot));
	spin_lock_irq(&barrier->lock);
	snapshot->word = snapshot_word(barrier);
	snapshot_members(snapshot, barrier);
	snapshot_kernel(&snapshot->kernel, barrier);
	snapshot_lockers(snapshot, barrier);
	snapshot_waiters(snapshot, barrier);
	snapshot_viewers(snapshot, barrier);
	spin_unlock_irq(&barrier->lock);
}

/**
 * dmashm_snapshot_release() - let go of what a snapshot holds
 * @snapshot: was taken
 */
void dmashm_snapshot_release(struct dmashm_snapshot *snapshot)
{
	int i;

	for (i = 0; i < DMASHM_CAPACITY; i++)
		put_pid(snapshot->members[i].tgid);
	for (i = 0; i < DMASHM_SNAPSHOT_VIEWERS; i++)
		put_pid(snapshot->viewers[i].tgid);
}
