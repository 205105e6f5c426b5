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

/*
 * Asked by who has to wait, not for each new handle: the C library reads a file
 * to know it, which costs a sixth of making a handle.
 */
static bool can_pay(struct dmashm_self *self)
{
	uint32_t cpus = __atomic_load_n(&self->cpus, __ATOMIC_RELAXED);

	if (!cpus) {
		cpus = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
		__atomic_store_n(&self->cpus, cpus, __ATOMIC_RELAXED);
	}
	/* On one CPU the holder cannot unlock while somebody spins. */
	return cpus > 1;
}

uint32_t dmashm_spin_budget(const struct dmashm_buffer *buf)
{
	struct dmashm_self *self = dmashm_self(buf);
	uint32_t spins = __atomic_load_n(&self->spins, __ATOMIC_RELAXED);
	uint32_t budget = 2 * spins + SPINS_MIN;

	if (!can_pay(self))
		return 0;
	return budget < SPINS_MAX ? budget : SPINS_MAX;
}

void dmashm_spin_learn(struct dmashm_buffer *buf, uint32_t spins, bool paid)
{
	uint32_t *estimate = &dmashm_self(buf)->spins;
	uint32_t old = __atomic_load_n(estimate, __ATOMIC_RELAXED);
	uint32_t aim = paid ? spins : 0;

	__atomic_store_n(estimate, (old * (SPINS_INERTIA - 1) + aim) / SPINS_INERTIA,
			 __ATOMIC_RELAXED);
}
