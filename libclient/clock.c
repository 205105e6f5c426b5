// SPDX-License-Identifier: MIT
/* Deadlines: absolute times of CLOCK_MONOTONIC in nanoseconds. */
#include "private.h"

#include <time.h>

#define NSEC_PER_SEC	UINT64_C(1000000000)

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t dmashm_deadline(uint64_t ns)
{
	uint64_t start = now();

	return ns > DMASHM_NEVER - start ? DMASHM_NEVER : start + ns;
}

bool dmashm_passed(uint64_t deadline)
{
	return deadline != DMASHM_NEVER && now() >= deadline;
}
