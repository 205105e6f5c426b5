/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

/* In nanoseconds: what the clock says; what this process has had of a CPU. */
double now(void);
double cpu_time(void);

/* The time stamp counter, which counts instructions in a deterministic guest. */
double ticks(void);

#endif /* BENCH_CLOCK_H */
