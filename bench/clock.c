// SPDX-License-Identifier: MIT
#include "clock.h"

#include <time.h>

#include "die.h"

static double read_clock(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		die("clock_gettime failed");
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

double now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

double cpu_time(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* A double holds every count below 2^53: that is a month of one per ns. */
double ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return (double)__builtin_ia32_rdtsc();
#else
	die("instructions are counted on x86 only");
#endif
}
