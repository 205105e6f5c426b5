/* SPDX-License-Identifier: MIT */
/*
 * A party: a process that is a member, with the library's handle and some
 * threads. Where one of these dies, all do; then the member leaves, and joins
 * anew under another id, and the threads begin from the start.
 */
#ifndef HARNESS_PARTY_H
#define HARNESS_PARTY_H

#include <pthread.h>
#include <private.h>

#include "step.h"
#include "task.h"

struct party;

struct worker {
	struct party *party;		/* constant; NULL: the kernel's */
	void (*work)(struct worker *);	/* constant; once and again */
	enum step_pace pace;		/* constant */
	unsigned int lifetime;		/* constant; in steps, 0 for ever */
	uint32_t seed;			/* constant */
	pthread_t thread;
	struct task_struct *task;	/* party->lock */
	struct worker *next;		/* party->lock; of the same party */
	struct step_fate fate;
	uint64_t done;			/* its own: times that work returned */
	uint64_t took;			/* its own: of these with success */
	uint64_t wrote;			/* its own: of these exclusively */
	uint64_t worst;			/* its own: nanoseconds for one */
};

struct party {
	struct {
		/* As far apart as the library has them. */
		_Alignas(64) struct dmashm_buffer buf;
		char gap[DMASHM_SELF_AT - sizeof(struct dmashm_buffer)];
		struct dmashm_self self;
	};
	bool view;			/* constant; a viewer's */
	pthread_mutex_t lock;
	pthread_cond_t reborn;
	struct worker *workers;		/* lock */
	unsigned int threads;		/* lock; that work */
	unsigned int dead;		/* lock; of these have died */
	unsigned int deaths;		/* lock; of the whole */
	uint32_t dying;			/* lock; atomic for readers */
	bool immortal;			/* lock; nothing more dies */
};

/* Called when all of a party's threads are dead and it has not left yet. */
extern void (*party_mourn)(struct party *party);

void party_open(struct party *party, int fd, bool view);
void party_close(struct party *party);

void party_enlist(struct worker *worker);
bool party_retire(struct worker *worker);
void party_bury(struct worker *worker);
void party_spare(struct party *party);

/* Of those who may only read. */
static inline bool party_is_view(const struct worker *worker)
{
	return worker->party && worker->party->view;
}

/* Taking the barrier by any of the ways that there are; 0: try only. */
int party_take(struct worker *worker, bool shared, uint64_t deadline);
int party_give(struct worker *worker, bool shared);
int party_recover(struct worker *worker);

#endif /* HARNESS_PARTY_H */
