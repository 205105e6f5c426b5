// SPDX-License-Identifier: MIT
/*
 * How long to look at a barrier that is held before going to sleep.
 *
 * Looking pays where the holder is about to leave, for sleeping and being woken
 * cost more than many looks, and is wasted where he is not. Each
 * handle learns which of the two it mostly meets: towards twice of what was
 * needed where looking paid, towards a few looks where it did not.
 */
#include "private.h"

#include <unistd.h>

/*
 * That looking pays at all shows where two processes compete (bench/barrier
 * contention, on two CPUs): 511 ns without, 356 to 377 ns with 50, 100, 400 or
 * 1600 looks at the most. Which of these hardly matters, for the estimate stays
 * far below; so few.
 */
#define SPINS_MAX	100
#define SPINS_MIN	8	/* enough to notice that times have changed */
#define SPINS_INERTIA	8	/* how many such cases outweigh the past */

/* For a new handle. */
uint32_t dmashm_max_spins(void)
{
	/* On one CPU the holder cannot unlock while somebody spins. */
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPINS_MAX : 0;
}

uint32_t dmashm_spin_budget(const struct dmashm_buffer *buf)
{
	uint32_t spins = __atomic_load_n(&dmashm_self(buf)->spins, __ATOMIC_RELAXED);
	uint32_t budget = 2 * spins + SPINS_MIN;

	return budget < buf->max_spins ? budget : buf->max_spins;
}

void dmashm_spin_learn(struct dmashm_buffer *buf, uint32_t spins, bool paid)
{
	uint32_t *estimate = &dmashm_self(buf)->spins;
	uint32_t old = __atomic_load_n(estimate, __ATOMIC_RELAXED);
	uint32_t aim = paid ? spins : 0;

	__atomic_store_n(estimate, (old * (SPINS_INERTIA - 1) + aim) / SPINS_INERTIA,
			 __ATOMIC_RELAXED);
}
