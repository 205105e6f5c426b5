/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CPUS_H
#define BENCH_CPUS_H

/* How many CPUs this process may run on. */
unsigned int cpus(void);
/* Keep to the n-th of them. */
void pin(unsigned int n);

#endif /* BENCH_CPUS_H */
