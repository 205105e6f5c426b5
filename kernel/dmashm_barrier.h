/* SPDX-License-Identifier: GPL-2.0-only */
/* The barrier of a buffer: the word's protocol, who takes part, who sleeps. */
#ifndef DMASHM_BARRIER_H
#define DMASHM_BARRIER_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <uapi/linux/dmashm.h>

#include "dmashm_sleeper.h"

struct dmashm_control;
struct dmashm_locker;
struct dmashm_member;

/* How the barrier is held. */
enum dmashm_mode { DMASHM_EXCLUSIVE, DMASHM_SHARED };

/*
 * lock is taken with interrupts off and nests inside every other lock of the
 * module but those of wait queues; nothing is called under it that could
 * sleep.
 */
struct dmashm_barrier {
	u32 *words;			/* constant; contents are user space's */
	u32 *departures;		/* lock; a fact that members read */
	spinlock_t lock;
	struct dmashm_sleepers lockers;	/* lock; want the barrier */
	unsigned int impatient;		/* lock; how many of the lockers are */
	struct dmashm_locker *drainer;	/* lock; has the word, or NULL */
	struct dmashm_sleepers waiters;	/* lock; in WAIT */
	unsigned int viewer_waiters;	/* lock; how many of those are viewers */
	struct list_head members;	/* lock; the living */
	unsigned int member_count;	/* lock */
	struct list_head viewers;	/* lock; the living that may only read */
	unsigned int viewer_count;	/* lock */
	struct dmashm_sleepers tenants;	/* lock; want a lease; in the list asleep */
	struct list_head leases;	/* lock; held */
	unsigned int lease_count;	/* lock; how many those are */
	u32 last_id;			/* lock; ids are given in order */
	bool kernel_holds;		/* lock; the kernel took the word */
	u64 kernel_turns;		/* lock; how often it did */
	unsigned int kernel_readers;	/* lock; times it is in, shared; leases too */
	DECLARE_BITMAP(slots, DMASHM_CAPACITY);	/* lock; given to members */
};

void dmashm_barrier_init(struct dmashm_barrier *barrier,
			 struct dmashm_control *control);

int dmashm_barrier_trylock(struct dmashm_barrier *barrier,
			   struct dmashm_member *member, enum dmashm_mode mode);
int dmashm_barrier_lock(struct dmashm_barrier *barrier,
			struct dmashm_member *member, enum dmashm_mode mode,
			u64 deadline, unsigned int state);
int dmashm_barrier_unlock(struct dmashm_barrier *barrier,
			  struct dmashm_member *member, enum dmashm_mode mode);
int dmashm_barrier_recover(struct dmashm_barrier *barrier,
			   struct dmashm_member *member);
u64 dmashm_barrier_turn(struct dmashm_barrier *barrier);

/* For the files of the barrier. */
bool dmashm_barrier_is_held_by(struct dmashm_barrier *barrier,
			       const struct dmashm_member *member);
int dmashm_barrier_pause(struct dmashm_barrier *barrier, u64 deadline,
			 unsigned int state);
u32 dmashm_barrier_settle(struct dmashm_barrier *barrier);
bool dmashm_barrier_excludes(struct dmashm_barrier *barrier,
			     const struct dmashm_locker *locker);

#endif /* DMASHM_BARRIER_H */
