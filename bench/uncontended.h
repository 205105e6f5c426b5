/* SPDX-License-Identifier: MIT */
/* What the operations cost where nobody is in the way. */
#ifndef BENCH_UNCONTENDED_H
#define BENCH_UNCONTENDED_H

/* In a machine whose time stamp counter counts instructions. */
void count_instructions(void);
void count_nanoseconds(void);

#endif /* BENCH_UNCONTENDED_H */
