/* SPDX-License-Identifier: GPL-2.0-only */
/* The barrier of a buffer: the word's protocol, who takes part, who sleeps. */
#ifndef DMASHM_BARRIER_H
#define DMASHM_BARRIER_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <uapi/linux/dmashm.h>

struct dmashm_member;

/*
 * lock is taken with interrupts off and nests inside every other lock of the
 * module; nothing is called under it that could sleep.
 */
struct dmashm_barrier {
	u32 *words;			/* constant; contents are user space's */
	spinlock_t lock;
	struct list_head waiters;	/* lock; oldest first */
	unsigned int waiter_count;	/* lock; DMASHM_SLEEPERS at the most */
	struct list_head members;	/* lock; the living */
	unsigned int member_count;	/* lock */
	u32 last_id;			/* lock; ids are given in order */
	bool kernel_holds;		/* lock; the kernel took the word */
	DECLARE_BITMAP(slots, DMASHM_CAPACITY);	/* lock; given to members */
};

static inline u32 *dmashm_barrier_word(struct dmashm_barrier *barrier,
				       u32 offset)
{
	return barrier->words + offset / sizeof(u32);
}

static inline u32 dmashm_word_kind(u32 word)
{
	return word & DMASHM_KIND_MASK;
}

static inline u32 dmashm_word_id(u32 word)
{
	return word >> DMASHM_ID_SHIFT;
}

void dmashm_barrier_init(struct dmashm_barrier *barrier, u32 *words);

int dmashm_barrier_enter(struct dmashm_barrier *barrier,
			 struct dmashm_member *member);
void dmashm_barrier_leave(struct dmashm_barrier *barrier,
			  struct dmashm_member *member);

int dmashm_barrier_trylock(struct dmashm_barrier *barrier, u32 held);
int dmashm_barrier_lock(struct dmashm_barrier *barrier, u32 held, u64 deadline,
			unsigned int state);
int dmashm_barrier_unlock(struct dmashm_barrier *barrier, u32 held);
int dmashm_barrier_recover(struct dmashm_barrier *barrier, u32 held);

int dmashm_barrier_wait(struct dmashm_barrier *barrier, u32 offset,
			u32 expected, u64 deadline);

#endif /* DMASHM_BARRIER_H */
