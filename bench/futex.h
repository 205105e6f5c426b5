/* SPDX-License-Identifier: MIT */
/* The least that a mutex between processes can be: one word and futex(2). */
#ifndef BENCH_FUTEX_H
#define BENCH_FUTEX_H

#include <stdint.h>

void futex_lock(uint32_t *word);
void futex_unlock(uint32_t *word);

#endif /* BENCH_FUTEX_H */
