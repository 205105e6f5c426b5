// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue of those who sleep until they get the barrier.
 *
 * A locker stays in its place until it is in or gives up, however often it is
 * woken and finds that somebody who did not queue was quicker. That one may be
 * is what makes the barrier fast under load; that it may not be for ever is
 * what the impatient are for: while there is one, the word says TURN, and
 * nobody gets in but by the queue's order.
 *
 * No wake-up is lost
 *
 *   Whenever barrier->lock is free and somebody queues, the first in the queue
 *   is awake (it has been woken and has not looked yet, or pauses before it
 *   tries again), or the word is held and says WAITERS, so that it is unlocked
 *   in the kernel. Three things keep that up: who begins to sleep, first in the
 *   queue or behind one that sleeps, writes WAITERS into a word that is not to
 *   be had, in one step; who unlocks wakes the next; and so does who leaves the
 *   queue, in or not, and sees that the word is free.
 *
 *   While the first is on its way the word need not say WAITERS: those who do
 *   not queue lock and unlock without a system call until it gets there, gets
 *   in or says WAITERS again.
 */
#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/time64.h>

#include "dmashm_locker.h"
#include "dmashm_words.h"

/* How long a locker lets others pass that do not queue. */
#define LOCKER_PATIENCE_NS (1 * NSEC_PER_MSEC)

/* How many readers are woken at a time; those go on with it. */
#define LOCKER_BATCH 32

/* See BARRIER_TRIES. */
#define LOCKER_TRIES 16

static struct dmashm_locker *to_locker(struct list_head *node)
{
	return list_entry(node, struct dmashm_locker, sleeper.node);
}

static bool locker_queues(const struct dmashm_locker *locker)
{
	return !list_empty(&locker->sleeper.node);
}

/**
 * dmashm_locker_init() - a locker of the calling task, not in the queue
 * @locker: to be filled in
 * @member: who; NULL the kernel
 * @mode:   what it wants
 */
void dmashm_locker_init(struct dmashm_locker *locker,
			struct dmashm_member *member, enum dmashm_mode mode)
{
	dmashm_sleeper_init(&locker->sleeper);
	locker->member = member;
	locker->mode = mode;
	locker->since = 0;
	locker->impatient = false;
}

/**
 * dmashm_locker_may_enter() - would it pass nobody who may not be passed?
 * @barrier: which one
 * @locker:  in the queue or not
 *
 * Readers that queue may pass each other.
 *
 * Context: any; the caller holds barrier->lock.
 * Return: true if it may.
 */
bool dmashm_locker_may_enter(struct dmashm_barrier *barrier,
			     const struct dmashm_locker *locker)
{
	struct dmashm_locker *first;

	lockdep_assert_held(&barrier->lock);
	if (!barrier->impatient)
		return true;
	if (!locker_queues(locker))
		return false;
	first = to_locker(barrier->lockers.list.next);
	return first == locker || (locker->mode == DMASHM_SHARED &&
				   first->mode == DMASHM_SHARED);
}

/* The first in the queue but @without; NULL if there is none. */
static const struct dmashm_locker *
locker_first(struct dmashm_barrier *barrier,
	     const struct dmashm_locker *without)
{
	const struct dmashm_locker *locker;

	list_for_each_entry(locker, &barrier->lockers.list, sleeper.node)
		if (locker != without)
			return locker;
	return NULL;
}

/**
 * dmashm_locker_marks() - what the word has to say about those who sleep
 * @barrier: which one
 * @without: one that is about to leave the queue, or NULL
 *
 * Context: any; the caller holds barrier->lock.
 * Return: any of DMASHM_WAITERS and DMASHM_TURN.
 */
u32 dmashm_locker_marks(struct dmashm_barrier *barrier,
			const struct dmashm_locker *without)
{
	const struct dmashm_locker *first = locker_first(barrier, without);
	unsigned int impatient = barrier->impatient;

	lockdep_assert_held(&barrier->lock);
	if (without)
		impatient -= without->impatient;
	return (first && !first->sleeper.woken ? DMASHM_WAITERS : 0) |
	       (list_empty(&barrier->tenants.list) ? 0 : DMASHM_WAITERS) |
	       (impatient ? DMASHM_TURN : 0);
}

/**
 * dmashm_locker_wake_next() - wake whose turn it is
 * @barrier: which one; its word is free, as far as is known
 *
 * The first, and if that is a reader, the readers directly behind it. Who gets
 * in goes on with those behind. Model: wake_next().
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_locker_wake_next(struct dmashm_barrier *barrier)
{
	struct dmashm_locker *locker;
	int woken = 0;

	lockdep_assert_held(&barrier->lock);
	list_for_each_entry(locker, &barrier->lockers.list, sleeper.node) {
		if (woken && locker->mode != DMASHM_SHARED)
			break;
		dmashm_sleeper_wake(&locker->sleeper);
		if (locker->mode != DMASHM_SHARED || ++woken == LOCKER_BATCH)
			break;
	}
}

static void locker_become_impatient(struct dmashm_barrier *barrier,
				    struct dmashm_locker *locker)
{
	barrier->impatient += !locker->impatient;
	locker->impatient = true;
}

/**
 * dmashm_locker_queue() - be in the queue
 * @barrier: which one
 * @locker:  in the queue already, or at its end from now on
 *
 * One that was in it, and has been there for long enough, becomes impatient:
 * it has been woken and passed. Model: K_busy.
 *
 * Context: process; the caller holds barrier->lock.
 * Return: 0; -EUSERS DMASHM_SLEEPERS sleep already.
 */
int dmashm_locker_queue(struct dmashm_barrier *barrier,
			struct dmashm_locker *locker)
{
	u64 now = ktime_get_ns();

	lockdep_assert_held(&barrier->lock);
	if (!locker_queues(locker)) {
		locker->since = now;
		return dmashm_sleeper_add(&barrier->lockers, &locker->sleeper);
	}
	if (now - locker->since > LOCKER_PATIENCE_NS)
		locker_become_impatient(barrier, locker);
	return 0;
}

/* Could it have the word as it is now? */
static bool locker_could_have(struct dmashm_barrier *barrier,
			      const struct dmashm_locker *locker, u32 word)
{
	/* Whatever the word says, the kernel lets nobody in that it knows of. */
	return dmashm_word_kind(word) == DMASHM_KIND_FREE &&
	       !dmashm_barrier_excludes(barrier, locker) &&
	       dmashm_locker_may_enter(barrier, locker);
}

/**
 * dmashm_locker_announce() - have the holder wake us when it unlocks
 * @barrier: which one
 * @locker:  in the queue
 *
 * Writes the queue's marks into the word. If that turns out to be free, the
 * locker should try again; where it is the first, it gets the word promised
 * before, so that trying cannot fail again and again against user space that
 * takes and frees the word in between. Model: K_mark.
 *
 * Context: process; the caller holds barrier->lock.
 * Return: true if sleeping is safe; false if the word is to be had, or never
 * keeps still.
 */
bool dmashm_locker_announce(struct dmashm_barrier *barrier,
			    struct dmashm_locker *locker)
{
	u32 *p = dmashm_word(barrier->words, DMASHM_OFF_BARRIER);
	u32 word = READ_ONCE(*p);
	int tries;

	lockdep_assert_held(&barrier->lock);
	locker->sleeper.woken = false;
	for (tries = 0; tries < LOCKER_TRIES; tries++) {
		bool had = locker_could_have(barrier, locker, word);
		u32 marks;

		if (had && barrier->lockers.list.next == &locker->sleeper.node)
			locker_become_impatient(barrier, locker);
		marks = dmashm_locker_marks(barrier, NULL);
		if ((word & marks) == marks ||
		    try_cmpxchg(p, &word, word | marks))
			return !had;
	}
	return false;
}

/**
 * dmashm_locker_publish_marks() - bring the marks in the word up to date
 * @barrier: which one
 *
 * Context: any; the caller holds barrier->lock.
 * Return: true if the word is free, as far as can be told: who scribbles may
 * keep us from telling.
 */
bool dmashm_locker_publish_marks(struct dmashm_barrier *barrier)
{
	u32 *p = dmashm_word(barrier->words, DMASHM_OFF_BARRIER);
	u32 marks = dmashm_locker_marks(barrier, NULL);
	u32 word = READ_ONCE(*p);
	int tries;

	for (tries = 0; tries < LOCKER_TRIES; tries++) {
		u32 new = (word & ~(DMASHM_WAITERS | DMASHM_TURN)) | marks;

		if (new == word || try_cmpxchg(p, &word, new))
			return dmashm_word_kind(word) == DMASHM_KIND_FREE;
	}
	return true;
}

/**
 * dmashm_locker_leave() - be in the queue no more
 * @barrier: which one
 * @locker:  in the queue or not; in the barrier, or giving up
 *
 * Model: K_fix, K_give_up.
 *
 * Context: process; the caller holds barrier->lock.
 */
void dmashm_locker_leave(struct dmashm_barrier *barrier,
			 struct dmashm_locker *locker)
{
	lockdep_assert_held(&barrier->lock);
	if (!locker_queues(locker))
		return;
	dmashm_sleeper_remove(&barrier->lockers, &locker->sleeper);
	barrier->impatient -= locker->impatient;
	if (dmashm_locker_publish_marks(barrier)) {
		dmashm_locker_wake_next(barrier);
		/* Who was woken answers for the rest from now on. */
		dmashm_locker_publish_marks(barrier);
	}
}
