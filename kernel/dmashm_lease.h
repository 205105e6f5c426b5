/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lease: how those who may only read take part in a barrier, shared and for
 * a limited time.
 */
#ifndef DMASHM_LEASE_H
#define DMASHM_LEASE_H

#include <linux/list.h>
#include <linux/types.h>

struct dmashm_barrier;
struct dmashm_member;

/* Of a viewer, for all its threads; or on the stack of one call. */
struct dmashm_lease {
	struct list_head node;	/* barrier->lock; in barrier->leases while held */
	const struct dmashm_member *member;	/* constant; whose, or NULL */
	unsigned int count;	/* barrier->lock; how many times it is had */
	bool revoked;		/* barrier->lock; had, but held no more */
	bool pinned;		/* barrier->lock; not to be taken back now */
	u64 end;		/* barrier->lock; when it may be taken back */
};

void dmashm_lease_init(struct dmashm_lease *lease,
		       const struct dmashm_member *member);
int dmashm_lease_trylock(struct dmashm_barrier *barrier,
			 struct dmashm_lease *lease);
int dmashm_lease_lock(struct dmashm_barrier *barrier,
		      struct dmashm_lease *lease, u64 deadline,
		      unsigned int state);
int dmashm_lease_unlock(struct dmashm_barrier *barrier,
			struct dmashm_lease *lease);
bool dmashm_lease_join(struct dmashm_barrier *barrier,
		       struct dmashm_lease *lease,
		       bool (*is_mine)(const struct dmashm_member *member));
int dmashm_lease_pin(struct dmashm_barrier *barrier,
		     struct dmashm_lease *lease);
void dmashm_lease_unpin(struct dmashm_barrier *barrier,
			struct dmashm_lease *lease);

/* For the files of the barrier. */
void dmashm_lease_drop(struct dmashm_barrier *barrier,
		       struct dmashm_lease *lease);
void dmashm_lease_grant(struct dmashm_barrier *barrier);
void dmashm_lease_wake(struct dmashm_barrier *barrier);
u64 dmashm_lease_expire(struct dmashm_barrier *barrier);

#endif /* DMASHM_LEASE_H */
