/* SPDX-License-Identifier: MIT */
/* What the operations cost where others are at it too. */
#ifndef BENCH_CONTENDED_H
#define BENCH_CONTENDED_H

/* Processes that want the exclusive lock; needs the module. */
void measure_contention(void);
/* The same with one CPU, where a nanosecond is an instruction. */
void measure_switches(void);
/* Processes that want the shared lock, which keeps none of them out. */
void measure_readers(void);

#endif /* BENCH_CONTENDED_H */
