/* SPDX-License-Identifier: MIT */
/*
 * Steps: the places between two atomic operations. At each, another thread may
 * come in between; at those of user space, the process may end.
 */
#ifndef HARNESS_STEP_H
#define HARNESS_STEP_H

#include <setjmp.h>
#include <stdint.h>

/* How often a thread stands still between two steps. */
enum step_pace { STEP_FAST, STEP_STUMBLE, STEP_CRAWL };

/* What a thread may die of; NULL members for one that does not. */
struct step_fate {
	jmp_buf grave;			/* where a dead thread goes */
	const uint32_t *dying;		/* atomic: its process ends */
	void (*die)(void *process);	/* begin that */
	void *process;
	unsigned int left;		/* steps to live; 0 for ever */
};

void step_begin(uint32_t seed, enum step_pace pace, struct step_fate *fate);
void step_pause(void);	/* in the kernel, where nobody dies */
void step_yield(void);
void step(void);	/* in user space */

uint32_t step_random(void);

#endif /* HARNESS_STEP_H */
