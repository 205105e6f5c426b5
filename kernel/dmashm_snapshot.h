/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot: who held a barrier and who waited for it, at one moment. */
#ifndef DMASHM_SNAPSHOT_H
#define DMASHM_SNAPSHOT_H

#include <linux/types.h>
#include <uapi/linux/dmashm.h>

struct dmashm_barrier;
struct dmashm_member;
struct pid;

/* Threads that sleep for the barrier, in one mode. */
struct dmashm_snapshot_queue {
	unsigned int count;
	u64 since;		/* when the first of them began to */
};

/* What one party has and waits for: a member, or the kernel. */
struct dmashm_snapshot_party {
	u32 id;			/* 0 an empty slot, or the kernel */
	struct pid *tgid;	/* a reference; NULL the kernel */
	bool exclusive;		/* has the word */
	bool drains;		/* and waits for readers to come out */
	u32 shared;		/* times it is in, shared; of a viewer too */
	struct dmashm_snapshot_queue lockers[2];	/* by enum dmashm_mode */
	unsigned int waiters;	/* threads in WAIT */
	u32 offset;		/* the word that the first of them waits on */
};

/* Viewers that are looked at; the others are counted. */
#define DMASHM_SNAPSHOT_VIEWERS 48

struct dmashm_snapshot_viewer {
	struct pid *tgid;	/* a reference */
	unsigned int leases;	/* times it is in, by its lease */
	bool revoked;		/* which was taken back meanwhile */
};

struct dmashm_snapshot {
	u32 word;
	struct dmashm_snapshot_party kernel;
	struct dmashm_snapshot_party members[DMASHM_CAPACITY];	/* by slot */
	unsigned int strangers;	/* in WAIT by members that have left */
	struct dmashm_snapshot_viewer viewers[DMASHM_SNAPSHOT_VIEWERS];
	unsigned int viewer_count;	/* of all, seen or not */
	unsigned int viewer_lockers;	/* threads that want a lease */
	unsigned int viewer_waiters;	/* threads in WAIT */
};

void dmashm_snapshot_take(struct dmashm_snapshot *snapshot,
			  struct dmashm_barrier *barrier);
void dmashm_snapshot_release(struct dmashm_snapshot *snapshot);

void dmashm_snapshot_holding(struct dmashm_snapshot_party *party,
			     struct dmashm_barrier *barrier,
			     const struct dmashm_member *member);

#endif /* DMASHM_SNAPSHOT_H */
