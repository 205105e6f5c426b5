/* SPDX-License-Identifier: MIT */
/*
 * The static library's calls under names of their own (see the Makefile), so
 * that both libraries can be measured in one run.
 */
#ifndef BENCH_STATIC_H
#define BENCH_STATIC_H

#include <dmashm.h>

__typeof__(dmashm_lock) static_dmashm_lock;
__typeof__(dmashm_unlock) static_dmashm_unlock;
__typeof__(dmashm_begin) static_dmashm_begin;
__typeof__(dmashm_end) static_dmashm_end;
__typeof__(dmashm_lock_shared) static_dmashm_lock_shared;
__typeof__(dmashm_unlock_shared) static_dmashm_unlock_shared;

#endif /* BENCH_STATIC_H */
