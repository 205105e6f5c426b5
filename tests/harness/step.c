// SPDX-License-Identifier: MIT
/* See step.h. */
#include "step.h"

#include <sched.h>
#include <stddef.h>
#include <time.h>

static __thread uint32_t state = 1;
static __thread enum step_pace pace;
static __thread struct step_fate *fate;

void step_begin(uint32_t seed, enum step_pace new_pace, struct step_fate *new_fate)
{
	state = seed * 2654435761u | 1;
	pace = new_pace;
	fate = new_fate;
}

uint32_t step_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

void step_yield(void)
{
	sched_yield();
}

static void stand_still(void)
{
	const struct timespec moment = { .tv_nsec = 20000 };
	uint32_t random = step_random();
	volatile unsigned int n;

	if (random % 16 == 0)
		nanosleep(&moment, NULL);
	else if (random % 4 == 0)
		sched_yield();
	else
		for (n = 0; n < (random >> 8) % 512; n++)
			;
}

void step_pause(void)
{
	if (pace != STEP_FAST &&
	    step_random() % (pace == STEP_CRAWL ? 16 : 256) == 0)
		stand_still();
}

void step(void)
{
	step_pause();
	if (!fate || !fate->dying)
		return;
	if (fate->left && !--fate->left)
		fate->die(fate->process);
	if (__atomic_load_n(fate->dying, __ATOMIC_RELAXED))
		longjmp(fate->grave, 1);
}
