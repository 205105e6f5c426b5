/* SPDX-License-Identifier: GPL-2.0-only */
/* A locker: who wants the barrier, and may have to queue for it. */
#ifndef DMASHM_LOCKER_H
#define DMASHM_LOCKER_H

#include <linux/ktime.h>

#include "dmashm_barrier.h"
#include "dmashm_sleeper.h"

/* Lives on the stack of the task that locks. */
struct dmashm_locker {
	struct dmashm_sleeper sleeper;	/* on barrier->lockers, or on no list */
	struct dmashm_member *member;	/* constant; NULL the kernel */
	enum dmashm_mode mode;		/* constant */
	u64 since;			/* when it began to wait; 0 it never did */
	bool impatient;			/* barrier->lock */
};

void dmashm_locker_init(struct dmashm_locker *locker,
			struct dmashm_member *member, enum dmashm_mode mode);
bool dmashm_locker_may_enter(struct dmashm_barrier *barrier,
			     const struct dmashm_locker *locker);
u32 dmashm_locker_marks(struct dmashm_barrier *barrier,
			const struct dmashm_locker *without);
void dmashm_locker_wake_next(struct dmashm_barrier *barrier);
int dmashm_locker_queue(struct dmashm_barrier *barrier,
			struct dmashm_locker *locker);
bool dmashm_locker_announce(struct dmashm_barrier *barrier,
			    struct dmashm_locker *locker);
bool dmashm_locker_publish_marks(struct dmashm_barrier *barrier);
void dmashm_locker_leave(struct dmashm_barrier *barrier,
			 struct dmashm_locker *locker);

#endif /* DMASHM_LOCKER_H */
