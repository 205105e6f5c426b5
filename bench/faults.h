/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FAULTS_H
#define BENCH_FAULTS_H

#include <sys/resource.h>

/* Page faults of this process. */
static inline long faults_so_far(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

#endif /* BENCH_FAULTS_H */
